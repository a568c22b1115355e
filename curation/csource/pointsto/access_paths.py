"""What does an expression at a place name, of which type, and what may a place of that type hold?

>>> expressions.field_key(call, call.operand)           # of `dev->ops->open(dev)`
('struct ops', 'open')
"""
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from curation.csource.facts.model import Function, Operand, Variable
from curation.csource.typesystem.c_types import CType, Types, parse_type, split_params
from curation.csource.typesystem.compatibility import Relatives

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

Key = tuple  # names a node or a value of the flow; see constraints.py
# Of a function: the nodes that its parameters are, with what they hold, None for one that can hold nothing; the node of what comes after.
Targets = tuple[list[tuple[Key, str] | None], tuple[Key, str] | None]
_KEPT_TARGETS = 100_000
_POINTER_SIZED = frozenset(
    ("unsigned long", "long unsigned", "unsigned long int", "long unsigned int", "uintptr_t", "intptr_t", "ulong", "kernel_ulong_t"))
_SCALAR_WORDS = frozenset("int char short long float double unsigned signed _Bool bool __int128 complex _Complex wchar_t".split())
_INTEGER = re.compile(r"\(*\s*(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*\s*\)*\Z")
_NAME = re.compile(r"[A-Za-z_]\w*\Z")


class Fact(Protocol):
    """What stands at a place: a call, an assignment, a use of a name."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def function(self) -> str | None: ...


class Expressions:
    """The types of operands, with what names mean in one file kept while that file is asked about."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.types: Types = index.types
        self.relatives = Relatives(index.types)
        self._with_functions: dict[str, bool] = {}
        self._targets: dict[tuple[str, int, str], Targets] = {}
        self._file = ""
        self._variables: dict[tuple[str, str | None], Variable | None] = {}
        self._walked: dict[tuple[CType | None, tuple[str, ...]], tuple[CType | None, tuple[str | None, str] | None]] = {}

    def _turn_to(self, file: str) -> None:
        if file != self._file:
            self._file, self._variables, self._walked = file, {}, {}

    def variable(self, name: str, file: str, function: str | None) -> Variable | None:
        self._turn_to(file)
        key = (name, function)
        try:
            return self._variables[key]
        except KeyError:
            found = self._variables[key] = self.index.variable(name, file, function)
            return found

    def targets(self, function: Function) -> Targets:
        """Where arguments of the function go, see constraints.Targets; kept over files."""
        key = (function.file, function.start_line, function.name)
        known = self._targets.get(key)
        if known is None:
            if len(self._targets) > _KEPT_TARGETS:
                self._targets.clear()
            known = self._targets[key] = targets_of(self.types, function)
        return known

    def walk(self, fact: Fact, operand: Operand) -> tuple[CType | None, tuple[str | None, str] | None]:
        """(type at the end of the operand's path, (struct or None, field) of the last field in it); without the leading `&`."""
        base = self.base_type(fact, operand)
        self._turn_to(fact.file)
        key = (base, operand.fields)
        known = self._walked.get(key)
        if known is None:
            known = self._walked[key] = self.types.walk(base, operand.fields, fact.file)
        return known

    def base_type(self, fact: Fact, operand: Operand) -> CType | None:
        """The type of an operand's base at a place; None when it is not known."""
        if operand.cast is not None and not (operand.call and operand.fields and operand.fields[0] == "()"):
            return parse_type(operand.cast)
        if operand.base is None:
            return None
        if operand.call:
            for function in self.index.functions(operand.base, fact.file):
                return parse_type(function.return_type)
            for prototype in self.index.prototypes(operand.base):
                return parse_type(prototype.return_type)
            return None
        variable = self.variable(operand.base, fact.file, fact.function)
        return parse_type(variable.type) if variable is not None and variable.type else None

    def operand_type(self, fact: Fact, operand: Operand) -> CType | None:
        """The type of the whole operand, without its leading `&`."""
        return self.walk(fact, operand)[0] if self.base_type(fact, operand) is not None else None

    def field_key(self, fact: Fact, operand: Operand) -> tuple[str | None, str] | None:
        """(struct or None, field) of the last field in an operand's path; None without one."""
        if not any(step not in ("*", "[]") for step in operand.fields):
            return None
        return self.walk(fact, operand)[1]

    def holds_functions(self, kind: CType) -> bool:
        """Whether an object of the (expanded) struct type has a pointer to a function within it, or is of a struct not known here."""
        name = self.types.struct_name(kind)
        if name is None:
            return False
        known = self._with_functions.get(name)
        if known is None:
            within = self.relatives.within(name)
            known = self._with_functions[name] = not within or any(self.relatives.has_function(one) for one in within)
        return known

    def element(self, fact: Fact, operand: Operand) -> str | None:
        """The index of the element that the operand's last subscript names, as a number or a constant's name; None where it is not
        constant, or there is no subscript."""
        fields = operand.fields
        while fields and fields[-1] == "*":
            fields = fields[:-1]
        if not fields:
            return None
        if fields[-1].startswith("#"):
            before = self.types.walk(self.base_type(fact, operand), fields[:-1], fact.file)[0]
            return fields[-1][1:] if before is not None and before.derived[:1] == ("[]",) else None
        if fields[-1] != "[]":
            return None
        groups = _subscripts(operand.text)
        return self.constant(groups[-1], fact) if len(groups) == fields.count("[]") else None

    def constant(self, text: str, fact: Fact) -> str | None:
        """A number ("3") or the name of a constant ("KIND_A"); None for what can change."""
        for _ in range(6):
            text = text.strip()
            if _INTEGER.match(text):
                return str(int(text.strip("() \t").rstrip("uUlL"), 0)) if not re.match(r"\(*\s*0\d", text) else None
            name = text.strip("() \t")
            if not _NAME.match(name):
                return None
            macro = self.index.macro(name, fact.file)
            if macro is None:
                return name if self.variable(name, fact.file, fact.function) is None else None
            if macro.params is not None:
                return None
            text = macro.body
        return None


def _subscripts(text: str) -> list[str]:
    """The texts within brackets, in order; what stands within the parentheses of arguments is left out."""
    found: list[str] = []
    depth = start = round_ = 0
    for at, char in enumerate(text):
        if char == "[":
            depth += 1
            if depth == 1:
                start = at + 1
        elif char == "]" and depth:
            depth -= 1
            if depth == 0:
                found.append(text[start:at])
        elif char == "(":
            round_ += 1
    return found


def variable_key(variable: Variable) -> Key:
    if variable.function is not None:
        return ("v", variable.file, variable.function, variable.name)
    return ("g", variable.file if variable.static else "", variable.name)


def targets_of(types: Types, function: Function) -> Targets:
    params: list[tuple[Key, str] | None] = []
    for name, text in function.params:
        holds = content(types, types.expand(parse_type(text), function.file) if text else None)
        params.append((("v", function.file, function.name, name), holds) if name and holds is not None else None)
    return params, (("va", function.file, function.name), "") if function.variadic else None


def hides_parameters(types: Types, text: str) -> bool:
    """Whether a parameter's text is a macro that may stand for several: `int (*send)(SEND_ARGS)`."""
    return len(text) > 3 and text.isupper() and text.isidentifier() and text not in types.typedefs


def content(types: Types, kind: CType | None) -> str | None:
    """What a place of this (expanded) type can hold: None nothing that matters, "" anything (`void *`, unknown types), "f" any function,
    "f2" a function of at most two parameters, "s struct ops" an object of that struct.

    A function goes through no pointer to a struct, a struct through no pointer to a function: C allows the cast, programs do not do it."""
    if kind is None:
        return ""
    for step in kind.derived:
        if step.startswith("("):
            params, variadic = split_params(step[1:])
            return "f" if not params or variadic or any(hides_parameters(types, p) for p in params) else f"f{len(params)}"
    base = kind.base
    if base.startswith(("struct ", "union ")):
        return f"s {types.struct_name(kind) or base}"
    if not kind.derived and base in _POINTER_SIZED:
        return ""
    if base.startswith("enum ") or Types.holds_no_pointer(kind) or (base and all(w in _SCALAR_WORDS for w in base.split())):
        return None
    return ""
