"""Which names mean something else after some files changed?

>>> changed_macros(raw, place_before, place_now)      # keys of the macros that the file defines otherwise than before
array([...], dtype=uint64)
"""
from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np

from curation.csource.pack import Pack
from curation.csource.postings import Numbers, Postings
from curation.csource.records import KEYS, LINES


def changed_macros(raw: Pack, before: Numbers | None, now: Numbers | None) -> Numbers:
    """Of one file. before, now: the places of its raw records, None or length 0 where there is none. A macro that only moved to another
    line is the same."""
    first, second = _macros(raw, before), _macros(raw, now)
    return np.array([key for macro, key in (first | second).items() if (macro in first) != (macro in second)], np.uint64)


def _macros(raw: Pack, place: Numbers | None) -> dict[bytes, int]:
    """Each macro without its line -> key."""
    if place is None or not place[1]:
        return {}
    at, length = place.tolist()
    parts = raw.parts(at, length)
    found: dict[bytes, int] = {}
    for line, key in zip(bytes(parts[LINES]).splitlines(), np.frombuffer(parts[KEYS], np.uint64).tolist(), strict=True):
        name, _, _, params, body, ended = json.loads(line)
        found[json.dumps([name, params, body, ended is not None]).encode()] = key
    return found


def changed_names(before: Postings, concerned: Iterable[int], now: Postings, changed: Iterable[int]) -> Numbers:
    """Keys that are in one of the two and not in the other. concerned: the changed files by their numbers before; changed: now."""
    were = before.keys[np.isin(before.files, np.fromiter(concerned, np.uint32))]
    keys = np.union1d(were, now.keys[np.isin(now.files, np.fromiter(changed, np.uint32))])
    return np.array([key for key in keys.tolist() if before.holds(key) != now.holds(key)], np.uint64)


def meet(wanted: Numbers, part: memoryview) -> bool:
    """Whether one of the keys is among the (sorted) keys of a part."""
    if not len(wanted) or not part.nbytes:
        return False
    kept = np.frombuffer(part, np.uint64)
    at = np.searchsorted(kept, wanted)
    return bool(np.any(kept[np.minimum(at, len(kept) - 1)] == wanted))
