"""After a source came in anew: which labeled site is which site of the new text?

>>> followed = follow(stored, proposed, labeled={"3f1c..."}, unread=set())
>>> followed.moved, followed.stale
({'3f1c...': Item(line=58, ...)}, {'9a02...': 'gone'})

A site is known again by its task, file, function and expression, and by its number among those with all of these in common, where both
texts have the same number of them. A label follows it there. An answer that names lines of the code (Task.places) does not: it is stale,
and the site is to be labeled anew. A site that is in the new text no more is gone. What is stale is never frozen.

Not covered: a function that was renamed or went to another file: its labels are gone, the new sites open.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from curation.model import Item
from curation.store.moves import Stale
from curation.tasks import get_task

Key = tuple[str, str | None, str, str]


@dataclass(frozen=True)
class Followed:
    """moved: a labeled item's id -> the item that the new text has in its place. stale: labeled items that do not follow, and why; None
    for one that was stale and is there again."""

    moved: dict[str, Item] = field(default_factory=dict)
    stale: dict[str, Stale | None] = field(default_factory=dict)


def follow(stored: Iterable[Item], proposed: Iterable[Item], labeled: Collection[str], unread: Collection[str]) -> Followed:
    """stored: the source's items as they are; proposed: as the new text gives them. labeled: ids of items that somebody said something
    about. unread: files that could not be read this time, whose sites may only be missing now."""
    now, before, found = defaultdict(list), defaultdict(list), Followed()
    for item in sorted(proposed, key=_place):
        now[_key(item)].append(item)
    ids = {item.id for items in now.values() for item in items}
    for item in sorted(stored, key=_place):
        before[_key(item)].append(item)
        if item.id in ids and item.meta.get("stale"):
            found.stale[item.id] = None
    for key, items in before.items():
        twins = now.get(key, [])
        for item, twin in zip(items, twins if len(twins) == len(items) else [None] * len(items), strict=True):
            if item.id in ids or item.id not in labeled or item.file in unread:
                continue
            if twin is None:
                found.stale[item.id] = "gone"
            elif get_task(item.task).places:
                found.stale[item.id] = "moved"
            else:
                found.moved[item.id] = twin
    return found


def _key(item: Item) -> Key:
    return item.task, item.file, str(item.payload.get("function")), str(item.payload.get("expression"))


def _place(item: Item) -> tuple[str, int, int]:
    return item.file or "", item.line or 0, int(item.payload.get("column") or 1)
