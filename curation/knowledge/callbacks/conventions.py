"""What do the names of unknown interfaces say, when nothing else does?

Names follow conventions (for_each walks at once, an `isr` is an interrupt handler), and most operations of the kernel's tables run in
process context: of the 58,000 functions that drivers, net, fs and sound of Linux 6.1 put into fields with rows, nine of ten do. This is
the last resort, after rows, bodies, callers and what is registered alike.

>>> of_api("xa_for_each_marked"), of_field("isr")
('sync', ('hardirq', False))
"""

from __future__ import annotations

import re

from curation.csource.facts.model import Function
from curation.model import Context

RunContext = tuple[Context, bool | None]

NO_REGISTRATION = re.compile(
    r"(EXPORT_(UNUSED_)?SYMBOL\w*|MODULE_\w+|sizeof|typeof|__typeof__|offsetof|ARRAY_SIZE|BUG_ON|BUILD_BUG\w*|WARN\w*|likely|unlikely|"
    r"pr_\w+|dev_(dbg|info|warn|err|notice)|printk\w*|\w*printf|assert|ASSERT|BTF_ID\w*|ACPI_FUNCTION_\w+|ACPI_EXPORT_SYMBOL\w*|"
    r"INDIRECT_CALL\w*|indirect_call_\w+|"
    r"trace_\w+|free_irq|devm_free_irq|del_timer\w*|READ_ONCE|WRITE_ONCE|likely|IS_ERR\w*|PTR_ERR|ERR_PTR|__builtin_\w+|PyDoc_\w+|"
    r"unregister_\w+|\w+_unregister\w*|remove_\w+|acpi_remove_\w+|\w*EXPORT_SYMBOL\w*|ALLOW_ERROR_INJECTION|container_of|__exit_p|if|while|for|switch|return)\Z"
)
_AT_ONCE = re.compile(
    r"for_?each|foreach|iterat|(^|_)walk|travers|(^|_)sort|qsort|search|(^|_)find|lookup|visit|_poll_timeout|(^|_)scan|(^|_)each(_|$)|"
    r"(^|_)map(_|$)|(^|_)filter|apply|console_write|_locked\Z|bsearch|match_|_with_lock",
    re.IGNORECASE,
)
_APIS: tuple[tuple[re.Pattern[str], RunContext], ...] = (
    (
        re.compile(r"threaded_irq|work_(func|init)|_WORK|(^|_)kthread|thread_(create|run)|async_schedule|firmware.*nowait"),
        ("process", True),
    ),
    (re.compile(r"_atomic\Z|_rcu\Z"), ("atomic", False)),
    (re.compile(r"hrtimer"), ("hardirq", False)),
    (re.compile(r"tasklet|(^|_)timer|napi|softirq"), ("softirq", False)),
    (
        re.compile(r"(request|setup|register|install|attach)\w*_irq|irq_(request|handler|set_handler)|_isr(_|$)|chained_handler"),
        ("hardirq", False),
    ),
    (re.compile(r"fill_\w*urb|_urb_|(^|_)urb(_|$)|complet|call_rcu|smp_call|on_each_cpu"), ("atomic", False)),
)
_FIELDS: tuple[tuple[re.Pattern[str], RunContext], ...] = (
    (re.compile(r"thread(ed)?_|_thread|work(er)?(_|$|func)|_work|bottom_half_work"), ("process", True)),
    (
        re.compile(r"(^|_)(isr|irq_handler|handle_irq|irq_callback|interrupt|intr|intr_handler|interrupt_handler|int_handler|irq)\Z"),
        ("hardirq", False),
    ),
    (re.compile(r"(^|_)(tasklet|timer|napi|softirq|bh)(_|$)|(^|_)poll_(rx|tx)"), ("softirq", False)),
    (
        re.compile(
            r"(^|_)(xmit|start_xmit|hard_start_xmit|queuecommand|end_io|endio|complete|completion|urb_complete|enqueue|dequeue|rx|tx|rx_handler|"
            r"rx_skb|rx_callback|tx_callback|kick|wakeup|tx_done|rx_done|done|irq_(ack|mask|unmask|enable|disable)|(enable|disable)_irq)\Z"
        ),
        ("atomic", False),
    ),
)
_LOOP_APIS = re.compile(
    r"event|timer|timeout|_loop|poll|watch|(^|_)io_|signal_connect|async|accept|listen|on_?(read|write|data|connect|close|message)|handler|callback|"
    r"connect",
    re.IGNORECASE,
)
_AT_ONCE_IN_USER_SPACE = re.compile(
    r"(^|_)(log|logger|alloc\w*|mem|memory|malloc|free|dealloc|destroy|error|err|warning|assert|hash|cmp|compare|format|print|convert|parse|"
    r"read|write|seek|filter|getopt|option|setopt)(_|\d|$)",
    re.IGNORECASE,
)
_USER_APIS: tuple[tuple[re.Pattern[str], RunContext], ...] = (
    (re.compile(r"atexit|at_exit|on_exit"), ("exit", True)),
    (re.compile(r"thread_?(create|start|new|spawn|run)|create_?thread|start_?thread|spawn_?thread", re.IGNORECASE), ("thread", True)),
    (re.compile(r"queue_?work|work_?submit|thread_?pool|add_?job|submit_?(job|task)", re.IGNORECASE), ("threadpool", True)),
    (
        re.compile(
            r"(^|_)sig(nal|action|segv|int|term|chld|alrm|chain|vec)?(_|$)|(set|add|install|catch|trap|on)_?sig(nal)?s?(_|$)", re.IGNORECASE
        ),
        ("signal", False),
    ),
)

_LOOP_SHARE, _APART_SHARE = 0.34, 0.7
_APART: tuple[Context, ...] = ("threadpool", "thread", "signal", "exit")
_SERVES = re.compile(
    r"(^|_)(\w?cmp\w?|compar(e|ator)|equals?|hash|dup|copy|clone|[mc]?alloc|realloc|free|destroy|destruct(or)?|dtor|cleanup|log|print)"
    r"(_?(fn?|func|function|item|key|val(ue)?|data|node|entry|elem(ent)?|ptr|\d))?\Z|(Compare|Cmp|Hash|Dup|Free|Destructor|Destroy)\Z"
)
_BEGINS_OR_ENDS = re.compile(
    r"(^|_)(init(ialize)?|de?init|exit|setup|start(up)?|stop|shutdown|load|unload|config\w*|conf|opts?|options?|parse\w*|defaults?|cleanup|free|set_\w+)(_|\Z)",
    re.IGNORECASE,
)
_SIGNATURES: tuple[tuple[re.Pattern[str], RunContext], ...] = (  # of "return type(first parameter, ...)"
    (re.compile(r"irqreturn_t\("), ("hardirq", False)),
    (re.compile(r"enum hrtimer_restart\(|hrtimer_restart\("), ("hardirq", False)),
    (re.compile(r"void\((const )?struct (irq_desc|virtqueue|irq_work) ?\*[,)]"), ("hardirq", False)),
    (re.compile(r"void\(struct (work_struct|kthread_work|callback_head) ?\*\)"), ("process", True)),
    (re.compile(r"void\(struct (timer_list|tasklet_struct|rcu_head|softirq_action) ?\*\)"), ("softirq", False)),
    (re.compile(r"int\(struct napi_struct ?\*, ?int\)"), ("softirq", False)),
    (re.compile(r"rx_handler_result_t\(|int\(struct sk_buff ?\*, ?struct net_device ?\*, ?struct packet_type ?\*"), ("softirq", False)),
    (re.compile(r"void\(struct (urb|bio|percpu_ref|dma_fence) ?\*"), ("atomic", False)),
    (re.compile(r"netdev_tx_t\("), ("atomic", False)),
    (re.compile(r"(unsigned int|unsigned|u32)\(void ?\*, ?struct sk_buff ?\*, ?const struct nf_hook_state"), ("atomic", False)),
)


def of_signature(function: Function) -> RunContext | None:
    """Where a kernel function of these types runs: interfaces of the kernel have callbacks of their own types (`irqreturn_t`, a single
    `struct work_struct *`). None when the types say nothing."""
    result = " ".join(w for w in function.return_type.split() if w not in ("static", "inline", "const", "extern"))
    text = f"{result}({', '.join(' '.join(kind.split()) for _, kind in function.params)})"
    return next((where for pattern, where in _SIGNATURES if pattern.match(text)), None)


def walks_at_once(api: str) -> bool:
    """Whether a function of that name calls its callback before it returns."""
    return _AT_ONCE.search(api) is not None


def of_api(api: str) -> RunContext | None:
    """Where a kernel interface of that name would call its callback; None when the name says nothing."""
    return next((where for pattern, where in _APIS if pattern.search(api)), None)


def of_user_api(api: str) -> RunContext | None:
    """Likewise for a user-space interface."""
    if walks_at_once(api):
        return "sync", True
    told = next((where for pattern, where in _USER_APIS if pattern.search(api)), None)
    if told is None and _AT_ONCE_IN_USER_SPACE.search(api):
        return "sync", True
    return told or (("eventloop", False) if _LOOP_APIS.search(api) else None)


def of_field(field: str) -> RunContext | None:
    """Where the function in a field of that name of a kernel struct would run; None when the name says nothing."""
    return next((where for pattern, where in _FIELDS if pattern.search(field)), None)


def of_shares(shares: dict[str, float]) -> Context:
    """Where a function of a program runs that is reached from these (see origins.py). What a loop dispatches is often also called while the
    program starts (commands that a file replays), so a third is enough for it; what a thread shares with `main` is run by its caller."""
    if shares.get("eventloop", 0.0) >= _LOOP_SHARE:
        return "eventloop"
    best: Context = max(_APART, key=lambda context: shares.get(context, 0.0))
    return best if shares.get(best, 0.0) >= _APART_SHARE else "sync"


def begins_or_ends(name: str) -> bool:
    """Whether a function or field of that name is for the start, the configuration or the end of a program."""
    return _BEGINS_OR_ENDS.search(name) is not None


def serves_container(function: Function, interface: str) -> bool:
    """Whether a function compares, hashes, copies, allocates or frees for somebody: it has two parameters of one type and tells an order,
    or the name of it or of the interface (a field, a function) says so."""
    kinds = [" ".join(kind.replace("const", "").split()) for _, kind in function.params]
    compares = len(kinds) == 2 and kinds[0] == kinds[1] and "*" in kinds[0] and "const" in function.params[0][1]
    return compares and function.return_type.split()[-1:] == ["int"] or bool(_SERVES.search(interface) or _SERVES.search(function.name))
