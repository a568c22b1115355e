"""Which texts of an index folder are read anew, and what does each one's record say?

>>> found = FolderReader(folder, files, before, readers, report, told).read(retry=False)
>>> found.files[:2], found.changed
(['a.c', 'b.c'], {1})

A text that did not change since the state before keeps its record. Every other one is read in a process with limits, and its record is
kept at once, so that a killed run goes on where it stood. Files of any other name that one of them includes are read too; the files are
numbered when all are known.

Not seen: a text that changed within its size and time of change.
"""
from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curation.csource.arrays.pack import Pack, PackWriter, key_of
from curation.csource.facts.model import FactsProblem
from curation.csource.incremental.records import HEAD
from curation.csource.incremental.report import IndexReport, Progress, Told
from curation.csource.incremental.state import RAW_LAYOUT, State
from curation.csource.processes.pool import Readers
from curation.csource.sources.files import SourceFiles, StampedFile
from curation.csource.sources.texts import Unreadable, read_bytes

Problems = dict[str, list[list[object]]]  # file -> [code, why, line]
Lines = list[tuple[int, str]]


@dataclass
class Head:
    """What a raw record says of its file beside its facts. paths: all that it includes. includes, quoted: see inclusions.py."""

    paths: list[str]
    includes: Lines
    quoted: Lines


def head_of(record: memoryview) -> Head:
    said = json.loads(bytes(record))
    return Head(said["paths"], [(line, path) for line, path in said["includes"]], [(line, path) for line, path in said["quoted"]])


@dataclass
class ReadFiles:
    """places: of all files that are read, in order. records: where the raw record of each one is, (0, 0) for none. changed: numbers of the
    files whose record is not that of the state before. heads: of those. includes: of each file that includes sources."""

    places: dict[str, StampedFile] = field(default_factory=dict)
    records: list[tuple[int, int]] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    heads: dict[int, Head] = field(default_factory=dict)
    includes: dict[str, Lines] = field(default_factory=dict)
    problems: Problems = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        return list(self.places)


class FolderReader:
    def __init__(
        self, folder: Path, files: SourceFiles, before: State | None, readers: Readers, report: IndexReport, told: Told,
    ) -> None:
        self.folder, self.files, self.before, self.readers, self.report, self.told = folder, files, before, readers, report, told
        self.numbers_before = {file: number for number, file in enumerate(before.files)} if before is not None else {}
        self.places: dict[str, StampedFile] = {}
        self.records: dict[str, tuple[int, int]] = {}
        self.heads: dict[str, Head] = {}
        self.changed: set[str] = set()
        self.found = ReadFiles()

    def read(self, retry: bool) -> ReadFiles:
        """retry: read files again that were too slow or crashed, though they did not change."""
        todo: Mapping[str, StampedFile] = self.files.places
        raw = Pack(self.folder, "raw")
        with PackWriter(self.folder, "raw") as pack:
            while todo:
                self.places.update(todo)
                self._read(todo, pack, retry)
                pack.flush()
                for file in todo:
                    if file in self.changed and file in self.records:
                        self.heads[file] = head = head_of(raw.parts(*self.records[file])[HEAD])
                        if head.includes:
                            self.found.includes[file] = head.includes
                paths = [path for file in todo for _, path in self.found.includes.get(file, ())]
                todo = self.files.included(paths, self.places)
        return self._numbered()

    def _numbered(self) -> ReadFiles:
        found = self.found
        found.places = {file: self.places[file] for file in sorted(self.places)}
        found.records = [self.records.get(file, (0, 0)) for file in found.places]
        numbers = {file: number for number, file in enumerate(found.places)}
        found.changed = {numbers[file] for file in self.changed}
        found.heads = {numbers[file]: head for file, head in self.heads.items()}
        return found

    def _read(self, files: Mapping[str, StampedFile], pack: PackWriter, retry: bool) -> None:
        todo: dict[str, bytes] = {}
        for file, place in files.items():
            old = self.numbers_before.get(file)
            same = old is not None and self.before is not None and self.before.stamps[old] == place.stamp
            if old is not None and same and not (retry and self._failed(file)):
                self._take_before(old, file)
                continue
            self.changed.add(file)
            try:
                key = key_of(RAW_LAYOUT.encode(), file.encode("utf-8", "surrogatepass"), read_bytes(file, place.path))
            except Unreadable as err:
                self.found.problems[file] = [[err.problem.code, err.problem.why, None]]
                continue
            if key in pack.places:
                self.records[file] = pack.places[key]
            else:
                todo[file] = key
        self._read_in_processes(todo, pack)

    def _failed(self, file: str) -> bool:
        listed = self.before.problems.get(file, []) if self.before is not None else []
        return any(code in ("too_slow", "crashed") for code, _, _ in listed)

    def _take_before(self, old: int, file: str) -> None:
        assert self.before is not None
        at, length = self.before.raw_at[old].tolist()
        self.records[file] = (at, length)
        if file in self.before.problems:
            self.found.problems[file] = self.before.problems[file]
        if file in self.before.includes:
            self.found.includes[file] = self.before.includes[file]

    def _read_in_processes(self, todo: dict[str, bytes], pack: PackWriter) -> None:
        if not todo:
            return
        began = time.monotonic()
        sizes = {file: os.stat(self.places[file].path).st_size for file in todo}
        self.report.read += len(todo)
        self.report.bytes_read += sum(sizes.values())
        done = size = 0
        for file, answer in self.readers.answers((file, ["raw", file, self.places[file].path]) for file in todo):
            done += 1
            size += sizes[file]
            if isinstance(answer, FactsProblem):
                self.found.problems[file] = [[answer.code, answer.why, None]]
            else:
                self.records[file] = pack.append(todo[file], bytes(answer[1]))
            self.told(Progress("reading", done, len(todo), size, len(self.found.problems), time.monotonic() - began))
