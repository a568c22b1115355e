// SPDX-License-Identifier: MIT
/* A made-up lookup cache: entries freed after an RCU grace period, hits counted in a tasklet. */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

struct entry {
	int key;
	struct rcu_head rcu;
};

struct policy {
	const char *name;
	struct entry *(*choose)(struct entry **slots, int count);
	bool (*keep)(const struct entry *e);
};

static DEFINE_SPINLOCK(cache_lock);
static struct entry *slots[16];
static struct tasklet_struct hit_tasklet;
static unsigned long hits;

static struct entry *choose_first(struct entry **all, int count)
{
	return count ? all[0] : NULL;
}

static struct entry *choose_last(struct entry **all, int count)
{
	return count ? all[count - 1] : NULL;
}

static bool keep_even(const struct entry *e)
{
	return e->key % 2 == 0;
}

static const struct policy fifo_policy = { .name = "fifo", .choose = choose_first };
static const struct policy lifo_policy = { .name = "lifo", .choose = choose_last, .keep = keep_even };
static const struct policy *policy = &fifo_policy;

static void entry_free(struct rcu_head *head)
{
	kfree(container_of(head, struct entry, rcu));
}

static void count_hit(struct tasklet_struct *t)
{
	hits++;
}

void cache_hit(void)
{
	tasklet_schedule(&hit_tasklet);
}

void cache_use(bool newest_first)
{
	policy = newest_first ? &lifo_policy : &fifo_policy;
}

void cache_evict(void)
{
	struct entry *victim;
	unsigned long flags;

	spin_lock_irqsave(&cache_lock, flags);
	victim = policy->choose(slots, ARRAY_SIZE(slots));
	if (victim && policy->keep && policy->keep(victim))
		victim = NULL;
	spin_unlock_irqrestore(&cache_lock, flags);
	if (victim)
		call_rcu(&victim->rcu, entry_free);
}

static int __init cache_init(void)
{
	tasklet_setup(&hit_tasklet, count_hit);
	return 0;
}

static void __exit cache_exit(void)
{
	tasklet_kill(&hit_tasklet);
	rcu_barrier();
}

module_init(cache_init);
module_exit(cache_exit);
MODULE_LICENSE("Dual MIT/GPL");
