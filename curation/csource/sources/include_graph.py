"""Which headers does a file see, and how far away is each? Two drivers' headers both define `priv(x)`: a file means the one it includes.

>>> list(Sight.of({"a.c": ["x.h"], "x.h": ["y.h"], "y.h": [], "z.h": []}).levels("a.c"))
[1, 2, 3, 0]

A path is looked for beside the including file, then among all files whose path ends like that, then by its last name alone; all that
it can mean are seen. What only the compiler's options include is not.
"""
from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.arrays.postings import load_array

COMPUTED = "?"  # the path of `#include MACRO`
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(?:["<]([^">\n]+)[">]|[A-Za-z_])', re.MULTILINE)
_SEVERAL = 8  # files of one last name that a path may mean
_MOST = 64  # files that a path may mean: those that share most folders with the including file
_INCLUDERS = 8  # of a header whose sight counts as the header's own
_KEPT = 64
_SOURCES = (".c", ".cc", ".cpp", ".cxx")
Numbers = NDArray[np.int32]


def paths_of(text: str) -> list[str]:
    """The paths that a text includes, as written, each once; COMPUTED for those that a macro tells."""
    return list(dict.fromkeys(path or COMPUTED for path in _INCLUDE.findall(text))) if "include" in text or "import" in text else []


class Paths:
    """What an included path means in a corpus."""

    def __init__(self, files: Iterable[str]) -> None:
        self.numbers = {file: number for number, file in enumerate(files)}
        self._files = list(self.numbers)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for file in self._files:
            self._by_name[file.rpartition("/")[2]].append(file)
        self._ending: dict[str, list[str]] = {}
        self._near: dict[tuple[str, str], list[str]] = {}

    def meant(self, file: str, path: str) -> list[int]:
        folder = file.rpartition("/")[0]
        beside = f"{folder}/{path}" if folder else path
        if "./" in path:
            beside = posixpath.normpath(beside)
        if beside in self.numbers:
            return [self.numbers[beside]]
        ending = self._ending.get(path)
        if ending is None:
            named = self._by_name.get(path.rpartition("/")[2], [])
            tail = "/" + posixpath.normpath(path).lstrip("./")
            ending = [f for f in named if f.endswith(tail) or f == tail[1:]] or (named if len(named) <= _SEVERAL else [])
            self._ending[path] = ending
        if len(ending) > _MOST:
            near = self._near.get((folder, path))
            if near is None:
                near = self._near[folder, path] = nlargest(_MOST, ending, key=lambda other: shared(file, other))
            ending = near
        return [self.numbers[other] for other in ending if other != file]

    def all_of(self, file: str, paths: Iterable[str]) -> list[int]:
        return sorted({other for path in paths if path != COMPUTED for other in self.meant(file, path)})


def shared(file: str, other: str) -> int:
    """How many folders the paths of two files begin with alike."""
    count = 0
    for a, b in zip(file.split("/")[:-1], other.split("/")[:-1], strict=False):
        if a != b:
            break
        count += 1
    return count


class Sight:
    """starts, to: the files that file n includes are to[starts[n]:starts[n + 1]]. computed: numbers of files that include what a macro
    tells."""

    def __init__(self, files: list[str], starts: Numbers, to: Numbers, computed: Numbers) -> None:
        self.files, self.starts, self.to, self.computed = files, starts, to, computed
        self.numbers = {file: number for number, file in enumerate(files)}
        self._open = set(computed.tolist())
        self._back: tuple[Numbers, Numbers] | None = None
        self._levels = Recent[str, bytearray | None](_KEPT)

    @staticmethod
    def of(wanted: Mapping[str, list[str]]) -> Sight:
        """wanted: what paths_of says of every file of the corpus."""
        files = list(wanted)
        return Sight.made(files, lambda number: wanted[files[number]])

    @staticmethod
    def made(files: list[str], wanted: Callable[[int], list[str]]) -> Sight:
        paths = Paths(files)
        to: list[int] = []
        starts = [0]
        computed = []
        for number, file in enumerate(files):
            listed = wanted(number)
            if COMPUTED in listed:
                computed.append(number)
            to += paths.all_of(file, listed)
            starts.append(len(to))
        return Sight(files, np.array(starts, np.int32), np.array(to, np.int32), np.array(computed, np.int32))

    def save(self, folder: Path) -> None:
        for name, array in (("starts", self.starts), ("to", self.to), ("computed", self.computed)):
            array.astype(np.int32, copy=False).tofile(folder / f"sight.{name}")

    @staticmethod
    def load(folder: Path, files: list[str]) -> Sight:
        """Raises FileNotFoundError."""
        return Sight(files, *(load_array(folder / f"sight.{name}", np.int32) for name in ("starts", "to", "computed")))

    def includes(self, number: int) -> list[int]:
        return self.to[self.starts[number]:self.starts[number + 1]].tolist()  # type: ignore[no-any-return]

    def replaced(self, wanted: Mapping[int, list[str]]) -> Sight:
        """With other paths included by some files."""
        paths = Paths(self.files)
        rows = {number: paths.all_of(self.files[number], listed) for number, listed in wanted.items()}
        counts = np.diff(self.starts)
        parts, at = [], 0
        for number in sorted(rows):
            parts += [self.to[at:self.starts[number]], np.array(rows[number], np.int32)]
            at = int(self.starts[number + 1])
            counts[number] = len(rows[number])
        computed = (self._open - set(wanted)) | {n for n, listed in wanted.items() if COMPUTED in listed}
        return Sight(self.files, np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), np.concatenate([*parts, self.to[at:]]),
                     np.array(sorted(computed), np.int32))

    def changed_since(self, before: Sight) -> set[int]:
        """The files that may see something else than they did before."""
        if self is before:
            return set()

        def rows(sight: Sight, number: int) -> list[str]:
            return sorted(sight.files[n] for n in sight.includes(number)) + [COMPUTED] * (number in sight._open)

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
        see that include it. None where the sight of the file says nothing: it includes no file of the corpus."""
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
