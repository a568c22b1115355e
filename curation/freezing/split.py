"""Which rows must stay together, and which split does each group go to?

Pure and deterministic: the same rows and seed give the same split on every machine.

>>> groups = join([{"file/a.c"}, {"file/a.c", "near/1"}, {"file/b.c"}])
>>> groups
[0, 0, 2]
>>> assign({"a": {"qa": 2}, "b": {"qa": 1}}, {"train": 0.8, "validation": 0.1, "test": 0.1}, seed=0)
{'a': 'train', 'b': 'test'}
"""
from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

SPLITS = ("train", "validation", "test")
_BETTER = {"train": 0, "test": 1, "validation": 2}  # who gets a group first when all else is equal: without test nothing is measured


def join(keys: Sequence[Iterable[str]]) -> list[int]:
    """Union-find: for each row the index (0-based) of the first row of its group. Rows sharing any key, directly or by a chain of
    rows, are one group."""
    parent = list(range(len(keys)))
    first: dict[str, int] = {}
    for number, mine in enumerate(keys):
        for key in mine:
            if key in first:
                a, b = _root(parent, first[key]), _root(parent, number)
                parent[max(a, b)] = min(a, b)
            else:
                first[key] = number
    return [_root(parent, number) for number in range(len(keys))]


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def assign(groups: Mapping[str, Mapping[str, int]], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Group -> split. groups: group -> task -> number of rows. fractions: split -> share of each task's rows, 0 for a split to leave empty.

    Large groups first (by powers of two), within a size in the order of a hash of seed and group. A group goes where its tasks are
    furthest below their shares; but while a task still has a split without any row, and only as many groups left as such splits, it
    goes to one of them. So even three groups give train, validation and test."""
    splits = sorted((s for s in fractions if fractions[s] > 0), key=lambda s: (_BETTER.get(s, 9), s))
    totals: dict[str, int] = defaultdict(int)
    left: dict[str, int] = defaultdict(int)  # groups of the task that are not assigned yet
    for counts in groups.values():
        for task, rows in counts.items():
            totals[task] += rows
            left[task] += 1
    filled: dict[str, dict[str, int]] = {split: defaultdict(int) for split in splits}
    chosen: dict[str, str] = {}
    for group in sorted(groups, key=lambda g: (-sum(groups[g].values()).bit_length(), _drawn(seed, g))):
        counts = groups[group]

        def wanted(split: str, counts: Mapping[str, int] = counts) -> tuple[int, float]:
            empty = {task: sum(not filled[s][task] for s in splits) for task in counts}
            needed = sum(not filled[split][task] and left[task] <= empty[task] for task in counts)
            below = sum(
                rows / totals[task] * (fractions[split] - filled[split][task] / totals[task]) for task, rows in counts.items()
            )
            return needed, round(below, 12)

        best = max(splits, key=wanted)  # the first of equals
        chosen[group] = best
        for task, rows in counts.items():
            filled[best][task] += rows
            left[task] -= 1
    return chosen


def _drawn(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
