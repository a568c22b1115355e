"""Which nodes does an expression in the code name (its access path: a variable, the fields and elements behind it), and of which type?

>>> paths.field_key(call, call.operand)           # of `dev->ops->open(dev)`
('struct ops', 'open')
>>> paths.nodes(call, call.operand, write=False)
[(FieldLoad(struct='struct ops', field='open'), FunctionsUpTo(most_params=1))]
"""
from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from curation.csource.facts.model import Function, Operand, Variable
from curation.csource.pointsto.nodes import (
    CallResult,
    DefinedFunction,
    ElementLoad,
    ElementStore,
    ExternalFunction,
    FieldLoad,
    Local,
    Node,
    Returned,
    VariableArguments,
    field_node,
    variable_node,
)
from curation.csource.typesystem.c_types import CType, Types, parse_type
from curation.csource.typesystem.compatibility import ANYTHING, Compatibility, Content, content

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

Typed = tuple[Node, Content]  # a node with what its declared type lets in
# Of a function: the nodes that its parameters are, None for one that can hold nothing; the node of what comes after them.
ParameterNodes = tuple[list[Typed | None], Typed | None]
_KEPT_FUNCTIONS = 100_000
_ALIASES = 6  # macros that rename a function, one after the other
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


class AccessPaths:
    """The types and nodes of operands, with what names mean in one file kept while that file is asked about."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.types: Types = index.types
        self.compatibility = Compatibility(index.types)
        self._with_functions: dict[str, bool] = {}
        self._parameters: dict[tuple[str, int, str], ParameterNodes] = {}
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

    def parameters(self, function: Function) -> ParameterNodes:
        """Where arguments of the function go; kept over files."""
        key = (function.file, function.start_line, function.name)
        known = self._parameters.get(key)
        if known is None:
            if len(self._parameters) > _KEPT_FUNCTIONS:
                self._parameters.clear()
            known = self._parameters[key] = _parameter_nodes(self.types, function)
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
            within = self.compatibility.within(name)
            known = self._with_functions[name] = not within or any(self.compatibility.has_function(one) for one in within)
        return known

    def nodes(self, fact: Fact, operand: Operand, write: bool) -> list[Typed]:
        """The nodes an operand names, to write to or to read from. [] where it can hold no address."""
        if operand.fields:
            kind, key = self.walk(fact, operand)
            if key is not None:
                return self._result_nodes(fact, operand) if key[1] == "()" else self._field_nodes(fact, operand, kind, key, write)
        if operand.call:
            return [(Returned(f.file, f.name), return_content(self, f)) for f in self.index.functions(operand.base or "", fact.file)]
        if operand.base is None:
            return []
        variable = self.variable(operand.base, fact.file, fact.function)
        return self._variable_nodes(fact, operand, variable, write) if variable is not None else []

    def _result_nodes(self, fact: Fact, operand: Operand) -> list[Typed]:
        """What a call through the path before its last `()` returns."""
        at = len(operand.fields) - 1 - operand.fields[::-1].index("()")
        inner = Operand(operand.text, operand.base, operand.fields[:at], False, operand.cast, operand.call)
        return [(CallResult(called), ANYTHING) for called, _ in self.nodes(fact, inner, False)]

    def _field_nodes(
        self, fact: Fact, operand: Operand, kind: CType | None, key: tuple[str | None, str], write: bool,
    ) -> list[Typed]:
        holds = content(self.types, kind)
        if holds is None:
            return []
        element = self.element(fact, operand) if operand.fields[-1] in ("[]", "*") or operand.fields[-1].startswith("#") else None
        if element is None:
            return [(field_node(*key, write), holds)]
        return [(_element_node(FieldLoad(*key), element, write), holds)]

    def _variable_nodes(self, fact: Fact, operand: Operand, variable: Variable, write: bool) -> list[Typed]:
        declared = self.types.expand(parse_type(variable.type), fact.file) if variable.type else None
        holds = content(self.types, declared)
        if holds is None:
            return []
        node = variable_node(variable)
        if declared is not None and declared.derived[:1] == ("[]",) and variable.param is None:
            element = self.element(fact, operand)
            if write or element is not None:
                return [(_element_node(node, element, write), holds)]
        return [(node, holds)]

    def named(self, name: str, file: str) -> list[DefinedFunction | ExternalFunction]:
        """The functions a name means in a file: its definitions, what an alias macro names, or an external function."""
        index = self.index
        for _ in range(_ALIASES):
            found = index.functions(name, file)
            if found:
                return [DefinedFunction(f.file, f.start_line, f.name) for f in found]
            macro = index.macro(name, file)
            if macro is None or macro.params is not None:
                break
            body = macro.body.strip("() ")
            if not body.isidentifier():
                break
            name = body
        if index.prototypes(name) or (not name.isupper() and not index.has_variable(name) and index.macro(name, file) is None):
            return [ExternalFunction(name)]
        return []

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


def _element_node(array: Node, subscript: str | None, write: bool) -> Node:
    return ElementStore(array, subscript) if write else ElementLoad(array, subscript)


def _parameter_nodes(types: Types, function: Function) -> ParameterNodes:
    params: list[Typed | None] = []
    for name, text in function.params:
        holds = content(types, types.expand(parse_type(text), function.file) if text else None)
        params.append((Local(function.file, function.name, name), holds) if name and holds is not None else None)
    return params, (VariableArguments(function.file, function.name), ANYTHING) if function.variadic else None


def at_position(nodes: ParameterNodes, position: int) -> Typed | None:
    """The node that an argument at a 0-based position goes to; None where nothing that matters can."""
    return nodes[0][position] if position < len(nodes[0]) else nodes[1]


def defined_function(index: Index, value: object) -> Function | None:
    """The function of the corpus that a value is; None for other values."""
    if not isinstance(value, DefinedFunction):
        return None
    return next((f for f in index.functions(value.name) if f.start_line == value.line and f.file == value.file), None)


def return_content(paths: AccessPaths, function: Function) -> Content:
    """A declarator around the name (`int (*pick(void))(int)`) is not told by the return type: what is returned is taken as it comes."""
    text = function.return_type
    return content(paths.types, paths.types.expand(parse_type(text), function.file) if text else None) or ANYTHING
