"""What do the facts of one file say about where functions and struct objects go? As short lists that can be kept and sent.

Inclusion constraints (Andersen 1994): that an address is taken into a node, that what one node holds another holds too, and that a call
goes through a node; loads and stores through fields and elements are nodes of their own (nodes.py). Nodes and values are numbered within
the file.

>>> made = constraints_of(paths, pointer_facts(index.facts["a.c"]))
>>> made.edges[:4]                       # source, target, line, 1 where what is stored through the pointer comes back
[0, 1, 12, 0]
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.csource.facts.model import Arg, Assignment, Call, Function, Operand, Variable
from curation.csource.index.call_kinds import may_mean_variable, set_call_kind
from curation.csource.pointsto.access_paths import AccessPaths, Fact, ParameterNodes, at_position, defined_function, return_content
from curation.csource.pointsto.nodes import (
    ELEMENTS,
    Callee,
    DefinedFunction,
    ExternalFunction,
    Global,
    Node,
    Object,
    Returned,
    Section,
    Value,
    VariableArguments,
    VariableNode,
    variable_node,
)
from curation.csource.pointsto.pointer_facts import LOADERS, RETURN, FactPosition, PointerFacts
from curation.csource.typesystem.c_types import CType, parse_type
from curation.csource.typesystem.compatibility import ANYTHING, Content, FunctionShape, FunctionsUpTo, ObjectShape, Shape

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

UNKNOWN_COUNT = 99  # of arguments: one of them is a macro that may stand for several
_ANY_FUNCTION = FunctionsUpTo(None)


class Source(NamedTuple):
    """Where a value comes from: nodes, and values given by name. both: what is put through the pointer reaches the node too (`&x`)."""

    nodes: list[int]
    values: list[int]
    both: bool


class AddressOf(NamedTuple):
    """A value's address is taken into a node. owner: the variable whose initializer or path it is, or None."""

    value: int
    node: int
    line: int
    column: int
    kind: str
    owner: VariableNode | None


@dataclass(slots=True)
class IndirectCall:
    """A call through a pointer. nodes: what is called. args: for each argument its sources. count: how many arguments it gives."""

    line: int
    column: int
    callee: str
    function: str | None
    nodes: list[int]
    args: list[list[Source]]
    count: int


@dataclass(slots=True)
class Constraints:
    """contents: for each node what its declared type lets in. shapes: of each value. edges: flat, four numbers each: source, target, line,
    and 1 where they go both ways. Edges to and from a Section are those of linker sections, see _Builder.sections."""

    file: str
    nodes: list[Node] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)
    addresses: list[AddressOf] = field(default_factory=list)
    calls: list[IndirectCall] = field(default_factory=list)


def constraints_of(paths: AccessPaths, facts: PointerFacts) -> Constraints:
    """What a file's facts say, given the names of the whole corpus."""
    builder = _Builder(paths, facts)
    builder.build()
    return builder.out


class _Builder:
    def __init__(self, paths: AccessPaths, facts: PointerFacts) -> None:
        self.out = Constraints(facts.file)
        self.file, self.facts = facts.file, facts
        self.paths: AccessPaths = paths
        self.index: Index = paths.index
        self.types = paths.types
        self._numbers: dict[Node, int] = {}
        self._values: dict[Value, int] = {}
        self._named: dict[str, list[DefinedFunction | ExternalFunction]] = {}
        # by what an operand's meaning depends on; the operand is kept with what was found, so that its id stays its own
        self._nodes: dict[tuple[object, ...], tuple[list[int], Operand]] = {}
        self._sources: dict[tuple[object, ...], tuple[Source | None, Operand]] = {}

    def build(self) -> None:
        facts = self.facts
        for row in facts.assignments:
            if row[0] == RETURN or self.nodes(self.position(row), facts.operands[row[4]], True):
                self.assignment(facts.assignment(row))
        called: dict[int, list[ParameterNodes] | None] = {-1: None}
        for row in facts.calls:
            if row[0] not in called:
                called[row[0]] = self.parameters_of(facts.names[row[0]])
            parameters = called[row[0]]
            if parameters is None:
                self.call(facts.call(row))
            elif parameters and len(row) > 5:
                self.passed(self.position(row), [[facts.operands[n] for n in given] for given in row[5:]], parameters)
        self.sections()

    def node(self, node: Node, holds: Content) -> int:
        known = self._numbers.get(node)
        if known is None:
            known = self._numbers[node] = len(self.out.nodes)
            self.out.nodes.append(node)
            self.out.contents.append(holds)
        return known

    def value(self, value: Value, shape: Shape | None = None) -> int:
        known = self._values.get(value)
        if known is None:
            known = self._values[value] = len(self.out.values)
            self.out.values.append(value)
            self.out.shapes.append(shape or _shape_of_function(self.index, value))
        return known

    def position(self, row: list[Any]) -> FactPosition:
        return FactPosition(self.file, row[1], row[2], self.facts.names[row[3]] if row[3] is not None else None)

    # ---- expressions

    def nodes(self, fact: Fact, operand: Operand, write: bool) -> list[int]:
        key = (*self._depends(fact.function, operand), write)
        known = self._nodes.get(key)
        if known is None:
            found = [self.node(node, holds) for node, holds in self.paths.nodes(fact, operand, write)]
            known = self._nodes[key] = (found, operand)
        return known[0]

    def _depends(self, function: str | None, operand: Operand) -> tuple[str | None, object]:
        """What the meaning of an operand depends on in this file: the function, nothing, or no more than a local's type."""
        where = function if operand.text else ""  # the names in subscripts may be those of locals
        if operand.call or operand.base is None:
            return where, id(operand)
        variable = self.paths.variable(operand.base, self.file, function)
        if variable is None or variable.function is None:
            return where, id(operand)
        if not operand.address and not operand.text and any(step not in ("*", "[]") for step in operand.fields):
            return operand.cast or variable.type, operand.fields
        return function, id(operand)

    def source(self, fact: Fact, operand: Operand, comes_back: bool = False) -> Source | None:
        """What an operand's value is made of; None for what can hold no address. comes_back: it goes to a pointer to a pointer."""
        key = (*self._depends(fact.function, operand), comes_back)
        known = self._sources.get(key)
        if known is None:
            known = self._sources[key] = (self._source(fact, operand, comes_back), operand)
        return known[0]

    def _source(self, fact: Fact, operand: Operand, comes_back: bool) -> Source | None:
        if operand.base is not None and not operand.call and operand.base[:1].isdigit():
            return None
        if operand.call and operand.base in LOADERS and operand.text:
            return Source([], [self.value(one) for one in self.named(Operand("", operand.text), fact.file)], False)
        obj: list[int] = []
        if operand.base is not None and not operand.call:
            variable = self.paths.variable(operand.base, fact.file, fact.function)
            if not operand.fields:
                named = self.named(operand, fact.file) if variable is None or variable.function is None else []
                if named and (variable is None or all(isinstance(one, DefinedFunction) for one in named)):
                    return Source([], [self.value(one) for one in named], False)
            if variable is not None and (operand.address or all(step == "[]" for step in operand.fields)):
                kind = self.types.expand(parse_type(variable.type), fact.file) if variable.type else None
                if kind is not None and self.paths.holds_functions(kind) and self._is_object(fact, operand, kind):
                    obj = [self.value(Object(variable_node(variable)), ObjectShape(self.types.struct_name(kind) or kind.base))]
                    if all(step == "[]" for step in operand.fields):
                        return Source([], obj, False)
        nodes = self.nodes(fact, operand, False)
        if not nodes:
            return Source([], obj, False) if obj else None
        array = not operand.address and self._is_array(fact, operand)
        both = operand.address or array or comes_back or self._points_to_pointer(fact, operand)
        if both:
            nodes = nodes + [n for n in self.nodes(fact, operand, True) if n not in nodes]
        return Source(nodes, obj, both)

    def _is_object(self, fact: Fact, operand: Operand, kind: CType) -> bool:
        """Whether the operand is the address of the struct variable, or of a member that lies within it."""
        if all(step == "[]" for step in operand.fields):
            return not kind.derived and operand.address or kind.derived[:1] == ("[]",) and "*" not in kind.derived
        if "*" in kind.derived or not operand.address:
            return False
        for at in range(1, len(operand.fields) + 1):
            inner = self.types.walk(kind, operand.fields[:at], fact.file)[0]
            if inner is None or "*" in inner.derived:
                return False
        return True

    def _points_to_pointer(self, fact: Fact, operand: Operand) -> bool:
        """`Func_ptr *out`, `void **out`: what is stored through it by who gets it must be seen by who gave it."""
        kind = self.paths.operand_type(fact, operand)
        derived = self.types.expand(kind, fact.file).derived if kind is not None else ()
        return derived[:2] == ("*", "*") and (
            kind is not None and kind.base == "void" or any(step.startswith("(") for step in derived[2:3])
        )

    def _is_array(self, fact: Fact, operand: Operand) -> bool:
        kind = self.paths.operand_type(fact, operand)
        return kind is not None and kind.derived[:1] == ("[]",)

    def named(self, operand: Operand, file: str) -> list[DefinedFunction | ExternalFunction]:
        name = operand.base or ""
        known = self._named.get(name)
        if known is None:
            known = self._named[name] = self.paths.named(name, file)
        if known and isinstance(known[0], ExternalFunction) and operand.address and not self.index.prototypes(name):
            return []  # `&lock`: a variable that a macro declares
        return known

    # ---- constraints

    def put(self, target: int, source: Source, fact: Fact, kind: str, owner: VariableNode | None) -> None:
        for value in source.values:
            self.out.addresses.append(AddressOf(value, target, fact.line, fact.column, kind, owner))
        for node in source.nodes:
            if node != target:
                self.out.edges += (node, target, fact.line, int(source.both))

    def assignment(self, fact: Assignment) -> None:
        owner: VariableNode | None = None
        if fact.kind == "return":
            function = self.index.enclosing_named(fact.file, fact.function, fact.line)
            targets = self.returned(function) if function is not None else []
        else:
            targets = self.nodes(fact, fact.left, True)
            if fact.left.base is not None and not fact.left.call:
                variable = self.paths.variable(fact.left.base, fact.file, fact.function)
                owner = variable_node(variable) if variable is not None else None
        if not targets:
            return
        comes_back = fact.kind != "return" and self._points_to_pointer(fact, fact.left)
        for operand in fact.right:
            source = self.source(fact, operand, comes_back)
            if source is not None:
                for target in targets:
                    self.put(target, source, fact, fact.kind, owner)

    def returned(self, function: Function) -> list[int]:
        return [self.node(Returned(function.file, function.name), return_content(self.paths, function))]

    def parameters_of(self, name: str) -> list[ParameterNodes] | None:
        """Where the arguments of calls of a name go; None where each call has to be looked at."""
        if name in ("va_start", "va_copy") or may_mean_variable(self.index, name, self.file):
            return None
        functions = self.index.functions(name, self.file) or self.aliased(name)
        return [nodes for f in functions if any((nodes := self.paths.parameters(f))[0]) or nodes[1] is not None]

    def call(self, call: Call) -> None:
        set_call_kind(self.index, call)
        if call.callee_name is None or call.kind != "direct":
            self.indirect(call)
        elif call.callee_name in ("va_start", "va_copy") and call.args and call.args[0].operands:
            self.variable_arguments(call)
        else:
            functions = self.index.functions(call.callee_name, call.file) or self.aliased(call.callee_name)
            self.passed(call, [arg.operands for arg in call.args], [self.paths.parameters(f) for f in functions])

    def passed(self, call: Call | FactPosition, args: list[list[Operand]], parameters: list[ParameterNodes]) -> None:
        """The arguments of a direct call, to the parameters of the functions that its name means."""
        sources: list[list[Source] | None] = [
            self.argument(call, operands) if operands and any(at_position(one, position) for one in parameters) else None
            for position, operands in enumerate(args)]
        for one in parameters:
            for position, given in enumerate(sources):
                target = at_position(one, position) if given else None
                if target is not None:
                    node = self.node(*target)
                    for source in given or ():
                        self.put(node, source, call, "argument", None)

    def indirect(self, call: Call) -> None:
        nodes = [n for operand in (call.operand, *call.others) for n in self.nodes(call, operand, False)]
        for operand in (call.operand, *call.others):  # a named function behind a conditional: (a ? f : p)(x)
            if operand.base is not None and not operand.fields and not operand.call and call.others:
                source = self.source(call, operand)
                if source is not None and source.values:
                    made = self.node(Callee(call.file, call.line, call.column), _ANY_FUNCTION)
                    self.put(made, source, call, "conditional", None)
                    nodes.append(made)
        self.out.calls.append(IndirectCall(
            call.line, call.column, call.callee, call.function, nodes, [self.argument(call, arg.operands) for arg in call.args],
            UNKNOWN_COUNT if any(self._may_be_several(call, arg) for arg in call.args) else len(call.args)))

    def aliased(self, name: str) -> list[Function]:
        """The functions that a macro which renames them means."""
        return [f for one in self.paths.named(name, self.file) if isinstance(one, DefinedFunction)
                for f in self.index.functions(one.name) if (f.file, f.start_line) == (one.file, one.line)]

    def _may_be_several(self, call: Call, arg: Arg) -> bool:
        name = arg.text.strip()
        if not name.isidentifier() or self.paths.variable(name, call.file, call.function) is not None:
            return False
        macro = self.index.macro(name, call.file)
        return macro is not None and "," in macro.body

    def variable_arguments(self, call: Call) -> None:
        function = self.index.enclosing_named(call.file, call.function, call.line)
        for target in self.nodes(call, call.args[0].operands[0], True):
            if call.callee_name == "va_copy":
                for source in self.argument(call, call.args[1].operands) if len(call.args) > 1 else []:
                    self.put(target, source, call, "argument", None)
            elif function is not None:
                self.out.edges += (self.node(VariableArguments(function.file, function.name), ANYTHING), target, call.line, 0)

    def argument(self, call: Call | FactPosition, operands: list[Operand]) -> list[Source]:
        found = (self.source(call, operand) for operand in operands)
        return [s for s in found if s is not None]

    # ---- what the linker collects

    def sections(self) -> None:
        """`static init_t __used __section(".init") start_x = x_init;` and `extern init_t __start_init[];`: the linker puts the variables of
        one section behind each other, and the array that nobody defines names the first. No attribute has to be read: a static
        variable that holds a function and that its file never reads is reached in no other way."""
        read: dict[int, list[int]] = {}
        for at in range(0, len(self.out.edges), 4):
            read.setdefault(self.out.edges[at], []).append(self.out.edges[at + 1])
        called = {n for call in self.out.calls for n in (*call.nodes, *(m for arg in call.args for given in arg for m in given.nodes))}
        put = {one.node: one.line for one in self.out.addresses if one.kind == "initializer"}
        for number, node in enumerate(list(self.out.nodes)):
            array = node.array if isinstance(node, ELEMENTS) else node
            if not isinstance(array, Global) or (array.file != self.file if number in put else array.file != ""):
                continue
            variable = self.paths.variable(array.name, self.file, None)
            collected = self._collected(variable) if variable is not None else None
            if collected is None or variable is None:
                continue
            if number in put and variable.static and number not in called and not any(target in read for target in read.get(number, ())):
                self.out.edges += (number, self.node(Section(collected), _ANY_FUNCTION), put[number], 0)
            elif variable.extern and isinstance(node, Global) and _is_array_type(variable.type):
                self.out.edges += (self.node(Section(collected), _ANY_FUNCTION), number, variable.line, 0)

    def _collected(self, variable: Variable) -> str | None:
        """The type of the pointers to functions that a variable, or each element of an array, is; None for other types."""
        kind = self.types.expand(parse_type(variable.type), variable.file)
        derived = kind.derived[1:] if kind.derived[:1] == ("[]",) else kind.derived
        return str(CType(kind.base, derived)) if derived[:1] == ("*",) and derived[1:2] and derived[1].startswith("(") else None


def _is_array_type(text: str) -> bool:
    return parse_type(text).derived[:1] == ("[]",)


def _shape_of_function(index: Index, value: Value) -> FunctionShape:
    function = defined_function(index, value)
    return FunctionShape(len(function.params) if function is not None else None)
