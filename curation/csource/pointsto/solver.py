"""How do functions and objects spread along the constraints until nothing moves any more?

A worklist over inclusion constraints (Andersen 1994). When `run` returns:

- what a node holds, each successor of it holds too, if its declared type lets it in (typesystem/compatibility.py) and it is not in `full`;
- an indirect call has edges from its arguments to the parameters of each function that its callee holds and that takes no more than it
  gives (variadic ones: to their variable arguments), and from what that function returns to its result;
- for each value of a node, following the node it came from leads to a node where its address is taken, in finitely many steps.

Only nodes that hold something cost much (edges.py). A value is pushed on once; an indirect call is linked to each function that reaches
it once.

>>> solver = Solver(paths); solver.add(constraints_of(paths, facts)); solver.run()
>>> solver.held[node]
{3: 17}
"""
from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from curation.csource.facts.model import Function
from curation.csource.pointsto.access_paths import AccessPaths, at_position, defined_function, return_content
from curation.csource.pointsto.constraints import Constraints, Source
from curation.csource.pointsto.edges import LOW, Edges, Held
from curation.csource.pointsto.nodes import (
    ELEMENTS,
    FIELDS,
    CallResult,
    DefinedFunction,
    ElementNode,
    ElementStore,
    FieldLoad,
    FieldNode,
    FieldStore,
    Node,
    Object,
    Returned,
    Value,
    VariableNode,
)
from curation.csource.typesystem.compatibility import ANYTHING, Content, Shape

CallKey = tuple[str, int, int, str, str | None]
MOST_ADDRESSES = 64  # places kept of one value
MOST_OBJECTS = 32  # that one node holds: more of them tell nothing about the one at a call
MOST_UNTYPED = 1500  # values that a node holds whose type lets anything in (`void *`): beyond, what it holds tells nothing
# In a big corpus what is that full takes four fifths of memory and time: 13,530 files of the kernel held 42 million values with 1,500, 10
# with 300, and of 19,431 calls 295 changed, all of them with more than 60 candidates (the median 1,216).
MANY_VALUES = 10_000
MOST_UNTYPED_OF_MANY = 300


class AddressTaken(NamedTuple):
    """A place where a function's (or object's) address is taken: what for, and into which node. owner: the variable whose initializer it
    is."""

    file: str
    line: int
    column: int
    kind: str
    node: int
    owner: VariableNode | None


class _NumberedCall(NamedTuple):
    """An indirect call, its nodes and values numbered over the corpus. place: file number << 32 | line."""

    place: int
    column: int
    arg_count: int
    args: list[list[Source]]


class Solver:
    def __init__(self, paths: AccessPaths) -> None:
        self.paths = paths
        self.node_ids: dict[Node, int] = {}
        self.nodes: list[Node] = []
        self.contents = array("i")  # of each node: number of what it lets in
        self.held = Held()
        self.full: set[int] = set()  # nodes that took in no more objects, or (of untyped ones) no more at all
        self._object_counts: dict[int, int] = {}
        self.edges = Edges()
        self.value_ids: dict[Value, int] = {}
        self.values: list[Value] = []
        self.addresses: list[list[AddressTaken]] = []
        self.calls_at: dict[CallKey, list[int]] = {}
        self._value_shapes = array("i")  # of each value: number of its shape
        self._is_object = bytearray()
        self._shape_ids: dict[Shape, int] = {}
        self._shapes: list[Shape] = []
        self._content_ids: dict[Content, int] = {ANYTHING: 0}
        self._contents: list[Content] = [ANYTHING]
        self._lets: dict[int, bool] = {}  # content << 32 | shape
        self._elements: dict[Node, list[tuple[bool, str | None, int]]] = {}  # array -> (stored to, subscript, node)
        self._results: dict[int, int] = {}  # callee node -> the node of its result
        self._calls: list[_NumberedCall] = []
        self._calls_through: dict[int, list[int]] = {}  # callee node -> numbers of calls
        self._params: dict[int, tuple[Function | None, dict[int, int | None]]] = {}
        self._linked: set[int] = set()
        self._queue: deque[int] = deque()
        self._fresh: dict[int, list[int]] = {}
        self._initial: list[tuple[int, int]] = []  # (node, value) of each address taken
        self._edges_are_sorted = False
        self._most_untyped = MOST_UNTYPED

    # ---- reading

    def add(self, one: Constraints) -> None:
        """Takes in the constraints of one file."""
        file = len(self.edges.files)
        self.edges.files.append(one.file)
        nodes = [self.node(node, holds) for node, holds in zip(one.nodes, one.contents, strict=True)]
        values = [self.value(value, shape) for value, shape in zip(one.values, one.shapes, strict=True)]
        edges, places = self.edges.drafts
        flat = one.edges
        for at in range(0, len(flat), 4):
            source, target, place = nodes[flat[at]], nodes[flat[at + 1]], file << 32 | flat[at + 2]
            if source != target:
                edges.append(source << 32 | target)
                places.append(place)
                if flat[at + 3]:
                    edges.append(target << 32 | source)
                    places.append(place)
        for value, node, line, column, kind, owner in one.addresses:
            self._keep_address(values[value], AddressTaken(one.file, line, column, kind, nodes[node], owner))
            self._initial.append((nodes[node], values[value]))
        for call in one.calls:
            called = [nodes[n] for n in call.nodes]
            self.calls_at.setdefault((one.file, call.line, call.column, call.callee, call.function), []).extend(called)
            number = len(self._calls)
            args = [[Source([nodes[n] for n in s.nodes], [values[v] for v in s.values], s.both) for s in arg] for arg in call.args]
            self._calls.append(_NumberedCall(file << 32 | call.line, call.column, call.count, args))
            for node in called:
                self._calls_through.setdefault(node, []).append(number)

    def _keep_address(self, value: int, address: AddressTaken) -> None:
        kept = self.addresses[value]
        if len(kept) < MOST_ADDRESSES:
            kept.append(address)

    def value(self, value: Value, shape: Shape) -> int:
        """The number of a value."""
        known = self.value_ids.get(value)
        if known is None:
            known = self.value_ids[value] = len(self.values)
            self.values.append(value)
            number = self._shape_ids.setdefault(shape, len(self._shapes))
            if number == len(self._shapes):
                self._shapes.append(shape)
            self._value_shapes.append(number)
            self._is_object.append(isinstance(value, Object))
            self.addresses.append([])
        return known

    def node(self, node: Node, holds: Content) -> int:
        """The number of a node, made known with the edges that its kind has."""
        content = self._content_ids.setdefault(holds, len(self._contents))
        if content == len(self._contents):
            self._contents.append(holds)
        known = self.node_ids.get(node)
        if known is not None:
            if content and not self.contents[known]:
                self.contents[known] = content
            return known
        known = self.node_ids[node] = len(self.nodes)
        self.nodes.append(node)
        self.contents.append(content)
        if isinstance(node, FIELDS):
            self._wire_field(node, holds)
        elif isinstance(node, ELEMENTS):
            self._wire_element(node, known, holds)
        elif isinstance(node, CallResult):
            self._results[self.node(node.callee, ANYTHING)] = known
        return known

    def _wire_field(self, node: FieldNode, holds: Content) -> None:
        """What is stored to a field is loaded from it; of a struct that is not known, from the field of that name of every struct."""
        struct, field = node.struct, node.field
        stored, loaded = self.node(FieldStore(struct, field), holds), self.node(FieldLoad(struct, field), holds)
        self._wire(stored, loaded)
        if struct is not None:
            self._wire(self.node(FieldStore(None, field), ANYTHING), loaded)
            self._wire(stored, self.node(FieldLoad(None, field), ANYTHING))

    def _wire_element(self, element: ElementNode, node: int, holds: Content) -> None:
        """An element read holds what is written to it, what is written to an element that is not known, and what may be the same one: of
        a number and a constant's name nobody here knows whether they are."""
        array, subscript, stores = element.array, element.subscript, isinstance(element, ElementStore)
        known = self._elements.setdefault(array, [])
        known.append((stores, subscript, node))
        whole = self.node(array, holds)
        if stores:
            self._wire(node, whole)
        elif isinstance(array, FieldLoad):
            self._wire(self.node(FieldStore(array.struct, array.field), holds), node)
            if array.struct is not None:
                self._wire(self.node(FieldStore(None, array.field), ANYTHING), node)
        for other_stores, other, other_node in known:
            if other_stores != stores and _may_be_same(subscript, other):
                stored, loaded = (node, other_node) if stores else (other_node, node)
                self._wire(stored, loaded)

    def _wire(self, source: int, target: int) -> None:
        if source != target:
            if self._edges_are_sorted:
                self._edge(source, target, -1)
            else:
                self.edges.drafts[0].append(source << 32 | target)
                self.edges.drafts[1].append(-1)

    # ---- solving

    def run(self) -> None:
        self._most_untyped = MOST_UNTYPED if len(self.values) <= MANY_VALUES else MOST_UNTYPED_OF_MANY
        self.edges.sort(len(self.nodes))
        self._edges_are_sorted = True
        for node, value in self._initial:
            self._push(node, [value], -1)
        self._initial = []
        queue, fresh_of = self._queue, self._fresh
        while queue:
            node = queue.popleft()
            fresh = fresh_of.pop(node)
            for target in self.edges.successors(node):
                self._push(target, fresh, node)
            numbers = self._calls_through.get(node)
            if numbers is not None:
                functions = [v for v in fresh if isinstance(self.values[v], DefinedFunction)]
                for number in numbers:
                    for value in functions:
                        self._link(number, value)
            result = self._results.get(node)
            if result is not None:
                for value in fresh:
                    self._link_result(value, result)

    def _push(self, node: int, values: Iterable[int], origin: int) -> None:
        held = self.held.get(node)
        content = self.contents[node]
        fresh = [v for v in values if (held is None or v not in held) and (not content or self._lets_in(content, v))]
        if fresh and (node in self._object_counts or not content or any(self._is_object[v] for v in fresh)):
            fresh = self._within_limits(node, content, fresh, len(held) if held is not None else 0)
        if not fresh:
            return
        if held is None:
            held = self.held[node] = {}
        for value in fresh:
            held[value] = origin
        known = self._fresh.get(node)
        if known is None:
            self._fresh[node] = fresh
            self._queue.append(node)
        else:
            known.extend(fresh)

    def _within_limits(self, node: int, content: int, fresh: list[int], held: int) -> list[int]:
        """Those that the node still takes in."""
        objects = self._object_counts.get(node, 0)
        kept: list[int] = []
        for value in fresh:
            if self._is_object[value]:
                if objects >= MOST_OBJECTS:
                    self.full.add(node)
                    continue
                objects += 1
            elif not content and held + len(kept) >= self._most_untyped:
                self.full.add(node)
                continue
            kept.append(value)
        if objects:
            self._object_counts[node] = objects
        return kept

    def _lets_in(self, content: int, value: int) -> bool:
        shape = self._value_shapes[value]
        key = content << 32 | shape
        known = self._lets.get(key)
        if known is None:
            known = self._lets[key] = self.paths.compatibility.lets_in(self._contents[content], self._shapes[shape])
        return known

    def _edge(self, source: int, target: int, place: int) -> None:
        if source != target and self.edges.add(source, target, place):
            held = self.held.get(source)
            if held:
                self._push(target, list(held), source)

    def _link(self, number: int, value: int) -> None:
        key = number << 32 | value
        if key in self._linked:
            return
        self._linked.add(key)
        given = self._calls[number]
        function, params = self._function(value)
        if function is None or len(function.params) > given.arg_count:
            return
        for position, sources in enumerate(given.args):
            if sources:
                target = self._param(function, params, position)
                if target is not None:
                    for source in sources:
                        self._give(target, source, given)

    def _give(self, target: int, source: Source, given: _NumberedCall) -> None:
        for value in source.values:
            file, line = self.edges.files[given.place >> 32], given.place & LOW
            self._keep_address(value, AddressTaken(file, line, given.column, "argument", target, None))
        if source.values:
            self._push(target, source.values, -1)
        for node in source.nodes:
            self._edge(node, target, given.place)
            if source.both:
                self._edge(target, node, given.place)

    def _function(self, value: int) -> tuple[Function | None, dict[int, int | None]]:
        known = self._params.get(value)
        if known is None:
            known = self._params[value] = (defined_function(self.paths.index, self.values[value]), {})
        return known

    def _param(self, function: Function, params: dict[int, int | None], position: int) -> int | None:
        if position not in params:
            target = at_position(self.paths.parameters(function), position)
            params[position] = self.node(*target) if target is not None else None
        return params[position]

    def _link_result(self, value: int, result: int) -> None:
        function, _ = self._function(value)
        if function is not None:
            returned = self.node(Returned(function.file, function.name), return_content(self.paths, function))
            self._edge(returned, result, -1)


def _may_be_same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other or one[0].isdigit() != other[0].isdigit()
