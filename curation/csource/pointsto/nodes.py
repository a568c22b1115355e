"""What do constraints speak about: which places can hold an address, and which functions and objects can they hold?

A node is a place that can hold an address, a value what it can hold; both are named over the whole corpus, so that the constraints of
files that were read apart fit together. A field is two nodes, one stored to and one loaded from, over all objects of its struct; so is an
element of an array with a constant index.

>>> Local("a.c", "probe", "ops") == Local("a.c", "probe", "ops"), Returned("a.c", "f") == VariableArguments("a.c", "f")
(True, False)

They are tuples, which cost a hash and a comparison in C, millions of times; `kind`, the last of each, keeps apart those of equal fields.
"""
from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

from curation.csource.facts.model import Variable


class Kind(IntEnum):
    """Which class a tuple is of, also where it is kept on disk: a new class gets a new number."""

    LOCAL = 0
    GLOBAL = 1
    FIELD_STORE = 2
    FIELD_LOAD = 3
    ELEMENT_STORE = 4
    ELEMENT_LOAD = 5
    RETURNED = 6
    VARIABLE_ARGUMENTS = 7
    CALL_RESULT = 8
    CALLEE = 9
    SECTION = 10
    DEFINED_FUNCTION = 11
    EXTERNAL_FUNCTION = 12
    OBJECT = 13


class Local(NamedTuple):
    """A local variable or parameter."""

    file: str
    function: str
    name: str
    kind: Kind = Kind.LOCAL


class Global(NamedTuple):
    """A variable at file scope. file: "" for one that all files share, which is not static."""

    file: str
    name: str
    kind: Kind = Kind.GLOBAL


class FieldStore(NamedTuple):
    """What is written to a field. struct: None where it is not known."""

    struct: str | None
    field: str
    kind: Kind = Kind.FIELD_STORE


class FieldLoad(NamedTuple):
    """What is read from a field. struct: None where it is not known."""

    struct: str | None
    field: str
    kind: Kind = Kind.FIELD_LOAD


class ElementStore(NamedTuple):
    """What is written to an element. array: the node of the array as it is read. subscript: a number's text or a constant's name; None
    where it can change."""

    array: Node
    subscript: str | None
    kind: Kind = Kind.ELEMENT_STORE


class ElementLoad(NamedTuple):
    """What is read from an element; see ElementStore."""

    array: Node
    subscript: str | None
    kind: Kind = Kind.ELEMENT_LOAD


class Returned(NamedTuple):
    """What a function returns."""

    file: str
    function: str
    kind: Kind = Kind.RETURNED


class VariableArguments(NamedTuple):
    """What a variadic function gets beyond its parameters."""

    file: str
    function: str
    kind: Kind = Kind.VARIABLE_ARGUMENTS


class CallResult(NamedTuple):
    """What a call through the place `callee` returns."""

    callee: Node
    kind: Kind = Kind.CALL_RESULT


class Callee(NamedTuple):
    """A callee that names functions itself: `(a ? f : p)(x)`."""

    file: str
    line: int
    column: int
    kind: Kind = Kind.CALLEE


class Section(NamedTuple):
    """What the linker collects from variables of the type."""

    type: str
    kind: Kind = Kind.SECTION


class DefinedFunction(NamedTuple):
    """A function of the corpus. line: where its definition begins."""

    file: str
    line: int
    name: str
    kind: Kind = Kind.DEFINED_FUNCTION


class ExternalFunction(NamedTuple):
    """A function that the corpus does not define."""

    name: str
    kind: Kind = Kind.EXTERNAL_FUNCTION


class Object(NamedTuple):
    """The struct object that a variable is."""

    variable: VariableNode
    kind: Kind = Kind.OBJECT

    @property
    def name(self) -> str:
        return self.variable.name


VariableNode = Local | Global
FieldNode = FieldStore | FieldLoad
ElementNode = ElementStore | ElementLoad
Node = VariableNode | FieldNode | ElementNode | Returned | VariableArguments | CallResult | Callee | Section
Value = DefinedFunction | ExternalFunction | Object
FIELDS, ELEMENTS, FUNCTIONS = (FieldStore, FieldLoad), (ElementStore, ElementLoad), (DefinedFunction, ExternalFunction)
_CLASSES: tuple[type, ...] = (
    Local, Global, FieldStore, FieldLoad, ElementStore, ElementLoad, Returned, VariableArguments, CallResult, Callee, Section,
    DefinedFunction, ExternalFunction, Object,
)


def field_node(struct: str | None, field: str, write: bool) -> FieldNode:
    """The node that a write to a field, or a read of it, is about."""
    return FieldStore(struct, field) if write else FieldLoad(struct, field)


def variable_node(variable: Variable) -> VariableNode:
    """The node that a variable is."""
    if variable.function is not None:
        return Local(variable.file, variable.function, variable.name)
    return Global(variable.file if variable.static else "", variable.name)


def array_of(node: Node) -> Node:
    """The array of an element; of any other node itself."""
    while isinstance(node, ELEMENTS):
        node = node.array
    return node


def from_parts(parts: list[Any]) -> Any:
    """The node or value of its fields, `kind` last, as JSON gives them back: lists for nodes within it."""
    return tuple.__new__(_CLASSES[parts[-1]], [from_parts(part) if part.__class__ is list else part for part in parts])
