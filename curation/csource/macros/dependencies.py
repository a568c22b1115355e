"""Which names of the corpus does a file's expansion depend on? When none of them has changed, the file need not be expanded again.

>>> dependencies = Dependencies(); cache = {}
>>> def known(name): dependencies.names.add(name); return True
>>> dependencies.remembered(cache, "f", known, "f"), dependencies.take().names
(True, {'f'})
>>> dependencies.remembered(cache, "f", known, "f"), dependencies.take().names      # from the cache, and still depended on
(True, {'f'})
"""
from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Dependencies:
    """macros: names that were looked up among macros; names: among functions and fields. Whoever looks one up adds it."""

    def __init__(self) -> None:
        self.macros: set[str] = set()
        self.names: set[str] = set()

    def take(self) -> Dependencies:
        """What was looked up until now; from here on it is counted anew."""
        taken = Dependencies()
        taken.macros, taken.names, self.macros, self.names = self.macros, self.names, set(), set()
        return taken

    def add(self, other: Dependencies) -> None:
        self.macros |= other.macros
        self.names |= other.names

    def remembered(self, cache: dict[K, tuple[V, Dependencies]], key: K, compute: Callable[..., V], *given: object) -> V:
        """compute(*given), from the cache where it is known; what it looked up is added either way. While it computes, it can put into the
        cache what is to hold for itself."""
        known = cache.get(key)
        if known is None:
            before = self.take()
            value = compute(*given)
            known = cache[key] = (value, self.take())
            self.add(before)
        self.add(known[1])
        return known[0]
