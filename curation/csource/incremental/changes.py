"""Which names mean something else after some files changed?

>>> changed_macros(raw, place_before, place_now)      # keys of the macros that the file defines otherwise than before
array([...], dtype=uint64)
"""
from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curation.csource.arrays.keys import name_key
from curation.csource.arrays.pack import Pack
from curation.csource.arrays.postings import Numbers, Postings
from curation.csource.incremental.records import ALIAS, FUNCTION, GLOBAL, KEYS, KINDS, LINES, PROTOTYPE, STRUCT

_FEW = 8  # keys that are looked for one by one


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
    if len(wanted) <= _FEW:
        kept = part.cast("Q")
        count = len(kept)
        return any((at := bisect_left(kept, key)) < count and kept[at] == key for key in wanted.tolist())
    found = np.frombuffer(part, np.uint64)
    places = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
    return bool(np.any(found[places] == wanted))


@dataclass
class Definitions:
    """What is defined otherwise than before. names: keys of functions, variables and prototypes. moved: of functions that begin at
    another line. types: words of structs and typedefs."""

    names: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    types: set[str] = field(default_factory=set)

    def add(self, expanded: Pack, before: Numbers | None, now: Numbers | None, file: str) -> None:
        """Of one file. before, now: the places of its expanded records. A static function of a source means nothing to others, beyond
        that its name is one; lines do not count, but those where functions begin."""
        first, second = _definitions(expanded, before, file), _definitions(expanded, now, file)
        for (kind, *rest), key in ((first - second) + (second - first)).keys():
            if kind == "moved":
                self.moved.add(key)
            elif kind in (FUNCTION, GLOBAL, PROTOTYPE):
                self.names.add(key)
            elif "@" in str(rest[0]) and kind == STRUCT:  # has no name of its own: any of the file's types may hold it
                self.types.update(w for (k, *named), _ in (*first, *second) if k not in ("moved", FUNCTION, GLOBAL, PROTOTYPE)
                                  for w in _words(str(named[0])))
            else:
                self.types.update(_words(str(rest[1] if kind == ALIAS else rest[0])))


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"[A-Za-z_]\w*", name) if word not in ("struct", "union", "enum")] if "@" not in name else []


def _definitions(expanded: Pack, place: Numbers | None, file: str) -> Counter[tuple[tuple[object, ...], int]]:
    """Each definition without its lines, and its key."""
    found: Counter[tuple[tuple[object, ...], int]] = Counter()
    if place is None or not place[1]:
        return found
    parts = expanded.parts(*place.tolist())
    lines, keys, kinds = bytes(parts[LINES]).splitlines(), np.frombuffer(parts[KEYS], np.uint64).tolist(), bytes(parts[KINDS])
    header = file.endswith((".h", ".inc"))
    for line, key, kind in zip(lines, keys, kinds, strict=True):
        row = json.loads(line.decode("utf-8", "surrogatepass"))
        found[(kind, *_lasting(kind, row, header)), key] += 1
        if kind == FUNCTION:
            found[("moved", row[0], row[4]), key] += 1
    return found


def _lasting(kind: int, row: list[Any], header: bool) -> tuple[object, ...]:
    """What of a definition others can ask for."""
    if kind == FUNCTION:
        name, _, _, _, _, _, static, result, params, variadic, _ = row
        return (name,) if static and not header else (name, static, result, json.dumps(params), variadic)
    if kind == GLOBAL:
        name, _, _, _, type_, static, extern, _ = row
        return name, type_, static, extern
    if kind == STRUCT:
        return row[0], json.dumps([member[:2] for member in row[4]])
    if kind == PROTOTYPE:
        return row[0], row[3], json.dumps(row[4]), row[5]
    return (row[0], row[1]) if kind == ALIAS else (row[0], row[3])


def keys_of_words(words: Iterable[str]) -> Numbers:
    return np.unique(np.fromiter(map(name_key, words), np.uint64))
