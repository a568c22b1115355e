"""How are millions of edges between nodes, and what few of the nodes hold, kept in little memory?

Edges that come first are sorted numbers (source << 32 | target), 16 bytes each with their place; those that solving adds stand beside.

>>> edges = Edges(); edges.add(1, 2, -1); edges.successors(1)
[2]
"""
from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np

LOW = 0xFFFFFFFF
_NOTHING: dict[int, int] = {}


class Held(dict[int, dict[int, int]]):
    """Node -> what it holds: value -> the node it came from, -1 where it was put first. Nodes that hold nothing have no entry."""

    def __missing__(self, node: int) -> dict[int, int]:
        return _NOTHING


class Edges:
    """The edges between nodes, each with the (file, line) that makes it; ("", 0) for those that no place makes."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.drafts = array("q"), array("q")  # edges, places: as they come, before `sort`
        self.edges = np.empty(0, np.int64)
        self.places = np.empty(0, np.int64)
        self.added: dict[int, int] = {}
        self._starts = np.zeros(1, np.int64)
        self._later: dict[int, list[int]] = {}
        self._backward: tuple[np.ndarray, np.ndarray] | None = None

    def sort(self, nodes: int) -> None:
        """Sorts what was drafted; from here on edges are added one by one."""
        edges, first = np.unique(np.frombuffer(self.drafts[0], np.int64), return_index=True)
        self.edges, self.places = edges, np.frombuffer(self.drafts[1], np.int64)[first]
        self.drafts = array("q"), array("q")
        self._starts = np.searchsorted(edges, np.arange(nodes + 1, dtype=np.int64) << 32)

    def add(self, source: int, target: int, place: int) -> bool:
        """False where the edge was there."""
        edge = source << 32 | target
        if edge in self.added or self._sorted_at(edge) is not None:
            return False
        self.added[edge] = place
        self._later.setdefault(source, []).append(target)
        return True

    def _sorted_at(self, edge: int) -> int | None:
        at = int(np.searchsorted(self.edges, edge))
        return at if at < len(self.edges) and self.edges[at] == edge else None

    def successors(self, node: int) -> list[int]:
        later = self._later.get(node, [])
        if node + 1 >= len(self._starts):
            return later
        first, end = self._starts[node], self._starts[node + 1]
        return [*(self.edges[first:end] & LOW).tolist(), *later] if end > first else later

    def predecessors(self, node: int) -> list[int]:
        if self._backward is None:
            edges = np.concatenate([self.edges, np.fromiter(self.added, np.int64, len(self.added))])
            targets = edges & LOW
            order = np.argsort(targets, kind="stable")
            self._backward = targets[order], edges[order] >> 32
        targets, sources = self._backward
        first, end = np.searchsorted(targets, node), np.searchsorted(targets, node, side="right")
        return sources[first:end].tolist()  # type: ignore[no-any-return]

    def get(self, edge: tuple[int, int], default: tuple[str, int] = ("", 0)) -> tuple[str, int]:
        number = edge[0] << 32 | edge[1]
        place = self.added.get(number)
        if place is None:
            at = self._sorted_at(number)
            place = int(self.places[at]) if at is not None else -1
        return (self.files[place >> 32], place & LOW) if place >= 0 else default

    def __iter__(self) -> Iterator[tuple[int, int]]:
        yield from ((int(edge) >> 32, int(edge) & LOW) for edge in self.edges)
        yield from ((edge >> 32, edge & LOW) for edge in self.added)
