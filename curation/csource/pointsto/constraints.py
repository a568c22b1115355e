"""What do the facts of one file say about where functions and struct objects go? As short lists that can be kept and sent.

Nodes and values are numbered within the file; keys name them over the whole corpus:

    ("v", file, function, name)   a local variable or parameter      ("g", file or "", name)   a variable at file scope
    ("w" | "r", struct or None, field)   a field written, read       ("el", key, "w" | "r", index or None)   an element of an array
    ("ret", file, name)   what a function returns                    ("va", file, name)   its variable arguments
    ("iret", key)   what a call through the place returns            ("site", file, line, column)   a callee that names functions
    ("sec", type)   what the linker collects from variables of the type
    values: ("F", file, start line, name) a function, ("X", name) one outside the corpus, ("O", *key) the object that a variable is

>>> made = constraints(expressions, flow_facts(index.facts["a.c"]))
>>> made.edges[:4]                       # source, target, line, 1 where what is stored through the pointer comes back
[0, 1, 12, 0]
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.csource.facts.model import Arg, Assignment, Call, Function, Operand, Variable
from curation.csource.index.call_kinds import may_mean_variable, set_call_kind
from curation.csource.pointsto.access_paths import Expressions, Fact, Key, Targets, content, variable_key
from curation.csource.pointsto.pointer_facts import LOADERS, RETURN, At, FlowFacts
from curation.csource.typesystem.c_types import CType, parse_type

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

UNKNOWN_COUNT = 99  # of arguments: one of them is a macro that may stand for several


class Source(NamedTuple):
    """Where a value comes from: nodes, and values given by name. both: what is put through the pointer reaches the place too (`&x`)."""

    nodes: list[int]
    values: list[int]
    both: bool


@dataclass(slots=True)
class Indirect:
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
    """contents: for each node what its declared type lets in, see expressions.content. kinds: of each value, see relatives.py. edges:
    flat, four numbers each. puts: (value, node, line, column, kind, key of the variable whose initializer or path it is, or None).
    Edges to and from ("sec", type) are those of linker sections, see _Reading.sections."""

    file: str
    keys: list[Key] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    values: list[Key] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)
    puts: list[tuple[int, int, int, int, str, Key | None]] = field(default_factory=list)
    calls: list[Indirect] = field(default_factory=list)


def constraints(expressions: Expressions, one: FlowFacts) -> Constraints:
    """What a file's facts say, given the names of the whole corpus."""
    return _Reading(expressions, one).out


class _Reading:
    def __init__(self, expressions: Expressions, one: FlowFacts) -> None:
        self.out = Constraints(one.file)
        self.file, self.facts = one.file, one
        self.to: Expressions = expressions
        self.index: Index = expressions.index
        self.types = expressions.types
        self.nodes: dict[Key, int] = {}
        self.values: dict[Key, int] = {}
        self._named: dict[str, list[Key]] = {}
        # by what an operand's meaning depends on; the operand is kept with what was found, so that its id stays its own
        self._places: dict[Key, tuple[list[int], Operand]] = {}
        self._sources: dict[Key, tuple[Source | None, Operand]] = {}
        for row in one.assignments:
            if row[0] == RETURN or self.places(self.at(row), one.operands[row[4]], True):
                self.assignment(one.assignment(row))
        meant: dict[int, list[Targets] | None] = {-1: None}
        for row in one.calls:
            if row[0] not in meant:
                meant[row[0]] = self.called(one.names[row[0]])
            targets = meant[row[0]]
            if targets is None:
                self.call(one.call(row))
            elif targets and len(row) > 5:
                self.passed(self.at(row), [[one.operands[n] for n in given] for given in row[5:]], targets)
        self.sections()

    def node(self, key: Key, holds: str) -> int:
        known = self.nodes.get(key)
        if known is None:
            known = self.nodes[key] = len(self.out.keys)
            self.out.keys.append(key)
            self.out.contents.append(holds)
        return known

    def value(self, key: Key, kind: str = "") -> int:
        known = self.values.get(key)
        if known is None:
            known = self.values[key] = len(self.out.values)
            self.out.values.append(key)
            self.out.kinds.append(kind or kind_of_function(self.index, key))
        return known

    def at(self, row: list[Any]) -> At:
        return At(self.file, row[1], row[2], self.facts.names[row[3]] if row[3] is not None else None)

    # ---- expressions

    def places(self, fact: Fact, operand: Operand, write: bool) -> list[int]:
        key = (*self._depends(fact.function, operand), write)
        known = self._places.get(key)
        if known is None:
            found = [self.node(key, holds) for key, holds in places(self.to, fact, operand, write)]
            known = self._places[key] = (found, operand)
        return known[0]

    def _depends(self, function: str | None, operand: Operand) -> tuple[str | None, object]:
        """What the meaning of an operand depends on in this file: the function, nothing, or no more than a local's type."""
        where = function if operand.text else ""  # the names in subscripts may be those of locals
        if operand.call or operand.base is None:
            return where, id(operand)
        variable = self.to.variable(operand.base, self.file, function)
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
            return Source([], [self.value(key) for key in self.named(Operand("", operand.text), fact.file)], False)
        obj: list[int] = []
        if operand.base is not None and not operand.call:
            variable = self.to.variable(operand.base, fact.file, fact.function)
            if not operand.fields:
                named = self.named(operand, fact.file) if variable is None or variable.function is None else []
                if named and (variable is None or all(key[0] == "F" for key in named)):
                    return Source([], [self.value(key) for key in named], False)
            if variable is not None and (operand.address or all(step == "[]" for step in operand.fields)):
                kind = self.types.expand(parse_type(variable.type), fact.file) if variable.type else None
                if kind is not None and self.to.holds_functions(kind) and self._is_object(fact, operand, kind):
                    obj = [self.value(("O", *variable_key(variable)), f"s {self.types.struct_name(kind)}")]
                    if all(step == "[]" for step in operand.fields):
                        return Source([], obj, False)
        nodes = self.places(fact, operand, False)
        if not nodes:
            return Source([], obj, False) if obj else None
        array = not operand.address and self._is_array(fact, operand)
        both = operand.address or array or comes_back or self._points_to_pointer(fact, operand)
        if both:
            nodes = nodes + [n for n in self.places(fact, operand, True) if n not in nodes]
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
        kind = self.to.operand_type(fact, operand)
        derived = self.types.expand(kind, fact.file).derived if kind is not None else ()
        return derived[:2] == ("*", "*") and (
            kind is not None and kind.base == "void" or any(step.startswith("(") for step in derived[2:3])
        )

    def _is_array(self, fact: Fact, operand: Operand) -> bool:
        kind = self.to.operand_type(fact, operand)
        return kind is not None and kind.derived[:1] == ("[]",)

    def named(self, operand: Operand, file: str) -> list[Key]:
        name = operand.base or ""
        known = self._named.get(name)
        if known is None:
            known = self._named[name] = named(self.index, name, file)
        if known and known[0][0] == "X" and operand.address and not self.index.prototypes(name):
            return []  # `&lock`: a variable that a macro declares
        return known

    # ---- constraints

    def put(self, target: int, source: Source, fact: Fact, kind: str, owner: Key | None) -> None:
        for value in source.values:
            self.out.puts.append((value, target, fact.line, fact.column, kind, owner))
        for node in source.nodes:
            if node != target:
                self.out.edges += (node, target, fact.line, int(source.both))

    def assignment(self, fact: Assignment) -> None:
        owner: Key | None = None
        if fact.kind == "return":
            function = self.index.enclosing_named(fact.file, fact.function, fact.line)
            targets = self.returned(function) if function is not None else []
        else:
            targets = self.places(fact, fact.left, True)
            if fact.left.base is not None and not fact.left.call:
                variable = self.to.variable(fact.left.base, fact.file, fact.function)
                owner = variable_key(variable) if variable is not None else None
        if not targets:
            return
        comes_back = fact.kind != "return" and self._points_to_pointer(fact, fact.left)
        for operand in fact.right:
            source = self.source(fact, operand, comes_back)
            if source is not None:
                for target in targets:
                    self.put(target, source, fact, fact.kind, owner)

    def returned(self, function: Function) -> list[int]:
        return [self.node(("ret", function.file, function.name), return_content(self.to, function))]

    def called(self, name: str) -> list[Targets] | None:
        """Where the arguments of calls of a name go; None where each call has to be looked at."""
        if name in ("va_start", "va_copy") or may_mean_variable(self.index, name, self.file):
            return None
        functions = self.index.functions(name, self.file) or self.aliased(name)
        return [targets for f in functions if any((targets := self.to.targets(f))[0]) or targets[1] is not None]

    def call(self, call: Call) -> None:
        set_call_kind(self.index, call)
        if call.callee_name is None or call.kind != "direct":
            self.indirect(call)
        elif call.callee_name in ("va_start", "va_copy") and call.args and call.args[0].operands:
            self.variable_arguments(call)
        else:
            functions = self.index.functions(call.callee_name, call.file) or self.aliased(call.callee_name)
            self.passed(call, [arg.operands for arg in call.args], [self.to.targets(f) for f in functions])

    def passed(self, call: Call | At, args: list[list[Operand]], targets: list[Targets]) -> None:
        """The arguments of a direct call, to the parameters of the functions that its name means."""
        sources: list[list[Source] | None] = [
            self.argument(call, operands) if operands and any(_at(one, position) for one in targets) else None
            for position, operands in enumerate(args)]
        for one in targets:
            for position, given in enumerate(sources):
                target = _at(one, position) if given else None
                if target is not None:
                    node = self.node(*target)
                    for source in given or ():
                        self.put(node, source, call, "argument", None)

    def indirect(self, call: Call) -> None:
        nodes = [n for operand in (call.operand, *call.others) for n in self.places(call, operand, False)]
        for operand in (call.operand, *call.others):  # a named function behind a conditional: (a ? f : p)(x)
            if operand.base is not None and not operand.fields and not operand.call and call.others:
                source = self.source(call, operand)
                if source is not None and source.values:
                    made = self.node(("site", call.file, call.line, call.column), "f")
                    self.put(made, source, call, "conditional", None)
                    nodes.append(made)
        self.out.calls.append(Indirect(
            call.line, call.column, call.callee, call.function, nodes, [self.argument(call, arg.operands) for arg in call.args],
            UNKNOWN_COUNT if any(self._may_be_several(call, arg) for arg in call.args) else len(call.args)))

    def aliased(self, name: str) -> list[Function]:
        """The functions that a macro which renames them means."""
        found = named(self.index, name, self.file)
        return [f for key in found if key[0] == "F" for f in self.index.functions(key[3]) if (f.file, f.start_line) == key[1:3]]

    def _may_be_several(self, call: Call, arg: Arg) -> bool:
        name = arg.text.strip()
        if not name.isidentifier() or self.to.variable(name, call.file, call.function) is not None:
            return False
        macro = self.index.macro(name, call.file)
        return macro is not None and "," in macro.body

    def variable_arguments(self, call: Call) -> None:
        function = self.index.enclosing_named(call.file, call.function, call.line)
        for target in self.places(call, call.args[0].operands[0], True):
            if call.callee_name == "va_copy":
                for source in self.argument(call, call.args[1].operands) if len(call.args) > 1 else []:
                    self.put(target, source, call, "argument", None)
            elif function is not None:
                self.out.edges += (self.node(("va", function.file, function.name), ""), target, call.line, 0)

    def argument(self, call: Call | At, operands: list[Operand]) -> list[Source]:
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
        put = {node: line for _, node, line, _, kind, _ in self.out.puts if kind == "initializer"}
        for node, key in enumerate(list(self.out.keys)):
            base = key[1] if key[0] == "el" else key
            if base[0] != "g" or (base[1] != self.out.file if node in put else base[1] != ""):
                continue
            variable = self.to.variable(base[2], self.out.file, None)
            collected = self._collected(variable) if variable is not None else None
            if collected is None or variable is None:
                continue
            if node in put and variable.static and node not in called and all(target not in read for target in read.get(node, ())):
                self.out.edges += (node, self.node(("sec", collected), "f"), put[node], 0)
            elif variable.extern and key[0] == "g" and _is_array_type(variable.type):
                self.out.edges += (self.node(("sec", collected), "f"), node, variable.line, 0)

    def _collected(self, variable: Variable) -> str | None:
        """The type of the pointers to functions that a variable, or each element of an array, is; None for other types."""
        kind = self.types.expand(parse_type(variable.type), variable.file)
        derived = kind.derived[1:] if kind.derived[:1] == ("[]",) else kind.derived
        return str(CType(kind.base, derived)) if derived[:1] == ("*",) and derived[1:2] and derived[1].startswith("(") else None


def _is_array_type(text: str) -> bool:
    return parse_type(text).derived[:1] == ("[]",)


def named_function(index: Index, key: Key) -> Function | None:
    """The function that a value's key names; None for other values."""
    if key[0] != "F":
        return None
    return next((f for f in index.functions(key[3]) if f.start_line == key[2] and f.file == key[1]), None)


def kind_of_function(index: Index, key: Key) -> str:
    function = named_function(index, key)
    return f"f{len(function.params)}{'+' if function.variadic else ''}" if function is not None else "f?"


def param_node(to: Expressions, function: Function, position: int) -> tuple[Key, str] | None:
    """The node (and what it holds) that an argument at a 0-based position goes to; None where nothing that matters can."""
    return _at(to.targets(function), position)


def _at(targets: Targets, position: int) -> tuple[Key, str] | None:
    return targets[0][position] if position < len(targets[0]) else targets[1]


def return_content(to: Expressions, function: Function) -> str:
    """A declarator around the name (`int (*pick(void))(int)`) is not told by the return type: what is returned is taken as it comes."""
    text = function.return_type
    return content(to.types, to.types.expand(parse_type(text), function.file) if text else None) or ""


def named(index: Index, name: str, file: str) -> list[Key]:
    """The function values a name means in a file: its definitions, what an alias macro names, or an external function."""
    for _ in range(6):
        found = index.functions(name, file)
        if found:
            return [("F", f.file, f.start_line, f.name) for f in found]
        macro = index.macro(name, file)
        if macro is None or macro.params is not None:
            break
        body = macro.body.strip("() ")
        if not body.isidentifier():
            break
        name = body
    if index.prototypes(name) or (not name.isupper() and not index.has_variable(name) and index.macro(name, file) is None):
        return [("X", name)]
    return []


def places(to: Expressions, fact: Fact, operand: Operand, write: bool) -> list[tuple[Key, str]]:
    """The nodes an operand names, to write to or to read from, with what each holds. [] where it cannot hold an address."""
    if operand.fields:
        kind, key = to.walk(fact, operand)
        if key is not None:
            if key[1] == "()":
                at = len(operand.fields) - 1 - operand.fields[::-1].index("()")
                inner = Operand(operand.text, operand.base, operand.fields[:at], False, operand.cast, operand.call)
                return [(("iret", called), "") for called, _ in places(to, fact, inner, False)]
            holds = content(to.types, kind)
            if holds is None:
                return []
            field_node: Key = ("w" if write else "r", *key)
            element = to.element(fact, operand) if operand.fields[-1] in ("[]", "*") or operand.fields[-1].startswith("#") else None
            return [(("el", ("r", *key), field_node[0], element) if element is not None else field_node, holds)]
    if operand.call:
        return [(("ret", f.file, f.name), return_content(to, f)) for f in to.index.functions(operand.base or "", fact.file)]
    if operand.base is None:
        return []
    variable = to.variable(operand.base, fact.file, fact.function)
    if variable is None:
        return []
    declared = to.types.expand(parse_type(variable.type), fact.file) if variable.type else None
    holds = content(to.types, declared)
    if holds is None:
        return []
    key = variable_key(variable)
    if declared is not None and declared.derived[:1] == ("[]",) and variable.param is None:
        element = to.element(fact, operand)
        if write or element is not None:
            return [(("el", key, "w" if write else "r", element), holds)]
    return [(key, holds)]
