"""Where are the texts of a corpus that is too big for memory? On disk, decoded when they are asked for.

>>> texts = folder_texts(Path("linux"))
>>> texts["drivers/rtc/class.c"][:12]
'// SPDX-Lice'
"""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import FactsProblem
from curation.csource.sources.decode import Undecodable, decode

CPP_SUFFIXES = (".cc", ".cpp", ".hpp", ".hh", ".cxx")  # read for the C functions that they name
C_SUFFIXES = (".c", ".h", ".inc", ".y", ".l", *CPP_SUFFIXES)
MAX_FILE_BYTES = 32 * 2**20
_KEPT_CHARACTERS = 32_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A text's file on disk. stamp: changes when the bytes do (size and time of change, or their hash)."""

    path: str
    stamp: str


class Unreadable(ValueError):
    """A text that cannot be had; problem says why."""

    def __init__(self, problem: FactsProblem) -> None:
        super().__init__(problem.why)
        self.problem = problem


def read_bytes(file: str, path: str) -> bytes:
    """The bytes of a text. Raises Unreadable."""
    try:
        if os.stat(path).st_size > MAX_FILE_BYTES:
            raise Unreadable(FactsProblem(file, "too_big", f"larger than {MAX_FILE_BYTES:,} bytes"))
        with open(path, "rb") as opened:
            return opened.read()
    except OSError as err:
        raise Unreadable(FactsProblem(file, "unreadable", err.strerror or str(err))) from err


def decoded(file: str, data: bytes) -> str:
    """The text of these bytes. Raises Unreadable."""
    try:
        return decode(data).text
    except Undecodable as err:
        raise Unreadable(FactsProblem(file, "undecodable", str(err))) from err


class DiskTexts(Mapping[str, str]):
    """File -> text, by path. A text that cannot be read is "": its problem is told where its facts are made."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.places = {file: places[file] for file in sorted(places)}
        self._recent = Recent[str, str](_KEPT_CHARACTERS)

    def __getitem__(self, file: str) -> str:
        known = self._recent.get(file)
        if known is not None:
            return known
        try:
            text = decoded(file, read_bytes(file, self.places[file].path))
        except Unreadable:
            text = ""
        return self._recent.put(file, text, len(text) + 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, file: object) -> bool:
        return file in self.places


def is_c(name: str) -> bool:
    """Whether a file of this name is read as C."""
    return name.lower().endswith(C_SUFFIXES) and not name.lower().startswith("makefile")  # Makefile.inc


def folder_texts(folder: Path) -> DiskTexts:
    """The C files below a folder, as `folder_files` names them. Raises OSError where the folder cannot be listed."""
    return DiskTexts(dict(folder_files(folder)))


def folder_files(folder: Path) -> Iterator[tuple[str, Place]]:
    """The C files below a folder, named by their path relative to it with `/`, as the folders are gone through. Links are not followed;
    hidden folders are left out. A single file is a folder of one. Raises OSError where the folder cannot be listed."""
    if folder.is_file():
        yield folder.name, _place(folder.stat(), str(folder))
        return
    todo = [("", str(folder))]
    while todo:
        within, path = todo.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        todo.append((f"{within}{entry.name}/", entry.path))
                elif is_c(entry.name) and entry.is_file(follow_symlinks=False):
                    yield within + entry.name, _place(entry.stat(follow_symlinks=False), entry.path)


def _place(stat: os.stat_result, path: str) -> Place:
    return Place(path, f"{stat.st_size}.{stat.st_mtime_ns}")
