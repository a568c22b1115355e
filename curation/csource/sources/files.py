"""Which files of a folder are read, which only where another one includes them, and which are passed over?

>>> files = list_folder(Path("linux"))
>>> files.places["drivers/rtc/class.c"].path, files.passed_over
('linux/drivers/rtc/class.c', ['scripts/kconfig/gconf.cu'])

The one lister: what is proposed of a folder, indexed, or imported goes by these names. Files of any other name ("ops.def", "ucs.map") are
read where a file that is read includes them. Names of C dialects, and of what a build makes C of, are not read, and that is said.
"""
from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.sources.texts import Unreadable, decoded, read_bytes

CPP_SUFFIXES = (".cc", ".cpp", ".hpp", ".hh", ".cxx")  # read for the C functions that they name
C_SUFFIXES = (".c", ".h", ".inc", ".y", ".l", *CPP_SUFFIXES)
INCLUDED_SUFFIXES = (".def", ".tbl", ".inl", ".i", ".x")  # what is usually read into C code; taken with a source that is imported
NEAR_C_SUFFIXES = (  # C code that is not read as it stands: dialects, templates of a build, embedded SQL
    ".ino", ".pde", ".pc", ".pgc", ".ec", ".cu", ".cuh", ".cl", ".m", ".mm", ".c++", ".h++", ".hxx", ".ipp", ".tcc", ".xs", ".rl", ".re2c",
    ".lex", ".yy", ".ll", ".c.in", ".h.in", ".in.c.txt", ".c.tmpl", ".h.tmpl", ".c.j2", ".h.j2")
_KEPT_CHARACTERS = 32_000_000


@dataclass(frozen=True, slots=True)
class StampedFile:
    """A text's file on disk. stamp: changes when the bytes do (size and time of change, or their hash)."""

    path: str
    stamp: str


@dataclass(frozen=True)
class SourceFiles:
    """places: of the files that are read, by name. others: of files of other names, their paths. passed_over: names of files that hold C
    code by their looks and are not read; all in order."""

    places: Mapping[str, StampedFile]
    others: Mapping[str, str] = field(default_factory=dict)
    passed_over: Collection[str] = ()

    def included(self, paths: Iterable[str], known: Collection[str]) -> dict[str, StampedFile]:
        """Those of the others that one of these #include paths can mean, beside the known ones."""
        names = {basename(path) for path in paths}
        found: dict[str, StampedFile] = {}
        for name, path in self.others.items():
            if basename(name) in names and name not in known:
                try:
                    found[name] = _place(os.stat(path), path)
                except OSError:  # it went while the folder was read
                    continue
        return found


class DiskTexts(Mapping[str, str]):
    """File -> text, by path, decoded when it is asked for. A text that cannot be read is "": its problem is told where its facts are
    made."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = paths
        self._recent = Recent[str, str](_KEPT_CHARACTERS)

    def __getitem__(self, file: str) -> str:
        known = self._recent.get(file)
        if known is not None:
            return known
        try:
            text = decoded(file, read_bytes(file, self.paths[file]))
        except Unreadable:
            text = ""
        return self._recent.put(file, text, len(text) + 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __contains__(self, file: object) -> bool:
        return file in self.paths


def is_c(path: str) -> bool:
    """Whether a file of this name is read as C."""
    name = basename(path).lower()
    return name.endswith(C_SUFFIXES) and not name.startswith("makefile")  # Makefile.inc


def is_near_c(path: str) -> bool:
    """Whether a file of this name holds C code that is not read."""
    return path.lower().endswith(NEAR_C_SUFFIXES)


def list_folder(folder: Path) -> SourceFiles:
    """The files below a folder, named by their path relative to it with `/`. Links are not followed; hidden folders are left out. A single
    file is a folder of one. Raises OSError where the folder cannot be listed."""
    if folder.is_file():
        return SourceFiles({folder.name: _place(folder.stat(), str(folder))})
    places: dict[str, StampedFile] = {}
    others: dict[str, str] = {}
    for name, entry in _walk(folder):
        if is_c(entry.name):
            places[name] = _place(entry.stat(follow_symlinks=False), entry.path)
        else:
            others[name] = entry.path
    return _in_order(places, others)


def c_files(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, path) of the files below a folder that are read as C, as the folder is gone through. Raises OSError as list_folder."""
    if folder.is_file():
        yield folder.name, str(folder)
        return
    yield from ((name, entry.path) for name, entry in _walk(folder) if is_c(entry.name))


def _walk(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    todo = [("", str(folder))]
    while todo:
        within, path = todo.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        todo.append((f"{within}{entry.name}/", entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield within + entry.name, entry


def list_known(places: Mapping[str, StampedFile]) -> SourceFiles:
    """Of files that were chosen by somebody (an import): all are read, but those that are only ever included."""
    others = {file: place.path for file, place in places.items() if file.lower().endswith(INCLUDED_SUFFIXES)}
    return _in_order({file: place for file, place in places.items() if file not in others}, others)


def _in_order(places: Mapping[str, StampedFile], others: Mapping[str, str]) -> SourceFiles:
    return SourceFiles(
        {file: places[file] for file in sorted(places)}, {file: others[file] for file in sorted(others)},
        sorted(filter(is_near_c, others)))


def _place(stat: os.stat_result, path: str) -> StampedFile:
    return StampedFile(path, f"{stat.st_size}.{stat.st_mtime_ns}")
