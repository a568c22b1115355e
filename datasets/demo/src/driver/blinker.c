// SPDX-License-Identifier: MIT
/* A made-up GPIO blinker: a hard interrupt, a timer, and a work item that may sleep. */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#define BLINK_STATUS 0x04
#define BLINK_CTRL 0x08

struct blinker {
	void __iomem *regs;
	struct timer_list timer;
	struct work_struct work;
	struct delayed_work settle;
	unsigned int presses;
	int irq;
};

static void blinker_settle(struct work_struct *work)
{
	struct blinker *b = container_of(to_delayed_work(work), struct blinker, settle);

	writel(0, b->regs + BLINK_CTRL);
}

static void blinker_work(struct work_struct *work)
{
	struct blinker *b = container_of(work, struct blinker, work);

	msleep(20);
	writel(b->presses & 1, b->regs + BLINK_CTRL);
	schedule_delayed_work(&b->settle, HZ);
}

static irqreturn_t blinker_irq(int irq, void *data)
{
	struct blinker *b = data;

	if (!(readl(b->regs + BLINK_STATUS) & 1))
		return IRQ_NONE;
	b->presses++;
	schedule_work(&b->work);
	return IRQ_HANDLED;
}

static void blinker_tick(struct timer_list *t)
{
	struct blinker *b = from_timer(b, t, timer);

	writel(readl(b->regs + BLINK_CTRL) ^ 1, b->regs + BLINK_CTRL);
	mod_timer(&b->timer, jiffies + HZ / 2);
}

static int blinker_probe(struct platform_device *pdev)
{
	struct blinker *b = devm_kzalloc(&pdev->dev, sizeof(*b), GFP_KERNEL);
	int ret;

	if (!b)
		return -ENOMEM;
	b->regs = devm_platform_ioremap_resource(pdev, 0);
	if (IS_ERR(b->regs))
		return PTR_ERR(b->regs);
	INIT_WORK(&b->work, blinker_work);
	INIT_DELAYED_WORK(&b->settle, blinker_settle);
	timer_setup(&b->timer, blinker_tick, 0);
	b->irq = platform_get_irq(pdev, 0);
	ret = request_irq(b->irq, blinker_irq, IRQF_SHARED, "blinker", b);
	if (ret)
		return ret;
	platform_set_drvdata(pdev, b);
	mod_timer(&b->timer, jiffies + HZ);
	return 0;
}

static int blinker_remove(struct platform_device *pdev)
{
	struct blinker *b = platform_get_drvdata(pdev);

	free_irq(b->irq, b);
	del_timer_sync(&b->timer);
	cancel_work_sync(&b->work);
	cancel_delayed_work_sync(&b->settle);
	return 0;
}

static struct platform_driver blinker_driver = {
	.probe = blinker_probe,
	.remove = blinker_remove,
	.driver = { .name = "blinker" },
};
module_platform_driver(blinker_driver);
MODULE_LICENSE("Dual MIT/GPL");
