"""In which context does a function run, as far as the code that calls it says?

A registered callback runs where its rows say. Any other function runs where its callers do, directly or through a pointer: under their
locks in atomic context, in the loop of a program that waits for events on the event loop. A kernel function whose body sleeps runs in
process context, whoever calls it.

>>> Contexts(corpus).of("a.c", "read_level")      # called by the handler of request_irq and by nobody else
('hardirq', False)

Callers of which nothing is known count for nothing. Where the known ones differ, the strictest context is told: what may sleep in one
place and not in another must not sleep. Not covered: functions that ask where they are (in_interrupt()), locks taken by wrappers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from posixpath import dirname

from curation.csource.facts import Function
from curation.knowledge.bodies import Bodies
from curation.knowledge.callers import CallSite, callers_of
from curation.knowledge.corpus import Corpus
from curation.knowledge.registrations import registrations
from curation.model import Context

_DEPTH = 7  # callers of callers
_MANY = 14  # callers looked at
_INSIDE = 3  # functions called by functions, searched for something that sleeps
_WAITS = re.compile(r"(epoll_p?wait2?|kevent|port_getn|io_getevents|uv_run|ev_run|ev_loop|event_base_(loop|dispatch)|g_main_loop_run)\Z")
_MAY_WAIT = re.compile(r"(p?poll|p?select|WSAPoll)\Z")
_STARTS = frozenset(("__init", "__exit", "__devinit"))
Where = tuple[Context, bool | None]
_SYNC: Where = ("sync", True)


class Contexts:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.index = corpus, corpus.index
        self.bodies = Bodies(corpus.index)
        self.callers = callers_of(corpus)
        self._known: dict[tuple[str, str], Where | None] = {}
        self._sleeps: dict[tuple[str, int], tuple[str, int] | None] = {}
        self._waits: dict[tuple[str, str, int, str], bool] = {}
        self._registered: dict[tuple[str, str], set[Where]] = defaultdict(set)
        for r in registrations(corpus):
            if r.definition is not None and r.runs_in and r.runs_in != "sync":
                self._registered[r.definition.file, r.definition.name].add((r.runs_in, r.may_sleep))

    def of(self, file: str, function: str | None) -> Where | None:
        """(context, may sleep); None when nothing is known."""
        return self._of(file, function, 0, frozenset()) if function is not None else None

    def at(self, site: CallSite) -> Where | None:
        """The context of a call: atomic under a lock, else its function's."""
        return self._at(site, 0, frozenset())

    def sleeps(self, function: Function, depth: int = 0) -> tuple[str, int] | None:
        """(what sleeps, line of the body) where the body, or a function of its folder that it calls outside locks, may sleep. Further
        away it says little: nearly every function of a kernel's core can sleep on some way."""
        key = (function.file, function.start_line)
        if key not in self._sleeps:
            self._sleeps[key] = None
            self._sleeps[key] = self._find_sleep(function, depth)
        return self._sleeps[key]

    def is_callback(self, site: CallSite) -> bool:
        """Whether the calling function is itself registered with a row that says where it runs."""
        return (site.file, site.function) in self._registered

    def dispatches(self, site: CallSite, levels: int) -> bool:
        """Whether the calling function waits for events or is called back itself, or so many levels of its callers are or do."""
        seen = {(site.file, site.function)}
        todo = [(site.file, site.function)]
        for level in range(levels + 1):
            if any(f in self._registered or self._waits_for_events(*f, weakly=level == 0) for f in todo):
                return True
            sites = [s for f in todo for s in (*self.callers.by_name(*f)[:_MANY], *self.callers.through_pointers(*f))]
            todo = list(dict.fromkeys((s.file, s.function) for s in sites if (s.file, s.function) not in seen))[:60]
            seen.update(todo)
        return False

    def held(self, file: str, name: str, line: int) -> bool:
        """Whether the function holds a lock at the line under which nobody may sleep."""
        function = self.index.enclosing_named(file, name, line)
        return function is not None and self.corpus.platform(file) != "user" and self.bodies.of(function).held_at(line)

    def _find_sleep(self, function: Function, depth: int) -> tuple[str, int] | None:
        body = self.bodies.of(function)
        if body.sleeps is not None or depth >= _INSIDE:
            return body.sleeps
        for name, line, locked in body.calls[:200]:
            called = [] if locked else self.index.functions(name, function.file)
            near = [f for f in called if dirname(f.file) == dirname(function.file) and f.name != function.name]
            if len(called) == 1 and near and (found := self.sleeps(near[0], depth + 1)):
                return found[0], line
        return None

    # -- callers -----------------------------------------------------------------------------------------------------------

    def _of(self, file: str, name: str, depth: int, above: frozenset[tuple[str, str]]) -> Where | None:
        key = (file, name)
        if key in self._known:
            return self._known[key]
        if key in above or depth > _DEPTH:
            return None
        found = self._find(file, name, depth, above | {key})
        if found is not None or depth == 0:  # what was not found on a way that was cut short may be found on another
            self._known[key] = found
        return found

    def _find(self, file: str, name: str, depth: int, above: frozenset[tuple[str, str]]) -> Where | None:
        if key := self._registered.get((file, name)):
            return together(list(key))
        user = self.corpus.platform(file) == "user"
        function = self.index.function_in(file, name)
        if user and name == "main":
            return _SYNC
        if user and self._waits_for_events(file, name, weakly=depth <= 1):
            return "eventloop", False
        if not user and function is not None:
            if _STARTS & set(function.attributes) or any(word in function.return_type.split() for word in _STARTS):
                return "process", True
            if self.sleeps(function):
                return "process", True
        sites = [*self.callers.by_name(file, name)[:_MANY], *self.callers.through_pointers(file, name)]
        found = [where for site in sites if (where := self._at(site, depth + 1, above))]
        if not found and not user and function is not None and self.bodies.of(function).atomic:
            return "atomic", False
        return together(found)

    def _at(self, site: CallSite, depth: int, above: frozenset[tuple[str, str]]) -> Where | None:
        if self.held(site.file, site.function, site.line):
            return "atomic", False
        return self._of(site.file, site.function, depth, above)

    def _waits_for_events(self, file: str, name: str, weakly: bool = False) -> bool:
        """Whether the function waits for events of many kinds, itself or by a function it calls, or by one that this calls. weakly: also
        by poll and select, which many wait with for one thing."""
        return self._waits_within(file, name, 2, _WAITS) or weakly and self._waits_within(file, name, 0, _MAY_WAIT)

    def _waits_within(self, file: str, name: str, steps: int, waits: re.Pattern[str]) -> bool:
        key = (file, name, steps, waits.pattern)
        if key not in self._waits:
            self._waits[key] = False  # a recursive function finds nothing the second time
            function = self.index.function_in(file, name)
            called = {c for c, _, _ in self.bodies.of(function).calls} if function is not None else set()
            self._waits[key] = any(waits.match(c) for c in called) or any(
                self._waits_within(f.file, f.name, steps - 1, waits) for c in called if steps for f in self.index.functions(c, file)[:1]
            )
        return self._waits[key]


def together(found: list[Where]) -> Where | None:
    """One context for a function that is called from several; None for none."""
    if not found:
        return None
    contexts = {c for c, _ in found}
    if contexts & {"process", "softirq", "hardirq", "atomic"}:
        if len(contexts) == 1:
            sleeps = {s for _, s in found}
            return found[0][0], sleeps.pop() if len(sleeps) == 1 else False if False in sleeps else None
        return "atomic", False
    for context in ("eventloop", "sync", "threadpool", "thread", "exit", "signal"):  # of a program's own threads and of main: anywhere
        if context in contexts:
            return next(where for where in found if where[0] == context)
    return found[0]
