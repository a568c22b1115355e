// A kernel driver whose asynchronous objects are reached in many ways. Not meant to be compiled.
#include <linux/workqueue.h>
#include <linux/usb.h>
#include <linux/interrupt.h>
#include <linux/hrtimer.h>
#include <linux/dmaengine.h>

struct queue {
	struct work_struct work;
	struct completion drained;
};

struct gauge {
	struct queue tx;
	struct queue rx;
	struct delayed_work poll;
	struct hrtimer pulse;
	struct timer_list watchdog;
	struct urb *in;
	struct urb *out;
	struct usb_anchor flying;
	struct kthread_worker worker;
	struct kthread_work job;
	struct task_struct *thread;
	struct irq_work nudge;
	struct notifier_block on_reboot;
	struct notifier_block on_panic;
	wait_queue_head_t room;
	int irq;
	bool fast;
};

static void gauge_sent(struct work_struct *work) // async: tx execute
{
}

static void gauge_received(struct work_struct *work) // async: rx execute
{
	schedule_work(work); // async: rx trigger
}

/* The helpers know a queue only; each place is one of both objects. */
static void queue_setup(struct queue *q, work_func_t fn)
{
	INIT_WORK(&q->work, fn); // async: tx bind, rx bind
	init_completion(&q->drained); // async: drained bind, drained2 bind
}

static void queue_kick(struct work_struct *item)
{
	schedule_work(item); // async: tx trigger, rx trigger
}

static void gauge_poll(struct work_struct *work) // async: poll execute
{
	struct gauge *g = container_of(to_delayed_work(work), struct gauge, poll);

	queue_kick(&g->tx.work);
	queue_kick(&g->rx.work);
	complete(&g->tx.drained); // async: drained trigger
	schedule_delayed_work(&g->poll, HZ); // async: poll trigger
}

static enum hrtimer_restart gauge_pulse(struct hrtimer *timer) // async: pulse execute
{
	return HRTIMER_RESTART;
}

static void slow_watchdog(struct timer_list *t) // async: slow execute
{
}

static void fast_watchdog(struct timer_list *t) // async: fast execute
{
}

static void gauge_in(struct urb *urb) // async: in execute
{
	usb_submit_urb(urb, GFP_ATOMIC); // async: in trigger
}

static void gauge_out(struct urb *urb) // async: out execute
{
}

static irqreturn_t gauge_quick(int irq, void *data) // async: irq execute
{
	return IRQ_WAKE_THREAD; // async: thread trigger
}

static irqreturn_t gauge_thread(int irq, void *data) // async: thread execute
{
	struct gauge *g = data;

	wake_up(&g->room); // async: room trigger
	return IRQ_HANDLED;
}

static void gauge_job(struct kthread_work *work) // async: job execute
{
}

static int gauge_main(void *data) // async: kthread execute
{
	struct gauge *g = data;

	wait_event_interruptible(g->room, g->fast); // async: room wait
	return 0;
}

static void gauge_nudge(struct irq_work *work) // async: nudge execute
{
}

static int gauge_reboot(struct notifier_block *nb, unsigned long code, void *unused) // async: reboot execute
{
	return NOTIFY_DONE;
}

static int gauge_panic(struct notifier_block *nb, unsigned long code, void *unused) // async: panic execute
{
	return NOTIFY_DONE;
}

static void gauge_moved(void *data) // async: dma execute
{
}

static DECLARE_WORK(gauge_late, gauge_sent_late); // async: late bind

static void gauge_send(struct gauge *g, struct dma_chan *chan, struct scatterlist *sg)
{
	struct dma_async_tx_descriptor *desc = dmaengine_prep_slave_sg(chan, sg, 1, DMA_MEM_TO_DEV, 0);

	desc->callback = gauge_moved; // async: dma bind
	dmaengine_submit(desc); // async: dma trigger
	dma_async_issue_pending(chan); // async: dma trigger
	schedule_work(&gauge_late); // async: late trigger
}

static struct urb *gauge_urb(struct gauge *g, usb_complete_t done)
{
	struct urb *urb = usb_alloc_urb(0, GFP_KERNEL);

	usb_fill_bulk_urb(urb, g->udev, g->pipe, g->buffer, 64, done, g); // async: in bind, out bind
	return urb;
}

static int gauge_probe(struct gauge *g)
{
	struct work_struct *late = &gauge_late;
	struct hrtimer *pulse = &g->pulse;
	struct urb *urb;
	int irq = platform_get_irq(g->pdev, 0);

	queue_setup(&g->tx, gauge_sent); // async: tx bind
	queue_setup(&g->rx, gauge_received); // async: rx bind
	INIT_DELAYED_WORK(&g->poll, gauge_poll); // async: poll bind
	hrtimer_init(pulse, CLOCK_MONOTONIC, HRTIMER_MODE_REL); // async: pulse bind
	pulse->function = gauge_pulse; // async: pulse bind
	hrtimer_start(&g->pulse, g->period, HRTIMER_MODE_REL); // async: pulse trigger
	if (g->fast)
		timer_setup(&g->watchdog, fast_watchdog, 0); // async: fast bind
	else
		timer_setup(&g->watchdog, slow_watchdog, 0); // async: slow bind
	g->in = gauge_urb(g, gauge_in); // async: in bind
	urb = gauge_urb(g, gauge_out); // async: out bind
	g->out = urb;
	usb_anchor_urb(g->out, &g->flying);
	usb_submit_urb(urb, GFP_KERNEL); // async: out trigger
	request_threaded_irq(irq, gauge_quick, gauge_thread, 0, "gauge", g); // async: irq bind, thread bind
	g->irq = irq;
	kthread_init_work(&g->job, gauge_job); // async: job bind
	g->thread = kthread_run(gauge_main, g, "gauge"); // async: kthread bind, kthread trigger
	init_irq_work(&g->nudge, gauge_nudge); // async: nudge bind
	init_waitqueue_head(&g->room); // async: room bind
	g->on_reboot.notifier_call = gauge_reboot; // async: reboot bind
	register_reboot_notifier(&g->on_reboot); // async: reboot bind
	g->on_panic.notifier_call = gauge_panic; // async: panic bind
	board_register_panic_notifier(&g->on_panic); // async: panic bind
	schedule_work(late); // async: late trigger
	return 0;
}

static void gauge_remove(struct gauge *g)
{
	mod_timer(&g->watchdog, jiffies); // async: fast trigger, slow trigger
	irq_work_queue(&g->nudge); // async: nudge trigger
	kthread_queue_work(&g->worker, &g->job); // async: job trigger
	kthread_flush_worker(&g->worker); // async: job wait
	kthread_stop(g->thread); // async: kthread wait
	usb_kill_anchored_urbs(&g->flying); // async: out wait
	usb_kill_urb(g->in); // async: in wait
	free_irq(g->irq, g); // async: irq wait, thread wait
	cancel_work_sync(&g->tx.work); // async: tx wait
	cancel_work_sync(&g->rx.work); // async: rx wait
	cancel_delayed_work_sync(&g->poll); // async: poll wait
	hrtimer_cancel(&g->pulse); // async: pulse wait
	wait_for_completion(&g->tx.drained); // async: drained wait
	wait_for_completion(&g->rx.drained); // async: drained2 wait
	synchronize_rcu(); // ok: nothing
	wake_up_process(current->parent); // ok: nothing
}
