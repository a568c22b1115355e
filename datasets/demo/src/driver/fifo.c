// SPDX-License-Identifier: MIT
/* A made-up character device: a FIFO filled by a threaded interrupt, read by user space through a wait queue. */
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(fifo_wait);
static DECLARE_COMPLETION(fifo_filled);
static struct task_struct *fifo_thread;
static struct hrtimer fifo_timer;
static u8 fifo_data[64];
static unsigned int fifo_level;
static int fifo_irq = 17;

static irqreturn_t fifo_hard(int irq, void *data)
{
	return IRQ_WAKE_THREAD;
}

static irqreturn_t fifo_thread_fn(int irq, void *data)
{
	fifo_level = sizeof(fifo_data);
	complete(&fifo_filled);
	wake_up_interruptible(&fifo_wait);
	return IRQ_HANDLED;
}

static int fifo_loop(void *data)
{
	while (!kthread_should_stop()) {
		wait_for_completion_interruptible(&fifo_filled);
		pr_debug("fifo: %u bytes\n", fifo_level);
	}
	return 0;
}

static enum hrtimer_restart fifo_poll(struct hrtimer *timer)
{
	if (fifo_level)
		wake_up_interruptible(&fifo_wait);
	hrtimer_forward_now(timer, ms_to_ktime(10));
	return HRTIMER_RESTART;
}

static ssize_t fifo_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	if (wait_event_interruptible(fifo_wait, fifo_level > 0))
		return -ERESTARTSYS;
	count = min_t(size_t, count, fifo_level);
	if (copy_to_user(to, fifo_data, count))
		return -EFAULT;
	fifo_level = 0;
	return count;
}

static int fifo_open(struct inode *inode, struct file *file)
{
	hrtimer_start(&fifo_timer, ms_to_ktime(10), HRTIMER_MODE_REL);
	return 0;
}

static const struct file_operations fifo_fops = {
	.owner = THIS_MODULE,
	.open = fifo_open,
	.read = fifo_read,
};

static struct miscdevice fifo_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "demo-fifo",
	.fops = &fifo_fops,
};

static int fifo_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	hrtimer_cancel(&fifo_timer);
	return NOTIFY_DONE;
}

static struct notifier_block fifo_nb = {
	.notifier_call = fifo_reboot,
};

static int __init fifo_init(void)
{
	int ret;

	hrtimer_init(&fifo_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	fifo_timer.function = fifo_poll;
	ret = request_threaded_irq(fifo_irq, fifo_hard, fifo_thread_fn, IRQF_ONESHOT, "demo-fifo", &fifo_misc);
	if (ret)
		return ret;
	fifo_thread = kthread_run(fifo_loop, NULL, "demo-fifo");
	register_reboot_notifier(&fifo_nb);
	return misc_register(&fifo_misc);
}

static void __exit fifo_exit(void)
{
	misc_deregister(&fifo_misc);
	unregister_reboot_notifier(&fifo_nb);
	kthread_stop(fifo_thread);
	free_irq(fifo_irq, &fifo_misc);
	hrtimer_cancel(&fifo_timer);
}

module_init(fifo_init);
module_exit(fifo_exit);
MODULE_LICENSE("Dual MIT/GPL");
