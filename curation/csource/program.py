"""What does a whole C program do? The one object that tasks ask: where names are defined and used, what flows, which functions a call
reaches.

>>> program = build_index([("a.c", "static int f(void) { return 0; } int (*p)(void) = f; int g(void) { return p(); }")])
>>> [c.name for c in program.resolve(next(c for c in program.calls() if c.kind == "indirect"))]
['f']

A program is an index (lookup), with the solution of its constraints and the resolution of its calls. What is made of it elsewhere and ends
with it (the knowledge rows matched to it, its callers) is kept by `once`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, TypeVar, cast

from curation.csource.facts.model import Assignment, Call, NameUse
from curation.csource.index.lookup import Index, ReadCorpus
from curation.csource.pointsto.solution import Solution
from curation.csource.targets.resolution import Resolution
from curation.csource.targets.resolve import resolve
from curation.csource.typesystem.c_types import parse_type
from curation.model import Candidate

SMALL = 3000  # files of a corpus that is gone through as one
T = TypeVar("T")


class Program(Index):
    """solve: gives the solution when it is first asked for, solved then or read where it is kept."""

    def __init__(self, corpus: ReadCorpus, solve: Callable[[Index], Solution] = Solution, only: Iterable[str] | None = None) -> None:
        super().__init__(corpus, only)
        self._solve = solve
        self._made: dict[Callable[..., object], tuple[tuple[object, ...], object]] = {}

    @cached_property
    def flow(self) -> Solution:
        """The solved constraints over the whole corpus."""
        return self._solve(self)

    def resolution(self, call: Call) -> Resolution:
        """The candidates of a call with the step that found them and whether they are all."""
        return resolve(self, self.flow, call)

    def resolve(self, call: Call) -> list[Candidate]:
        """The functions an indirect call may reach, best first, with evidence; [] when none is found. For a direct call its definitions."""
        return self.resolution(call).candidates

    def field_of(self, use: NameUse | Assignment) -> tuple[str | None, str] | None:
        """(struct, field) that a use or assignment puts its value into: ("struct ops", "open"); struct None where it is not known; None
        for a plain variable. Positional initializers are named by the struct's definition, "#2" where there is none."""
        if isinstance(use, Assignment):
            return self.flow.field_key(use, use.left)
        if use.operand is not None:
            return self.flow.field_key(use, use.operand)
        if not use.fields:
            return None
        return self.types.walk(parse_type(use.struct) if use.struct else None, use.fields, use.file)[1]

    def near(self, files: list[str] | None, handed: bool = False) -> Program:
        """For tasks that read what belongs together: of a big corpus what is around these files; else itself. handed: see around."""
        return self if files is None or len(self.facts) <= SMALL else self.around(files, handed)

    def around(self, files: Iterable[str], handed: bool = False) -> Program:
        """The same program, where only these files and those of their folders that share functions with them are gone through: files()
        tells no others, calls_to() and uses() none of other folders. What is asked otherwise, and what flows, is that of the whole corpus.
        handed: share them as values, see SymbolTables.beside."""
        only = dict.fromkeys(
            other for file in files for other in (file, *(self.tables.beside(file, handed) if file in self.facts else ())))
        return self.once(_restricted, *only)

    def once(self, make: Callable[..., T], *given: object) -> T:
        """What `make(program, *given)` makes: made once, again where other things are given, forgotten with the program."""
        known = self._made.get(make)
        if known is None or known[0] != given:
            known = self._made[make] = (given, make(self, *given))
        return cast(T, known[1])


def _restricted(program: Program, *only: Any) -> Program:
    return Program(program.corpus, lambda _: program.flow, only)
