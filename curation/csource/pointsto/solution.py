"""Which functions and struct objects can each variable, field, parameter and return value hold?

Inclusion constraints (Andersen 1994) over: variables and parameters; fields, one node for a (struct, field) pair over all objects
(Heintze & Tardieu's field-based variant), elements with a constant index apart; returns; results of indirect calls. Pointers to function
pointers are one with what they point to. Solved with a worklist (solver.py). A value enters a node only where the node's declared type
can hold it (typesystem/compatibility.py).

Written without a known struct type, a field's value reaches that field of every struct; read without one, it is read from every struct.

>>> solution = Solution(index)
>>> [solution.name(v) for v in solution.reaching(call)]
['my_open']
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from curation.csource.facts.model import Call, Function, Operand
from curation.csource.index.nearest import DefiningFiles
from curation.csource.pointsto.access_paths import AccessPaths, Fact, defined_function
from curation.csource.pointsto.constraints import Constraints, constraints_of
from curation.csource.pointsto.edges import Edges
from curation.csource.pointsto.nodes import (
    FUNCTIONS,
    DefinedFunction,
    FieldLoad,
    FieldStore,
    Node,
    Object,
    Value,
    VariableNode,
    variable_node,
)
from curation.csource.pointsto.pointer_facts import pointer_facts
from curation.csource.pointsto.solver import AddressTaken, CallKey, Solver
from curation.csource.typesystem.c_types import CType, normal, parse_type

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

def call_key(call: Call) -> CallKey:
    """What names a call site also after its facts were read again: file, line, column, callee text, enclosing function."""
    return call.file, call.line, call.column, call.callee, call.function


class _Functions(Sequence[Function | None]):
    """The function of each value; None for an external function or an object. Looked up when asked for."""

    def __init__(self, index: Index, values: Sequence[Value]) -> None:
        self._index = index
        self.values = values
        self._known: dict[int, Function | None] = {}

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, value):  # type: ignore[no-untyped-def,override]
        if value not in self._known:
            self._known[value] = defined_function(self._index, self.values[value])
        return self._known[value]


class Solution:
    def __init__(self, index: Index, lists: Iterable[Constraints] | None = None) -> None:
        """lists: the constraints of all files; None: made here, file by file."""
        self.index = index
        self.paths = AccessPaths(index)
        solver = Solver(self.paths)
        for one in lists if lists is not None else (constraints_of(self.paths, pointer_facts(one)) for one in index.facts.values()):
            solver.add(one)
        solver.run()
        self.node_ids: Mapping[Node, int] = solver.node_ids
        self.nodes: Sequence[Node] = solver.nodes
        self.held: Mapping[int, dict[int, int]] = solver.held
        self.full = solver.full
        self.edges = solver.edges
        self.value_ids: Mapping[Value, int] = solver.value_ids
        self.values: Sequence[Value] = solver.values
        self.addresses: Sequence[list[AddressTaken]] = solver.addresses  # of each value: where it is taken
        self.calls_at: Mapping[CallKey, list[int]] = solver.calls_at  # callee nodes of each call
        self.functions = _Functions(index, self.values)
        self._by_arity: Mapping[int, Sequence[int]] | None = None
        self._defining_files: DefiningFiles | None = None
        self._signatures: dict[int, list[tuple[str, int]]] = {}
        self._by_signature: Mapping[str, list[int]] | None = None
        self._calls_of: Mapping[int, list[CallKey]] | None = None
        self._fields_of: Mapping[int, list[int]] | None = None

    def restore(
        self, *, node_ids: Mapping[Node, int], nodes: Sequence[Node], value_ids: Mapping[Value, int], values: Sequence[Value],
        held: Mapping[int, dict[int, int]], addresses: Sequence[list[AddressTaken]], calls_at: Mapping[CallKey, list[int]], edges: Edges,
        full: set[int], by_arity: Mapping[int, Sequence[int]], calls_of: Mapping[int, list[CallKey]], fields_of: Mapping[int, list[int]],
        by_signature: Mapping[str, list[int]], defining_files: DefiningFiles,
    ) -> None:
        """Puts a solution that was saved (solution_files.py) in the place of what was solved."""
        self.node_ids, self.nodes, self.held, self.full = node_ids, nodes, held, full
        self.edges, self.value_ids, self.values = edges, value_ids, values
        self.addresses, self.calls_at, self._by_arity = addresses, calls_at, by_arity
        self._calls_of, self._fields_of, self._by_signature = calls_of, fields_of, by_signature
        self._defining_files = defining_files
        self.functions = _Functions(self.index, values)

    def name(self, value: int) -> str:
        return self.values[value].name

    def is_function(self, value: int) -> bool:
        return isinstance(self.values[value], FUNCTIONS)

    # ---- expressions

    def base_type(self, fact: Fact, operand: Operand) -> CType | None:
        return self.paths.base_type(fact, operand)

    def operand_type(self, fact: Fact, operand: Operand) -> CType | None:
        return self.paths.operand_type(fact, operand)

    def field_key(self, fact: Fact, operand: Operand) -> tuple[str | None, str] | None:
        return self.paths.field_key(fact, operand)

    def nodes_of(self, fact: Fact, operand: Operand, write: bool) -> list[int]:
        """The nodes an operand names, to write to or to read from; those that no constraint names are left out."""
        found = (self.node_ids.get(node) for node, _ in self.paths.nodes(fact, operand, write))
        return [node for node in found if node is not None]

    # ---- answers

    def reaching(self, call: Call) -> dict[int, int]:
        """Function values that reach an indirect call's callee: value -> the callee node it reached."""
        found: dict[int, int] = {}
        for node in self.calls_at.get(call_key(call), []):
            for value in self.held[node]:
                if self.is_function(value):
                    found.setdefault(value, node)
        return found

    def calls_of(self, value: int) -> list[CallKey]:
        """The indirect calls that a function value reaches, in the order of the files and the calls in them."""
        if self._calls_of is None:
            made: dict[int, list[CallKey]] = {}
            for key, nodes in self.calls_at.items():
                for reached in dict.fromkeys(v for node in nodes for v in self.held[node] if self.is_function(v)):
                    made.setdefault(reached, []).append(key)
            self._calls_of = made
        return self._calls_of.get(value, [])

    def fields_of(self, value: int) -> list[int]:
        """The nodes of fields of known structs, as they are read, that hold a value; by number."""
        if self._fields_of is None:
            made: dict[int, list[int]] = {}
            for node in sorted(self.held):
                field = self.nodes[node]
                if isinstance(field, FieldLoad) and field.struct is not None:
                    for held in self.held[node]:
                        made.setdefault(held, []).append(node)
            self._fields_of = made
        return self._fields_of.get(value, [])

    def value_of(self, function: Function) -> int | None:
        """The value that a function is; None where nothing takes its address."""
        return self.value_ids.get(DefinedFunction(function.file, function.start_line, function.name))

    def path(self, node: int, value: int) -> list[tuple[str, int]]:
        """The places (file, line) a value came through, from the callee back to where it was put first; at most 12."""
        found: list[tuple[str, int]] = []
        for _ in range(40):
            origin = self.held[node].get(value, -1)
            if origin < 0 or len(found) >= 12:
                break
            place = self.place_of(origin, node)
            if place[1] and (not found or found[-1] != place):
                found.append(place)
            node = origin
        return found

    def distance(self, node: int, value: int) -> int:
        """Over how many nodes the value came from where it was put first; at most 12."""
        for steps in range(12):
            node = self.held[node].get(value, -1)
            if node < 0:
                return steps
        return 12

    def signature(self, value: int) -> list[tuple[str, int]]:
        """The parameter types of a function value, see types.normal; [] for other values."""
        known = self._signatures.get(value)
        if known is None:
            function = self.functions[value]
            params = function.params if function is not None else []
            known = self._signatures[value] = [normal(self.index.types, text, function.file) for _, text in params] if function else []
        return known

    def place_of(self, source: int, target: int) -> tuple[str, int]:
        """The (file, line) that makes values go from one node to another; ("", 0) where none does."""
        return self.edges.get((source, target))

    def first_node(self, node: int, value: int) -> int:
        """The node where the value that reached `node` was put first."""
        for _ in range(1000):
            origin = self.held[node].get(value, -1)
            if origin < 0:
                break
            node = origin
        return node

    def objects(self, call: Call) -> set[VariableNode]:
        """The variables (struct objects) that the base of a call's field expression can be or point to; empty when not known."""
        operand = call.operand
        fields = operand.fields
        while fields and fields[-1] in ("*", "[]"):
            fields = fields[:-1]
        if not fields or operand.call and len(fields) < 1:
            return set()
        base = Operand(operand.text, operand.base, fields[:-1], False, operand.cast, operand.call)
        if base.base is not None and not base.call and not any(s not in ("*", "[]") for s in base.fields):
            variable = self.paths.variable(base.base, call.file, call.function)
            if variable is not None:
                kind = self.index.types.expand(parse_type(variable.type), call.file)
                if self.index.types.struct_name(kind) is not None and kind.derived[:1] in ((), ("[]",)) and "*" not in kind.derived:
                    return {variable_node(variable)}
        found: set[VariableNode] = set()
        for node in self.nodes_of(call, base, False):
            if node in self.full:
                return set()
            found.update(value.variable for v in self.held[node] if isinstance(value := self.values[v], Object))
        return found

    def predecessors(self, node: int, most: int | None = None) -> list[int]:
        """The nodes whose values flow into a node, the first `most` of them. (field, no struct) nodes that hold nothing are left out."""
        found = self.edges.predecessors(node)[:most]
        return [n for n in found if self.held[n] or not isinstance(one := self.nodes[n], FieldStore) or one.struct is not None]

    def field_values(self, field: str) -> Iterator[int]:
        """Functions that reach a field of this name in any struct."""
        node = self.node_ids.get(FieldLoad(None, field))
        return (v for v in (self.held[node] if node is not None else ()) if self.is_function(v))

    def taken_with(self, count: int) -> Sequence[int]:
        """Functions of the corpus with so many parameters whose address is taken anywhere."""
        if self._by_arity is None:
            made: dict[int, list[int]] = {}
            for value, function in enumerate(self.functions):
                if function is not None and self.addresses[value]:
                    made.setdefault(len(function.params), []).append(value)
            self._by_arity = made
        return self._by_arity.get(count, [])

    def taken_as(self, signature: list[tuple[str, int]]) -> list[int]:
        """Those of taken_with whose parameters are of these types; see signature."""
        if self._by_signature is None:
            made: dict[str, list[int]] = {}
            for value in self.taken_with(len(signature)):
                made.setdefault(str(self.signature(value)), []).append(value)
            return made.get(str(signature), [])
        return self._by_signature.get(str(signature), [])

    @property
    def defining_files(self) -> DefiningFiles:
        """Where the values are defined."""
        if self._defining_files is None:
            self._defining_files = DefiningFiles.of(value.file if isinstance(value, DefinedFunction) else None for value in self.values)
        return self._defining_files
