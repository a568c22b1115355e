"""When does a callback run that is handed to a function of the corpus for which there is no row?

Read off the code: the parameter that takes the callback is called in the same function (so it runs before that returns: "sync"), handed
on to another function, or stored in a field; then the functions that call through the field say it, when their own context is known.
Whatever cannot be read this way stays None.

>>> [(i.callback, i.runs_in) for i in inferred(corpus, None)]     # of: int each(int (*f)(int)) { return f(1); }   each(my_f);
[('my_f', 'sync')]

Not covered: functions reached through further pointers, contexts that differ along two ways (None then).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from curation.csource.facts import Call, Function
from curation.knowledge.contexts import Contexts
from curation.knowledge.corpus import Corpus
from curation.knowledge.registrations import registrations
from curation.model import Context, Evidence, Place

_DEPTH = 3


@dataclass(frozen=True)
class Inferred:
    """A callback handed to `via` at `place`. caller: the function that calls it through the pointer, as far as found."""

    callback: str
    definition: Function
    via: str
    place: Place
    function: str | None
    runs_in: Context | None
    may_sleep: bool | None
    caller: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class _Use:
    """How a parameter is used: the indirect call that uses it. same: before the receiving function returns."""

    call: Call
    same: bool


def inferred(corpus: Corpus, files: list[str] | None) -> Iterator[Inferred]:
    """Callbacks handed to in-corpus functions without a row, in the order of files and lines. files: only callbacks defined in these."""
    reader = _Reader(corpus)
    known = {(r.callback, r.place.file, r.place.line) for r in registrations(corpus)}
    for file in corpus.index.files():
        for call in corpus.index.calls(file):
            if call.callee_name is None or corpus.rows_for_call(call):
                continue
            for position, arg in enumerate(call.args):
                for name in arg.names:
                    if (name, call.file, call.line) in known or not (found := reader.callback(name, call)):
                        continue
                    if (files is None or found.file in files) and (use := reader.use_of(call.callee_name, call.file, position, 0)):
                        yield reader.said(found, call, use)


class _Reader:
    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.index = corpus.index
        self._uses: dict[tuple[str, int, str, int], _Use | None] = {}
        self._contexts = Contexts(corpus)
        self._through: dict[tuple[str, str], list[Call]] = defaultdict(list)
        for file in self.index.files():
            for call in self.index.calls(file):
                if call.kind == "indirect" and call.operand.fields:
                    struct, member = corpus.field_of_operand(call.operand, call.file, call.function)
                    if struct and member:
                        self._through[struct, member].append(call)

    def callback(self, name: str, call: Call) -> Function | None:
        """The function that a bare name in an argument is, None when it is a variable or not defined in the corpus."""
        variable = self.index.variable(name, call.file, call.function)
        if variable is not None and variable.function is not None:
            return None
        return next(iter(self.index.functions(name, call.file)), None)

    def use_of(self, callee: str, file: str, position: int, depth: int) -> _Use | None:
        function = next(iter(self.index.functions(callee, file)), None)
        if function is None or position >= len(function.params) or depth > _DEPTH:
            return None
        key = (function.file, function.start_line, function.name, position)
        if key not in self._uses:
            self._uses[key] = None  # a recursive function finds nothing the second time
            self._uses[key] = self._find(function, function.params[position][0], depth)
        return self._uses[key]

    def _find(self, function: Function, parameter: str, depth: int) -> _Use | None:
        inside = [c for c in self.index.calls(function.file) if function.start_line <= c.line <= function.end_line]
        for call in inside:
            if call.operand.base == parameter and not any(s.isidentifier() for s in call.operand.fields) and not call.operand.call:
                return _Use(call, same=True)
        for call in inside:
            for position, arg in enumerate(call.args):
                if parameter in arg.names and call.callee_name and call.callee_name != function.name:
                    if use := self.use_of(call.callee_name, call.file, position, depth + 1):
                        return use
        return self._stored(function, parameter)

    def _stored(self, function: Function, parameter: str) -> _Use | None:
        for one in self.index.facts[function.file].assignments:
            if one.function != function.name or not one.left.fields or not any(r.base == parameter and not r.fields for r in one.right):
                continue
            struct, member = self.corpus.field_of_operand(one.left, one.file, one.function)
            calls = self._through.get((struct or "", member or ""), [])
            if calls:
                within = next((c for c in calls if c.function == function.name), None)
                return _Use(within, same=True) if within else _Use(calls[0], same=False)
        return None

    def said(self, callback: Function, call: Call, use: _Use) -> Inferred:
        runs_in: Context | None = "sync" if use.same else None
        may_sleep: bool | None = None
        if where := self._contexts.of(use.call.file, use.call.function) if not use.same else None:
            runs_in, may_sleep = where
        lines = [
            (call.file, call.line, "registration"),
            (use.call.file, use.call.line, "call"),
            (callback.file, callback.line, "definition"),
        ]
        evidence = tuple(Evidence(file=f, line=n, kind=kind, text=self.index.line_text(f, n)) for f, n, kind in lines)
        return Inferred(
            callback.name,
            callback,
            call.callee,
            Place(file=call.file, line=call.line, column=call.column),
            call.function,
            runs_in,
            may_sleep,
            use.call.function or "",
            evidence,
        )
