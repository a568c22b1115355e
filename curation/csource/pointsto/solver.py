"""How do functions and objects spread along the constraints until nothing moves any more?

Static edges are kept as sorted numbers (source << 32 | target), so that millions of them cost little; only nodes that hold something cost
more. A value is pushed on once; an indirect call is linked to each function that reaches it once.

>>> solver = Solver(expressions); solver.add(constraints(expressions, facts)); solver.run()
>>> solver.held[node]
{3: 17}
"""
from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from curation.csource.facts.model import Function
from curation.csource.pointsto.access_paths import Expressions, Key
from curation.csource.pointsto.constraints import Constraints, Source, named_function, param_node, return_content

CallKey = tuple[str, int, int, str, str | None]
MOST_TAKES = 64  # kept of one value
MOST_OBJECTS = 32  # that one node holds: more of them tell nothing about the one at a call
MOST_UNTYPED = 1500  # values that a node holds whose type lets anything in (`void *`): beyond, what it holds tells nothing
# In a big corpus what is that full takes four fifths of memory and time: 13,530 files of the kernel held 42 million values with 1,500, 10
# with 300, and of 19,431 calls 295 changed, all of them with more than 60 candidates (the median 1,216).
MANY_VALUES = 10_000
MOST_UNTYPED_OF_MANY = 300
_NOTHING: dict[int, int] = {}
_LOW = 0xFFFFFFFF


class Take(NamedTuple):
    """A place where a function's (or object's) address is taken: what for, and into which node. owner: the variable whose initializer it
    is."""

    file: str
    line: int
    column: int
    kind: str
    node: int
    owner: Key | None


class Held(dict[int, dict[int, int]]):
    """Node -> what it holds: value -> the node it came from, -1 where it was put first. Nodes that hold nothing have no entry."""

    def __missing__(self, node: int) -> dict[int, int]:
        return _NOTHING


class Edges:
    """The edges between nodes, each with the (file, line) that makes it; ("", 0) for those that no place makes."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.drafts = array("q"), array("q")  # edges, places: as they come, before settle
        self.edges = np.empty(0, np.int64)
        self.places = np.empty(0, np.int64)
        self.added: dict[int, int] = {}
        self._starts = np.zeros(1, np.int64)
        self._later: dict[int, list[int]] = {}
        self._backward: tuple[np.ndarray, np.ndarray] | None = None

    def settle(self, nodes: int) -> None:
        """Sorts what was drafted; from here on edges are added one by one."""
        edges, first = np.unique(np.frombuffer(self.drafts[0], np.int64), return_index=True)
        self.edges, self.places = edges, np.frombuffer(self.drafts[1], np.int64)[first]
        self.drafts = array("q"), array("q")
        self._starts = np.searchsorted(edges, np.arange(nodes + 1, dtype=np.int64) << 32)

    def add(self, source: int, target: int, place: int) -> bool:
        """False where the edge was there."""
        edge = source << 32 | target
        if edge in self.added or self._settled(edge) is not None:
            return False
        self.added[edge] = place
        self._later.setdefault(source, []).append(target)
        return True

    def _settled(self, edge: int) -> int | None:
        at = int(np.searchsorted(self.edges, edge))
        return at if at < len(self.edges) and self.edges[at] == edge else None

    def successors(self, node: int) -> list[int]:
        later = self._later.get(node, [])
        if node + 1 >= len(self._starts):
            return later
        first, end = self._starts[node], self._starts[node + 1]
        return [*(self.edges[first:end] & _LOW).tolist(), *later] if end > first else later

    def predecessors(self, node: int) -> list[int]:
        if self._backward is None:
            edges = np.concatenate([self.edges, np.fromiter(self.added, np.int64, len(self.added))])
            targets = edges & _LOW
            order = np.argsort(targets, kind="stable")
            self._backward = targets[order], edges[order] >> 32
        targets, sources = self._backward
        first, end = np.searchsorted(targets, node), np.searchsorted(targets, node, side="right")
        return sources[first:end].tolist()  # type: ignore[no-any-return]

    def get(self, edge: tuple[int, int], default: tuple[str, int] = ("", 0)) -> tuple[str, int]:
        number = edge[0] << 32 | edge[1]
        place = self.added.get(number)
        if place is None:
            at = self._settled(number)
            place = int(self.places[at]) if at is not None else -1
        return (self.files[place >> 32], place & _LOW) if place >= 0 else default

    def __iter__(self) -> Iterator[tuple[int, int]]:
        yield from ((int(edge) >> 32, int(edge) & _LOW) for edge in self.edges)
        yield from ((edge >> 32, edge & _LOW) for edge in self.added)


class _Given(NamedTuple):
    """An indirect call, its nodes and values numbered over the corpus. place: file number << 32 | line."""

    place: int
    column: int
    arg_count: int
    args: list[list[Source]]


class Solver:
    def __init__(self, expressions: Expressions) -> None:
        self.to = expressions
        self.ids: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.contents = array("i")  # of each node: number of what it lets in
        self.held = Held()
        self.full: set[int] = set()  # nodes that took in no more objects, or (of untyped ones) no more at all
        self._object_counts: dict[int, int] = {}
        self.edges = Edges()
        self.value_ids: dict[Key, int] = {}
        self.value_keys: list[Key] = []
        self.takes: list[list[Take]] = []
        self.calls_at: dict[CallKey, list[int]] = {}
        self._kinds = array("i")  # of each value
        self._is_object = bytearray()
        self._kind_ids: dict[str, int] = {}
        self._kind_names: list[str] = []
        self._content_ids: dict[str, int] = {"": 0}
        self._content_names: list[str] = [""]
        self._lets: dict[int, bool] = {}  # content << 32 | kind
        self._relatives = expressions.relatives
        self._elements: dict[Key, list[tuple[str, str | None, int]]] = {}  # base -> (w or r, index, node)
        self._results: dict[int, int] = {}  # callee node -> the node of its result
        self._given: list[_Given] = []
        self._at: dict[int, list[int]] = {}  # callee node -> numbers of calls
        self._params: dict[int, tuple[Function | None, dict[int, int | None]]] = {}
        self._linked: set[int] = set()
        self._queue: deque[int] = deque()
        self._fresh: dict[int, list[int]] = {}
        self._puts: list[tuple[int, int]] = []

    # ---- reading

    def add(self, one: Constraints) -> None:
        """Takes in the constraints of one file."""
        file = len(self.edges.files)
        self.edges.files.append(one.file)
        nodes = [self.node(key, holds) for key, holds in zip(one.keys, one.contents, strict=True)]
        values = [self.value(key, kind) for key, kind in zip(one.values, one.kinds, strict=True)]
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
        for value, node, line, column, kind, owner in one.puts:
            self._take(values[value], Take(one.file, line, column, kind, nodes[node], owner))
            self._puts.append((nodes[node], values[value]))
        for call in one.calls:
            called = [nodes[n] for n in call.nodes]
            self.calls_at.setdefault((one.file, call.line, call.column, call.callee, call.function), []).extend(called)
            number = len(self._given)
            args = [[Source([nodes[n] for n in s.nodes], [values[v] for v in s.values], s.both) for s in arg] for arg in call.args]
            self._given.append(_Given(file << 32 | call.line, call.column, call.count, args))
            for node in called:
                self._at.setdefault(node, []).append(number)

    def _take(self, value: int, take: Take) -> None:
        takes = self.takes[value]
        if len(takes) < MOST_TAKES:
            takes.append(take)

    def value(self, key: Key, kind: str) -> int:
        known = self.value_ids.get(key)
        if known is None:
            known = self.value_ids[key] = len(self.value_keys)
            self.value_keys.append(key)
            number = self._kind_ids.setdefault(kind, len(self._kind_names))
            if number == len(self._kind_names):
                self._kind_names.append(kind)
            self._kinds.append(number)
            self._is_object.append(key[0] == "O")
            self.takes.append([])
        return known

    def node(self, key: Key, holds: str) -> int:
        content = self._content_ids.setdefault(holds, len(self._content_names))
        if content == len(self._content_names):
            self._content_names.append(holds)
        known = self.ids.get(key)
        if known is not None:
            if content and not self.contents[known]:
                self.contents[known] = content
            return known
        known = self.ids[key] = len(self.keys)
        self.keys.append(key)
        self.contents.append(content)
        if key[0] in ("w", "r"):
            self._wire_field(key, holds)
        elif key[0] == "el":
            self._wire_element(key, known, holds)
        elif key[0] == "iret":
            self._results[self.node(key[1], "")] = known
        return known

    def _wire_field(self, key: Key, holds: str) -> None:
        _, struct, field = key
        written, read = self.node(("w", struct, field), holds), self.node(("r", struct, field), holds)
        self._wire(written, read)
        if struct is not None:
            self._wire(self.node(("w", None, field), ""), read)
            self._wire(written, self.node(("r", None, field), ""))

    def _wire_element(self, key: Key, node: int, holds: str) -> None:
        """An element read holds what is written to it, what is written to an element that is not known, and what may be the same one: of
        a number and a constant's name nobody here knows whether they are."""
        _, base, way, index = key
        known = self._elements.setdefault(base, [])
        known.append((way, index, node))
        whole = self.node(base, holds)
        if way == "w":
            self._wire(node, whole)
        elif base[0] == "r":
            self._wire(self.node(("w", *base[1:]), holds), node)
            if base[1] is not None:
                self._wire(self.node(("w", None, base[2]), ""), node)
        for other_way, other, other_node in known:
            if other_way != way and _may_be_same(index, other):
                written, read = (node, other_node) if way == "w" else (other_node, node)
                self._wire(written, read)

    def _wire(self, source: int, target: int) -> None:
        if source != target:
            if self._starts_settled:
                self._edge(source, target, -1)
            else:
                self.edges.drafts[0].append(source << 32 | target)
                self.edges.drafts[1].append(-1)

    _starts_settled = False
    _most_untyped = MOST_UNTYPED

    # ---- solving

    def run(self) -> None:
        self._most_untyped = MOST_UNTYPED if len(self.value_keys) <= MANY_VALUES else MOST_UNTYPED_OF_MANY
        self.edges.settle(len(self.keys))
        self._starts_settled = True
        for node, value in self._puts:
            self._push(node, [value], -1)
        self._puts = []
        queue, fresh_of = self._queue, self._fresh
        while queue:
            node = queue.popleft()
            fresh = fresh_of.pop(node)
            for target in self.edges.successors(node):
                self._push(target, fresh, node)
            numbers = self._at.get(node)
            if numbers is not None:
                functions = [v for v in fresh if self.value_keys[v][0] == "F"]
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
        kind = self._kinds[value]
        key = content << 32 | kind
        known = self._lets.get(key)
        if known is None:
            known = self._lets[key] = self._relatives.lets_in(self._content_names[content], self._kind_names[kind])
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
        given = self._given[number]
        function, params = self._function(value)
        if function is None or len(function.params) > given.arg_count:
            return
        for position, sources in enumerate(given.args):
            if sources:
                target = self._param(function, params, position)
                if target is not None:
                    for source in sources:
                        self._give(target, source, given)

    def _give(self, target: int, source: Source, given: _Given) -> None:
        for value in source.values:
            self._take(value, Take(self.edges.files[given.place >> 32], given.place & _LOW, given.column, "argument", target, None))
        if source.values:
            self._push(target, source.values, -1)
        for node in source.nodes:
            self._edge(node, target, given.place)
            if source.both:
                self._edge(target, node, given.place)

    def _function(self, value: int) -> tuple[Function | None, dict[int, int | None]]:
        known = self._params.get(value)
        if known is None:
            known = self._params[value] = (named_function(self.to.index, self.value_keys[value]), {})
        return known

    def _param(self, function: Function, params: dict[int, int | None], position: int) -> int | None:
        if position not in params:
            target = param_node(self.to, function, position)
            params[position] = self.node(*target) if target is not None else None
        return params[position]

    def _link_result(self, value: int, result: int) -> None:
        function, _ = self._function(value)
        if function is not None:
            self._edge(self.node(("ret", function.file, function.name), return_content(self.to, function)), result, -1)


def _may_be_same(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other or one[0].isdigit() != other[0].isdigit()
