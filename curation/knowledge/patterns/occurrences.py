"""Which places of a file take part in an asynchronous mechanism, about which object, and with which handler?

A place is one call, or one store of a handler into a field, that has a row with a mechanism. Handlers come from the registrations;
where a function hands its parameter on to the API, both the call inside and the caller's are places of the caller's object.

>>> [(p.mechanism, p.phases, p.line, p.handlers) for p in finder.of_file("a.c")]      # INIT_WORK(&dev->work, my_work); schedule_work(...)
[('workqueue', ('bind',), 12, ('my_work',)), ('workqueue', ('trigger',), 8, ())]
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from curation.csource.facts.model import Arg, Call, NameUse, Operand
from curation.knowledge import Row
from curation.knowledge.callbacks.registrations import Registration, registrations
from curation.knowledge.matching import Corpus
from curation.knowledge.mechanisms import GROUPED, INITIALIZERS, LOOPS, WAITS_FOR_GROUP
from curation.knowledge.patterns.objects import CallingContext, Names, ObjectPath, Objects, ProgramPoint
from curation.knowledge.patterns.occurrence import Membership, Occurrence
from curation.knowledge.patterns.unknown_calls import UnknownCalls, without_prefix

_COMMON = re.compile(r"(timeout|signal)_(add|set)\Z")  # names of libevent that others give to functions of their own
_BRANCHES = 12  # lines within which two stores may be the branches of one choice
_BRANCH = re.compile(r"\b(else|case|default)\b")
_NOTHING = frozenset(("NULL", "0", "SIG_IGN", "SIG_DFL", "SIG_HOLD", "SIG_ERR", "nullptr", "((void *)0)", "(void *)0", ""))
_MOST_HANDLERS = 8
_WITHOUT_HANDLER = ("posix_timer", "posix_mq", "libuv_process")  # what these announce may also come as a signal, or not at all
# Callbacks that only help the one the call is for: they come after it where a call takes several.
_SECOND = (".alloc", ".teardown", ".destroy", ".free", ".release", ".close")


class OccurrenceFinder:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self.registered: dict[str, list[Registration]] = defaultdict(list)
        handlers: set[tuple[str, str]] = set()
        for r in registrations(corpus):
            if r.row.mechanism is not None:
                self.registered[r.place.file].append(r)
                if inner := _inner(r):
                    self.registered[inner[0]] += [r] if inner[0] != r.place.file else []
                if r.definition is not None:
                    handlers.add((r.definition.file, r.callback))
        self.objects = Objects(self.index, handlers)
        self.unknown = UnknownCalls(corpus, self.objects)
        self._done: dict[str, list[Occurrence]] = {}
        self._members: dict[str, list[Membership]] = {}

    def of_file(self, file: str) -> list[Occurrence]:
        """The places of a file, in the order of the lines."""
        if file not in self._done:
            calls = self.index.calls(file)
            at = {(c.line, c.column): c for c in calls}
            bound = [*self._bound(file, at), *self._announced(file), *self._initialized(file)]
            taken = {(s.line, s.column, s.row.id if s.row else "") for s in bound}
            plain = [s for c in calls for s in self._plain(c, taken)]
            self._members[file] = [m for c in calls if (m := self._membership(c))]
            self._done[file] = sorted(_merged([*bound, *plain]), key=lambda s: (s.line, s.column))
        return self._done[file]

    def members(self, file: str) -> list[Membership]:
        """Who is put into which group in a file."""
        self.of_file(file)
        return self._members[file]

    # -- places with handlers ------------------------------------------------------------------------------------------------

    def _bound(self, file: str, at: dict[tuple[int, int], Call]) -> Iterator[Occurrence]:
        uses: dict[tuple[int, int, str], NameUse] = {}
        if any(r.row.kind == "field" for r in self.registered.get(file, [])):
            uses = {(u.line, u.column, u.name): u for u in self.index.facts[file].uses}
        for r in self._last_stored(self.registered.get(file, [])):
            if r.row.kind == "field":
                use = uses.get((r.place.line, r.place.column or 1, r.callback))
                if use is not None and "aio_sigevent" not in use.fields:
                    yield self._of_use(r, use)
                continue
            inner = _inner(r)
            if inner is None:
                call = at.get((r.place.line, r.place.column or 1))
                if call is not None:
                    yield self._of_call(r, call, {}, call)
            else:
                yield from self._through(r, inner, file)

    def _last_stored(self, registered: list[Registration]) -> list[Registration]:
        """Without the handlers that a filled object held before: of `sa.sa_handler = a; sigaction(..., &sa, 0); sa.sa_handler = b;
        sigaction(..., &sa, 0)` each call registers one."""
        kept = []
        for r in registered:
            line = self._stored_at(r)
            stored = self._stores_before(r) if line is not None else []
            if line is None or not stored or line in stored and not self._overwritten(r.place.file, line, stored[-1]):
                kept.append(r)
        return kept

    def _stored_at(self, r: Registration) -> int | None:
        """The line of the same function that puts the handler into the object which is registered."""
        for e in r.evidence if r.row.handler_field else ():
            function = self.index.enclosing(e.file, e.line) if e.kind in ("assignment", "initializer") else None
            if function is not None and e.file == r.place.file and function.start_line <= r.place.line <= function.end_line:
                return e.line
        return None

    def _begins(self, file: str, line: int) -> int:
        """The line where an assignment begins whose right side has a line of its own."""
        return line - 1 if line > 1 and self.index.line_text(file, line - 1).endswith("=") else line

    def _stores_before(self, r: Registration) -> list[int]:
        """The lines that put anything into the handler's field of the object before it is registered."""
        call = self._call(r.place.file, r.place.line, r.place.column or 1)
        arg = self.corpus.call_argument(call, r.row.object_arg) if call is not None and isinstance(r.row.object_arg, int) else None
        if arg is None or arg.base is None:
            return []
        given = self.objects.assignments(r.place.file).members.get((r.function, arg.base), [])
        given = [a for a in given if a.line <= r.place.line and a.left.fields[:-1] == arg.fields]
        return [a.line for a in given if a.left.fields[-1] in self._members_of(r.row)]

    def _members_of(self, row: Row) -> set[str]:
        """The fields that hold a handler in the struct that a call registers."""
        struct = (row.handler_field or "").split(".")[0]
        return {m for r in self.corpus.knowledge.rows if r.kind == "field" and r.struct == struct for m in r.fields}

    def _overwritten(self, file: str, line: int, last: int) -> bool:
        return line < last and (last - line > _BRANCHES or not any(_BRANCH.search(text) for text in self.index.lines(file)[line:last]))

    def _announced(self, file: str) -> Iterator[Occurrence]:
        """The function that a request of aio(7) is announced by; its struct is not in any program."""
        for use in self.index.facts[file].uses if "aio_sigevent" in self.index.text(file) else []:
            if "aio_sigevent" in use.fields and use.fields[-1] == "sigev_notify_function" and self.corpus.is_function(use.name, file):
                place = (use.file, use.line, use.column, use.function, use.fields[-1])
                yield Occurrence("posix_aio", *place, ("bind",), self._used(use), (use.name,))

    def _initialized(self, file: str) -> Iterator[Occurrence]:
        """`cond = PTHREAD_COND_INITIALIZER`, which is no call."""
        for one in self.index.facts[file].assignments if any(name in self.index.text(file) for name in INITIALIZERS) else []:
            for mechanism in [INITIALIZERS[r.base] for r in one.right if r.base in INITIALIZERS]:
                about = tuple(self.objects.of(replace(one.left, address=True), ProgramPoint(file, one.function, one.line)))
                yield Occurrence(mechanism, file, one.line, one.column, one.function, one.right[0].base or "", ("bind",), about)

    def _of_use(self, r: Registration, use: NameUse) -> Occurrence:
        return self._occurrence(r, use.file, self._begins(use.file, use.line), use.column, use.function, self._used(use))

    def _used(self, use: NameUse) -> tuple[Names, ...]:
        """The object into whose field a handler is put."""
        whole = use.operand or Operand(use.variable or "", use.variable, use.fields)
        steps = list(whole.fields)
        while steps and steps[-1].startswith("#"):
            steps.pop()
        steps = steps[:-1] if steps and steps == list(whole.fields) else steps
        while steps and (steps[-1].startswith("#") or steps[-1] in ("*", "[]", "aio_sigevent")):
            steps.pop()
        operand = replace(whole, fields=tuple(s for s in steps if not s.startswith("#")), address=False)
        return tuple(self.objects.of(operand, ProgramPoint(use.file, use.function, use.line)))

    def _of_call(self, r: Registration, call: Call, callers: CallingContext, shown: Call) -> Occurrence:
        occurrence = self._occurrence(r, shown.file, shown.line, shown.column, shown.function, self._about(r.row, call, callers))
        if r.row.mechanism == "smp_call" and call.args and call.args[-1].text.strip() in ("1", "true"):
            # the caller waits until the function has run
            occurrence = replace(occurrence, phases=tuple(dict.fromkeys((*occurrence.phases, "wait"))))
        if r.row.handler_field is None:
            return occurrence
        stores = [e for e in r.evidence if e.kind in ("assignment", "initializer") and e.file == shown.file]
        inside = [self.index.enclosing(e.file, e.line) for e in stores]
        lines = [self._begins(e.file, e.line) for e in stores]
        also = tuple((n, e.column or 1, e.file, f.name if f else None) for n, e, f in zip(lines, stores, inside, strict=True))
        return replace(occurrence, also=also)

    def _through(self, r: Registration, inner: tuple[str, int, int], file: str) -> Iterator[Occurrence]:
        """A function that hands its parameter on: the caller's call and the one inside, both about the caller's object."""
        outer = self._call(r.place.file, r.place.line, r.place.column or 1)
        call = self._call(*inner)
        if outer is None or call is None:
            return
        callers = {(call.file, call.function or ""): outer}
        for shown in (outer, call):
            if shown.file == file:
                occurrence = self._of_call(r, call, callers, shown)
                inside = f"{call.file}::{call.function}::"
                paths = [p for names in occurrence.objects for p in names]
                if paths and all(p.root.endswith("()") or p.root.startswith(inside) for p in paths):
                    occurrence = replace(occurrence, objects=tuple(self.objects.result(outer)))  # the wrapper makes the object
                yield occurrence

    def _call(self, file: str, line: int, column: int) -> Call | None:
        return next((c for c in self.index.calls(file) if c.line == line and c.column == column), None)

    def _occurrence(self, r: Registration, file: str, line: int, column: int, function: str | None, about: tuple[Names, ...]) -> Occurrence:
        api = r.via if (file, line) == (r.place.file, r.place.line) else (r.row.names or [r.via])[0]
        phases = tuple(r.row.phases) or ("bind",)
        return Occurrence(str(r.row.mechanism), file, line, column, function, api, phases, about, (r.callback,), row=r.row)

    # -- places without --------------------------------------------------------------------------------------------------------

    def _plain(self, call: Call, taken: set[tuple[int, int, str]]) -> Iterator[Occurrence]:
        if call.callee_name == "epoll_ctl" and len(call.args) > 1 and call.args[1].text.strip() == "EPOLL_CTL_DEL":
            return
        if call.callee_name in LOOPS:
            yield Occurrence("", call.file, call.line, call.column, call.function, call.callee, ("wait",), loop=LOOPS[call.callee_name])
        rows = self.corpus.rows_for_call(call) or self._stand_in(call)
        if not rows and call.callee_name:
            if self.index.functions(call.callee_name, call.file):
                yield from self._wrapping(call)
            else:
                yield from self.unknown.occurrences(call)
                call, rows = self.unknown.known(call)
        if rows and _COMMON.match(call.callee_name or "") and self.index.functions(call.callee_name or "", call.file):
            return
        for row in rows:
            if row.mechanism is None or not row.phases or (call.line, call.column, row.id) in taken:
                continue
            if row.takes_handler:
                yield from self._handler_not_found(call, row, taken)
                continue
            occurrence = self._at(call, row, self._about(row, call, {}))
            group = WAITS_FOR_GROUP.get(call.callee_name or "")
            if group is not None and group < len(call.args):
                occurrence = replace(occurrence, objects=(), group=tuple(self.objects.of(call.args[group], call)))
            yield occurrence

    def _wrapping(self, call: Call) -> Iterator[Occurrence]:
        """The call of a function of the corpus that is named after the API it wraps."""
        found = self.unknown.wrapped(call)
        for row in self.corpus.rows_for_call(found[0]) if found is not None else []:
            if found is not None and row.mechanism is not None and row.phases and not row.takes_handler:
                made = row.object_arg == "result"
                yield self._at(call, row, tuple(self.objects.result(call)) if made else self._about(row, *found))

    def _stand_in(self, call: Call) -> list[Row]:
        """The rows of a system's function that a program defines itself: by syscall(2), or under an #if where the system has none."""
        name = call.callee_name or ""
        base = name if self.corpus.knowledge.function(name) else without_prefix(name)
        found = [r for r in self.corpus.knowledge.function(base or "") if r.platform == "posix"]
        own = next(iter(self.index.functions(name, call.file)), None) if found else None
        if own is None or call.function == name or self.corpus.platform(call.file) == "linux":
            return []
        if "syscall(" in "".join(self.index.lines(own.file)[own.line - 1 : own.end_line]).replace(" ", ""):
            return found
        return found if base == name and not own.static and own.file == call.file and self.index.conditional(own.file, own.line) else []

    def _at(self, call: Call, row: Row, about: tuple[Names, ...]) -> Occurrence:
        place = (call.file, call.line, call.column, call.function, call.callee)
        return Occurrence(str(row.mechanism), *place, tuple(row.phases), about, row=row)

    def _handler_not_found(self, call: Call, row: Row, taken: set[tuple[int, int, str]]) -> Iterator[Occurrence]:
        """A binding whose handler no registration tells: none at all (NULL, SIG_IGN), or one that came as a parameter."""
        if row.handler_name is not None or any(s[:2] == (call.line, call.column) and self._same(s[2], row) for s in taken):
            return
        if row.handler_arg is not None:
            arg = self.corpus.call_argument(call, row.handler_arg)
            if arg is not None and arg.text.strip() not in _NOTHING:
                yield replace(self._at(call, row, self._about(row, call, {})), handlers=self._held(arg, call))
        elif row.handler_field is not None:
            found = list(self._stored_parameter(call, row))
            if not found and row.mechanism in _WITHOUT_HANDLER:
                found = [self._at(call, row, self._about(row, call, {}))]
            yield from found

    def _held(self, arg: Arg, call: Call) -> tuple[str, ...]:
        """The functions that flow to an argument; () where they are none or too many to say."""
        flow = self.index.flow
        nodes = [node for operand in arg.operands for node in flow.nodes_of(call, operand, False)]
        names = dict.fromkeys(flow.name(v) for node in nodes for v in flow.held[node] if flow.is_function(v))
        return tuple(names) if len(names) <= _MOST_HANDLERS else ()

    def _same(self, row_id: str, row: Row) -> bool:
        other = self.corpus.knowledge.by_id.get(row_id)
        return other is not None and other.mechanism == row.mechanism

    def _stored_parameter(self, call: Call, row: Row) -> Iterator[Occurrence]:
        """`sa.sa_handler = handler; sigaction(number, &sa, 0)` in a function that gets `handler`: one place for each caller."""
        arg = self.corpus.call_argument(call, row.object_arg) if isinstance(row.object_arg, int) else None
        base = arg.base if arg is not None else None
        members = self._members_of(row)
        for one in self.index.facts[call.file].assignments if base else []:
            if one.function != call.function or one.left.base != base or not one.left.fields or one.left.fields[-1] not in members:
                continue
            for right in one.right:
                variable = self.index.variable(right.base, call.file, call.function) if right.base else None
                if right.fields and right.text.strip() not in _NOTHING:
                    known = self._held(Arg(right.text, [right]), call)
                    also = ((one.line, one.column, one.file, one.function),)
                    yield replace(self._at(call, row, self._about(row, call, {})), handlers=known, also=also)
                if right.fields or variable is None or variable.param is None:
                    continue
                for outer in self.objects.callers(variable.function or "", call.file)[:24]:
                    given = self.corpus.call_argument(outer, variable.param)
                    names = [n for n in (given.names if given else []) if self.corpus.is_function(n, outer.file)]
                    about = self._about(row, call, {(call.file, call.function or ""): outer})
                    for name in names:
                        yield replace(self._at(call, row, about), handlers=(name,), also=((one.line, one.column, one.file, one.function),))
                        if outer.file == call.file:
                            yield replace(self._at(outer, row, about), handlers=(name,), api=outer.callee)

    def _about(self, row: Row, call: Call, callers: CallingContext) -> tuple[Names, ...]:
        """The objects a call is about: its event argument if the row has one, else its object argument or result."""
        if (number := _signal_of(call)) is not None:
            return (frozenset({ObjectPath("#" + number)}),)
        position = row.object_arg if row.event_arg is None else row.event_arg
        if position == "result":
            return tuple(self.objects.result(call))
        arg = self.corpus.call_argument(call, position) if isinstance(position, int) else None
        return tuple(self.objects.of(arg, ProgramPoint(call.file, call.function, call.line), callers)) if arg is not None else ()

    def _membership(self, call: Call) -> Membership | None:
        at = GROUPED.get(call.callee_name or "")
        if at is None or max(at) >= len(call.args):
            return None
        inside, group = (tuple(self.objects.of(call.args[n], call)) for n in at)
        return Membership(inside, group) if inside and group else None


_LAST: list[OccurrenceFinder] = []


def occurrences_of(corpus: Corpus) -> OccurrenceFinder:
    """The places of a corpus; those of the last corpus are kept."""
    if not _LAST or _LAST[0].corpus is not corpus:
        _LAST[:] = [OccurrenceFinder(corpus)]
    return _LAST[0]


def _signal_of(call: Call) -> str | None:
    """The signal that a call makes the kernel send; None for other calls and where the argument does not tell."""
    if call.callee_name in ("alarm", "ualarm"):
        return "SIGALRM"
    given = call.args[0].text.strip() if call.callee_name == "setitimer" and call.args else ""
    return {"ITIMER_REAL": "SIGALRM", "ITIMER_VIRTUAL": "SIGVTALRM", "ITIMER_PROF": "SIGPROF"}.get(given)


def _inner(r: Registration) -> tuple[str, int, int] | None:
    """The API call inside a wrapper whose caller a registration stands for."""
    if r.row.kind == "field" or r.via in r.row.names:
        return None
    found = next((e for e in r.evidence if e.kind == "call"), None)
    return (found.file, found.line, found.column or 1) if found is not None else None


def _merged(occurrences: Iterable[Occurrence]) -> list[Occurrence]:
    """Several handlers of one call and mechanism are one place, its main handler first; functions that may be the same argument of the
    call are one place each."""
    found: dict[tuple[object, ...], list[Occurrence]] = defaultdict(list)
    for one in occurrences:
        found[one.mechanism, one.file, one.line, one.column, one.objects, one.phases if not one.handlers else ()].append(one)
    made = []
    for same in found.values():
        ordered = sorted(same, key=lambda s: s.row is not None and s.row.id.endswith(_SECOND))
        main = ordered[0].row
        either = dict.fromkeys(h for s in ordered for h in s.handlers if s.row is main)
        besides = tuple(dict.fromkeys(h for s in ordered for h in s.handlers if s.row is not main))
        phases = tuple(dict.fromkeys(p for s in ordered for p in s.phases))
        also = tuple(dict.fromkeys(a for s in ordered for a in s.also))
        for handler in either or [None]:
            handlers = tuple(dict.fromkeys((*([handler] if handler else []), *besides)))
            made.append(replace(ordered[0], handlers=handlers, phases=phases, also=also))
    return made
