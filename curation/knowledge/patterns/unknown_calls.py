"""What does the call of a function do that no row knows and that the corpus does not define, or only wraps another?

Programs have wrappers of their own around the APIs that rows know (`xfork`, `mythread_cond_wait`, `my_request_irq`), and often not even
their definition is in the corpus. They are told by their name beside what they are given: a function with the type that only handlers of
one mechanism have (`irqreturn_t f(int, void *)`), a signal's number and a function of one, a notifier block.

>>> [(s.mechanism, s.phases, s.handlers) for s in unknown.occurrences(call)]      # of: mythread_create(&t->id, &worker, t)
[('pthread', ('bind', 'trigger'), ('worker',))]

Not seen: wrappers without a telling name or handler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from curation.csource.facts.model import Call, Function
from curation.knowledge import Knowledge, Row
from curation.knowledge.matching import Corpus
from curation.knowledge.patterns.objects import CallingContext, Names, ObjectPath, Objects
from curation.knowledge.patterns.occurrence import Occurrence
from curation.model import Phase

# Functions that exit on errors or try again, under a name of their own.
_SAFE = re.compile(
    r"(?:(?:x|safe_|full_)(wait|pipe2?)|"
    r"(?:x|safe_|full_|sys_|raw_|my_|_+)(v?fork|waitpid|epoll_\w+|eventfd|signalfd|timerfd_\w+|pthread_\w+|io_uring_\w+|io_[a-z]+))\Z"
)
_SIGNAL = re.compile(r"\bSIG[A-Z]{2,}\d?\b")
_REGISTERS = re.compile(r"(?!.*unregist)(?=.*regist)(?=.*(notif|_nb\b))")
_SYSCALL = re.compile(r"(?:__NR_|SYS_)(\w+?)(\d*)\Z")
_PREPARED = "io_uring_prep_"
_FORKS = re.compile(r"(fork|clone)", re.IGNORECASE)
_THREAD = re.compile(r"(?=.*thread)(?=.*(create|new|start|spawn|launch))", re.IGNORECASE)
_JOIN = re.compile(r"thread_?join\Z|join_?thread\Z", re.IGNORECASE)
_COND = re.compile(r"cond(?:var|ition)?_?(init|new|create|signal|broadcast|wait|timed_?wait|wait_?timed|wait_?timeout)\Z", re.IGNORECASE)
_COND_PHASES: dict[str, Phase] = {"init": "bind", "new": "bind", "create": "bind", "signal": "trigger", "broadcast": "trigger"}
_TYPED: dict[str, str] = {  # what only the handlers of one mechanism get as their first parameter, in the kernel
    "work_struct": "workqueue",
    "kthread_work": "kthread_worker",
    "timer_list": "timer",
    "hrtimer": "hrtimer",
    "tasklet_struct": "tasklet",
    "irq_work": "irq_work",
    "rcu_head": "rcu_callback",
    "callback_head": "task_work",
    "notifier_block": "notifier",
    "napi_struct": "napi",
    "urb": "urb",
}
_AT_ONCE = ("rcu_callback", "firmware_nowait", "async_schedule")  # handing the handler over starts them, too
_WORDS = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*")


def mechanism_of(function: Function) -> str | None:
    """The mechanism whose handlers alone have this function's type, in the kernel."""
    kinds = [kind for _, kind in function.params]
    if "irqreturn_t" in function.return_type and len(kinds) == 2 and kinds[0].strip() in ("int", "unsigned int"):
        return "irq"
    if len(kinds) == 2 and kinds[1].strip() == "async_cookie_t":
        return "async_schedule"
    if len(kinds) == 2 and "struct firmware" in kinds[0] and "void" in kinds[1] and "void" in function.return_type:
        return "firmware_nowait"
    found = re.match(r"\s*struct (\w+) \*\s*\Z", kinds[0]) if kinds else None
    mechanism = _TYPED.get(found[1]) if found else None
    wanted = {"notifier": 3, "napi": 2}.get(mechanism or "", 1)
    return mechanism if len(kinds) == wanted else None


class UnknownCalls:
    def __init__(self, corpus: Corpus, objects: Objects) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self.objects = objects

    def known(self, call: Call) -> tuple[Call, list[Row]]:
        """The call as rows know it: by the name behind an `x`, `safe_` or `full_`; the one that syscall(2) makes by number; one of the
        many functions that fill an io_uring entry."""
        name = call.callee_name or ""
        if name == "syscall" and call.args and (number := _SYSCALL.match(call.args[0].text.strip())):
            call = replace(call, args=call.args[1:])
            rows = self.corpus.knowledge.function
            found = [r for r in rows(number[1] + number[2]) or rows(number[1]) if r.platform == "posix"]
        elif base := without_prefix(name):
            found = self._rows_of(call, base)
        else:
            found = self._rows_of(call, _PREPARED + "nop") if name.startswith(_PREPARED) else []
        return call, [r for r in found if not r.takes_handler]

    def _rows_of(self, call: Call, name: str) -> list[Row]:
        return self.corpus.rows_for_call(replace(call, callee_name=name))

    def occurrences(self, call: Call) -> Iterator[Occurrence]:
        """The places that the call of a function without row and definition is."""
        if self.corpus.platform(call.file) == "linux":
            if _REGISTERS.match(call.callee_name or ""):
                yield from self._registered_block(call)
            yield from self._typed_handlers(call)
            yield from self._named(call)
        else:
            yield from self._signal_handler(call)
            yield from self._thread(call)
            yield from self._forked(call)

    # -- the kernel ------------------------------------------------------------------------------------------------------------

    def _registered_block(self, call: Call) -> Iterator[Occurrence]:
        """Its name says that it registers notifiers: it does when its argument is a notifier block."""
        about = tuple(names for arg in call.args if "&" in arg.text for names in self.objects.of(arg, call))
        if about:
            yield replace(_occurrence(call, "notifier", ("bind",), about), weak=True, known=False)

    def _typed_handlers(self, call: Call) -> Iterator[Occurrence]:
        """It gets a function of the type that only one mechanism's handlers have."""
        given = [(n, f) for n, arg in enumerate(call.args) for name in arg.names for f in self.index.functions(name, call.file)[:1]]
        for number, function in given:
            mechanism = mechanism_of(function)
            name = (call.callee_name or "").lower()
            if mechanism == "irq" and "thread" in name and (number != min(n for n, _ in given) or call.args[number - 1].text == "NULL"):
                mechanism = "threaded_irq"
            if mechanism == "workqueue" and ("delayed" in name or "dwork" in name):
                mechanism = "delayed_work"
            if mechanism is not None:
                phases: tuple[Phase, ...] = ("bind", "trigger") if mechanism in _AT_ONCE else ("bind",)
                about = tuple(n for a in call.args[:number] if a.text.strip().startswith("&") for n in self.objects.of(a, call))
                yield _occurrence(call, mechanism, phases, about, (function.name,))

    def _named(self, call: Call) -> Iterator[Occurrence]:
        """Its name ends with that of an API: it does the same to an object that is bound elsewhere."""
        api = self.named_like(call.callee_name or "")
        row = next((r for r in self.corpus.knowledge.function(api or "") if r.mechanism and r.platform == "linux"), None)
        about = tuple(names for arg in call.args if "&" in arg.text for names in self.objects.of(arg, call)) if row else ()
        if row is not None and about:
            yield replace(_occurrence(call, str(row.mechanism), tuple(row.phases), about), weak=True, known=False)

    # -- user space --------------------------------------------------------------------------------------------------------------

    def _signal_handler(self, call: Call) -> Iterator[Occurrence]:
        """It gets a signal's number and a function of one: it installs a signal handler."""
        numbers = sorted({number for arg in call.args for number in _SIGNAL.findall(arg.text)})
        found = [f for arg in call.args for name in arg.names for f in self.index.functions(name, call.file)[:1]] if numbers else []
        handlers = tuple(f.name for f in found if len(f.params) in (1, 3) and f.params[0][1] == "int")
        if handlers:
            yield _occurrence(call, "signal", ("bind",), tuple(frozenset({ObjectPath("#" + number)}) for number in numbers), handlers[:1])

    def _thread(self, call: Call) -> Iterator[Occurrence]:
        """Its name speaks of threads or condition variables as those of POSIX do."""
        name = call.callee_name or ""
        if said := _COND.search(name):
            about = self._first(call)
            if about or said[1].lower() in ("new", "create"):
                phase = _COND_PHASES.get(said[1].lower(), "wait")
                yield _occurrence(call, "pthread_cond", (phase,), about or tuple(self.objects.result(call)))
        elif _JOIN.search(name) and (about := self._first(call)):
            yield _occurrence(call, "pthread", ("wait",), about)
        elif _THREAD.search(name):
            for number, arg in enumerate(call.args):
                functions = [f for one in arg.names for f in self.index.functions(one, call.file)[:1]]
                if functions and len(functions[0].params) == 1 and "*" in functions[0].params[0][1]:
                    about = self._first(call) if number and "&" in call.args[0].text else tuple(self.objects.result(call))
                    yield _occurrence(call, "pthread", ("bind", "trigger"), about, (functions[0].name,))
                    return

    def _forked(self, call: Call) -> Iterator[Occurrence]:
        """It makes a process: its name says so and its value is kept as a process id."""
        left = self.corpus.result_of(call) if _FORKS.search(call.callee_name or "") else None
        variable = self.index.variable(left.base, call.file, call.function) if left is not None and left.base else None
        if left is not None and not left.fields and variable is not None and variable.type == "pid_t":
            yield _occurrence(call, "fork", ("bind", "trigger"), tuple(self.objects.result(call)))

    def _first(self, call: Call) -> tuple[Names, ...]:
        return tuple(self.objects.of(call.args[0], call)) if call.args else ()

    def named_like(self, name: str) -> str | None:
        """The API whose words a name ends with: pthread_cond_wait of `mythread_cond_wait`, fork of `safe_fork`."""
        words = tuple(word.lower() for word in _WORDS.findall(name))
        known = _names(self.corpus.knowledge)
        return next((known[words[n:]] for n in range(max(0, len(words) - 5), len(words)) if words[n:] in known), None)

    # -- wrappers whose definition is here ---------------------------------------------------------------------------------------

    def wrapped(self, call: Call) -> tuple[Call, CallingContext] | None:
        """The API call inside a function of the corpus that is named after the API, as `mythread_cond_wait` is: the caller's call is
        a place as well, about the caller's object."""
        name = call.callee_name or ""
        api = self.named_like(name)
        own = next(iter(self.index.functions(name, call.file)), None) if api and api != name else None
        if own is None or call.function == name:
            return None
        wanted = {(r.mechanism, tuple(r.phases)) for r in self.corpus.knowledge.function(api or "") if r.mechanism}
        for inner in self.index.calls(own.file):
            if inner.function == name and own.line <= inner.line <= own.end_line:
                if any((r.mechanism, tuple(r.phases)) in wanted for r in self.corpus.rows_for_call(inner)):
                    return inner, {(own.file, name): call}
        return None


def without_prefix(name: str) -> str | None:
    """waitpid of `xwaitpid`, io_uring_enter of `__sys_io_uring_enter`; None for names without such a prefix."""
    found = _SAFE.match(name.removeprefix("__") if name.startswith("__sys_") else name)
    return found[1] or found[2] if found is not None else None


@lru_cache(maxsize=4)
def _names(knowledge: Knowledge) -> dict[tuple[str, ...], str]:
    """The words of the APIs that are places without a handler; those of one word say too little, but for two."""
    found: dict[tuple[str, ...], str] = {}
    for name in [n for row in knowledge.rows if row.mechanism and row.phases and not row.takes_handler for n in row.names]:
        words = tuple(name.removeprefix("pthread_").lower().split("_"))
        if len(words) > 1 and all(words) or name in ("fork", "waitpid"):
            found.setdefault(words, name)
    return found


def _occurrence(
    call: Call, mechanism: str, phases: tuple[Phase, ...], about: tuple[Names, ...], handlers: tuple[str, ...] = (),
) -> Occurrence:
    return Occurrence(mechanism, call.file, call.line, call.column, call.function, call.callee, phases, about, handlers)
