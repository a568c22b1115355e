"""How are the tables of an index folder asked? Each list is read from the records where it is needed, by the places that sorted arrays of
keys give; what was read last is kept.

>>> FolderTables(state, Pack(folder, "expanded")).functions["rtc_read_time"][0].file
'drivers/rtc/interface.c'

The same names as symbol_tables.MemoryTables, for a corpus that is too big for memory.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from posixpath import dirname
from typing import Any, Generic, TypeVar

import numpy as np

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.arrays.keys import name_key
from curation.csource.arrays.pack import Pack, part_place
from curation.csource.arrays.postings import Postings
from curation.csource.facts.encoding import decode_fact
from curation.csource.facts.model import Call, FactsProblem, FileFacts, Function, Macro, NameUse, Prototype, Struct, Typedef, Variable
from curation.csource.incremental.records import FACTS, FUNCTION, KINDS, LINES, facts_of, problems_of
from curation.csource.incremental.state import State
from curation.csource.index.symbol_tables import called_from
from curation.csource.macros.dependencies import Dependencies

DEFINITIONS = ("functions", "globals", "structs", "typedefs", "prototypes", "alias")  # the tables of definitions, as kinds in records.py
KEPT_NAMES = 150_000  # of each table
_KEPT_FACTS = 6_000_000  # bytes of packed facts: about 50 times that in memory at the worst
T = TypeVar("T")


class RecordLines:
    """The lines of definitions or macros of each file, in a pack."""

    def __init__(self, pack: Pack, places: np.ndarray[Any, Any]) -> None:
        self.pack = pack
        self.places = places
        self._begins: dict[int, int] = {}

    def line(self, number: int, offset: int) -> bytes:
        begin = self._begins.get(number)
        if begin is None:
            at, length = (int(n) for n in self.places[number])
            begin = self._begins[number] = at + part_place(self.pack.record(at, length), LINES)
        return self.pack.line(begin + offset)


def _start(name: str) -> bytes:
    """How the line of a definition of the name begins."""
    quoted = f'"{name}"' if name.isidentifier() else json.dumps(name, ensure_ascii=False)
    return b"[" + quoted.encode("utf-8", "surrogatepass")


class NamedFacts(Mapping[str, list[T]], Generic[T]):
    """Name -> what is defined under it. make: from a line and its file's name; a line of another name with the same key is left out."""

    def __init__(
        self, found: Postings, lines: RecordLines, files: list[str], make: Callable[[bytes, str], T], asked: Dependencies | None = None,
        kept: int = KEPT_NAMES,
    ) -> None:
        self.found, self.lines, self.files, self.make, self.asked, self.kept = found, lines, files, make, asked, kept
        self._known: dict[str, list[T]] = {}

    def _read(self, name: str) -> list[T]:
        if self.asked is not None:
            self.asked.macros.add(name)
        known = self._known.get(name)
        if known is None:
            known = []
            places = self.found.places(name_key(name))
            start = _start(name) if places else b""
            for number, offset in places:
                line = self.lines.line(number, offset)
                if line.startswith(start):
                    known.append(self.make(line, self.files[number]))
            if len(self._known) >= self.kept:
                self._known.clear()
            self._known[name] = known
        return known

    def __getitem__(self, name: str) -> list[T]:
        found = self._read(name)
        if not found:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        known = self._known.get(name) if self.asked is None else None
        return (self._read(name) if known is None else known) or default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._read(name))

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the names of a stored table are not kept; ask for one")

    def __len__(self) -> int:
        return len(self.found.keys)

    def __bool__(self) -> bool:
        return len(self.found.keys) > 0


class KeyedNames(AbstractSet[str]):
    """Whether a name is one of those whose keys are given. Names of one key are not told apart (one pair in 10**14)."""

    def __init__(self, keys: list[Postings], asked: Dependencies | None = None) -> None:
        self.keys, self.asked = keys, asked
        self._known: dict[str, bool] = {}

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if self.asked is not None:
            self.asked.names.add(name)
        known = self._known.get(name)
        if known is None:
            key = name_key(name)
            if len(self._known) >= 4 * KEPT_NAMES:
                self._known.clear()
            known = self._known[name] = any(found.holds(key) for found in self.keys)
        return known

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the names are not kept, only their keys")

    def __len__(self) -> int:
        return sum(len(found.keys) for found in self.keys)


class FolderFacts(Mapping[str, FileFacts]):
    """File -> its facts, read at each access; those read last are kept. macros: where its macros are asked for."""

    def __init__(
        self, files: list[str], pack: Pack, places: np.ndarray[Any, Any], problems: Mapping[str, list[list[object]]],
        kept: int = _KEPT_FACTS,
    ) -> None:
        self.files, self.pack, self.places, self.problems = files, pack, places, problems
        self.prepare: Callable[[FileFacts], None] | None = None  # is given facts that were just read
        self.numbers = {file: number for number, file in enumerate(files)}
        self._recent = Recent[str, FileFacts](kept)

    def __getitem__(self, file: str) -> FileFacts:
        known = self._recent.get(file)
        if known is None:
            known = self._recent.put(file, *self._read(file))
            if self.prepare is not None:
                self.prepare(known)  # asks for the file's variables: it is kept by now
        return known

    def _read(self, file: str) -> tuple[FileFacts, int]:
        at, length = (int(n) for n in self.places[self.numbers[file]])
        if not length:
            return FileFacts(file, problems=problems_of(self.problems.get(file, []), file)), 1
        part = self.pack.parts(at, length)[FACTS]
        return facts_of(part, file), part.nbytes + 1

    def forget(self) -> None:
        """The next access reads again."""
        self._recent = Recent[str, FileFacts](self._recent.limit)

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __contains__(self, file: object) -> bool:
        return file in self.numbers


class FolderTables:
    """See SymbolTables. facts: the expanded ones, given once the tables are made."""

    def __init__(self, state: State, expanded: Pack, asked: Dependencies | None = None, kept: int = KEPT_NAMES) -> None:
        """asked: is told the names that are looked up among functions, globals and prototypes."""
        self.state = state
        self.facts: Mapping[str, FileFacts] = {}
        lines = RecordLines(expanded, state.expanded_at)

        def table(name: str, make: Callable[[bytes, str], T], asked: Dependencies | None = None) -> NamedFacts[T]:
            return NamedFacts(state.postings(name), lines, state.files, make, asked, kept)

        self.functions = table("functions", lambda line, file: decode_fact(Function, line, file), asked)
        self.globals = table("globals", lambda line, file: decode_fact(Variable, line, file), asked)
        self.structs = table("structs", lambda line, file: decode_fact(Struct, line, file))
        self.typedefs = table("typedefs", lambda line, file: decode_fact(Typedef, line, file))
        self.prototypes = table("prototypes", lambda line, file: decode_fact(Prototype, line, file), asked)
        self.alias = table("alias", lambda line, _: str(json.loads(line)[1]))
        self._called, self._used = state.postings("called"), state.postings("used")
        self._lines, self._expanded = lines, expanded
        self._numbers = {file: number for number, file in enumerate(state.files)}
        self._locals = Recent[str, dict[str, list[Variable]]](32)

    def functions_of(self, file: str) -> list[Function]:
        number = self._numbers.get(file)
        if number is None or not self.state.expanded_at[number][1]:
            return []
        return _functions_in(self._expanded, self.state.expanded_at[number], file)

    def locals(self, file: str, function: str) -> list[Variable]:
        known = self._locals.get(file)
        if known is None:
            known = {}
            for variable in self.facts[file].variables if file in self._numbers else ():
                if variable.function is not None:
                    known.setdefault(variable.function, []).append(variable)
            self._locals.put(file, known)
        return known.get(function, [])

    def know_locals(self, file: str, known: dict[str, list[Variable]]) -> None:
        """The file's locals, by function, so that its facts need not be read for them."""
        self._locals.put(file, known)

    def problems(self) -> list[FactsProblem]:
        return [problem for file, listed in self.state.problems.items() for problem in problems_of(listed, file)]

    def calls_to(self, name: str, within: Container[str] | None = None) -> list[Call]:
        return [c for file in self._files(self._called, name, within) for c in self.facts[file].calls if c.callee_name == name]

    def uses(self, name: str, within: Container[str] | None = None) -> list[NameUse]:
        return [u for file in self._files(self._used, name, within) for u in self.facts[file].uses if u.name == name]

    def _files(self, postings: Postings, name: str, within: Container[str] | None) -> Iterable[str]:
        found = (self.state.files[number] for number, _ in postings.places(name_key(name)))
        return found if within is None else (file for file in found if file in within)

    def beside(self, file: str, handed: bool = False) -> list[str]:
        files, defined = self.state.files, [name_key(f.name) for f in self.functions_of(file)]
        tables = [self._used] if handed else [self._used, self._called]
        found = {n for key in defined for table in tables for n, _ in table.places(key)} | {self._numbers[file]}
        found |= {n for name in called_from(self.facts[file], handed) for n, _ in self.functions.found.places(name_key(name))}
        return [files[n] for n in sorted(found) if dirname(files[n]) == dirname(file)]


class Alias(Mapping[str, str]):
    """An anonymous struct's made name -> the typedef that names it."""

    def __init__(self, table: NamedFacts[str]) -> None:
        self.table = table

    def __getitem__(self, made: str) -> str:
        if "@" not in made:
            raise KeyError(made)
        return self.table[made][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def macro_table(state: State, raw: Pack, asked: Dependencies | None = None) -> NamedFacts[Macro]:
    return NamedFacts(
        state.postings("macros"), RecordLines(raw, state.raw_at), state.files, lambda line, file: decode_fact(Macro, line, file), asked)


def macros_in(raw: Pack, place: Iterable[Any], file: str) -> list[Macro]:
    """The macros that one file defines, in order."""
    at, length = (int(n) for n in place)
    return [decode_fact(Macro, line, file) for line in bytes(raw.parts(at, length)[LINES]).splitlines()] if length else []


def _functions_in(expanded: Pack, place: Iterable[Any], file: str) -> list[Function]:
    at, length = (int(n) for n in place)
    parts = expanded.parts(at, length)
    count = bytes(parts[KINDS]).count(bytes([FUNCTION]))  # functions come first
    begin = at + part_place(expanded.record(at, length), LINES)
    found: list[Function] = []
    for _ in range(count):
        line = expanded.line(begin)
        begin += len(line) + 1
        found.append(decode_fact(Function, line, file))
    return found
