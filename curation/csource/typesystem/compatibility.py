"""Can a place of one type hold a value of another: a function with so many parameters, an object of that struct?

>>> Relatives(types).lets_in("f2", "f1"), Relatives(types).lets_in("s struct ops", "f1")
(True, False)
"""
from __future__ import annotations

from curation.csource.typesystem.c_types import Types, parse_type

_DEPTH = 6


class Relatives:
    """Structs are related where one lies within the other, at any depth (a pointer to a member leads to its container), and where both
    begin with the same member (a common head)."""

    def __init__(self, types: Types) -> None:
        self.types = types
        self._within: dict[str, frozenset[str]] = {}
        self._head: dict[str, tuple[str, str] | None] = {}

    def lets_in(self, content: str, kind: str) -> bool:
        """content: of a place, see expressions.content. kind: of a value: "f2" a function of two parameters, "f2+" a variadic one, "f?"
        one whose parameters are not known, "s struct ops" an object, "s" one of unknown type."""
        if not content:
            return True
        if content[0] != kind[0]:
            return False
        if kind[0] == "f":
            if content == "f" or kind == "f?":
                return True
            return int(kind[1:].rstrip("+")) <= int(content[1:])
        return self.related(content[2:], kind[2:])

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
