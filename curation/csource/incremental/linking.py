"""What do all files of an index folder define before any macro is expanded, and which includes which?

>>> linked = link(raw, found, records, before)
>>> linked.tables["raw_functions"].holds(name_key("lamp_open"))
True

Tables of the state before are spliced: only the changed files' parts are looked at.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from curation.csource.arrays.pack import Pack
from curation.csource.arrays.postings import Numbers, Postings
from curation.csource.incremental.changes import changed_macros, changed_names
from curation.csource.incremental.reading import ReadFiles, head_of
from curation.csource.incremental.records import (
    HEAD,
    KEYS,
    OFFSETS,
    RAW_CALLABLES,
    RAW_FIELDS,
    RAW_FUNCTION_TYPES,
    RAW_FUNCTIONS,
    RAW_TYPED,
)
from curation.csource.incremental.state import State
from curation.csource.sources.include_graph import IncludeGraph
from curation.csource.sources.inclusions import IncludePaths, Unanswered, unanswered

NAMES = ("raw_functions", "raw_fields", "raw_callables")  # the tables whose names files ask for while they are expanded
GONE = np.iinfo(np.uint32).max
Part = Callable[[int], tuple[Numbers, Numbers | None]]


@dataclass
class Linked:
    """tables: macros, raw_functions, raw_fields, raw_callables, raw_function_types. changed_macros, changed_names: keys of macros that a
    file defines otherwise than in the state before, of names that have become, or are no longer, a function's or a field's."""

    tables: dict[str, Postings]
    graph: IncludeGraph
    unanswered: dict[str, list[Unanswered]]
    changed_macros: Numbers
    changed_names: Numbers


def spliced(
    before: State | None, files: list[str], name: str, changed: Iterable[int], part: Part, records: Numbers, placed: bool,
) -> Postings:
    """A table: of the state before, with the changed files' parts; without one, of all files. placed: whether it has offsets."""
    numbers = sorted(changed) if before is not None else range(len(files))
    fresh = Postings.of(((n, *part(n)) for n in numbers if records[n][1]), placed)
    if before is None:
        return fresh
    kept = before.postings(name)
    if files != before.files:
        now = {file: number for number, file in enumerate(files)}
        kept = kept.renumbered(np.array([now.get(file, GONE) for file in before.files], np.uint32))
    return kept.spliced(changed, fresh)


def link(raw: Pack, found: ReadFiles, records: Numbers, before: State | None) -> Linked:
    return _Linker(raw, found, records, before).linked()


class _Linker:
    def __init__(self, raw: Pack, found: ReadFiles, records: Numbers, before: State | None) -> None:
        self.raw, self.found, self.records, self.before = raw, found, records, before
        self.files = found.files

    def linked(self) -> Linked:
        tables = self._tables()
        graph = self._graph()
        empty = np.empty(0, np.uint64)
        changed = (empty, empty) if self.before is None else (self._changed_macros(), self._changed_names(tables))
        return Linked(tables, graph, self._unanswered(), *changed)

    def _part(self, number: int, part: int) -> memoryview:
        return self.raw.part(self.records[number].tolist(), part)

    def _keys(self, number: int, part: int) -> Numbers:
        return np.frombuffer(self._part(number, part), np.uint64)

    def _table(self, name: str, part: Part, placed: bool = False) -> Postings:
        return spliced(self.before, self.files, name, self.found.changed, part, self.records, placed)

    def _tables(self) -> dict[str, Postings]:
        tables = {"macros": self._table("macros", lambda number: (
            self._keys(number, KEYS), np.frombuffer(self._part(number, OFFSETS), np.uint32)), placed=True)}
        for name, part in (
            ("raw_functions", RAW_FUNCTIONS), ("raw_fields", RAW_FIELDS), ("raw_function_types", RAW_FUNCTION_TYPES)):
            tables[name] = self._table(name, lambda number, part=part: (self._keys(number, part), None))  # type: ignore[misc]
        types = tables["raw_function_types"].distinct()
        self.same_types = self.before is not None and np.array_equal(types, self.before.postings("raw_function_types").distinct())

        def callables(number: int) -> tuple[Numbers, None]:
            """Also those whose typedef is one of a function in any file."""
            typed = self._keys(number, RAW_TYPED).reshape(-1, 2)
            return np.union1d(self._keys(number, RAW_CALLABLES), typed[np.isin(typed[:, 1], types), 0]), None

        before = self.before if self.same_types else None
        tables["raw_callables"] = spliced(before, self.files, "raw_callables", self.found.changed, callables, self.records, False)
        return tables

    def _graph(self) -> IncludeGraph:
        before, heads = self.before, self.found.heads
        if before is not None and self.files == before.files:
            changed = {number: heads[number].paths if number in heads else [] for number in self.found.changed}
            return before.graph.replaced(changed) if changed else before.graph
        return IncludeGraph.made(self.files, lambda number: head_of(self._part(number, HEAD)).paths if self.records[number][1] else [])

    def _unanswered(self) -> dict[str, list[Unanswered]]:
        paths = IncludePaths(self.files)
        before = self.before
        kept = dict(before.unanswered) if before is not None and self.files == before.files else None
        found: dict[str, list[Unanswered]] = {} if kept is None else kept
        for number in range(len(self.files)) if kept is None else sorted(self.found.changed):
            found.pop(self.files[number], None)
            if not self.records[number][1]:
                continue
            head = self.found.heads.get(number) or head_of(self._part(number, HEAD))
            if listed := unanswered(paths, self.files[number], head.quoted, head.includes):
                found[self.files[number]] = listed
        return {file: found[file] for file in sorted(found)}

    def _changed_macros(self) -> Numbers:
        assert self.before is not None
        old = {file: number for number, file in enumerate(self.before.files)}
        pairs: list[tuple[int | None, int | None]] = [(old.get(self.files[number]), number) for number in self.found.changed]
        pairs += [(number, None) for file, number in old.items() if file not in self.found.places]
        found = [np.empty(0, np.uint64)]
        for was, now in pairs:
            found.append(changed_macros(
                self.raw, self.before.raw_at[was] if was is not None else None, self.records[now] if now is not None else None))
        return np.unique(np.concatenate(found))

    def _changed_names(self, tables: dict[str, Postings]) -> Numbers:
        before = self.before
        assert before is not None
        numbers = {file: number for number, file in enumerate(self.files)}
        concerned = {n for n, file in enumerate(before.files) if file not in numbers or numbers[file] in self.found.changed}
        found = []
        for name in NAMES:
            every = name == "raw_callables" and not self.same_types
            found.append(changed_names(
                before.postings(name), range(len(before.files)) if every else concerned, tables[name],
                range(len(self.files)) if every else self.found.changed))
        return np.unique(np.concatenate(found))
