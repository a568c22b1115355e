"""Which files hold a name, and where in them? Sorted arrays on disk, searched in place, changed by splicing.

>>> found = Postings.of([(0, keys, offsets), (7, keys, offsets)])
>>> found.places(name_key("my_open"))
[(7, 120)]

64-bit keys stand for names (records.py), numbers for files. Opening maps the arrays; nothing is read before it is asked for.
"""
from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


def load_array(path: Path, kind: type[np.generic]) -> Numbers:
    """The numbers of a file, mapped. Raises FileNotFoundError."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return np.empty(0, kind)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), kind)


@dataclass
class Postings:
    """keys: rising; within one key, files and offsets rise too. offsets: where in the file's lines the name's line begins; None where
    only the files are kept, each once a key."""

    keys: Numbers
    files: Numbers
    offsets: Numbers | None

    def __post_init__(self) -> None:
        self._keys = memoryview(self.keys.data)
        self._files = memoryview(self.files.data)
        self._offsets = memoryview(self.offsets.data) if self.offsets is not None else None

    @staticmethod
    def of(parts: Iterable[tuple[int, Numbers, Numbers | None]], placed: bool) -> Postings:
        """From (file number, keys, offsets) in the order of the files. placed: whether there are offsets."""
        given = [part for part in parts if len(part[1])]
        keys = np.concatenate([k for _, k, _ in given]) if given else np.empty(0, np.uint64)
        files = np.repeat(np.array([f for f, _, _ in given], np.uint32), [len(k) for _, k, _ in given])
        order = np.argsort(keys, kind="stable")
        offsets = None
        if placed:
            offsets = np.concatenate([o for _, _, o in given if o is not None]) if given else np.empty(0, np.uint32)
            offsets = offsets[order]
        return Postings(keys[order], files[order].astype(np.uint32), offsets)

    def places(self, key: int) -> list[tuple[int, int]]:
        """(file number, offset) of a key, in order; the offset is 0 where none are kept."""
        keys, files, offsets = self._keys, self._files, self._offsets
        at = bisect_left(keys, key)
        found: list[tuple[int, int]] = []
        count = len(keys)
        while at < count and keys[at] == key:
            found.append((files[at], offsets[at] if offsets is not None else 0))
            at += 1
        return found

    def distinct(self) -> Numbers:
        """The keys, each once."""
        first = np.ones(len(self.keys), bool)
        np.not_equal(self.keys[1:], self.keys[:-1], out=first[1:])
        return self.keys[first]  # type: ignore[no-any-return]

    def holds(self, key: int) -> bool:
        at = bisect_left(self._keys, key)
        return at < len(self._keys) and self._keys[at] == key

    def spliced(self, changed: Iterable[int], added: Postings) -> Postings:
        """Without what the changed files had, with what they have now."""
        gone = np.isin(self.files, np.fromiter(changed, np.uint32)) if len(self.files) else np.zeros(0, bool)
        keys, files = self.keys[~gone], self.files[~gone]
        offsets = self.offsets[~gone] if self.offsets is not None else None
        # where each added entry goes: behind the kept entries of its key that are of earlier files
        at = np.searchsorted(keys, added.keys, "left")
        for number, (key, file) in enumerate(zip(added.keys.tolist(), added.files.tolist(), strict=True)):
            place = int(at[number])
            while place < len(keys) and keys[place] == key and files[place] < file:
                place += 1
            at[number] = place
        return Postings(
            np.insert(keys, at, added.keys), np.insert(files, at, added.files),
            np.insert(offsets, at, added.offsets) if offsets is not None and added.offsets is not None else None)

    def renumbered(self, numbers: Numbers) -> Postings:
        """numbers: the new number of each file, rising with the old ones; files that are gone have none (the highest number there is)."""
        files = numbers[self.files].astype(np.uint32)
        kept = files != np.iinfo(np.uint32).max
        return Postings(self.keys[kept], files[kept], self.offsets[kept] if self.offsets is not None else None)

    def save(self, folder: Path, name: str) -> None:
        self.keys.astype(np.uint64, copy=False).tofile(folder / f"{name}.keys")
        self.files.astype(np.uint32, copy=False).tofile(folder / f"{name}.files")
        if self.offsets is not None:
            self.offsets.astype(np.uint32, copy=False).tofile(folder / f"{name}.offsets")

    @staticmethod
    def load(folder: Path, name: str) -> Postings:
        """Raises FileNotFoundError."""
        placed = (folder / f"{name}.offsets").exists()
        return Postings(
            load_array(folder / f"{name}.keys", np.uint64), load_array(folder / f"{name}.files", np.uint32),
            load_array(folder / f"{name}.offsets", np.uint32) if placed else None)
