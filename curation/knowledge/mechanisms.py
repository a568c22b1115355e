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
