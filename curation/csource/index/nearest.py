"""Which of many functions are defined nearest to a place: in its file, else in its folder, else anywhere?

>>> DefiningFiles.of(["a/x.c", "b/y.c", None]).nearest([2, 1, 0], "b/z.c", 2)
[1, 0]
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.csource.arrays.postings import load_array


class DefiningFiles:
    """files: every file that defines a value; of: the number of each value's file, -1 for a value without one."""

    def __init__(self, files: list[str], of: NDArray[np.int32]) -> None:
        self.files, self.of_ = files, of
        self._numbers = {file: number for number, file in enumerate(files)}
        folders: dict[str, int] = {}
        by_file = np.fromiter((folders.setdefault(file.rpartition("/")[0], len(folders)) for file in files), np.int32, len(files))
        self._folders, self._folder_of_file = folders, np.append(by_file, np.int32(-1))  # the last is that of number -1

    @staticmethod
    def of(files: Iterable[str | None]) -> DefiningFiles:
        """files: that of each value, in order; None for one without."""
        numbers: dict[str, int] = {}
        of = [numbers.setdefault(file, len(numbers)) if file is not None else -1 for file in files]
        return DefiningFiles(list(numbers), np.array(of, np.int32))

    def nearest(self, values: Sequence[int] | NDArray[np.int32], file: str, limit: int) -> list[int]:
        """The first `limit` of the values: those of the file, then of its folder, then of other files, last those without one; each
        as they come."""
        asked = np.asarray(values, np.int32)
        homes = self.of_[asked]
        far = np.where(homes < 0, np.int8(3), np.int8(2))
        far[self._folder_of_file[homes] == self._folders.get(file.rpartition("/")[0], -2)] = 1
        far[homes == self._numbers.get(file, -2)] = 0
        found: list[int] = []
        for distance in range(4):
            if len(found) < limit:
                found += asked[np.flatnonzero(far == distance)[: limit - len(found)]].tolist()
        return found

    def save(self, folder: Path) -> None:
        (folder / "homes.json").write_bytes(json.dumps(self.files, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self.of_.tofile(folder / "homes")

    @staticmethod
    def load(folder: Path) -> DefiningFiles:
        """Raises FileNotFoundError."""
        files = json.loads((folder / "homes.json").read_bytes().decode("utf-8", "surrogatepass"))
        return DefiningFiles(files, load_array(folder / "homes", np.int32))
