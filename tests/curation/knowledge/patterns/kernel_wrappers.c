/* Calls of functions that no row knows and that are not defined here; their handlers have types that tell. */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

struct dev {
	struct work_struct work;
	struct delayed_work poll;
	int irq;
};

struct outer {
	struct workqueue_struct *wq;
	struct work_struct flush_work;
	struct dev *dev;
};

static __initdata DECLARE_COMPLETION(ready);		// async: ready bind

static irqreturn_t dev_irq(int irq, void *data)		// async: irq execute
{
	complete(&ready);				// async: ready trigger
	return IRQ_HANDLED;
}

static void dev_work(struct work_struct *work)		// async: work execute
{
}

static void dev_poll(struct work_struct *work)		// async: poll execute
{
}

static void sync_one(void *info)			// async: one execute
{
}

static void sync_all(void *info)			// async: all execute
{
}

static void plain(struct dev *dev)
{
}

void dev_start(struct dev *dev, bool all)
{
	smp_call_func_t sync = sync_one;

	if (all)
		sync = sync_all;
	acme_request_irq(dev->irq, dev_irq, dev);	// async: irq bind
	acme_init_work(&dev->work, dev_work);		// async: work bind
	acme_init_delayed_work(&dev->poll, dev_poll);	// async: poll bind
	acme_register(dev, plain);			// ok: nothing
	acme_schedule_work(&dev->work);			// async: work trigger
	schedule_delayed_work(&dev->poll, HZ);		// async: poll trigger
	wait_for_completion(&ready);			// async: ready wait
	on_each_cpu(sync, NULL, 1);			// async: one bind, one trigger, one wait, all bind, all trigger, all wait
}

/* Bound in a file that is not here: the function that takes its object for this member is the handler. */
void dev_flush_work(struct work_struct *work)		// async: flush execute
{
	struct outer *outer = container_of(work, struct outer, flush_work);

	plain(outer->dev);
}

void dev_flush(struct outer *outer)
{
	queue_work(outer->wq, &outer->flush_work);	// async: flush trigger
}
