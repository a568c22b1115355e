"""Which facts do the corpus's own macros hide? Their invocations are expanded and parsed; what is found belongs to the invocation's place.

A call inside a macro's body is a call at the line where the macro is invoked, as a debugger counts. Expanded are: invocations whose
expansion calls through a pointer, pastes names, assigns, defines or holds an initializer; elements of initializers that are macros
(tables made by X-macros).

>>> build_index([("a.c", "#define CALL(p) (p)->go(p)\\nvoid f(struct s *x) { CALL(x); }")]).calls("a.c")[-1].macro
'CALL'
"""
from __future__ import annotations

import math
import time
from collections.abc import Container, Iterator, Set
from dataclasses import replace

from curation.csource.facts.model import Call, FactsProblem, FileFacts
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import ExpansionCache, Macros
from curation.csource.macros.invocations import InvocationParser
from curation.csource.macros.local_names import LocalNames
from curation.csource.macros.operand_macros import OperandMacros
from curation.csource.macros.relevance import Relevance
from curation.csource.macros.reparse import Reparser
from curation.csource.macros.summaries import summarized_calls

_MAX_INVOCATIONS = 50_000  # of one file


class Expander:
    """Adds to a file's facts what its macro invocations stand for. functions, fields: the names of all of the corpus; callables: those
    of the fields, and of the variables at file scope, that may hold a function. dependencies: where what is given here counts lookups."""

    def __init__(
        self, macros: Macros, functions: Set[str], fields: Set[str], callables: Set[str], reparser: Reparser,
        dependencies: Dependencies | None = None,
    ) -> None:
        dependencies = dependencies if dependencies is not None else Dependencies()
        self.macros, self.functions, self.reparser = macros, functions, reparser
        macros.functions = functions
        self.limit_s = math.inf  # processor time for the invocations of one file
        self._left = 0  # invocations that may still be parsed in this file
        self._expansions = ExpansionCache(macros)
        self._relevance = Relevance(macros, functions, callables, dependencies)
        self._operands = OperandMacros(macros, functions, fields, dependencies, self._expansions)
        self._invocations = InvocationParser(macros, functions, self._expansions)

    def expand(self, file: str) -> FileFacts:
        """The facts of one file of a corpus of which no other file is expanded here."""
        again = self.reparser.template(file)
        one = again if again is not None else self.reparser.tables(file, self.functions)
        if one is None:
            one = self.reparser.facts[file]
        self.add_to(one)
        return one

    def add_to(self, one: FileFacts) -> None:
        """Adds to facts as they were parsed."""
        self._left = _MAX_INVOCATIONS
        self._expansions.forget()
        local = LocalNames(one)
        self._operands.spread_arguments(one, local)
        self._operands.put_places(one, local)
        one.calls.extend(_calls_at_invocation(one, self.macros.by_name))
        for found in [*self._statements(one, local), *self._values(one, local), *self._literals(one, local)]:
            one.functions.extend(found.functions)
            one.calls.extend(found.calls)
            one.uses.extend(found.uses)
            one.assignments.extend(found.assignments)
            one.variables.extend(found.variables)
            one.structs.extend(found.structs)
            one.typedefs.extend(found.typedefs)

    def _statements(self, one: FileFacts, local: LocalNames) -> Iterator[FileFacts]:
        """What the invocations of macros stand for."""
        until = time.process_time() + self.limit_s
        for call in one.calls:
            name = call.callee_name
            if name is None or name not in self.macros.by_name or self._left <= 0:
                continue
            names = local.within(call.function)
            calls_local = not self._relevance.called(name).isdisjoint(names)
            if not self._relevance.hides_facts(name) and not calls_local:
                continue
            if time.process_time() > until:
                self._left = 0
                why = f"its macros need more than {self.limit_s:g} s; those from this line on stand as they are written"
                one.problems.append(FactsProblem(one.file, "unexpanded", why, call.line))
                continue
            summary = self._relevance.summary(name, call)
            if summary is None or not summary.only_calls or calls_local or self._relevance.passes_function(call, local.types):
                self._left -= 1
                yield from self._invocations.statements(name, call, names)
            else:
                yield FileFacts(one.file, calls=summarized_calls(summary, call))

    def _values(self, one: FileFacts, local: LocalNames) -> Iterator[FileFacts]:
        """What is assigned by macros as values."""
        for assignment in one.assignments:
            for operand in assignment.right:
                if operand.base in self.macros.by_name and not operand.fields and self._left > 0:
                    self._left -= 1
                    found = self._invocations.value(assignment, operand, local.within(assignment.function))
                    if found is not None:
                        yield found

    def _literals(self, one: FileFacts, local: LocalNames) -> Iterator[FileFacts]:
        """What macros as arguments put into literals of structs."""
        for call in one.calls:
            for operand in (operand for arg in call.args for operand in arg.operands):
                if operand.base not in self.macros.by_name or operand.fields or not self._invocations.makes_literal(operand.base):
                    continue
                if self._left > 0:
                    self._left -= 1
                    yield self._invocations.literal(call, operand, local.within(call.function))


def _calls_at_invocation(one: FileFacts, macros: Container[str | None]) -> list[Call]:
    """Calls through pointers in the arguments of a macro that is written over several lines, once more at the line where the macro
    begins: there a debugger sees them, while a person reads them where they stand."""
    wide = [c for c in one.calls if c.end_line > c.line and c.function is not None and c.callee_name in macros]
    if not wide:
        return []
    indirect: dict[int, list[Call]] = {}
    for call in one.calls:
        if call.kind == "indirect":
            indirect.setdefault(call.line, []).append(call)
    found: list[Call] = []
    done = 0
    for outer in sorted(wide, key=lambda c: (c.line, c.column)):
        if outer.line < done:  # within another macro's arguments
            continue
        done = outer.end_line
        for line in range(outer.line + 1, outer.end_line + 1):
            found.extend(replace(c, line=outer.line, column=outer.column, macro=outer.callee_name) for c in indirect.get(line, ()))
    return found
