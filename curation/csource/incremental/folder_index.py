"""How is a corpus that is too big for memory asked? Its facts and tables lie in an index folder and are read where they are needed.

>>> index = open_index(Path("cache/linux"), folder_texts(Path("linux")))
>>> index.functions("rtc_read_time")[0].file
'drivers/rtc/interface.c'

The folder holds three packs (raw, settled: see records.py; constraints: see constraining.py), and `tables.N`, the arrays of one state
of the corpus; `state.json` names the state that is whole. making.py writes it. A file of the corpus is known by its number, its
position in the sorted list of files.
"""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from posixpath import dirname
from typing import Any, Generic, TypeVar

import numpy as np

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.arrays.pack import Pack, part_place
from curation.csource.arrays.postings import Postings, load_array
from curation.csource.facts.encoding import VERSION, decode_fact
from curation.csource.facts.model import Call, FactsProblem, FileFacts, Function, Macro, NameUse, Prototype, Struct, Typedef, Variable
from curation.csource.incremental.records import FACTS, FUNCTION, KINDS, LINES, facts_of, name_key, problems_of
from curation.csource.index.call_kinds import set_call_kinds
from curation.csource.index.lookup import Index, ReadCorpus
from curation.csource.index.source_lines import SourceLines
from curation.csource.index.symbol_tables import called_from
from curation.csource.macros.apply import Asked
from curation.csource.macros.expand import Macros
from curation.csource.pointsto.constraint_encoding import read_constraints
from curation.csource.pointsto.constraints import Constraints
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solution_files import load_solution, save_solution
from curation.csource.program import Program
from curation.csource.sources.include_graph import Sight
from curation.csource.sources.inclusions import resolved, together
from curation.csource.sources.texts import DiskTexts
from curation.csource.typesystem.c_types import Types

RAW_LAYOUT = f"5.{VERSION}"  # of raw records: raised when their form changes
LAYOUT = f"8.{RAW_LAYOUT}"  # of the folder
DEFINITIONS = ("functions", "globals", "structs", "typedefs", "prototypes", "alias")
_KEPT_NAMES = 150_000  # of each table
_KEPT_FACTS = 6_000_000  # bytes of packed facts: about 50 times that in memory at the worst
T = TypeVar("T")


class State:
    """One whole state of an index folder. files: in order. Places are (where, length) in a pack, length 0 for what is not there."""

    def __init__(self, folder: Path, head_name: str = "state.json") -> None:
        """Raises FileNotFoundError where there is none, ValueError where it is of another layout."""
        head = json.loads((folder / head_name).read_text(encoding="utf-8"))
        if head.get("layout") != LAYOUT:
            raise ValueError(f"the index in {folder} is of layout {head.get('layout')}, not {LAYOUT}")
        self.folder = folder
        self.number: int = head["number"]
        self.tables = folder / f"tables.{self.number}"
        listed = json.loads((self.tables / "files.json").read_bytes().decode("utf-8", "surrogatepass"))
        self.files: list[str] = listed["files"]
        self.stamps: list[str] = listed["stamps"]
        self.paths: list[str] = listed["paths"]
        self.includes: dict[str, list[tuple[int, str]]] = {f: [(n, p) for n, p in found] for f, found in listed["includes"].items()}
        self.problems: dict[str, list[list[object]]] = listed["problems"]
        self.counts: dict[str, int] = listed["counts"]
        self.raw_at = load_array(self.tables / "raw_at", np.uint64).reshape(-1, 2)
        self.settled_at = load_array(self.tables / "settled_at", np.uint64).reshape(-1, 2)
        self.constraints_at = load_array(self.tables / "constraints_at", np.uint64).reshape(-1, 2)
        self.included = resolved(self.files, self.includes)
        self.sight = Sight.load(self.tables, self.files)

    def postings(self, name: str) -> Postings:
        return Postings.load(self.tables, name)


class Lines:
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


class StoredTable(Mapping[str, list[T]], Generic[T]):
    """Name -> what is defined under it. make: from a line and its file's name; a line of another name with the same key is left out."""

    def __init__(
        self, found: Postings, lines: Lines, files: list[str], make: Callable[[bytes, str], T], asked: Asked | None = None,
        kept: int = _KEPT_NAMES,
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


class StoredNames(AbstractSet[str]):
    """Whether a name is one of those whose keys are given. Names of one key are not told apart (one pair in 10**14)."""

    def __init__(self, keys: list[Postings], asked: Asked | None = None) -> None:
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
            if len(self._known) >= 4 * _KEPT_NAMES:
                self._known.clear()
            known = self._known[name] = any(found.holds(key) for found in self.keys)
        return known

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the names are not kept, only their keys")

    def __len__(self) -> int:
        return sum(len(found.keys) for found in self.keys)


class StoredFacts(Mapping[str, FileFacts]):
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


class StoredTables:
    """See tables.Tables. facts: settled ones, given after the index was made."""

    def __init__(self, state: State, settled: Pack, asked: Asked | None = None, kept: int = _KEPT_NAMES) -> None:
        """asked: is told the names that are looked up among functions, globals and prototypes."""
        self.state = state
        self.facts: Mapping[str, FileFacts] = {}
        lines = Lines(settled, state.settled_at)

        def table(name: str, make: Callable[[bytes, str], T], asked: Asked | None = None) -> StoredTable[T]:
            return StoredTable(state.postings(name), lines, state.files, make, asked, kept)

        self.functions = table("functions", lambda line, file: decode_fact(Function, line, file), asked)
        self.globals = table("globals", lambda line, file: decode_fact(Variable, line, file), asked)
        self.structs = table("structs", lambda line, file: decode_fact(Struct, line, file))
        self.typedefs = table("typedefs", lambda line, file: decode_fact(Typedef, line, file))
        self.prototypes = table("prototypes", lambda line, file: decode_fact(Prototype, line, file), asked)
        self.alias = table("alias", lambda line, _: str(json.loads(line)[1]))
        self._called, self._used = state.postings("called"), state.postings("used")
        self._lines, self._settled = lines, settled
        self._numbers = {file: number for number, file in enumerate(state.files)}
        self._locals = Recent[str, dict[str, list[Variable]]](32)

    def functions_of(self, file: str) -> list[Function]:
        number = self._numbers.get(file)
        if number is None or not self.state.settled_at[number][1]:
            return []
        return _functions_in(self._settled, self.state.settled_at[number], file)

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


class _Alias(Mapping[str, str]):
    """An anonymous struct's made name -> the typedef that names it."""

    def __init__(self, table: StoredTable[str]) -> None:
        self.table = table

    def __getitem__(self, made: str) -> str:
        if "@" not in made:
            raise KeyError(made)
        return self.table[made][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __len__(self) -> int:
        return len(self.table)


def macro_table(state: State, raw: Pack, asked: Asked | None = None) -> StoredTable[Macro]:
    return StoredTable(
        state.postings("macros"), Lines(raw, state.raw_at), state.files, lambda line, file: decode_fact(Macro, line, file), asked)


def macros_in(raw: Pack, place: Iterable[Any], file: str) -> list[Macro]:
    """The macros that one file defines, in order."""
    at, length = (int(n) for n in place)
    return [decode_fact(Macro, line, file) for line in bytes(raw.parts(at, length)[LINES]).splitlines()] if length else []


def _functions_in(settled: Pack, place: Iterable[Any], file: str) -> list[Function]:
    at, length = (int(n) for n in place)
    parts = settled.parts(at, length)
    count = bytes(parts[KINDS]).count(bytes([FUNCTION]))  # functions come first
    begin = at + part_place(settled.record(at, length), LINES)
    found: list[Function] = []
    for _ in range(count):
        line = settled.line(begin)
        begin += len(line) + 1
        found.append(decode_fact(Function, line, file))
    return found


def open_index(folder: Path, texts: DiskTexts) -> Program:
    """The program of the state that the folder holds. Raises FileNotFoundError where there is none, ValueError where it is of another
    layout. Texts that changed since are not seen: see making.make_index."""
    state = State(folder)
    corpus = read_corpus(state, texts)
    program = Program(corpus, lambda index: solved_flow(index, state))
    assert isinstance(corpus.facts, StoredFacts)
    corpus.facts.prepare = lambda one: set_call_kinds(program, one)
    return program


def read_corpus(state: State, texts: DiskTexts, asked: Asked | None = None, kept: int = _KEPT_NAMES) -> ReadCorpus:
    """asked: see StoredTables; it is told the macros too. kept: names, of each table."""
    settled, raw = Pack(state.folder, "settled"), Pack(state.folder, "raw")
    tables = StoredTables(state, settled, asked, kept)
    facts = StoredFacts(state.files, settled, state.settled_at, state.problems)
    tables.facts = facts
    included = {inner for listed in state.included.values() for _, inner in listed}
    macros = Macros(macro_table(state, raw, asked), included, sight=state.sight)
    types = Types(tables.typedefs, tables.structs, _Alias(tables.alias))
    return ReadCorpus(facts, SourceLines(texts), tables, types, macros, together(state.included))


def kept_constraints(state: State) -> Iterator[Constraints]:
    """Of all files, in order."""
    pack = Pack(state.folder, "constraints")
    for file, place in zip(state.files, state.constraints_at.tolist(), strict=True):
        if place[1]:
            yield read_constraints(pack.parts(*place)[0], file)


def solved_flow(index: Index, state: State) -> Solution:
    """The flow that is kept with the state; solved and kept where it is not yet."""
    place = state.tables / "flow"
    try:
        return load_solution(index, place)
    except FileNotFoundError:
        flow = Solution(index, kept_constraints(state))
    draft = state.tables / f"flow.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        save_solution(flow, draft)
        draft.replace(place)
    except OSError:  # another process kept it first, or the folder cannot be written: the flow is as good
        shutil.rmtree(draft, ignore_errors=True)
    return flow
