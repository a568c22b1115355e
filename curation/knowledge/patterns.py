"""Which places of a file belong to one use of an asynchronous mechanism?

A pattern is one object (a work item, a timer, a descriptor) or, where the API names none, one handler, with the places that bind a
handler to it, trigger it, execute and wait. Places are tied by the object's name (Corpus.object_key): `&dev->work` at
INIT_WORK and at schedule_work is the same object when both bases have the same struct type.

>>> [(p.mechanism, p.handlers, [(s.phase, s.line) for s in p.steps]) for p in patterns(corpus, ["a.c"])]
[('workqueue', ['my_work'], [('bind', 4), ('trigger', 9), ('execute', 1)])]

A step that stands in another file is added when the struct of the object is known on both sides. Not covered: objects in tables,
objects that change their name by being passed on as a parameter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import dirname

from curation.csource.facts import Call, Function
from curation.knowledge import Row
from curation.knowledge.corpus import Corpus
from curation.knowledge.registrations import Registration, call_key, registrations
from curation.model import Phase

_ORDER: dict[Phase, int] = {"bind": 0, "trigger": 1, "execute": 2, "wait": 3}
_DESCRIPTORS = {"eventfd", "timerfd"}  # triggered and awaited by plain read(2) and write(2) on the descriptor
_READING = {"read", "poll", "select"}
# eventfd(2), timerfd_create(2): such a descriptor is read and written by 8-byte integers only. `uint64_t` and what it is typedef'd to.
_EIGHT_BYTES = {"uint64_t", "u64", "__u64", "eventfd_t", "unsigned long long", "unsigned long", "uint64", "int64_t", "long long", "long"}


@dataclass(frozen=True)
class Step:
    """One place. api: the function, macro or field there; the handler's name for execute. handler: the one bound or executed there."""

    phase: Phase
    file: str
    line: int
    column: int
    function: str | None
    api: str
    handler: str | None = field(default=None, compare=False)


@dataclass
class Pattern:
    """key: the object's name, "" where the API names none. handlers: those of the mechanism, in the order of the places that bind them."""

    mechanism: str
    file: str
    key: str
    steps: list[Step] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)


def patterns(corpus: Corpus, files: list[str] | None) -> Iterator[Pattern]:
    """The patterns of each file, by their first place. files: only these (None: all)."""
    finder = _Finder(corpus)
    for file in corpus.index.files() if files is None else files:
        yield from sorted(
            finder.of_file(file), key=lambda p: (min((s.line, s.column) for s in p.steps if s.file == p.file), p.mechanism)
        )


class _Finder:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self.registered: dict[str, list[Registration]] = defaultdict(list)
        self.elsewhere: dict[tuple[str, str], list[tuple[Registration, list[Step]]]] = defaultdict(list)
        for r in registrations(corpus):
            self.registered[r.place.file].append(r)
            if r.row.mechanism and r.key and "." in r.key and not r.key.startswith("?"):
                self.elsewhere[r.row.mechanism, r.key].append((r, _steps_of(r)))

    def of_file(self, file: str) -> list[Pattern]:
        found: dict[tuple[str, str], Pattern] = {}
        loose: list[tuple[str, Step]] = []
        for r in self.registered.get(file, []):
            if r.row.mechanism is not None:
                self._add(found, r.row.mechanism, file, r.key or f"={r.callback}", _steps_of(r), r.callback)
        for call in self.index.calls(file):
            for row in self.corpus.rows_for_call(call):
                if row.mechanism is None or row.handler_arg is not None or row.handler_name is not None:
                    if row.mechanism is None or not row.phases or self._known_handler(found, row, call):
                        continue
                key = call_key(self.corpus, row, call)
                steps = [Step(phase, file, call.line, call.column, call.function, call.callee) for phase in row.phases]
                if key is None:
                    loose += [(row.mechanism, step) for step in steps]
                else:
                    self._add(found, row.mechanism, file, key, steps)
        self._merge_unknown_structs(found)
        self._join_only_handler(found)
        self._descriptors(found, file)
        self._self_pipes(found, file)
        self._loose(found, file, loose)
        for pattern in found.values():
            self._complete(pattern)
            pattern.steps = sorted(dict.fromkeys(pattern.steps), key=lambda s: (s.file != file, _ORDER[s.phase], s.file, s.line, s.column))
        return [p for p in found.values() if any(s.file == file for s in p.steps)]

    def _known_handler(self, found: dict[tuple[str, str], Pattern], row: Row, call: Call) -> bool:
        """Whether the registrations have this call already: its handler was found (then nothing is to be added)."""
        return any(
            s.file == call.file and s.line == call.line and s.api == call.callee
            for p in found.values()
            if p.mechanism == row.mechanism
            for s in p.steps
        ) or self._no_handler(row, call)

    def _no_handler(self, row: Row, call: Call) -> bool:
        """`request_threaded_irq(irq, NULL, fn, ...)` has no primary handler, `signal(SIGPIPE, SIG_IGN)` none at all."""
        arg = self.corpus.call_argument(call, row.handler_arg) if row.handler_arg is not None else None
        return arg is None or arg.text.strip() in ("NULL", "0", "SIG_IGN", "SIG_DFL", "nullptr")

    @staticmethod
    def _add(
        found: dict[tuple[str, str], Pattern], mechanism: str, file: str, key: str, steps: list[Step], handler: str | None = None
    ) -> None:
        pattern = found.setdefault((mechanism, key), Pattern(mechanism, file, key))
        pattern.steps += steps
        if handler is not None and handler not in pattern.handlers:
            pattern.handlers.append(handler)

    def _merge_unknown_structs(self, found: dict[tuple[str, str], Pattern]) -> None:
        """ "?.work" is "foo.work" when no other struct's `work` is used with the mechanism in the file."""
        for mechanism, key in [k for k in found if k[1].startswith("?.")]:
            same = [k for k in found if k[0] == mechanism and k[1] != key and k[1].endswith(key[1:])]
            if len(same) == 1:
                loose = found.pop((mechanism, key))
                found[same[0]].steps += loose.steps
                found[same[0]].handlers += [h for h in loose.handlers if h not in found[same[0]].handlers]

    @staticmethod
    def _join_only_handler(found: dict[tuple[str, str], Pattern]) -> None:
        """A place whose object is a local variable (`free_irq(irq, dev)`) belongs to the file's only pattern with a handler, if there is
        one. irq and threaded_irq are released and awaited by the same calls."""
        for mechanism in {m for m, _ in found}:
            kin = {mechanism, "threaded_irq"} if mechanism == "irq" else {mechanism}
            handled = [k for k in found if k[0] in kin and found[k].handlers]
            for key in [k for k in found if k[0] == mechanism and not found[k].handlers and ("::" in k[1] or len(kin) > 1)]:
                if len({tuple(found[k].handlers) for k in handled}) == 1:
                    found[handled[0]].steps += found.pop(key).steps

    def _loose(self, found: dict[tuple[str, str], Pattern], file: str, loose: list[tuple[str, Step]]) -> None:
        """Places that name no object (flush_scheduled_work(), rcu_barrier()) belong to the file's only pattern of the mechanism, else to
        one of their own for each function."""
        for mechanism, step in loose:
            same = [p for k, p in found.items() if k[0] == mechanism and not p.key.startswith("@")]
            if len(same) == 1:
                same[0].steps.append(step)
            else:
                self._add(found, mechanism, file, f"@{step.function}", [step])

    def _descriptors(self, found: dict[tuple[str, str], Pattern], file: str) -> None:
        kinds = {p.key: p for (mechanism, _), p in found.items() if mechanism in _DESCRIPTORS}
        for call in self.index.calls(file) if kinds else []:
            if call.callee_name not in ("read", "write") or not call.args:
                continue
            pattern = kinds.get(self.corpus.object_key(call.args[0].operands, file, call.function) or "")
            if pattern is not None and self._moves_eight_bytes(call):
                phase: Phase = "wait" if call.callee_name == "read" else "trigger"
                pattern.steps.append(Step(phase, file, call.line, call.column, call.function, call.callee))

    def _moves_eight_bytes(self, call: Call) -> bool:
        """Whether a read or write may be one of an eventfd or timerfd: not when its buffer is known to be something else than a 64-bit
        integer, as for another descriptor kept in the same field."""
        buffers = [o for o in call.args[1].operands if o.base and not o.call] if len(call.args) > 1 else []
        known = [kind for o in buffers if (kind := self.index.type_of(call, o)) is not None]
        return not known or any(re.sub(r"\b(const|volatile|static)\b|[*&]", "", str(kind)).strip() in _EIGHT_BYTES for kind in known)

    def _self_pipes(self, found: dict[tuple[str, str], Pattern], file: str) -> None:
        """A pipe whose end a signal handler writes to: the loop that reads it is woken by the signal."""
        handlers = {r.callback for r in self.registered.get(file, []) if r.runs_in == "signal"}
        ends = {
            self.corpus.object_key(call.args[0].operands, file, call.function): call
            for call in self.index.calls(file)
            if handlers and call.callee_name in ("pipe", "pipe2") and call.args
        }
        for call in self.index.calls(file) if ends else []:
            key = self.corpus.object_key(call.args[0].operands, file, call.function) if call.args else None
            if key in ends and key is not None and call.callee_name == "write" and call.function in handlers:
                made = ends[key]
                bind = Step("bind", file, made.line, made.column, made.function, made.callee)
                self._add(found, "self_pipe", file, key, [bind, Step("trigger", file, call.line, call.column, call.function, call.callee)])
        for call in self.index.calls(file) if ends else []:
            key = self.corpus.object_key(call.args[0].operands, file, call.function) if call.args else None
            if ("self_pipe", key) in found and call.callee_name in _READING:
                found["self_pipe", key or ""].steps.append(Step("wait", file, call.line, call.column, call.function, call.callee))

    def _complete(self, pattern: Pattern) -> None:
        """Adds the binding from another file when this one has none, and where the handlers are."""
        if not pattern.handlers:
            known = self.elsewhere.get((pattern.mechanism, pattern.key), [])
            same = [k for k in known if dirname(k[0].place.file) == dirname(pattern.file)] or known
            for r, steps in same[:3]:
                pattern.steps += steps
                if r.callback not in pattern.handlers:
                    pattern.handlers.append(r.callback)
        for handler in pattern.handlers:
            if definition := self._definition(handler, pattern):
                pattern.steps.append(Step("execute", definition.file, definition.line, definition.column, handler, handler, handler))

    def _definition(self, handler: str, pattern: Pattern) -> Function | None:
        files = [pattern.file, *(s.file for s in pattern.steps)]
        return next((f for file in files for f in self.index.functions(handler, file)), None)


def _steps_of(r: Registration) -> list[Step]:
    """What the registering call or initializer means. A field holds the handler; setting it binds."""
    place = r.place
    return [Step(phase, place.file, place.line, place.column or 1, r.function, r.via, r.callback) for phase in r.row.phases or ["bind"]]
