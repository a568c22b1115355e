"""Which asynchronous mechanisms have a name here? A closed list: rows of the knowledge base and answers of async_pattern use these.

One mechanism is one way of having code run later or elsewhere: `workqueue` is INIT_WORK + schedule_work + the work function.
The words shown for them are in ui/locales/*.toml under [mechanism].
"""

from __future__ import annotations

from typing import Literal, get_args

Mechanism = Literal[
    # the Linux kernel
    "workqueue",
    "delayed_work",
    "tasklet",
    "softirq",
    "timer",
    "hrtimer",
    "irq",
    "threaded_irq",
    "irq_work",
    "napi",
    "kthread",
    "kthread_worker",
    "completion",
    "waitqueue",
    "rcu_callback",
    "notifier",
    "urb",
    "dma_callback",
    "bio_endio",
    "smp_call",
    "cpuhp",
    "task_work",
    "async_schedule",
    "firmware_nowait",
    "fasync",
    # POSIX and Linux user space
    "pthread",
    "pthread_cond",
    "signal",
    "fork",
    "epoll",
    "eventfd",
    "timerfd",
    "self_pipe",
    "linux_aio",
    "io_uring",
    "posix_timer",
    "posix_aio",
    "posix_mq",
    "getaddrinfo_a",
    # event libraries
    "libuv_timer",
    "libuv_idle",
    "libuv_prepare",
    "libuv_check",
    "libuv_async",
    "libuv_work",
    "libuv_stream",
    "libuv_udp",
    "libuv_handle",
    "libuv_fs",
    "libuv_fs_event",
    "libuv_fs_poll",
    "libuv_dns",
    "libuv_process",
    "libuv_signal",
    "libuv_poll",
    "libuv_random",
    "libuv_thread",
    "libuv_cond",
    "libevent_event",
    "libevent_bufferevent",
    "libevent_listener",
    "libevent_dns",
    "libevent_http",
    "libev",
    "glib_source",
]
MECHANISMS: tuple[str, ...] = get_args(Mechanism)

# Functions and macros whose value is about the object that is their n-th argument: a CPU's copy of a variable, the ring of an io_uring
# entry, the channel of a DMA descriptor. By this a descriptor's callback belongs to the channel whose transfers are started and awaited.
PASSED_ON: dict[str, int] = {
    **dict.fromkeys(("per_cpu_ptr", "this_cpu_ptr", "raw_cpu_ptr", "get_cpu_ptr", "per_cpu", "get_cpu_var", "__get_cpu_var"), 0),
    **dict.fromkeys(("READ_ONCE", "rcu_dereference", "rcu_dereference_protected", "rcu_access_pointer", "ACCESS_ONCE", "xchg"), 0),
    **dict.fromkeys(("io_uring_get_sqe", "io_uring_get_sqe_req", "atomic_load", "atomic_load_explicit"), 0),
    **{
        f"dmaengine_prep_{kind}": 0
        for kind in ("slave_single", "slave_sg", "rio_sg", "dma_cyclic", "interleaved_dma", "dma_memset", "dma_memcpy", "slave_dma_vec")
    },
}

# Calls that put an object (argument) into a group (argument): what waits for the group, waits for the object.
GROUPED: dict[str, tuple[int, int]] = {
    "usb_anchor_urb": (0, 1),
    "queue_work": (1, 0),
    "queue_work_on": (2, 1),
    "queue_work_node": (2, 1),
    "queue_delayed_work": (1, 0),
    "mod_delayed_work": (1, 0),
    "queue_delayed_work_on": (2, 1),
    "mod_delayed_work_on": (2, 1),
    "kthread_queue_work": (1, 0),
    "kthread_queue_delayed_work": (1, 0),
    "kthread_mod_delayed_work": (1, 0),
    **{f"{kind}_notifier_chain_register": (1, 0) for kind in ("blocking", "atomic", "raw", "srcu")},
}
# Which argument of a call about a whole group (mostly: that waits for it) is the group.
WAITS_FOR_GROUP: dict[str, int] = {
    "kthread_init_worker": 0,
    "usb_kill_anchored_urbs": 0,
    "usb_poison_anchored_urbs": 0,
    "usb_wait_anchor_empty_timeout": 0,
    "flush_workqueue": 0,
    "drain_workqueue": 0,
    "destroy_workqueue": 0,
    "kthread_flush_worker": 0,
    "kthread_destroy_worker": 0,
    **{f"{kind}_notifier_call_chain": 0 for kind in ("blocking", "atomic", "raw", "srcu")},
}
# Constants that make an object ready, as a call of its init function would.
INITIALIZERS = {"PTHREAD_COND_INITIALIZER": "pthread_cond"}
# Loops that run the callbacks of these mechanisms.
LOOPS: dict[str, tuple[str, ...]] = {
    "uv_run": tuple(m for m in MECHANISMS if m.startswith("libuv_") and m not in ("libuv_thread", "libuv_cond")),
}
# Calls that say little alone: they count only beside a pattern of their mechanism (any task can be woken, a grace period awaited).
ONLY_WITH_OTHERS = frozenset(
    "wake_up_process synchronize_rcu synchronize_rcu_expedited synchronize_net synchronize_srcu kill killpg tgkill tkill "
    "pthread_kill sigqueue raise irq_work_run task_work_run bio_endio".split()
)
