"""Of which type is an operand where it stands, as far as naming its object depends on it: a struct, an array, an element, a number?

>>> OperandTypes(index).struct(CType("struct priv", ("*",)), "a/probe.c")
'struct priv@a/priv.h'
"""

from __future__ import annotations

from posixpath import commonpath, dirname
from typing import NamedTuple

from curation.csource.facts.model import Operand, Variable
from curation.csource.index.lookup import Index
from curation.csource.typesystem.c_types import CType, parse_type


class ProgramPoint(NamedTuple):
    """A place in a function, as far as names depend on it."""

    file: str
    function: str | None
    line: int


class OperandTypes:
    def __init__(self, index: Index) -> None:
        self.index = index

    def base_type(self, operand: Operand, at: ProgramPoint) -> CType | None:
        if operand.cast is not None and not operand.call:
            return self.index.types.expand(parse_type(operand.cast), at.file)
        if operand.base is None:
            return None
        if operand.call:
            texts = [f.return_type for f in self.index.functions(operand.base, at.file)]
            texts += [p.return_type for p in self.index.prototypes(operand.base)[:1]]
            return self.index.types.expand(parse_type(texts[0]), at.file) if texts else None
        variable = self.index.variable(operand.base, at.file, at.function)
        return self.index.types.expand(parse_type(variable.type), at.file) if variable is not None and variable.type else None

    def field_type(self, kind: CType | None, step: str, file: str) -> CType | None:
        text = self.index.types.fields(kind.base, file).get(step) if kind is not None else None
        return self.index.types.expand(parse_type(text), file) if text is not None else None

    def struct(self, kind: CType | None, file: str) -> str | None:
        """The struct as a root: with the file that defines it, so that two drivers' `struct priv` are two."""
        if kind is None:
            return None
        name = self.index.types.struct_name(kind)
        if name is None:
            known = kind.base not in ("void", "char", "int") and kind.base.isidentifier()
            return kind.base if known else None
        files = [s.file for s in self.index.structs(name) or self.index.structs(kind.base)]
        if not files:
            return name
        nearest = file if file in files else max(files, key=lambda f: (len(_shared(f, file)), f.endswith(".h"), f))
        return f"{name}@{nearest}"

    def is_array(self, operand: Operand, at: ProgramPoint) -> bool:
        kind = self.of_path(operand, at, operand.fields)
        return kind is not None and kind.derived[:1] == ("[]",)

    def is_element(self, operand: Operand, at: ProgramPoint) -> bool:
        """Whether the operand ends with a subscript of a pointer."""
        kind = self.of_path(operand, at, operand.fields[:-1]) if operand.fields[-1:] == ("[]",) else None
        return kind is not None and kind.derived[:1] == ("*",)

    def of_path(self, operand: Operand, at: ProgramPoint, fields: tuple[str, ...]) -> CType | None:
        kind = self.base_type(operand, at)
        for step in fields:
            if step in ("*", "[]"):
                kind = CType(kind.base, kind.derived[1:]) if kind is not None and kind.derived else None
            else:
                kind = self.field_type(kind, step, at.file)
        return kind

    def is_struct(self, variable: Variable, at: ProgramPoint) -> bool:
        kind = self.index.types.expand(parse_type(variable.type), at.file) if variable.type else None
        return kind is not None and kind.base.startswith(("struct ", "union ")) and "*" not in kind.derived

    def is_number(self, name: str, at: ProgramPoint) -> bool:
        """Whether the local is an integer (an interrupt, a descriptor): where it is copied to is the same one."""
        variable = self.index.variable(name, at.file, at.function)
        kind = parse_type(variable.type) if variable is not None and variable.type else None
        return kind is not None and not kind.derived and kind.base in ("int", "unsigned", "unsigned int", "long", "u32", "pid_t")

    def is_global(self, name: str | None, at: ProgramPoint) -> bool:
        variable = self.index.variable(name, at.file, at.function) if name else None
        return variable is not None and variable.function is None


def _shared(one: str, other: str) -> str:
    return commonpath([dirname(one) or ".", dirname(other) or "."]) if one.startswith("/") == other.startswith("/") else ""
