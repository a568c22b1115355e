"""Which functions and struct objects can each variable, field, parameter and return value hold?

Inclusion constraints (Andersen 1994) over: variables and parameters; fields, one node for a (struct, field) pair over all objects
(Heintze & Tardieu's field-based variant); returns; results of indirect calls. Arrays are one with their elements, pointers to function
pointers one with what they point to. Solved with a worklist; an indirect call adds edges to the parameters of every function that reaches
its callee.

Written without a known struct type, a field's value reaches that field of every struct; read without one, it is read from every struct.

>>> flow = Flow(index)
>>> [flow.name(v) for v in flow.reaching(call)]
['my_open']
"""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from curation.csource.facts import Arg, Assignment, Call, Function, NameUse, Operand, Variable
from curation.csource.types import CType, Types, parse_type

if TYPE_CHECKING:
    from curation.csource.index import Index

# ("v", file, function, name), ("g", file or "", name), ("w"/"r", struct or None, field), ("ret", file, name), ("iret", node),
# ("va", file, name)
Key = tuple
Fact = Call | Assignment | NameUse
Place = tuple[str, int, int]  # file, line, column
CallKey = tuple[str, int, int, str, str | None]


def call_key(call: Call) -> CallKey:
    """What names a call site also after its facts were read again: file, line, column, callee text, enclosing function."""
    return call.file, call.line, call.column, call.callee, call.function


class Take(NamedTuple):
    """A place where a function's (or object's) address is taken: what for, and into which node. owner: the variable whose initializer it
    is."""

    file: str
    line: int
    column: int
    kind: str
    node: int
    owner: Key | None


class Source(NamedTuple):
    """Where a value comes from: node ids, and values given by name. both: what is put through the pointer reaches the place too (`&x`)."""

    nodes: list[int]
    values: list[int]
    both: bool


class Flow:
    def __init__(self, index: Index) -> None:
        self.index = index
        self.types: Types = index.types
        self.ids: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.successors: list[list[int]] = []
        self.held: list[dict[int, int]] = []  # value -> the node it came from, -1 where it was put first
        self.edge_places: dict[tuple[int, int], tuple[str, int]] = {}
        self.value_ids: dict[Key, int] = {}
        self.value_keys: list[Key] = []
        self.functions: list[Function | None] = []  # of a value; None for an external function or an object
        self.takes: list[list[Take]] = []
        self.indirect: dict[int, list[tuple[int, Place, list[list[Source]]]]] = {}  # callee node -> (number of the call, ...)
        self._calls = 0
        self.calls_at: dict[CallKey, list[int]] = {}  # callee nodes
        self._by_arity: dict[int, list[int]] | None = None
        self._before: dict[int, list[int]] | None = None
        self._queue: deque[int] = deque()
        self._fresh: dict[int, list[int]] = {}
        self._linked: set[tuple[int, int]] = set()
        for one in index.facts.values():
            for assignment in one.assignments:
                self._assignment(assignment)
            for call in one.calls:
                self._call(call)
        self._solve()

    # ---- nodes and values

    def node(self, key: Key) -> int:
        known = self.ids.get(key)
        if known is None:
            known = self.ids[key] = len(self.keys)
            self.keys.append(key)
            self.successors.append([])
            self.held.append({})
            if key[0] in ("w", "r"):
                self._wire_field(key)
        return known

    def _wire_field(self, key: Key) -> None:
        _, struct, field = key
        written, read = self.node(("w", struct, field)), self.node(("r", struct, field))
        self._edge(written, read, None)
        if struct is not None:
            self._edge(self.node(("w", None, field)), read, None)
            self._edge(written, self.node(("r", None, field)), None)

    def value(self, key: Key, function: Function | None) -> int:
        known = self.value_ids.get(key)
        if known is None:
            known = self.value_ids[key] = len(self.value_keys)
            self.value_keys.append(key)
            self.functions.append(function)
            self.takes.append([])
        return known

    def name(self, value: int) -> str:
        return self.value_keys[value][-1]

    def is_function(self, value: int) -> bool:
        return self.value_keys[value][0] in ("F", "X")

    def variable_key(self, variable: Variable) -> Key:
        if variable.function is not None:
            return ("v", variable.file, variable.function, variable.name)
        return ("g", variable.file if variable.static else "", variable.name)

    # ---- expressions

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
        variable = self.index.variable(operand.base, fact.file, fact.function)
        return parse_type(variable.type) if variable is not None and variable.type else None

    def operand_type(self, fact: Fact, operand: Operand) -> CType | None:
        """The type of the whole operand, without its leading `&`."""
        base = self.base_type(fact, operand)
        return self.types.walk(base, operand.fields, fact.file)[0] if base is not None else None

    def field_key(self, fact: Fact, operand: Operand) -> tuple[str | None, str] | None:
        """(struct or None, field) of the last field in an operand's path; None without one."""
        if not any(step not in ("*", "[]") for step in operand.fields):
            return None
        return self.types.walk(self.base_type(fact, operand), operand.fields, fact.file)[1]

    def places(self, fact: Fact, operand: Operand, write: bool) -> list[int]:
        """The nodes an operand names, to write to or to read from. [] where it cannot hold an address."""
        base = self.base_type(fact, operand)
        if operand.fields:
            kind, key = self.types.walk(base, operand.fields, fact.file)
            if key is not None:
                if key[1] == "()":
                    at = len(operand.fields) - 1 - operand.fields[::-1].index("()")
                    inner = Operand(operand.text, operand.base, operand.fields[:at], False, operand.cast, operand.call)
                    return [self.node(("iret", n)) for n in self.places(fact, inner, False)]
                if self.types.holds_no_pointer(kind):
                    return []
                return [self.node(("w" if write else "r", *key))]
        if operand.call:
            found = self.index.functions(operand.base or "", fact.file)
            return [self.node(("ret", f.file, f.name)) for f in found]
        if operand.base is None:
            return []
        variable = self.index.variable(operand.base, fact.file, fact.function)
        if variable is None:
            return []
        declared = self.types.expand(parse_type(variable.type), fact.file) if variable.type else None
        if self.types.holds_no_pointer(declared):
            return []
        return [self.node(self.variable_key(variable))]

    def source(self, fact: Fact, operand: Operand) -> Source | None:
        """What an operand's value is made of; None for what can hold no address."""
        if operand.base is not None and not operand.fields and not operand.call:
            variable = self.index.variable(operand.base, fact.file, fact.function)
            named = self.named(operand.base, fact.file) if variable is None or variable.function is None else []
            if named and (variable is None or all(self.functions[v] is not None for v in named)):
                return Source([], named, False)
            if variable is not None:
                kind = self.types.expand(parse_type(variable.type), fact.file) if variable.type else None
                struct = kind is not None and self.types.struct_name(kind) is not None
                if struct and kind is not None and (not kind.derived and operand.address or kind.derived[:1] == ("[]",)):
                    return Source([], [self.value(("O", *self.variable_key(variable)), None)], False)
        nodes = self.places(fact, operand, False)
        if not nodes:
            return None
        array = not operand.fields and not operand.address and self._is_array(fact, operand)
        if (operand.address or array) and operand.fields:
            nodes = nodes + self.places(fact, operand, True)
        return Source(nodes, [], operand.address or array or self._points_to_pointer(fact, operand))

    def _points_to_pointer(self, fact: Fact, operand: Operand) -> bool:
        """`Func_ptr *out`, `void **out`: what is stored through it by who gets it must be seen by who gave it."""
        kind = self.operand_type(fact, operand)
        derived = self.types.expand(kind, fact.file).derived if kind is not None else ()
        return derived[:2] == ("*", "*") and (
            kind is not None and kind.base == "void" or any(step.startswith("(") for step in derived[2:3])
        )

    def _is_array(self, fact: Fact, operand: Operand) -> bool:
        kind = self.operand_type(fact, operand)
        return kind is not None and kind.derived[:1] == ("[]",)

    def named(self, name: str, file: str) -> list[int]:
        """The function values a name means in a file: its definitions, what an alias macro names, or an external function."""
        for _ in range(6):
            found = self.index.functions(name, file)
            if found:
                return [self.value(("F", f.file, f.start_line, f.name), f) for f in found]
            macro = self.index.macro(name, file)
            if macro is None or macro.params is not None:
                break
            body = macro.body.strip("() ")
            if not body.isidentifier():
                break
            name = body
        if self.index.prototypes(name) or (
            not name.isupper() and not self.index.has_variable(name) and self.index.macro(name, file) is None
        ):
            return [self.value(("X", name), None)]
        return []

    # ---- constraints

    def _edge(self, source: int, target: int, place: tuple[str, int] | None) -> None:
        if source == target or (source, target) in self.edge_places:
            return
        self.edge_places[source, target] = place or ("", 0)
        self.successors[source].append(target)
        if self.held[source]:
            self._push(target, list(self.held[source]), source)

    def _push(self, node: int, values: list[int], origin: int) -> None:
        held = self.held[node]
        fresh = [v for v in values if v not in held]
        if fresh:
            for value in fresh:
                held[value] = origin
            known = self._fresh.get(node)
            if known is None:
                self._fresh[node] = fresh
                self._queue.append(node)
            else:
                known.extend(fresh)

    def _put(self, target: int, source: Source, place: Place, kind: str, owner: Key | None) -> None:
        for value in source.values:
            takes = self.takes[value]
            if len(takes) < 64:
                takes.append(Take(*place, kind, target, owner))
        if source.values:
            self._push(target, source.values, -1)
        for node in source.nodes:
            self._edge(node, target, place[:2])
            if source.both:
                self._edge(target, node, place[:2])

    def _assignment(self, fact: Assignment) -> None:
        owner: Key | None = None
        if fact.kind == "return":
            function = self.index.enclosing_named(fact.file, fact.function, fact.line)
            targets = [self.node(("ret", function.file, function.name))] if function is not None else []
        else:
            targets = self.places(fact, fact.left, True)
            if fact.left.base is not None and not fact.left.call:
                variable = self.index.variable(fact.left.base, fact.file, fact.function)
                owner = self.variable_key(variable) if variable is not None else None
        if not targets:
            return
        for operand in fact.right:
            source = self.source(fact, operand)
            if source is not None:
                for target in targets:
                    self._put(target, source, (fact.file, fact.line, fact.column), fact.kind, owner)

    def _call(self, call: Call) -> None:
        sources: list[list[Source]] = [self._argument(call, arg) for arg in call.args]
        place = (call.file, call.line, call.column)
        if call.callee_name is not None and call.kind == "direct":
            if call.callee_name in ("va_start", "va_copy") and call.args and call.args[0].operands:
                self._variable_arguments(call, sources)
                return
            for value in self.named(call.callee_name, call.file):
                function = self.functions[value]
                if function is not None:
                    self._pass(place, sources, function)
            return
        nodes = [n for operand in (call.operand, *call.others) for n in self.places(call, operand, False)]
        for operand in (call.operand, *call.others):  # a named function behind a conditional: (a ? f : p)(x)
            if operand.base is not None and not operand.fields and not operand.call and call.others:
                source = self.source(call, operand)
                if source is not None and source.values:
                    made = self.node(("site", call.file, call.line, call.column))
                    self._put(made, source, place, "conditional", None)
                    nodes.append(made)
        self.calls_at.setdefault(call_key(call), []).extend(nodes)
        self._calls += 1
        for node in nodes:
            self.indirect.setdefault(node, []).append((self._calls, place, sources))

    def _variable_arguments(self, call: Call, sources: list[list[Source]]) -> None:
        function = self.index.enclosing_named(call.file, call.function, call.line)
        for target in self.places(call, call.args[0].operands[0], True):
            if call.callee_name == "va_copy":
                for source in sources[1] if len(sources) > 1 else []:
                    self._put(target, source, (call.file, call.line, call.column), "argument", None)
            elif function is not None:
                self._edge(self.node(("va", function.file, function.name)), target, (call.file, call.line))

    def _argument(self, call: Call, arg: Arg) -> list[Source]:
        found = (self.source(call, operand) for operand in arg.operands)
        return [s for s in found if s is not None]

    def _pass(self, place: Place, sources: list[list[Source]], function: Function) -> None:
        for position, given in enumerate(sources):
            if not given:
                continue
            if position < len(function.params):
                name, type_text = function.params[position]
                kind = self.types.expand(parse_type(type_text), function.file) if type_text else None
                if not name or self.types.holds_no_pointer(kind):
                    continue
                target = self.node(("v", function.file, function.name, name))
            elif function.variadic:
                target = self.node(("va", function.file, function.name))
            else:
                continue
            for source in given:
                self._put(target, source, place, "argument", None)

    def _solve(self) -> None:
        while self._queue:
            node = self._queue.popleft()
            fresh = self._fresh.pop(node)
            for target in self.successors[node]:
                self._push(target, fresh, node)
            for number, place, sources in self.indirect.get(node, ()):
                for value in fresh:
                    function = self.functions[value]
                    if function is not None and (number, value) not in self._linked:
                        self._linked.add((number, value))
                        self._pass(place, sources, function)
            result = self.ids.get(("iret", node))
            if result is not None:
                for value in fresh:
                    function = self.functions[value]
                    if function is not None:
                        self._edge(self.node(("ret", function.file, function.name)), result, None)

    # ---- answers

    def reaching(self, call: Call) -> dict[int, int]:
        """Function values that reach an indirect call's callee: value -> the callee node it reached."""
        found: dict[int, int] = {}
        for node in self.calls_at.get(call_key(call), []):
            for value in self.held[node]:
                if self.is_function(value):
                    found.setdefault(value, node)
        return found

    def path(self, node: int, value: int) -> list[tuple[str, int]]:
        """The places (file, line) a value came through, from the callee back to where it was put first; at most 12."""
        places: list[tuple[str, int]] = []
        for _ in range(40):
            origin = self.held[node].get(value, -1)
            if origin < 0 or len(places) >= 12:
                break
            place = self.edge_places.get((origin, node), ("", 0))
            if place[1] and (not places or places[-1] != place):
                places.append(place)
            node = origin
        return places

    def first_node(self, node: int, value: int) -> int:
        """The node where the value that reached `node` was put first."""
        for _ in range(1000):
            origin = self.held[node].get(value, -1)
            if origin < 0:
                break
            node = origin
        return node

    def objects(self, call: Call) -> set[Key]:
        """The variables (struct objects) that the base of a call's field expression can be or point to; empty when not known."""
        operand = call.operand
        fields = operand.fields
        while fields and fields[-1] in ("*", "[]"):
            fields = fields[:-1]
        if not fields or operand.call and len(fields) < 1:
            return set()
        base = Operand(operand.text, operand.base, fields[:-1], False, operand.cast, operand.call)
        if base.base is not None and not base.call and not any(s not in ("*", "[]") for s in base.fields):
            variable = self.index.variable(base.base, call.file, call.function)
            if variable is not None:
                kind = self.types.expand(parse_type(variable.type), call.file)
                if self.types.struct_name(kind) is not None and kind.derived[:1] in ((), ("[]",)) and "*" not in kind.derived:
                    return {self.variable_key(variable)}
        found: set[Key] = set()
        for node in self.places(call, base, False):
            found.update(self.value_keys[v][1:] for v in self.held[node] if self.value_keys[v][0] == "O")
        return found

    def predecessors(self, node: int) -> list[int]:
        """The nodes whose values flow into a node. (field, no struct) nodes that hold nothing are left out."""
        if self._before is None:
            self._before = {}
            for source, target in self.edge_places:
                self._before.setdefault(target, []).append(source)
        return [n for n in self._before.get(node, []) if not (self.keys[n][0] == "w" and self.keys[n][1] is None and not self.held[n])]

    def field_values(self, field: str) -> Iterator[int]:
        """Functions that reach a field of this name in any struct."""
        node = self.ids.get(("r", None, field))
        return (v for v in (self.held[node] if node is not None else ()) if self.is_function(v))

    def taken_with(self, count: int) -> list[int]:
        """Functions of the corpus with so many parameters whose address is taken anywhere."""
        if self._by_arity is None:
            self._by_arity = {}
            for value, function in enumerate(self.functions):
                if function is not None and self.takes[value]:
                    self._by_arity.setdefault(len(function.params), []).append(value)
        return self._by_arity.get(count, [])
