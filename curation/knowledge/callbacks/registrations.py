"""Which functions does a corpus register as callbacks, with which API or struct field, and what follows from the rows?

>>> [(r.callback, r.via, r.runs_in) for r in registrations(corpus)]     # of request_irq(irq, my_irq, 0, "my", dev)
[('my_irq', 'request_irq', 'hardirq')]

A callback is found as an argument (also through a local variable, a conditional, a field, or the parameter of a wrapper function), as a
name that a macro pastes (DEVICE_ATTR_RO(mode) is mode_show), or as the value of a struct's field. A field whose context depends on who
registers the object (notifier_block.notifier_call) takes the facts of the registering call. Functions that the corpus does not
define are kept (their `definition` is None). Not seen: names made by macros without a row, objects registered through a table.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from curation.csource.facts.model import Arg, Call, Function, NameUse, Operand
from curation.knowledge import Row, Variant
from curation.knowledge.callbacks.bodies import Bodies
from curation.knowledge.matching import Corpus
from curation.model import Context, Evidence, Place

_CALLED = 60  # calls of a body that are looked at for locks
_DEPTH = 3  # wrappers in wrappers
_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_CAST = re.compile(r"\s*([A-Z][A-Z0-9_]*)\s*\(\s*&?\s*([A-Za-z_]\w*)\s*\)\s*\Z")
_ONE_CALL = re.compile(r"\s*(\w+)\s*\(([\w\s,()&*]*)\)\s*\Z")
_NOT_FUNCTIONS = re.compile(r"(NULL|[A-Z][A-Z0-9_]*|true|false|SIG_\w+)\Z")


@dataclass(frozen=True)
class Registration:
    """One callback registered once. via: the API, or "struct.field". function: the one that registers, None at file scope. key: the
    object's name within the file (see Corpus.object_key), None without. runs_in, may_sleep, chain: of the row after its variants."""

    callback: str
    definition: Function | None
    row: Row
    via: str
    place: Place
    function: str | None
    key: str | None
    runs_in: Context | None
    may_sleep: bool | None
    chain: tuple[str, ...]
    evidence: tuple[Evidence, ...] = field(default=())


@dataclass(frozen=True)
class _Found:
    """A function name that an expression may be, and the call that brought it in when that was a wrapper's caller."""

    name: str
    file: str
    caller: Call | None = None


def registrations(corpus: Corpus) -> list[Registration]:
    """All registrations of the corpus, by file and line; computed once for a corpus."""
    reader = corpus.attached.get("registrations")
    if not isinstance(reader, _RegistrationFinder):
        reader = corpus.attached["registrations"] = _RegistrationFinder(corpus)
    return reader.registrations


class _RegistrationFinder:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self.bodies = Bodies(corpus.index)
        self.by_field: dict[tuple[str, str], list[NameUse]] = defaultdict(list)  # every function put into a field, rows or not
        self.held: dict[tuple[str, str | None], list[tuple[NameUse, Row]]] = defaultdict(
            list
        )  # (struct.field, object's key) -> what it holds

    @cached_property
    def registrations(self) -> list[Registration]:
        fields = [pair for file in self.index.files() for pair in self._field_uses(file)]
        for use, row in fields:
            for member in row.fields:  # sa_handler and sa_sigaction are registered by the same call
                self.held[f"{row.struct}.{member}", self._use_key(use)].append((use, row))
        found = [r for file in self.index.files() for call in self.index.calls(file) for r in self._of_call(call)]
        taken = {(r.callback, e.file, e.line) for r in found if r.row.handler_field for e in r.evidence}
        found += [self._of_field(use, row) for use, row in fields if (use.name, use.file, use.line) not in taken]
        files = {file: n for n, file in enumerate(self.index.files())}
        rows = {row_id: n for n, row_id in enumerate(self.corpus.knowledge.by_id)}
        last = len(files)  # a wrapper's caller may stand in none of the files that are gone through
        return sorted(_once(found), key=lambda r: (
            files.get(r.place.file, last), r.place.file, r.place.line, r.place.column or 1, rows[r.row.id]))

    # -- struct fields -----------------------------------------------------------------------------------------------------

    def _field_uses(self, file: str) -> Iterator[tuple[NameUse, Row]]:
        for use in self.index.facts[file].uses:
            if use.kind not in ("initializer", "assignment") or not use.fields:
                continue
            struct, member = self.corpus.field_of_use(use)
            if member is None or not self._names_function(use.name, use.file, use.function):
                continue
            if struct is not None:
                self.by_field[struct, member].append(use)
            for row in self._field_rows(use, struct, member):
                yield use, row

    def _field_rows(self, use: NameUse, struct: str | None, member: str) -> list[Row]:
        if struct is not None:
            return self.corpus.rows_for_field(struct, member, use.file)
        taken = {_parameter_struct(f) for f in self.index.functions(use.name, use.file)}
        guesses = taken.intersection(self.corpus.knowledge.structs_by_field.get(member, ()))
        return [row for guess in sorted(guesses) for row in self.corpus.rows_for_field(guess, member, use.file)]

    def _of_field(self, use: NameUse, row: Row) -> Registration:
        key = self._use_key(use)
        place = Place(file=use.file, line=use.line, column=use.column)
        return self._registration(use.name, use.file, row, f"{row.struct}.{self._member(use)}", place, use.function, key, None)

    def _use_key(self, use: NameUse) -> str | None:
        operand = use.operand or Operand(use.variable or "", use.variable, use.fields)
        steps = [s for s in use.fields[:-1] if not s.startswith("#")]
        return self.corpus.object_key([operand], use.file, use.function, fields=steps)

    # -- calls -------------------------------------------------------------------------------------------------------------

    def _of_call(self, call: Call) -> Iterator[Registration]:
        rows = self.corpus.rows_for_call(call)
        if not rows and (meant := self._by_another_name(call)):
            call, rows = meant, self.corpus.rows_for_call(meant)
        for row in rows:
            key = call_key(self.corpus, row, call)
            place = Place(file=call.file, line=call.line, column=call.column)
            if row.handler_arg is not None and (arg := self.corpus.call_argument(call, row.handler_arg)):
                for found in self._functions_of(arg, call.file, call.function, 0):
                    yield self._through(found, row, call, place, key)
            elif row.handler_name is not None and (name := _pasted(row.handler_name, call)) and self.corpus.is_function(name, call.file):
                yield self._registration(name, call.file, row, call.callee, place, call.function, key, call)
            elif row.handler_field is not None:
                yield from self._of_registered_object(row, call, place, key)

    def _by_another_name(self, call: Call) -> Call | None:
        """The call that `#define my_create(t, f) pthread_create((t), NULL, (f), NULL)` makes of my_create(...), where a function of that
        name, for other systems, kept the macro from being expanded."""
        macro = self.index.macro(call.callee_name or "", call.file)
        body = _ONE_CALL.match(macro.body) if macro is not None and macro.params is not None else None
        if macro is None or body is None or not self.index.functions(call.callee_name or "") or not self.corpus.knowledge.function(body[1]):
            return None
        given = dict(zip(macro.params or (), call.args, strict=False))
        texts = [text.strip().strip("()") for text in body[2].split(",")]
        return replace(call, callee=body[1], callee_name=body[1], args=[given.get(text, Arg(text)) for text in texts])

    def _through(self, found: _Found, row: Row, call: Call, place: Place, key: str | None) -> Registration:
        if found.caller is None:
            return self._registration(found.name, found.file, row, call.callee, place, call.function, key, call)
        outer = found.caller
        at = Place(file=outer.file, line=outer.line, column=outer.column)
        inner = Evidence(
            file=place.file, line=place.line, column=place.column, kind="call", text=self.index.line_text(place.file, place.line)
        )
        return self._registration(found.name, found.file, row, outer.callee, at, outer.function, key, call, (inner,))

    def _of_registered_object(self, row: Row, call: Call, place: Place, key: str | None) -> Iterator[Registration]:
        arg = self.corpus.call_argument(call, row.object_arg) if isinstance(row.object_arg, int) else None
        held = self.corpus.object_key(arg.operands, call.file, call.function) if arg else None
        if held is None:
            return
        matching = self.held.get((row.handler_field or "", held), [])
        for use, inner in [m for m in matching if m[0].file == call.file] or [m for m in matching if "::" not in held]:
            where = Evidence(file=use.file, line=use.line, column=use.column, kind=use.kind, text=self.index.line_text(use.file, use.line))
            made = self._registration(use.name, use.file, row, call.callee, place, call.function, key, call, (where,))
            yield _filled(made, inner)

    def _member(self, use: NameUse) -> str | None:
        return self.corpus.field_of_use(use)[1]

    # -- which functions an expression may be ------------------------------------------------------------------------------------

    def _functions_of(self, arg: Arg, file: str, function: str | None, depth: int) -> Iterator[_Found]:
        for operand in arg.operands:
            yield from self._functions_of_operand(operand, file, function, depth)

    def _functions_of_operand(self, operand: Operand, file: str, function: str | None, depth: int) -> Iterator[_Found]:
        if operand.call and (name := behind_cast(self.corpus, operand.text, file)) is not None:
            operand = Operand(name, name)
        if operand.base is None or operand.call or depth > _DEPTH:
            return
        if operand.fields:
            struct, member = self.corpus.field_of_operand(operand, file, function)
            for use in self.by_field.get((struct or "", member or ""), [])[:50]:
                yield _Found(use.name, use.file)
            return
        if self._names_function(operand.base, file, function):
            yield _Found(operand.base, file)
            return
        variable = self.index.variable(operand.base, file, function)
        if variable is None:
            return
        for value in self.corpus.values(operand.base, file, variable.function):
            for right in value.right:
                if right.base != operand.base:
                    yield from self._functions_of_operand(right, file, variable.function, depth + 1)
        if variable.param is not None and variable.function is not None:
            yield from self._from_callers(variable.function, variable.param, file, depth)

    def _from_callers(self, wrapper: str, position: int, file: str, depth: int) -> Iterator[_Found]:
        own = {f.file for f in self.index.functions(wrapper, file)}
        for call in self.index.calls_to(wrapper):
            if call.file != file and file not in own:
                continue
            if arg := self.corpus.call_argument(call, position):
                for found in self._functions_of(arg, call.file, call.function, depth + 1):
                    yield _Found(found.name, found.file, found.caller or call)

    def _names_function(self, name: str, file: str, function: str | None) -> bool:
        """A function of the corpus, or a name that can only be a function of somewhere else."""
        variable = self.index.variable(name, file, function)
        if variable is not None and (variable.function is not None or not self.corpus.is_function(name, file)):
            return False
        return self.corpus.is_function(name, file) or not (_NOT_FUNCTIONS.match(name) or self.index.macros(name))

    # -- the facts -----------------------------------------------------------------------------------------------------------

    def _registration(
        self,
        callback: str,
        file: str,
        row: Row,
        via: str,
        place: Place,
        function: str | None,
        key: str | None,
        call: Call | None,
        more: tuple[Evidence, ...] = (),
    ) -> Registration:
        runs_in, may_sleep, chain = row.runs_in, row.may_sleep, tuple(row.chain)
        for variant in row.variants:
            if self._holds(variant, row.struct, call, key, place):
                runs_in = variant.runs_in or runs_in
                may_sleep = may_sleep if variant.may_sleep is None else variant.may_sleep
                chain = chain if variant.chain is None else tuple(variant.chain)
        definition = next(iter(self.index.functions(callback, file)), None)
        at = Evidence(**place.model_dump(), kind="registration", text=self.index.line_text(place.file, place.line))
        defined = (
            (
                Evidence(
                    file=definition.file,
                    line=definition.line,
                    column=definition.column,
                    kind="definition",
                    text=self.index.line_text(definition.file, definition.line),
                ),
            )
            if definition
            else ()
        )
        return Registration(callback, definition, row, via, place, function, key, runs_in, may_sleep, chain, (at, *more, *defined))

    def _braces(self, place: Place) -> str:
        """The text of the innermost braces around a place; at most 60 lines each way."""
        lines = self.index.lines(place.file)
        before = "\n".join(lines[max(0, place.line - 60) : place.line - 1] + [lines[place.line - 1][: place.column or 0]])
        after = "\n".join([lines[place.line - 1][place.column or 0 :], *lines[place.line : place.line + 60]])
        return _inner(before[::-1], "}", "{")[::-1] + _inner(after, "{", "}")

    def _keeps_lock(self, struct: str | None, member: str, key: str | None, file: str) -> bool:
        used = [use for use, _ in self.held.get((f"{struct}.{member}", key), []) if use.file == file]
        return any(self._leaves_a_lock(f) for use in used for f in self.index.functions(use.name, use.file)[:1])

    def _leaves_a_lock(self, function: Function) -> bool:
        """Whether a function leaves a lock held or gives back one that it did not take, itself or by what it calls in its file."""
        body = self.bodies.of(function)
        called = [f for name, _, _ in body.calls[:_CALLED] for f in self.index.functions(name, function.file) if f.file == function.file]
        inner = [self.bodies.of(f) for f in called if f.name != function.name]
        return body.keeps or body.releases or any(one.keeps for one in inner) != any(one.releases for one in inner)

    def _holds(self, variant: Variant, struct: str | None, call: Call | None, key: str | None, place: Place) -> bool:
        file = place.file
        if variant.object_matches is not None:
            return re.search(variant.object_matches, self._braces(place)) is not None
        if variant.locked_by:
            return any(self._keeps_lock(struct, member, key, file) for member in variant.locked_by)
        if variant.file_matches is not None:
            return re.search(variant.file_matches, self.index.text(file)) is not None
        api, number, pattern = variant.api, variant.arg or 0, variant.matches or ""
        if api is None:
            arg = self.corpus.call_argument(call, number) if call else None
            return arg is not None and re.search(pattern, arg.text) is not None
        return any(
            re.search(pattern, other.args[number].text)
            for other in self.index.calls_to(api)
            if other.file == file
            and number < len(other.args)
            and any(call_key(self.corpus, row, other) == key for row in self.corpus.knowledge.function(api))
        )


def _inner(text: str, opens: str, closes: str) -> str:
    """The text up to the brace that closes what is open at its start."""
    depth = 0
    for at, char in enumerate(text):
        if char == opens:
            depth += 1
        elif char == closes:
            depth -= 1
            if depth < 0:
                return text[:at]
    return text


def call_key(corpus: Corpus, row: Row, call: Call) -> str | None:
    """The object a call is about: its event argument if the row has one, else its object argument or result."""
    position = row.object_arg if row.event_arg is None else row.event_arg
    if position == "result":
        left = corpus.result_of(call)
        return corpus.object_key([left], call.file, call.function) if left else None
    arg = corpus.call_argument(call, position) if isinstance(position, int) else None
    return corpus.object_key(arg.operands, call.file, call.function) if arg else None


def _filled(registration: Registration, inner: Row) -> Registration:
    """A call that registers an object says what it knows; the rest stands in the row of the object's field."""
    changes: dict[str, object] = {}
    if registration.runs_in is None and registration.row.trigger is None:
        changes = {"runs_in": inner.runs_in, "may_sleep": inner.may_sleep, "chain": tuple(inner.chain)}
    trigger_row = registration.row if registration.row.trigger else registration.row.model_copy(update={"trigger": inner.trigger})
    return Registration(**{**registration.__dict__, **changes, "row": trigger_row})


def behind_cast(corpus: Corpus, text: str, file: str) -> str | None:
    """The name within a macro of one argument that the corpus does not define: `G_CALLBACK(on_clicked)` is a cast. None for other texts."""
    found = _CAST.match(text)
    if found is None or corpus.is_function(found[1], file) or corpus.index.macros(found[1]):
        return None
    return found[2]


def _pasted(pattern: str, call: Call) -> str | None:
    """The name a macro makes, e.g. "{0}_show" of DEVICE_ATTR_RO(mode); None when an argument is missing or is no name."""
    try:
        name = pattern.format(*(a.text.strip() for a in call.args))
    except IndexError:
        return None
    return name if _NAME.match(name) else None


def _parameter_struct(function: Function) -> str:
    """The struct that a function's first parameter points to: "hrtimer" for `struct hrtimer *t`."""
    text = function.params[0][1] if function.params else ""
    found = re.search(r"struct (\w+)", text)
    return found.group(1) if found else ""


def _once(found: list[Registration]) -> list[Registration]:
    unique = {(r.callback, r.row.id, r.via, r.place.file, r.place.line, r.place.column): r for r in found}
    return list(unique.values())
