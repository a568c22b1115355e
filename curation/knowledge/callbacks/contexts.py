"""In which context does a function run, as far as the code that calls it says?

A registered callback runs where its rows say. Any other function of the kernel runs where its callers do, directly or through a pointer,
under their locks in atomic context. One whose body sleeps runs in process context, whoever calls it. For programs see origins.py.

>>> Contexts(corpus).of("a.c", "read_level")      # called by the handler of request_irq and by nobody else
('hardirq', False)

Callers of which nothing is known count for nothing. Where the known ones differ, the strictest context is told: what may sleep in one
place and not in another must not sleep. Not covered: functions that ask where they are (in_interrupt()), locks taken by wrappers.
"""

from __future__ import annotations

from collections import defaultdict
from posixpath import dirname

from curation.csource.facts.model import Function
from curation.knowledge.callbacks.bodies import Bodies
from curation.knowledge.callbacks.callers import CallSite, callers_of
from curation.knowledge.callbacks.conventions import RunContext
from curation.knowledge.callbacks.registrations import registrations
from curation.knowledge.matching import Corpus

_DEPTH = 7  # callers of callers
_MANY = 14  # callers looked at
_INSIDE = 3  # functions called by functions, searched for something that sleeps
_STARTS = frozenset(("__init", "__exit", "__devinit"))


class Contexts:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.index = corpus, corpus.index
        self.bodies = Bodies(corpus.index)
        self.callers = callers_of(corpus)
        self._known: dict[tuple[str, str], RunContext | None] = {}
        self._sleeps: dict[tuple[str, int], tuple[str, int] | None] = {}
        self._registered: dict[tuple[str, str], set[RunContext]] = defaultdict(set)
        for r in registrations(corpus):
            if r.definition is not None and r.runs_in and r.runs_in != "sync":
                self._registered[r.definition.file, r.definition.name].add((r.runs_in, r.may_sleep))

    def of(self, file: str, function: str | None) -> RunContext | None:
        """(context, may sleep); None when nothing is known."""
        return self._of(file, function, 0, frozenset()) if function is not None else None

    def at(self, site: CallSite) -> RunContext | None:
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

    def _of(self, file: str, name: str, depth: int, above: frozenset[tuple[str, str]]) -> RunContext | None:
        key = (file, name)
        if key in self._known:
            return self._known[key]
        if key in above or depth > _DEPTH:
            return None
        found = self._find(file, name, depth, above | {key})
        if found is not None or depth == 0:  # what was not found on a way that was cut short may be found on another
            self._known[key] = found
        return found

    def _find(self, file: str, name: str, depth: int, above: frozenset[tuple[str, str]]) -> RunContext | None:
        if key := self._registered.get((file, name)):
            return together(list(key))
        function = self.index.function_in(file, name)
        if function is not None:
            if _STARTS & set(function.attributes) or any(word in function.return_type.split() for word in _STARTS):
                return "process", True
            if self.sleeps(function):
                return "process", True
        sites = [*self.callers.by_name(file, name)[:_MANY], *self.callers.through_pointers(file, name)]
        found = [where for site in sites if (where := self._at(site, depth + 1, above))]
        if not found and function is not None and self.bodies.of(function).atomic:
            return "atomic", False
        return together(found)

    def _at(self, site: CallSite, depth: int, above: frozenset[tuple[str, str]]) -> RunContext | None:
        if self.held(site.file, site.function, site.line):
            return "atomic", False
        return self._of(site.file, site.function, depth, above)


def together(found: list[RunContext]) -> RunContext | None:
    """One context for a function that is called from several; None for none."""
    if not found:
        return None
    if len({context for context, _ in found}) > 1:
        return "atomic", False
    sleeps = {s for _, s in found}
    return found[0][0], sleeps.pop() if len(sleeps) == 1 else False if False in sleeps else None
