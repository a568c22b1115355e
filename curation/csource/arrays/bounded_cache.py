"""What was read last, kept up to a weight: for facts, lines and records that are read again from disk when they are asked for later.

>>> Recent[str, int](2).put("a", 1)
1
"""
from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `limit` in weight (each entry weighs 1 unless told); the least recently asked go first. The newest always stays."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()  # the first of a plain dict is found slowly once many were taken off it
        self._weight = 0

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int = 1) -> V:
        before = self._kept.pop(key, None)
        self._weight += weight - (before[1] if before is not None else 0)
        self._kept[key] = (value, weight)
        while self._weight > self.limit and len(self._kept) > 1:
            self._weight -= self._kept.popitem(last=False)[1][1]
        return value
