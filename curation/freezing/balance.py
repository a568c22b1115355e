"""How is one class, file, project or answer kept from being most of a set?

Each is a share of a task's items. The largest number of items that one value may have is found so that, with every larger value cut to it,
the share holds; a value of at most KEEP items is never cut, so small sets stay whole. Which items of a value stay is drawn by seed and the
item's id alone, so the order of import changes nothing.

>>> most({"eventloop": 900, "sync": 60, "thread": 40}, share=0.5, keep=50)
100

Not covered: shares that cannot hold (two classes, 0.4 each) are left as they are.
"""
from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping


def most(counts: Mapping[Hashable, int], share: float, keep: int) -> int | None:
    """The largest number c with c <= share * sum(min(n, c)), at least `keep`; None where no number of items of these values meets it, or
    nothing is to cut."""
    if len(counts) * share < 1 or not counts:
        return None
    low, high = 0, max(counts.values())
    while low < high:  # the condition holds up to one number and not beyond
        middle = (low + high + 1) // 2
        if middle <= share * sum(min(n, middle) for n in counts.values()) + 1e-9:
            low = middle
        else:
            high = middle - 1
    found = max(low, keep)
    return None if found >= max(counts.values()) else found


def kept(values: Mapping[str, Hashable], share: float | None, keep: int, seed: int, what: str) -> set[str]:
    """The ids that stay. values: id -> the value it counts under. share: None: no cap. what: names the draw."""
    limit = most(Counter(values.values()), share, keep) if share is not None else None
    if limit is None:
        return set(values)
    taken: Counter[Hashable] = Counter()
    chosen: set[str] = set()
    for item in drawn(values, seed, what):
        if taken[values[item]] < limit:
            taken[values[item]] += 1
            chosen.add(item)
    return chosen


def drawn(ids: Iterable[str], seed: int, what: str) -> list[str]:
    """The ids in an order of chance that depends on nothing but the seed and themselves."""
    return sorted(ids, key=lambda one: hashlib.sha256(f"{seed}/{what}/{one}".encode()).digest())
