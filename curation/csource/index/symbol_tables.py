"""By which names can the facts of a corpus be looked up? The protocol of the tables, and the ones that hold a small corpus in memory.

>>> MemoryTables({"a.c": facts}).functions.get("my_open")
[Function(name='my_open', ...)]

The tables of a big corpus are in storage/folder_tables.py: the same names, read from disk.
"""
from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cached_property
from posixpath import dirname
from typing import Protocol

from curation.csource.facts.model import Call, FactsProblem, FileFacts, Function, NameUse, Prototype, Struct, Typedef, Variable


class SymbolTables(Protocol):
    """Each list is in the order of the files, and of the lines in them. globals: variables at file scope."""

    @property
    def functions(self) -> Mapping[str, list[Function]]: ...
    @property
    def globals(self) -> Mapping[str, list[Variable]]: ...
    @property
    def structs(self) -> Mapping[str, list[Struct]]: ...
    @property
    def typedefs(self) -> Mapping[str, list[Typedef]]: ...
    @property
    def prototypes(self) -> Mapping[str, list[Prototype]]: ...

    def functions_of(self, file: str) -> list[Function]:
        """The functions of one file, as its facts list them; [] for a file that was not given."""
        ...

    def locals(self, file: str, function: str) -> list[Variable]:
        """Variables and parameters of the functions of that name in the file."""
        ...

    def problems(self) -> list[FactsProblem]:
        """Of all files."""
        ...

    def calls_to(self, name: str, within: Container[str] | None = None) -> list[Call]:
        """Direct calls of the name. within: files; None for all."""
        ...

    def uses(self, name: str, within: Container[str] | None = None) -> list[NameUse]:
        """Places where the name is used as a value."""
        ...

    def beside(self, file: str, handed: bool = False) -> list[str]:
        """The files of the same folder that share functions with this one: call them, use them, or define what it calls. handed: only those
        that use them as values, or define what they are handed to. In order."""
        ...


def called_from(one: FileFacts, handed: bool) -> set[str]:
    """The functions that a file calls; handed: those to which it hands a function of its own."""
    own = {f.name for f in one.functions}
    return {c.callee_name for c in one.calls
            if c.callee_name and (not handed or any(name in own for arg in c.args for name in arg.names))}


class MemoryTables:
    """See SymbolTables."""

    def __init__(self, facts: Mapping[str, FileFacts]) -> None:
        self.facts = facts
        self.functions: dict[str, list[Function]] = {}
        self.globals: dict[str, list[Variable]] = {}
        self.structs: dict[str, list[Struct]] = {}
        self.typedefs: dict[str, list[Typedef]] = {}
        self.prototypes: dict[str, list[Prototype]] = {}
        self._locals: dict[tuple[str, str], list[Variable]] = {}
        for one in facts.values():
            self._add(one)

    def _add(self, one: FileFacts) -> None:
        for function in one.functions:
            self.functions.setdefault(function.name, []).append(function)
        for variable in one.variables:
            if variable.function is None:
                self.globals.setdefault(variable.name, []).append(variable)
            else:
                self._locals.setdefault((one.file, variable.function), []).append(variable)
        for struct in one.structs:
            self.structs.setdefault(struct.name, []).append(struct)
        for typedef in one.typedefs:
            self.typedefs.setdefault(typedef.name, []).append(typedef)
        for prototype in one.prototypes:
            self.prototypes.setdefault(prototype.name, []).append(prototype)

    def functions_of(self, file: str) -> list[Function]:
        return self.facts[file].functions if file in self.facts else []

    def locals(self, file: str, function: str) -> list[Variable]:
        return self._locals.get((file, function), [])

    def problems(self) -> list[FactsProblem]:
        return [problem for one in self.facts.values() for problem in one.problems]

    def calls_to(self, name: str, within: Container[str] | None = None) -> list[Call]:
        return [c for c in self._calls.get(name, []) if within is None or c.file in within]

    def uses(self, name: str, within: Container[str] | None = None) -> list[NameUse]:
        return [u for u in self._uses.get(name, []) if within is None or u.file in within]

    def beside(self, file: str, handed: bool = False) -> list[str]:
        defined = [f.name for f in self.functions_of(file)]
        found = {u.file for name in defined for u in self.uses(name)} | {file}
        found |= {c.file for name in defined for c in self.calls_to(name)} if not handed else set()
        found |= {f.file for name in called_from(self.facts[file], handed) for f in self.functions.get(name, [])}
        return [one for one in self.facts if one in found and dirname(one) == dirname(file)]

    @cached_property
    def _calls(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = {}
        for one in self.facts.values():
            for call in one.calls:
                if call.callee_name is not None:
                    found.setdefault(call.callee_name, []).append(call)
        return found

    @cached_property
    def _uses(self) -> dict[str, list[NameUse]]:
        found: dict[str, list[NameUse]] = {}
        for one in self.facts.values():
            for use in one.uses:
                found.setdefault(use.name, []).append(use)
        return found
