"""What was read last, kept up to a weight: for facts, lines and records that are read again from disk when they are asked for later.

cachetools decides what goes (LRUCache); here a value is given together with its weight, which its own length need not tell.

>>> Recent[str, int](2).put("a", 1)
1
"""
from __future__ import annotations

from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `limit` in weight (each entry weighs 1 unless told); the least recently asked go first. The newest always stays."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._kept: LRUCache[K, tuple[V, int]] = LRUCache(limit, getsizeof=_weight)

    def get(self, key: K) -> V | None:
        try:
            return self._kept[key][0]
        except KeyError:
            return None

    def put(self, key: K, value: V, weight: int = 1) -> V:
        self._kept[key] = (value, min(weight, self.limit))  # one that is heavier than all may be is kept alone
        return value


def _weight(kept: tuple[object, int]) -> int:
    return kept[1]
