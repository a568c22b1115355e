"""Which kernel functions sleep, which take a lock under which nobody may, and which names say that nobody sleeps here?

Facts about names of the kernel's interfaces (Documentation/kernel-hacking/locking.rst, include/linux/kernel.h `might_sleep`), by which
the body of a function is evidence of the context it runs in.

>>> bool(SLEEPS.match("mutex_lock")), lock_of("spin_lock_irqsave"), lock_of("spin_unlock_irqrestore")
(True, ('spin', 1), ('spin', -1))
"""

from __future__ import annotations

import re

SLEEPS = re.compile(
    r"(mutex_lock(_interruptible|_killable|_nested|_io)?|rt_mutex_lock\w*|ww_mutex_lock\w*|down(_interruptible|_killable|_timeout|_read|_write|"
    r"_read_nested|_write_nested)?|msleep(_interruptible)?|usleep_range(_state)?|ssleep|fsleep|wait_for_completion\w*|wait_event\w*|"
    r"schedule(_timeout\w*)?|cond_resched|might_sleep|might_fault|copy_(from|to)_user|get_user|put_user|strncpy_from_user|memdup_user\w*|"
    r"flush_(work|workqueue|delayed_work|scheduled_work)|drain_workqueue|cancel_(delayed_)?work_sync|destroy_workqueue|"
    r"synchronize_(rcu|net|srcu|irq|sched|hardirq)|rcu_barrier|rtnl_lock|lock_sock|kthread_(stop|run|create|park|flush_work\w*)|"
    r"v[mz]alloc\w*|kvm?[mz]alloc_node|might_alloc|free_irq|disable_irq|(devm_)?request_(threaded_|any_context_)?irq|request_firmware|"
    r"(devm_)?clk_(prepare|unprepare|prepare_enable|disable_unprepare|set_rate|set_parent|get)|devm_\w+|"
    r"regulator_(enable|disable|set_voltage|set_load|get_voltage|bulk_(enable|disable))|i2c_smbus_(read|write|xfer)\w*|i2c_transfer\w*|"
    r"i2c_master_(send|recv)|spi_(sync\w*|write|read|write_then_read|w8r8|w8r16\w*)|usb_(control|bulk|interrupt)_msg\w*|usb_kill_urb|"
    r"usb_(set_interface|clear_halt|reset_device)|pm_runtime_(get_sync|resume_and_get|put_sync\w*|force_\w+)|gpiod?_\w+_cansleep|"
    r"mdiobus_(read|write|modify)|phy_(read|write|modify|set_bits|clear_bits|read_mmd|write_mmd|connect\w*|init|exit|power_on|power_off)|"
    r"(un)?register_(netdev|chrdev|blkdev|filesystem|framebuffer)|alloc_workqueue|input_register_device|filp_open|kernel_(read|write)|"
    r"sysfs_(create|remove)_\w+|device_(create|register|unregister|add|del)\w*|platform_device_(add|register|unregister)\w*|"
    r"debugfs_(create|remove)\w*|kobject_(uevent|init_and_add)|snd_pcm_new|(un)?register_\w*notifier|proc_create\w*|"
    r"blk_mq_(freeze_queue|alloc_tag_set)|filemap_\w+|__?bread|sb_bread|lock_page|lock_buffer|inode_lock\w*|seq_\w*open|single_open)\Z"
)
NEEDS_ATOMIC = "GFP_ATOMIC"
MAY_SLEEP_FLAGS = frozenset(("GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_USER"))

_SPINNING = re.compile(
    r"(?:(?:raw_spin|_*spin|read|write|uart_port)_(un)?lock(?:_(?:bh|irq|irqsave|irqrestore|nested|irqsave_nested|bh_nested))?|"
    r"\w+_(?:re)?(un)?lock_(?:irq|irqsave|irqrestore|bh))\Z"
)
_PAIRS = {
    "local_irq_save": ("irq", 1),
    "local_irq_disable": ("irq", 1),
    "local_irq_restore": ("irq", -1),
    "local_irq_enable": ("irq", -1),
    "raw_local_irq_save": ("irq", 1),
    "raw_local_irq_restore": ("irq", -1),
    "preempt_disable": ("preempt", 1),
    "preempt_enable": ("preempt", -1),
    "get_cpu": ("preempt", 1),
    "put_cpu": ("preempt", -1),
    "local_bh_disable": ("bh", 1),
    "local_bh_enable": ("bh", -1),
    "rcu_read_lock": ("rcu", 1),
    "rcu_read_unlock": ("rcu", -1),
    "rcu_read_lock_bh": ("rcu", 1),
    "rcu_read_unlock_bh": ("rcu", -1),
    "rcu_read_lock_sched": ("rcu", 1),
    "rcu_read_unlock_sched": ("rcu", -1),
    "rhashtable_walk_start": ("rcu", 1),
    "rhashtable_walk_stop": ("rcu", -1),
    "kmap_atomic": ("kmap", 1),
    "kunmap_atomic": ("kmap", -1),
    "netif_tx_lock": ("tx", 1),
    "netif_tx_unlock": ("tx", -1),
    "netif_tx_lock_bh": ("tx", 1),
    "netif_tx_unlock_bh": ("tx", -1),
    "netif_addr_lock_bh": ("tx", 1),
    "netif_addr_unlock_bh": ("tx", -1),
    "write_seqlock": ("seq", 1),
    "write_sequnlock": ("seq", -1),
    "write_seqlock_irqsave": ("seq", 1),
    "write_sequnlock_irqrestore": ("seq", -1),
    "bit_spin_lock": ("bit", 1),
    "bit_spin_unlock": ("bit", -1),
}


def lock_of(name: str) -> tuple[str, int] | None:
    """(family, 1) of a call after which nobody may sleep, (family, -1) of the one that ends it, None for any other name."""
    if name in _PAIRS:
        return _PAIRS[name]
    found = _SPINNING.match(name)
    return None if found is None else ("spin", -1 if found.group(1) or found.group(2) else 1)
