"""Which reads, writes and dispatching calls belong to a descriptor, a pipe from a signal handler, or a loop over events?

eventfd and timerfd are triggered and awaited by plain read(2) and write(2) of eight bytes; a self-pipe is a pipe that a signal handler
writes to; the loop over what epoll_wait(2) returned executes the handlers.

>>> [(s.mechanism, s.phases, s.line) for s in descriptors.occurrences(["a.c"], occurrences)]      # of: read(fd, &ticks, sizeof ticks)
[('timerfd', ('wait',), 12), ('eventfd', ('wait',), 12)]
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from curation.csource.facts.model import Call
from curation.csource.typesystem.c_types import parse_type
from curation.knowledge.patterns.grouping import ObjectGroup, PhaseSite
from curation.knowledge.patterns.objects import UNKNOWN, Names, ObjectPath, ProgramPoint
from curation.knowledge.patterns.occurrence import Occurrence
from curation.knowledge.patterns.occurrences import OccurrenceFinder
from curation.model import Phase

_READING = {"read", "recv", "poll", "select", "ppoll", "safe_read"}
_WRITING = {"write", "send", "full_write", "safe_write", "xwrite"}
_PIPES = re.compile(r"pipe|socketpair", re.IGNORECASE)
_EXEC = re.compile(r"f?exec(l|lp|le|v|vp|vpe|ve|veat)\Z")
_DESCRIPTORS = ("eventfd", "timerfd")
_CREATING = ("eventfd", "timerfd_create", "signalfd")
Position = tuple[str, int, int]
# eventfd(2), timerfd_create(2): such a descriptor is read and written by 8-byte integers only. `uint64_t` and what it is typedef'd to.
_EIGHT_BYTES = {"uint64_t", "u64", "__u64", "eventfd_t", "unsigned long long", "unsigned long", "uint64", "int64_t", "long long", "long"}
_AWAY = 40  # lines after epoll_wait(2) within which its events are dispatched


class Descriptors:
    def __init__(self, finder: OccurrenceFinder) -> None:
        self.finder = finder
        self.index = finder.index
        self.objects = finder.objects

    def occurrences(self, files: list[str], known: list[Occurrence]) -> list[Occurrence]:
        """Reads and writes that count where their descriptor is bound as one of these mechanisms."""
        kinds = [m for m in _DESCRIPTORS if any(s.mechanism == m for s in known)]
        kinds += ["signal"] if any(_makes(s) for s in known if s.mechanism == "signal") else []
        found = [s for file in files if kinds for call in self.index.calls(file) for s in self._moved(call, kinds)]
        signals = [s for s in known if s.mechanism == "signal" and s.handlers]
        for file in sorted({s.file for s in signals}):
            found += self._self_pipes(file, {h for s in signals if s.file == file for h in s.handlers})
        return found

    def finish(self, made: list[ObjectGroup]) -> None:
        """Adds what is known only with the groups: where events are dispatched, whom a timer's signal calls."""
        signals = [g for g in made if g.mechanism == "signal" and g.handlers]
        primary = {(s.file, s.line, s.column): s for g in made if g.mechanism == "irq" for s in g.occurrences if s.handlers}
        for group in made:
            if group.mechanism == "epoll":
                self._dispatch(group)
            elif group.mechanism == "fork":
                self._executed(group)
            elif group.mechanism == "threaded_irq":
                self._woken(group, primary)
            elif group.mechanism == "posix_timer" and not group.handlers:
                near = [g for g in signals if g.files() & group.files()]
                alarm = [g for g in near if any(p.root == "#SIGALRM" for p in g.names)]
                handlers = {h for g in (alarm if len(alarm) == 1 else near) for h in g.handlers}
                group.called += sorted(handlers) if len(handlers) == 1 else []
        self._elsewhere(made)

    # -- descriptors of eight bytes ----------------------------------------------------------------------------------------------

    def _elsewhere(self, made: list[ObjectGroup]) -> None:
        """A read or write whose descriptor was found by a lookup (`thread->u.fd`) is about the only one of its file that nobody reads or
        writes otherwise, when its bytes fit."""
        loose = [g for g in made if g.mechanism in (*_DESCRIPTORS, "signal") and not g.real and all(s.known for s in g.occurrences)]
        bound = [(g, {s.file for s in g.occurrences if _makes(s)}) for g in made if g.real and any(_makes(s) for s in g.occurrences)]
        found: dict[Position, list[tuple[ObjectGroup, Occurrence]]] = defaultdict(list)
        for occurrence, mechanism in [(s, g.mechanism) for g in loose for s in g.occurrences]:
            for group, files in bound:
                other = any(set(occurrence.phases) & set(s.phases) for s in group.occurrences)
                if group.mechanism == mechanism and occurrence.file in files and not other:
                    found[occurrence.file, occurrence.line, occurrence.column].append((group, occurrence))
        for near in found.values():
            if len(near) == 1:
                near[0][0].occurrences.append(near[0][1])

    def _moved(self, call: Call, kinds: list[str]) -> Iterator[Occurrence]:
        if "signal" in kinds and call.callee_name == "read" and "signalfd_siginfo" in self._buffer(call):
            about = tuple(self.objects.of(call.args[0], call))
            yield _occurrence(call, "signal", "wait", about, weak=True)
            return
        fits = self._eight_bytes(call) if call.callee_name in ("read", "write") and len(call.args) > 1 else False
        if fits is False:
            return
        about = tuple(self.objects.of(call.args[0], call))
        phase: Phase = "wait" if call.callee_name == "read" else "trigger"
        for kind in [k for k in kinds if k != "signal"] if about else []:
            if phase == "wait" or kind == "eventfd":
                yield replace(_occurrence(call, kind, phase, about, weak=True), known=fits is True)

    def _eight_bytes(self, call: Call) -> bool | None:
        """Whether a read or write may be one of an eventfd or timerfd: not when its buffer is known to be something else than a 64-bit
        integer, as for another descriptor kept in the same field. None: not known."""
        if call.args[1].text.strip() in ("NULL", "0") or call.args[-1].text.strip() in map(str, range(8)):
            return False
        known = self._buffer(call)
        if not known:
            return None
        return any(re.sub(r"\b(const|volatile|static)\b|[*&]", "", text).strip() in _EIGHT_BYTES for text in known.split(", "))

    def _buffer(self, call: Call) -> str:
        """The types that a call's second argument may have; "" where none is known."""
        known = []
        for operand in call.args[1].operands if len(call.args) > 1 else []:
            variable = self.index.variable(operand.base, call.file, call.function) if operand.base and not operand.call else None
            if variable is not None and variable.type:
                kind = self.index.types.walk(parse_type(variable.type), operand.fields, call.file)[0]
                known += [str(self.index.types.expand(kind, call.file))] if kind is not None else []
        return ", ".join(known)

    # -- self-pipes ----------------------------------------------------------------------------------------------------------------

    def _self_pipes(self, file: str, handlers: set[str]) -> list[Occurrence]:
        calls = self.index.calls(file)
        inside = handlers | {c.callee_name or "" for c in calls if c.function in handlers}
        writes = [(c, ends) for c in calls if c.callee_name in _WRITING and c.function in inside and (ends := self._ends(c, 0))]
        if not writes:
            return []
        written = {path for _, ends in writes for path in ends}
        about = (frozenset(written),)
        bound = [
            c
            for c in calls
            if c.callee_name and _PIPES.search(c.callee_name) and any(self._ends(c, n, whole=True) & written for n in range(len(c.args)))
        ]
        reads = [c for c in calls if c.callee_name in _READING and c.function not in inside and self._ends(c, 0) & written]
        if not bound:
            return []
        made = [_occurrence(c, "self_pipe", "bind", about) for c in bound]
        made += [_occurrence(c, "self_pipe", "trigger", about) for c, _ in writes]
        return made + [_occurrence(c, "self_pipe", "wait", about) for c in reads]

    def _ends(self, call: Call, number: int, whole: bool = False) -> set[ObjectPath]:
        """The pipe that an argument is (whole), or one end of: `fds` for `fds[0]`, `loop->pipe` for `loop->pipe.rd`."""
        if number >= len(call.args):
            return set()
        paths = {path for names in self.objects.of(call.args[number], call) for path in names}
        found = set()
        for path in paths:
            bare = ObjectPath(path.root, tuple(s for s in path.steps if not s.startswith("[")))
            found.add(bare)
            if bare.steps:
                found.add(ObjectPath(UNKNOWN, bare.steps[-1:]))  # by its name, where the struct is not known
            if not whole and bare.steps and len(bare.steps) == len(path.steps):
                found.add(ObjectPath(bare.root, bare.steps[:-1]))
        return found

    # -- what a child executes, who wakes an interrupt's thread ----------------------------------------------------------------------

    def _executed(self, group: ObjectGroup) -> None:
        """The exec call of the same function, after fork(2)."""
        for occurrence in [s for s in group.occurrences if "trigger" in s.phases]:
            for call in self.index.calls(occurrence.file):
                if call.function == occurrence.function and call.line >= occurrence.line and _EXEC.match(call.callee_name or ""):
                    group.sites.append(PhaseSite("execute", call.file, call.line, call.column, call.function, call.callee))
                    break

    def _woken(self, group: ObjectGroup, primary: dict[Position, Occurrence]) -> None:
        """The thread of an interrupt runs when its primary handler returns IRQ_WAKE_THREAD."""
        same = [p for s in group.occurrences if s.handlers and (p := primary.get((s.file, s.line, s.column))) is not None]
        for occurrence in dict.fromkeys((s.file, h) for s in same for h in s.handlers):
            for one in self.objects.assignments(occurrence[0]).returned.get(occurrence[1], []):
                if any(r.base == "IRQ_WAKE_THREAD" for r in one.right):
                    group.sites.append(PhaseSite("trigger", one.file, one.line, one.column, one.function, "IRQ_WAKE_THREAD"))

    # -- dispatching loops -----------------------------------------------------------------------------------------------------------

    def _dispatch(self, group: ObjectGroup) -> None:
        for occurrence in [s for s in group.occurrences if "wait" in s.phases]:
            calls = [c for c in self.index.calls(occurrence.file) if c.function == occurrence.function]
            waiting = next((c for c in calls if (c.line, c.column) == (occurrence.line, occurrence.column)), None)
            events = waiting.args[1].base if waiting is not None and len(waiting.args) > 1 else None
            if events is None:
                continue
            holding = self._holding(ProgramPoint(occurrence.file, occurrence.function, occurrence.line), events)
            after = [c for c in calls if occurrence.line < c.line <= occurrence.line + _AWAY]
            indirect = [c for c in after if c.kind == "indirect" and c.operand.fields and self._held(c, holding)]
            own = [c for c in after if c.kind == "direct" and self.index.functions(c.callee_name or "", c.file)]
            direct = [c for c in own if self._given(c, events)]
            for call in indirect[:3] or direct[:1]:
                name = call.callee_name if call.kind == "direct" else self._only(call)
                group.sites.append(PhaseSite("execute", call.file, call.line, call.column, call.function, call.callee, name))
                if name is not None and name not in group.called:
                    group.called.append(name)

    def _holding(self, at: ProgramPoint, events: str) -> set[str]:
        """The locals that hold something out of the events."""
        found = {events}
        for _ in range(3):
            for (function, name), given in self.objects.assignments(at.file).set.items():
                if function == at.function and any(r.base in found and not r.call for a in given if a.line >= at.line - 3 for r in a.right):
                    found.add(name)
        return found

    def _held(self, call: Call, holding: set[str]) -> bool:
        """Whether the base of the callee was last set from the events."""
        name = call.operand.base or ""
        given = [a for a in self.objects.assignments(call.file).set.get((call.function, name), []) if a.line <= call.line]
        return name in holding and (not given or any(r.base in holding - {name} for r in given[-1].right))

    def _given(self, call: Call, events: str) -> bool:
        given = {events} | {n for n in self._holding(ProgramPoint(call.file, call.function, call.line - _AWAY), events) if n != events}
        return any(o.base == events and "data" in o.fields or o.base in given - {events} for a in call.args for o in a.operands)

    def _only(self, call: Call) -> str | None:
        """The function that is called through the pointer, where it can be one only and nobody else can put another there."""
        found = self.index.resolution(call)
        names = {c.name for c in found.candidates}
        return names.pop() if len(names) == 1 and found.completeness == "complete" else None


def _makes(occurrence: Occurrence) -> bool:
    """Whether the place makes a descriptor, by whatever name."""
    return occurrence.row is not None and any(name in _CREATING for name in occurrence.row.names)


def _occurrence(call: Call, mechanism: str, phase: Phase, about: tuple[Names, ...], weak: bool = False) -> Occurrence:
    return Occurrence(mechanism, call.file, call.line, call.column, call.function, call.callee, (phase,), about, weak=weak)
