"""From where does a user-space program come to a function: its start, its event loop, a thread, a pool's threads, a signal, its exit?

A program has few places where it begins to run: `main`, the functions it hands to an API that calls them later (the rows say where), and
the loop in which it waits for events, whose every round is a new beginning. From these the calls are followed, by name and through
pointers. A function reached from several has a share of each: the mean over those that call it.

>>> Origins(corpus).of("server.c", "get_command")         # called through a table, by what the loop calls when a client is ready
{'eventloop': 1.0}

The loop is a `for`, `while` or `do` that holds a call which leads, over at most two functions, to epoll_wait or its like; with poll and
select, which many use to wait for one thing, only near `main`. A thread's body is a pool's when it waits for its work in a loop, calls it
through a pointer, and several are made. Not seen: loops of `goto`, loops in a library the corpus does not hold.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from posixpath import commonprefix, dirname

from curation.csource.facts.model import Call
from curation.knowledge.callbacks.loops import loops_of
from curation.knowledge.callbacks.registrations import registrations
from curation.knowledge.matching import Corpus
from curation.model import Context

_WAITS = re.compile(
    r"(epoll_p?wait2?|kevent|port_getn|io_getevents|io_uring_wait_cqe\w*|GetQueuedCompletionStatus|WSAWaitForMultipleEvents|"
    r"uv_run|ev_(run|loop)|event_(base_)?(loop|dispatch)|g_main_(loop_run|context_iteration)|lws_service(_fd)?|sd_event_(run|loop)|"
    r"(gtk|g)_main_iteration\w*|avahi_simple_poll_iterate|dbus_connection_read_write_dispatch)\Z"
)
_MAY_WAIT = re.compile(r"(p?poll|p?select|WSAPoll)\Z")
_ONE = re.compile(r"1\Z|\w+ ?\+ ?1\Z")  # poll(&p, 1, t) waits for one thing, and so may select(fd + 1, ...)
_MANY = re.compile(r"max|high|top|last|num|nfds|count|width|FD_SETSIZE", re.IGNORECASE)
_WAITS_FOR_WORK = re.compile(r"\w*(cond_(timed)?wait|cnd_wait|sem_wait|queue_(pop|get)|wait_for)\w*\Z|sigwait\Z", re.IGNORECASE)
_POOL = re.compile(r"pool|worker", re.IGNORECASE)
_TESTS = re.compile(r"(^|/)(tests?|examples?|fuzz\w*|bench\w*|t)/|(^|[/_-])tests?[_.-]|_test\.")
_STEPS = 2  # functions between a loop and what waits
_NEAR_MAIN = 4  # calls from main to a loop that waits by poll or select
_ALIKE = 3  # definitions of one name in one folder
_SWEEPS = 25  # the shares change by less than 0.01 after it, in the programs looked at
FunctionKey = tuple[str, str]  # (file, function)
Shares = dict[str, float]


class Origins:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.index = corpus, corpus.index
        self.into: dict[FunctionKey, set[tuple[FunctionKey, int]]] = defaultdict(set)  # function -> the (caller, line) that call it
        self._out: dict[FunctionKey, set[tuple[FunctionKey, int]]] = defaultdict(set)
        self._waiting: dict[bool, set[tuple[FunctionKey, int]]] = {True: set(), False: set()}  # calls of epoll_wait; of poll and select
        self._working: dict[FunctionKey, set[int]] = defaultdict(set)  # lines that wait for work
        self._through: dict[FunctionKey, set[int]] = defaultdict(set)  # lines that call through a pointer
        self._spans: dict[FunctionKey, list[tuple[int, int]]] = {}
        for file in self.index.files():
            if corpus.platform(file) != "linux":
                for call in self.index.calls(file):
                    self._take(call)
        self.loops: dict[FunctionKey, set[tuple[int, int]]] = defaultdict(set)
        self._find_loops()
        self.roots: dict[FunctionKey, Context] = self._registered()
        self.shares: dict[FunctionKey, Shares] = {key: {what: 1.0} for key, what in self._beginnings()}
        self._spread_shares(set(self.shares))

    def of(self, file: str, function: str) -> Shares:
        """The share of each origin; {} when no known way leads to the function."""
        return self.shares.get((file, function), {})

    def at(self, file: str, function: str, line: int) -> Shares:
        """Likewise for a line of a function: within its event loop it is the loop."""
        return {"eventloop": 1.0} if self.in_loop((file, function), line) else self.of(file, function)

    def of_called(self, file: str, function: str) -> Shares:
        """The mean of the functions of its own folder that it calls: those that others call too tell where their callers are."""
        called = {callee for callee, _ in self._out.get((file, function), ()) if dirname(callee[0]) == dirname(file)}
        return mean(self.shares.get(callee, {}) for callee in called)

    def adopt(self, functions: Iterable[FunctionKey]) -> None:
        """Takes functions that nobody is known to call, though their address is kept, as beginnings too: they run where others come from to
        what they call. What only they lead to is known then."""
        found = {key: shares for key in functions if key not in self.shares and (shares := self.of_called(*key))}
        self.shares.update(found)
        if found:
            self._spread_shares({*self.roots, *found})

    def in_loop(self, function: FunctionKey, line: int) -> bool:
        return any(first <= line <= last for first, last in self.loops.get(function, ()))

    # -- calls ---------------------------------------------------------------------------------------------------------------

    def _take(self, call: Call) -> None:
        if call.function is None:
            return
        caller = (call.file, call.function)
        if call.kind == "indirect":
            self._through[caller].add(call.line)
        elif name := call.callee_name:
            if _WAITS.match(name) or _MAY_WAIT.match(name) and _waits_for_many(call):
                self._waiting[_WAITS.match(name) is not None].add((caller, call.line))
            if _WAITS_FOR_WORK.match(name):
                self._working[caller].add(call.line)
        for callee in self._called(call):
            self.into[callee].add((caller, call.line))
            self._out[caller].add((callee, call.line))

    def _called(self, call: Call) -> Iterator[FunctionKey]:
        if call.kind == "direct" and call.callee_name:
            yield from self._named(call.callee_name, call.file)
        elif call.kind == "indirect":
            flow = self.index.flow
            found = (flow.functions[value] for value in flow.reaching(call))
            yield from ((f.file, f.name) for f in found if f is not None)

    def _named(self, name: str, file: str) -> list[FunctionKey]:
        """What a name means in a file; where several programs of the corpus have a function of that name, the nearest ones."""
        found = [(f.file, f.name) for f in self.index.functions(name, file)]
        if len(found) > 1:
            nearness = [len(commonprefix([dirname(other).split("/"), dirname(file).split("/")])) for other, _ in found]
            found = [key for key, near in zip(found, nearness, strict=True) if near == max(nearness)]
        return found[:_ALIKE]

    def _loop_around(self, function: FunctionKey, line: int) -> tuple[int, int] | None:
        """The innermost loop of a function around a line."""
        if function not in self._spans:
            found = self.index.enclosing_named(*function, line)
            text = "\n".join(self.index.lines(function[0])[found.line - 1 : found.end_line]) if found else ""
            self._spans[function] = loops_of(text, found.line) if found else []
        around = [span for span in self._spans[function] if span[0] <= line <= span[1]]
        return min(around, key=lambda span: span[1] - span[0], default=None)

    # -- event loops -----------------------------------------------------------------------------------------------------------

    def _find_loops(self) -> None:
        near = self._near_main()
        for strongly, sites in self._waiting.items():
            reached: set[FunctionKey] = set()
            for _ in range(_STEPS + 1):
                for function, line in sites:
                    span = self._loop_around(function, line)
                    if span is not None and (strongly or function in near):
                        self.loops[function].add(span)
                callers = {function for function, _ in sites} - reached
                reached |= callers
                sites = {site for function in callers for site in self.into.get(function, ())}

    def _near_main(self) -> set[FunctionKey]:
        near = {(f.file, f.name) for f in self.index.functions("main") if not _TESTS.search(f.file)}
        todo = set(near)
        for _ in range(_NEAR_MAIN):
            todo = {callee for function in todo for callee, _ in self._out.get(function, ())} - near
            near |= todo
        return near

    # -- where a program begins ------------------------------------------------------------------------------------------------

    def _registered(self) -> dict[FunctionKey, Context]:
        roots: dict[FunctionKey, Context] = {}
        for r in registrations(self.corpus):
            what = r.runs_in
            if r.definition is None or what is None or what == "sync" or self.corpus.platform(r.definition.file) == "linux":
                continue
            key = (r.definition.file, r.definition.name)
            if what == "thread" and r.function and self._is_pool(key, (r.place.file, r.function), r.place.line):
                what = "threadpool"
            roots.setdefault(key, what)
        for key in [key for key, what in roots.items() if what in ("thread", "threadpool")]:
            for body in self._started(key):
                roots[key] = "thread"  # of several kinds
                uses = [use for use in self.index.uses(body[1]) if use.kind == "argument"]
                placed = [((use.file, use.function), use.line) for use in uses if use.function]
                pool = any(self._makes_several(body, *at) for at in placed) and self._works(body)
                roots.setdefault(body, "threadpool" if pool else "thread")
        return roots

    def _started(self, body: FunctionKey) -> Iterator[FunctionKey]:
        """What a thread's function that only calls its parameter (`((void (*)(void))arg)()`) calls: these are the threads' functions."""
        for call in self.index.calls(body[0]) if self._through.get(body) else ():
            if call.function == body[1] and call.kind == "indirect" and not call.operand.fields and call.operand.base is not None:
                variable = self.index.variable(call.operand.base, *body)
                if variable is not None and variable.param is not None:
                    yield from self._called(call)

    def _is_pool(self, body: FunctionKey, maker: FunctionKey, line: int) -> bool:
        return any(self._makes_several(body, *at) for at in [(maker, line), *self.into.get(maker, ())]) and self._works(body)

    def _makes_several(self, body: FunctionKey, maker: FunctionKey, line: int) -> bool:
        return self._loop_around(maker, line) is not None or any(_POOL.search(name) for _, name in (body, maker))

    def _works(self, body: FunctionKey) -> bool:
        """Whether a thread's function, or one that it calls, waits for work in a loop."""
        return any(self._takes_work(key) for key in (body, *(callee for callee, _ in self._out.get(body, ()))))

    def _takes_work(self, body: FunctionKey) -> bool:
        calls = {line for line in self._through.get(body, ()) if self._loop_around(body, line)}
        waits = self._working.get(body, set()) | {
            line for callee, line in self._out.get(body, ()) if self._working.get(callee) and self._loop_around(body, line)
        }
        return bool(calls and waits)

    def _beginnings(self) -> Iterator[tuple[FunctionKey, str]]:
        yield from self.roots.items()
        programs = {dirname(f.file) for f in self.index.functions("main")}
        for f in self.index.all_functions():
            key = (f.file, f.name)
            if key in self.roots or self.corpus.platform(f.file) == "linux" or _TESTS.search(f.file):
                continue
            if f.name == "main" or not (f.static or key in self.into or dirname(f.file) in programs):
                yield key, "sync"

    # -- shares ----------------------------------------------------------------------------------------------------------------

    def _spread_shares(self, fixed: set[FunctionKey]) -> None:
        order = [key for key in self._in_order() if key not in fixed]
        ways = {key: {caller if not self.in_loop(caller, line) else None for caller, line in self.into[key]} for key in order}
        for _ in range(_SWEEPS):
            for key in order:
                known = [{"eventloop": 1.0} if caller is None else self.shares.get(caller, {}) for caller in ways[key]]
                if shares := mean(known):
                    self.shares[key] = shares

    def _in_order(self) -> Iterable[FunctionKey]:
        """What the beginnings reach, the nearest first."""
        todo = deque([*self.shares, *self.loops])
        seen = dict.fromkeys(todo)
        while todo:
            for callee, _ in self._out.get(todo.popleft(), ()):
                if callee not in seen:
                    seen[callee] = None
                    todo.append(callee)
        return seen


def mean(shares: Iterable[Shares]) -> Shares:
    """The mean of those that are known; {} for none."""
    known = [one for one in shares if one]
    total: Shares = defaultdict(float)
    for one in known:
        for what, share in one.items():
            total[what] += share / len(known)
    return dict(total)


def _waits_for_many(call: Call) -> bool:
    number = 1 if "poll" in (call.callee_name or "").lower() else 0
    text = call.args[number].text.strip() if number < len(call.args) else ""
    return not _ONE.match(text) or _MANY.search(text) is not None


def origins_of(corpus: Corpus) -> Origins:
    """The origins of a corpus; made once, forgotten with the corpus."""
    known = corpus.attached.get("origins")
    if not isinstance(known, Origins):
        known = corpus.attached["origins"] = Origins(corpus)
    return known
