/*
 * The recorder that is linked into the observed kernel: every call through a register that gcc compiles with
 * -mindirect-branch=thunk-extern goes to __x86_indirect_thunk_REG (thunks.S), which asks here to note
 * (return address, callee, context) once, and then jumps to the callee.
 *
 * The table is a static hash table with open addressing; a slot is claimed by one compare-and-exchange, so the recorder may be
 * interrupted by itself. What finds no free slot within PROBES is counted in indirect_calls_lost. The machine that runs the kernel reads the table out
 * of the guest's memory (observe.py), so nothing in the kernel has to print it, and a crash or the shutdown is observed too.
 *
 * The context is a mask, a bit for each thing that holds where the call is made:
 * 1 interrupts off, 2 preemption disabled (RCU readers too, with CONFIG_PREEMPT_COUNT and without CONFIG_PREEMPT), 4 bottom halves
 * disabled, 8 serving a softirq, 16 serving an interrupt, 32 NMI, 64 before the scheduler runs, 128 a kernel thread, 256 a worker of a
 * workqueue.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <asm/irqflags.h>

#define SLOTS (1UL << 18)
#define PROBES 64

struct slot {
	unsigned long key;	/* 0: free */
	unsigned int site, callee, context, count;
};

struct slot indirect_call_slots[SLOTS];
unsigned long indirect_calls_lost;

/* Text addresses lie in the top 2 GiB: their low 32 bits name them. */
void record_indirect_call(unsigned long site, unsigned long callee);
void noinstr record_indirect_call(unsigned long site, unsigned long callee)
{
	unsigned int count = raw_cpu_read_4(__preempt_count) & ~PREEMPT_NEED_RESCHED;
	unsigned int context = 0;
	unsigned long key, at;
	int probe;

	if (system_state < SYSTEM_SCHEDULING) {
		context = 64;
	} else {
		unsigned int task = current->flags;

		if (!(native_save_fl() & X86_EFLAGS_IF))
			context |= 1;
		if (count & PREEMPT_MASK)
			context |= 2;
		if ((count & SOFTIRQ_MASK) & ~SOFTIRQ_OFFSET)
			context |= 4;
		if (count & SOFTIRQ_OFFSET)
			context |= 8;
		if (count & HARDIRQ_MASK)
			context |= 16;
		if (count & NMI_MASK)
			context |= 32;
		if (task & PF_KTHREAD)
			context |= 128;
		if (task & PF_WQ_WORKER)
			context |= 256;
	}
	key = (site & 0xffffffffUL) << 32 | (callee & 0xffffffffUL);
	at = (key ^ (key >> 29)) * 0x9e3779b97f4a7c15UL;
	at = (at ^ context * 0x85ebca77c2b2ae63UL) >> 20;
	key ^= (unsigned long)context << 55 | (unsigned long)context << 9; /* only a mark: the fields below are read */
	key |= 1;
	for (probe = 0; probe < PROBES; probe++) {
		struct slot *slot = &indirect_call_slots[(at + probe) & (SLOTS - 1)];
		unsigned long held = READ_ONCE(slot->key);

		if (!held) {
			held = arch_cmpxchg(&slot->key, 0UL, key);
			if (!held) {
				slot->site = site;
				slot->callee = callee;
				slot->context = context;
				slot->count = 1;
				return;
			}
		}
		if (held == key && slot->site == (unsigned int)site && slot->callee == (unsigned int)callee && slot->context == context) {
			if (slot->count != ~0U)
				slot->count++;
			return;
		}
	}
	indirect_calls_lost++;
}
