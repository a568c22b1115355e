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
