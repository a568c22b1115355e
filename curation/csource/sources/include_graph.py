"""Which headers does a file see, and how far away is each? Two drivers' headers both define `priv(x)`: a file means the one it includes.

>>> list(IncludeGraph.of({"a.c": ["x.h"], "x.h": ["y.h"], "y.h": [], "z.h": []}).levels("a.c"))
[1, 2, 3, 0]

Which files a path can mean is decided in inclusions.py; all that it can mean are seen. What only the compiler's options include is not.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.arrays.postings import load_array
from curation.csource.sources.inclusions import COMPUTED, IncludePaths

_INCLUDERS = 8  # of a header, whose includes count as the header's own
_KEPT = 64
_SOURCES = (".c", ".cc", ".cpp", ".cxx")
Numbers = NDArray[np.int32]


class IncludeGraph:
    """starts, to: the files that file n includes are to[starts[n]:starts[n + 1]]. computed: numbers of files that include what a macro
    tells."""

    def __init__(self, files: list[str], starts: Numbers, to: Numbers, computed: Numbers) -> None:
        self.files, self.starts, self.to, self.computed = files, starts, to, computed
        self.numbers = {file: number for number, file in enumerate(files)}
        self._open = set(computed.tolist())
        self._back: tuple[Numbers, Numbers] | None = None
        self._levels = Recent[str, bytearray | None](_KEPT)

    @staticmethod
    def of(wanted: Mapping[str, list[str]]) -> IncludeGraph:
        """wanted: what paths_of says of every file of the corpus."""
        files = list(wanted)
        return IncludeGraph.made(files, lambda number: wanted[files[number]])

    @staticmethod
    def made(files: list[str], wanted: Callable[[int], list[str]]) -> IncludeGraph:
        paths = IncludePaths(files)
        to: list[int] = []
        starts = [0]
        computed = []
        for number, file in enumerate(files):
            listed = wanted(number)
            if COMPUTED in listed:
                computed.append(number)
            to += paths.all_of(file, listed)
            starts.append(len(to))
        return IncludeGraph(files, np.array(starts, np.int32), np.array(to, np.int32), np.array(computed, np.int32))

    def save(self, folder: Path) -> None:
        for name, array in (("starts", self.starts), ("to", self.to), ("computed", self.computed)):
            array.astype(np.int32, copy=False).tofile(folder / f"includes.{name}")

    @staticmethod
    def load(folder: Path, files: list[str]) -> IncludeGraph:
        """Raises FileNotFoundError."""
        return IncludeGraph(files, *(load_array(folder / f"includes.{name}", np.int32) for name in ("starts", "to", "computed")))

    def includes(self, number: int) -> list[int]:
        return self.to[self.starts[number]:self.starts[number + 1]].tolist()  # type: ignore[no-any-return]

    def replaced(self, wanted: Mapping[int, list[str]]) -> IncludeGraph:
        """With other paths included by some files."""
        paths = IncludePaths(self.files)
        rows = {number: paths.all_of(self.files[number], listed) for number, listed in wanted.items()}
        counts = np.diff(self.starts)
        parts, at = [], 0
        for number in sorted(rows):
            parts += [self.to[at:self.starts[number]], np.array(rows[number], np.int32)]
            at = int(self.starts[number + 1])
            counts[number] = len(rows[number])
        computed = (self._open - set(wanted)) | {n for n, listed in wanted.items() if COMPUTED in listed}
        return IncludeGraph(self.files, np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), np.concatenate([*parts, self.to[at:]]),
                     np.array(sorted(computed), np.int32))

    def changed_since(self, before: IncludeGraph) -> set[int]:
        """The files that may see something else than they did before."""
        if self is before:
            return set()

        def rows(graph: IncludeGraph, number: int) -> list[str]:
            return sorted(graph.files[n] for n in graph.includes(number)) + [COMPUTED] * (number in graph._open)

        if self.files == before.files and np.array_equal(self.starts, before.starts):
            at = np.flatnonzero(self.to != before.to)
            other = set((np.searchsorted(self.starts, at, side="right") - 1).tolist()) | (self._open ^ before._open)
        else:
            other = {number for number, file in enumerate(self.files) if file not in before.numbers
                     or rows(self, number) != rows(before, before.numbers[file])}
        gone = [number for number, file in enumerate(before.files) if file not in self.numbers]
        if not other and not gone:
            return set()
        found = self._touched_by(other)
        for number in before._touched_by({*gone, *(before.numbers[f] for n in other if (f := self.files[n]) in before.numbers)}):
            if before.files[number] in self.numbers:
                found.add(self.numbers[before.files[number]])
        return found

    def _touched_by(self, numbers: Iterable[int]) -> set[int]:
        """Those that see one of these, and what those include: a header sees with the eyes of its includers."""
        seeing = self.who_sees(numbers)
        return seeing | {target for number in seeing for target in self.includes(number)}

    def levels(self, file: str) -> bytearray | None:
        """Of each file of the corpus, over how many #include lines it is seen, plus 1; 0 where it is not. A header also sees what those
        see that include it. None where that says nothing: the file includes none of the corpus."""
        known = self._levels.get(file)
        if known is None and file in self.numbers:
            known = self._levels.put(file, self._seen(self.numbers[file]) or bytearray())
        return known or None

    def strict(self, file: str) -> bool:
        """Whether what a file does not see is not there for it: a source, all of whose own includes are known."""
        return file.endswith(_SOURCES) and self.numbers.get(file, -1) not in self._open

    def _seen(self, number: int) -> bytearray | None:
        includers = self._includers(number)
        if not len(includers) and self.starts[number] == self.starts[number + 1]:
            return None
        levels = np.zeros(len(self.files), np.uint8)
        levels[number] = 1
        front = self._next(levels, np.array([number], np.int32), 2, includers)
        level = 3
        while len(front):
            front = self._next(levels, front, min(level, 255))
            level += 1
        return bytearray(levels.tobytes())

    def _next(self, levels: NDArray[np.uint8], front: Numbers, level: int, more: Numbers | None = None) -> Numbers:
        first, count = self.starts[front], self.starts[front + 1] - self.starts[front]
        at = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(int(count.sum()))
        reached = self.to[at] if more is None else np.concatenate([self.to[at], more])
        fresh = np.unique(reached[levels[reached] == 0])
        levels[fresh] = level
        return fresh.astype(np.int32)

    def _includers(self, number: int) -> Numbers:
        """Some of those that include a file, from all over them."""
        if self._back is None:
            order = np.argsort(self.to, kind="stable")
            sources = np.repeat(np.arange(len(self.files), dtype=np.int32), np.diff(self.starts))
            self._back = self.to[order], sources[order]
        targets, sources = self._back
        first, end = np.searchsorted(targets, [number, number + 1])
        step = max(1, -(-(end - first) // _INCLUDERS))
        return sources[first:end:step]

    def who_sees(self, numbers: Iterable[int]) -> set[int]:
        """The files that see one of these over any number of includes, and these."""
        seen = np.zeros(len(self.files), bool)
        seen[list(numbers)] = True
        sources = np.repeat(np.arange(len(self.files), dtype=np.int32), np.diff(self.starts))
        while True:
            fresh = sources[seen[self.to]]
            if seen[fresh].all():
                return set(np.flatnonzero(seen).tolist())
            seen[fresh] = True
