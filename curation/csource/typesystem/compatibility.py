"""Can a place of one type hold a value of another: a function with so many parameters, an object of that struct?

>>> compatibility.lets_in(FunctionsUpTo(2), FunctionShape(1)), compatibility.lets_in(ObjectsOf("struct ops"), FunctionShape(1))
(True, False)

A function goes through no pointer to a struct, a struct through no pointer to a function: C allows the cast, programs do not do it.
"""
from __future__ import annotations

from typing import NamedTuple

from curation.csource.typesystem.c_types import CType, Types, parse_type, split_params

_DEPTH = 6
_POINTER_SIZED = frozenset(
    ("unsigned long", "long unsigned", "unsigned long int", "long unsigned int", "uintptr_t", "intptr_t", "ulong", "kernel_ulong_t"))
_SCALAR_WORDS = frozenset("int char short long float double unsigned signed _Bool bool __int128 complex _Complex wchar_t".split())


class Anything(NamedTuple):
    """Of a place: it lets in whatever comes (`void *`, types that are not known)."""


class FunctionsUpTo(NamedTuple):
    """Of a place: it lets in functions of at most so many parameters; None: of any number."""

    most_params: int | None


class ObjectsOf(NamedTuple):
    """Of a place: it lets in objects of the struct and of those related to it."""

    struct: str


class FunctionShape(NamedTuple):
    """Of a value: a function with so many parameters; None where they are not known."""

    params: int | None


class ObjectShape(NamedTuple):
    """Of a value: an object of the struct."""

    struct: str


Content = Anything | FunctionsUpTo | ObjectsOf
Shape = FunctionShape | ObjectShape
ANYTHING = Anything()


def content(types: Types, kind: CType | None) -> Content | None:
    """What a place of this (expanded) type can hold; None for nothing that matters."""
    if kind is None:
        return ANYTHING
    for step in kind.derived:
        if step.startswith("("):
            params, variadic = split_params(step[1:])
            return FunctionsUpTo(None if not params or variadic or any(hides_parameters(types, p) for p in params) else len(params))
    base = kind.base
    if base.startswith(("struct ", "union ")):
        return ObjectsOf(types.struct_name(kind) or base)
    if not kind.derived and base in _POINTER_SIZED:
        return ANYTHING
    if base.startswith("enum ") or Types.holds_no_pointer(kind) or (base and all(w in _SCALAR_WORDS for w in base.split())):
        return None
    return ANYTHING


def hides_parameters(types: Types, text: str) -> bool:
    """Whether a parameter's text is a macro that may stand for several: `int (*send)(SEND_ARGS)`."""
    return len(text) > 3 and text.isupper() and text.isidentifier() and text not in types.typedefs


class Compatibility:
    """Structs are related where one lies within the other, at any depth (a pointer to a member leads to its container), and where both
    begin with the same member (a common head)."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self._within: dict[str, frozenset[str]] = {}
        self._head: dict[str, tuple[str, str] | None] = {}

    def lets_in(self, content: Content, shape: Shape) -> bool:
        """Whether a place that holds `content` can hold a value of that shape."""
        if isinstance(content, Anything):
            return True
        if isinstance(content, FunctionsUpTo):
            if not isinstance(shape, FunctionShape):
                return False
            return content.most_params is None or shape.params is None or shape.params <= content.most_params
        return isinstance(shape, ObjectShape) and self.related(content.struct, shape.struct)

    def related(self, one: str, other: str) -> bool:
        if one == other or not one or not other:
            return True
        inner, outer = self.within(one), self.within(other)
        if not inner or not outer or other in inner or one in outer:
            return True
        return self._head[one] is not None and self._head[one] == self._head[other]

    def within(self, struct: str) -> frozenset[str]:
        """The structs that lie within a struct, itself among them; empty for one that is not defined in the corpus."""
        known = self._within.get(struct)
        if known is None:
            found: set[str] = set()
            self._collect(struct, found, 0)
            known = self._within[struct] = frozenset(found)
            first = next(iter(self._fields(struct).items()), None)
            self._head[struct] = first
        return known

    def has_function(self, struct: str) -> bool:
        """Whether a field of the struct itself is a pointer to a function, or of a type that is not known."""
        for text in self._fields(struct).values():
            kind = self.types.expand(parse_type(text), "")
            if any(step.startswith("(") for step in kind.derived):
                return True
        return False

    def _fields(self, struct: str) -> dict[str, str]:
        fields = self.types.fields(struct, "")
        if fields or struct.startswith(("struct ", "union ")):
            return fields
        return self.types.fields(self.types.expand(parse_type(struct), "").base, "")

    def _collect(self, struct: str, into: set[str], depth: int) -> None:
        if struct in into or depth > _DEPTH:
            return
        fields = self._fields(struct)
        if not fields:
            return
        into.add(struct)
        for text in fields.values():
            kind = self.types.expand(parse_type(text), "")
            name = self.types.struct_name(kind)
            if name is not None and "*" not in kind.derived and not any(step.startswith("(") for step in kind.derived):
                self._collect(name, into, depth + 1)
