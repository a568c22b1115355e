"""How does a corpus become an index folder, and how does a changed corpus become the folder's next state?

>>> report = make_index(Path("cache/linux"), folder_texts(Path("linux")), jobs=2)
>>> report.read, report.settled
(1, 3)

1. Each text that is new or changed is read in a process of its own limits, and its raw record kept at once (so a killed run goes on).
2. Tables of all macros, functions and fields are made of the raw records: sorted arrays; of the state before, only what changed is spliced.
3. Each file's macros are expanded, again in processes. After a change only the files that asked for a name whose meaning changed.
   Functions that macros make are told to all once more: who asked for one of them is done again.
4. Tables of definitions, calls and uses.
5. The constraints of each file, again in processes; after a change of the files whose own changed and those that constraining.py names.
   The last step, the renaming of state.json, makes the state the folder's.

Not seen: a text that changed within its size and time of change.
"""
from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from curation.csource.arrays.pack import Pack, PackWriter, key_of
from curation.csource.arrays.postings import Numbers, Postings
from curation.csource.facts.model import FactsProblem
from curation.csource.incremental.changes import Definitions, changed_macros, changed_names, meet
from curation.csource.incremental.constraint_files import NO_FLOW, constrained, drop_problem, to_make_again
from curation.csource.incremental.folder_index import DEFINITIONS, LAYOUT, RAW_LAYOUT, State
from curation.csource.incremental.pool import MEMORY_BYTES, TIME_LIMIT_S, Readers
from curation.csource.incremental.records import (
    ASKED_MACROS,
    ASKED_NAMES,
    CALLED,
    HEAD,
    KEYS,
    KINDS,
    OFFSETS,
    RAW_CALLABLES,
    RAW_FIELDS,
    RAW_FUNCTIONS,
    USED,
    problems_of,
)
from curation.csource.incremental.state import Draft
from curation.csource.sources.include_graph import Sight
from curation.csource.sources.inclusions import resolved, together
from curation.csource.sources.texts import DiskTexts, Unreadable, read_bytes
from curation.errors import UserError

_ROUNDS = 2  # of telling the names of functions that macros make
_NAMES = (("raw_functions", RAW_FUNCTIONS), ("raw_fields", RAW_FIELDS), ("raw_callables", RAW_CALLABLES))
_GONE = np.iinfo(np.uint32).max


@dataclass(frozen=True)
class Step:
    """How far it is. name: reading, expanding, constraints. done, all: files. bytes: of the texts read in this step. problems: files so far
    that gave none or only some of their facts. seconds: since the step began."""

    name: str
    done: int
    all: int
    bytes: int
    problems: int
    seconds: float


Progress = Callable[[Step], None]


class IndexBusy(UserError):
    code = "index_busy"
    text = "Another process is writing the index in {folder}. Wait until it is done, or give another folder."


@dataclass
class MakeReport:
    """files: of the corpus. read: texts read anew; settled: files expanded anew; constrained: files whose constraints were made anew.
    bytes_read: of the texts read anew. counts: functions, calls, indirect (calls through pointers), lost (functions that could not be
    read), over all files."""

    files: int = 0
    read: int = 0
    settled: int = 0
    constrained: int = 0
    bytes_read: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[FactsProblem] = field(default_factory=list)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer a folder. Raises IndexBusy."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IndexBusy(folder=str(folder)) from None
        yield


def make_index(
    folder: Path, texts: DiskTexts, *, jobs: int = 1, time_limit_s: float = TIME_LIMIT_S, memory_bytes: int = MEMORY_BYTES,
    retry: bool = False, progress: Progress | None = None,
) -> MakeReport:
    """Brings the folder to the state of the texts. retry: read files again that were too slow or crashed, though they did not change.
    Raises IndexBusy, OSError."""
    with _locked(folder):
        with Readers(min(jobs, max(1, len(texts))), time_limit_s=time_limit_s, memory_bytes=memory_bytes) as readers:
            return _Making(folder, texts, readers, progress or (lambda step: None)).run(retry)


class _Making:
    def __init__(self, folder: Path, texts: DiskTexts, readers: Readers, progress: Progress) -> None:
        self.folder, self.texts, self.readers, self.progress = folder, texts, readers, progress
        try:
            self.before: State | None = State(folder)
        except (FileNotFoundError, ValueError):
            self.before = None
        self.draft = Draft(folder, self.before.number + 1 if self.before is not None else 1, texts)
        self.files = list(texts)
        self.numbers = {file: number for number, file in enumerate(self.files)}
        self.report = MakeReport(files=len(self.files))
        self.raw_at = np.zeros((len(self.files), 2), np.uint64)
        self.settled_at = np.zeros((len(self.files), 2), np.uint64)
        self.problems: dict[str, list[list[object]]] = {}
        self.includes: dict[str, list[tuple[int, str]]] = {}
        self.raw, self.settled, self.constraints = Pack(folder, "raw"), Pack(folder, "settled"), Pack(folder, "constraints")
        self.constraints_at = np.zeros((len(self.files), 2), np.uint64)
        self.renumbering: Numbers = np.zeros(0, np.uint32)
        self.changed_macros: Numbers = np.zeros(0, np.uint64)
        self.paths: dict[int, list[str]] = {}  # what the changed files include
        self._since = time.monotonic()

    def run(self, retry: bool) -> MakeReport:
        changed = self._read(retry)
        self._timed("reading")
        if self.before is not None and not changed and self.files == self.before.files:
            return self._told(self.before)
        tables = self._raw_tables(changed)
        self.sight = self._sight()
        self._timed("raw tables")
        settled = self._settle(tables, changed)
        self._timed("expanding")
        self._final_tables(settled)
        self._timed("definitions")
        self._constrain(settled)
        self._timed("constraints")
        self._keep(self._counted(settled))
        state = self.draft.finish()
        self._timed("tables")
        return self._told(state)

    def _timed(self, step: str) -> None:
        now = time.monotonic()
        self.report.seconds[step] = round(now - self._since, 2)
        self._since = now

    def _say(self, name: str, done: int, count: int, size: int = 0) -> None:
        self.progress(Step(name, done, count, size, len(self.problems), time.monotonic() - self._since))

    def _told(self, state: State) -> MakeReport:
        self.report.counts = state.counts
        self.report.problems = [p for file, listed in state.problems.items() for p in problems_of(listed, file)]
        return self.report

    # ---- 1. texts

    def _read(self, retry: bool) -> set[int]:
        """The numbers of the files whose raw record is not that of the state before."""
        known: dict[str, int] = {}
        if self.before is not None:
            known = {file: number for number, file in enumerate(self.before.files)}
            self.renumbering = np.array([self.numbers.get(file, _GONE) for file in self.before.files], np.uint32)
        changed: set[int] = set()
        todo: list[tuple[str, bytes]] = []
        with PackWriter(self.folder, "raw") as pack:
            for number, (file, place) in enumerate(self.texts.places.items()):
                old = known.get(file)
                if old is not None and self.before is not None and self.before.stamps[old] == place.stamp:
                    if not (retry and self._failed(file)):
                        self._take_before(number, old, file)
                        continue
                changed.add(number)
                try:
                    key = key_of(RAW_LAYOUT.encode(), file.encode("utf-8", "surrogatepass"), read_bytes(file, place.path))
                except Unreadable as err:
                    self.problems[file] = [[err.problem.code, err.problem.why, None]]
                    continue
                if key in pack.places:
                    self.raw_at[number] = pack.places[key]
                else:
                    todo.append((file, key))
            self._read_all(pack, todo)
            pack.flush()
            for number in changed:
                self._head(number)
        return changed

    def _failed(self, file: str) -> bool:
        listed = self.before.problems.get(file, []) if self.before is not None else []
        return any(code in ("too_slow", "crashed") for code, _, _ in listed)

    def _take_before(self, number: int, old: int, file: str) -> None:
        assert self.before is not None
        self.raw_at[number] = self.before.raw_at[old]
        self.settled_at[number] = self.before.settled_at[old]
        self.constraints_at[number] = self.before.constraints_at[old]
        if file in self.before.problems:
            self.problems[file] = self.before.problems[file]
        if file in self.before.includes:
            self.includes[file] = self.before.includes[file]

    def _read_all(self, pack: PackWriter, todo: list[tuple[str, bytes]]) -> None:
        if not todo:
            return
        keys = dict(todo)
        self.report.read = len(todo)
        sizes = {file: os.stat(self.texts.places[file].path).st_size for file in keys}
        self.report.bytes_read = sum(sizes.values())
        done = size = 0
        for file, answer in self.readers.answers((file, ["raw", file, self.texts.places[file].path]) for file in keys):
            done += 1
            size += sizes[file]
            if isinstance(answer, FactsProblem):
                self.problems[file] = [[answer.code, answer.why, None]]
            else:
                self.raw_at[self.numbers[file]] = pack.append(keys[file], bytes(answer[1]))
            self._say("reading", done, len(todo), size)

    def _head(self, number: int) -> None:
        """What a raw record says of its file beside its facts."""
        if self.raw_at[number][1]:
            head = json.loads(bytes(self._raw_part(number, HEAD)))
            self.paths[number] = head["paths"]
            file = self.files[number]
            if head["includes"]:
                self.includes[file] = [(line, path) for line, path in head["includes"]]

    def _raw_part(self, number: int, part: int) -> memoryview:
        at, length = self.raw_at[number].tolist()
        return self.raw.parts(at, length)[part]

    # ---- 2. tables of what was read

    def _raw_tables(self, changed: set[int]) -> dict[str, Postings]:
        made: dict[str, Postings] = {}
        for name, keys, offsets in (("macros", KEYS, OFFSETS), *((name, part, None) for name, part in _NAMES)):
            made[name] = self._table(name, changed, lambda number, keys=keys, offsets=offsets: (  # type: ignore[misc]
                np.frombuffer(self._raw_part(number, keys), np.uint64),
                np.frombuffer(self._raw_part(number, offsets), np.uint32) if offsets is not None else None), self.raw_at,
                offsets is not None)
        return made

    def _table(
        self, name: str, changed: set[int], part: Callable[[int], tuple[Numbers, Numbers | None]], places: Numbers, placed: bool,
    ) -> Postings:
        """From the state before where there is one, else from all files."""
        numbers = sorted(changed) if self.before is not None else range(len(self.files))
        fresh = Postings.of(((n, *part(n)) for n in numbers if places[n][1]), placed)
        if self.before is None:
            return fresh
        kept = self.before.postings(name)
        if self.files != self.before.files:
            kept = kept.renumbered(self.renumbering)
        return kept.spliced(changed, fresh)

    def _sight(self) -> Sight:
        """Which headers each file includes."""
        if self.before is not None and self.files == self.before.files:
            return self.before.sight.replaced(self.paths) if self.paths else self.before.sight

        def paths(number: int) -> list[str]:
            known = self.paths.get(number)
            if known is not None:
                return known
            return json.loads(bytes(self._raw_part(number, HEAD)))["paths"] if self.raw_at[number][1] else []  # type: ignore[no-any-return]

        return Sight.made(self.files, paths)

    # ---- 3. expansion

    def _settle(self, tables: dict[str, Postings], changed: set[int]) -> set[int]:
        """The numbers of the files whose settled record is new."""
        made = np.empty(0, np.uint64)
        todo = set(range(len(self.files)))
        if self.before is not None:
            made = np.array(self.before.postings("made").keys)
            self.changed_macros = self._changed_macros(changed)
            todo = changed | self._touched(self.changed_macros, self._changed_names(tables, changed)) | self._units(changed)
            todo |= self.sight.changed_since(self.before.sight)
        settled: set[int] = set()
        functions = tables["raw_functions"].distinct()
        for _ in range(1 + _ROUNDS):
            todo = {number for number in todo if self.raw_at[number][1]}
            self._settle_all(tables, made, sorted(todo))
            settled |= todo
            now = np.setdiff1d(self._function_keys(settled), functions, assume_unique=True)
            told = np.setxor1d(made, now, assume_unique=True)
            if not len(told):
                break
            made = now
            todo = self._touched(np.empty(0, np.uint64), told)
        self.made = made
        return settled

    def _function_keys(self, settled: set[int]) -> Numbers:
        """The keys of all functions as they are after expansion. settled: files expanded anew since the state before."""
        place = DEFINITIONS.index("functions")
        found = self._table("functions", settled, lambda number: self._definitions(number, place), self.settled_at, True)
        return found.distinct()

    def _settled_parts(self, number: int) -> list[memoryview]:
        at, length = self.settled_at[number].tolist()
        return self.settled.parts(at, length)

    def _changed_macros(self, changed: set[int]) -> Numbers:
        """Keys of macros that a changed file defines otherwise than before."""
        assert self.before is not None
        old = {file: number for number, file in enumerate(self.before.files)}
        pairs: list[tuple[int | None, int | None]] = [(old.get(self.files[number]), number) for number in changed]
        pairs += [(number, None) for file, number in old.items() if file not in self.numbers]
        found = [np.empty(0, np.uint64)]
        for before, now in pairs:
            found.append(changed_macros(
                self.raw, self.before.raw_at[before] if before is not None else None, self.raw_at[now] if now is not None else None))
        return np.unique(np.concatenate(found))

    def _changed_names(self, tables: dict[str, Postings], changed: set[int]) -> Numbers:
        """Keys of names that have become, or are no longer, a function's or a field's."""
        assert self.before is not None
        concerned = {n for n, file in enumerate(self.before.files) if file not in self.numbers or self.numbers[file] in changed}
        found = [changed_names(self.before.postings(name), concerned, tables[name], changed) for name, _ in _NAMES]
        return np.unique(np.concatenate(found))

    def _touched(self, macros: Numbers, names: Numbers) -> set[int]:
        """Files that asked for one of these when they were expanded."""
        found: set[int] = set()
        if not len(macros) and not len(names):
            return found
        for number in range(len(self.files)):
            if self.settled_at[number][1]:
                place = self.settled_at[number].tolist()
                if (len(macros) and meet(macros, self.settled.part(place, ASKED_MACROS))
                        or len(names) and meet(names, self.settled.part(place, ASKED_NAMES))):
                    found.add(number)
        return found

    def _units(self, changed: set[int]) -> set[int]:
        """Files that are read together with a changed one: templates and who includes them."""
        found: set[int] = set()
        units = [together(resolved(self.files, self.includes))]
        if self.before is not None:
            units.append(together(self.before.included))
        for unit in units:
            for number in changed:
                found |= {self.numbers[f] for f in unit.get(self.files[number], ()) if f in self.numbers}
        return found

    def _settle_all(self, tables: dict[str, Postings], made: Numbers, todo: list[int]) -> None:
        self.report.settled += len(todo)
        self.draft.begin(tables, made, self.sight)
        self._keep()
        if not todo:
            return
        self.readers.open(self.folder)
        world = key_of(LAYOUT.encode(), made.tobytes(), *(self._identity()))
        keys = {self.files[n]: key_of(world, self.files[n].encode("utf-8", "surrogatepass")) for n in todo}
        with PackWriter(self.folder, "settled") as pack:
            missing = []
            for file, key in keys.items():
                if key in pack.places:
                    self.settled_at[self.numbers[file]] = pack.places[key]
                else:
                    missing.append(file)
            done = len(todo) - len(missing)
            plain: dict[str, list[list[object]]] = {}
            for file, answer in self.readers.answers((file, ["settled", file]) for file in missing):
                if isinstance(answer, FactsProblem):
                    plain[file] = [[answer.code, f"expanding its macros failed: {answer.why}", None]]
                    continue
                done += 1
                self.settled_at[self.numbers[file]] = pack.append(keys[file], bytes(answer[1]))
                self._say("expanding", done, len(todo))
            for file, answer in self.readers.answers((file, ["plain", file]) for file in plain):
                done += 1
                if isinstance(answer, FactsProblem):
                    self.settled_at[self.numbers[file]] = (0, 0)
                    self.problems[file] = plain[file]
                else:
                    self.settled_at[self.numbers[file]] = pack.append(keys[file], bytes(answer[1]))
                self._say("expanding", done, len(todo))
        for number in todo:
            if self.settled_at[number][1]:
                file = self.files[number]
                listed = json.loads(bytes(self._settled_parts(number)[HEAD]))["problems"]
                self.problems.pop(file, None)
                if listed or file in plain:
                    self.problems[file] = listed + plain.get(file, [])

    def _identity(self) -> Iterable[bytes]:
        """What the whole corpus is made of."""
        yield "\0".join(self.files).encode("utf-8", "surrogatepass")
        yield self.raw_at.tobytes()

    # ---- 4. tables of what was expanded

    def _final_tables(self, settled: set[int]) -> None:
        folder = self.draft.tables
        for kind, name in enumerate(DEFINITIONS):
            self._table(name, settled, lambda number, kind=kind: self._definitions(number, kind), self.settled_at, True).save(folder, name)  # type: ignore[misc]
        for name, part in (("called", CALLED), ("used", USED)):
            self._table(name, settled, lambda number, part=part: (  # type: ignore[misc]
                np.frombuffer(self._settled_parts(number)[part], np.uint64), None), self.settled_at, False).save(folder, name)

    def _definitions(self, number: int, kind: int) -> tuple[Numbers, Numbers]:
        parts = self._settled_parts(number)
        wanted = np.frombuffer(parts[KINDS], np.uint8) == kind
        return np.frombuffer(parts[KEYS], np.uint64)[wanted], np.frombuffer(parts[OFFSETS], np.uint32)[wanted]

    # ---- 5. constraints

    def _constrain(self, settled: set[int]) -> None:
        todo = self._unconstrained(settled)
        for number in todo:
            self.constraints_at[number] = 0
            drop_problem(self.problems, self.files[number])
        self._keep()
        world = key_of(LAYOUT.encode(), *self._identity(), self.settled_at.tobytes())
        wanted = [self.files[number] for number in sorted(todo) if self.settled_at[number][1]]
        self.report.constrained = len(wanted)
        for done, (file, answer) in enumerate(constrained(self.folder, self.readers, wanted, world), 1):
            if isinstance(answer, FactsProblem):
                self.problems.setdefault(file, []).append([answer.code, f"{NO_FLOW}: {answer.why}", None])
            else:
                self.constraints_at[self.numbers[file]] = answer
            self._say("constraints", done, len(wanted))

    def _unconstrained(self, settled: set[int]) -> set[int]:
        """The numbers of the files whose constraints must be made."""
        if self.before is None:
            return set(range(len(self.files)))
        old = {file: number for number, file in enumerate(self.before.files)}
        changed = Definitions()
        for file in {self.files[number] for number in settled} | {file for file in old if file not in self.numbers}:
            before, now = old.get(file), self.numbers.get(file)
            changed.add(self.settled, self.before.settled_at[before] if before is not None else None,
                        self.settled_at[now] if now is not None else None, file)
        return settled | to_make_again(
            self.settled, self.constraints, changed, self.changed_macros, self.settled_at, self.constraints_at, settled)

    # ---- 6. the next state

    def _keep(self, counts: dict[str, int] | None = None) -> None:
        self.draft.keep(
            {"raw_at": self.raw_at, "settled_at": self.settled_at, "constraints_at": self.constraints_at}, includes=self.includes,
            problems=self.problems, counts=counts or {})

    def _counted(self, settled: set[int]) -> dict[str, int]:
        """Of all files: of the state before, and what the files expanded anew make of it."""
        counts = {"functions": 0, "calls": 0, "indirect": 0}
        numbers: Iterable[int] = range(len(self.files))
        if self.before is not None and self.before.files == self.files:
            counts = {name: self.before.counts[name] for name in counts}
            numbers = settled
            for number in settled:
                self._count(counts, self.before.settled_at[number].tolist(), -1)
        for number in numbers:
            self._count(counts, self.settled_at[number].tolist(), 1)
        lost = sum(code == "damaged" for listed in self.problems.values() for code, _, _ in listed)
        return {**counts, "lost": lost}

    def _count(self, counts: dict[str, int], place: list[int], sign: int) -> None:
        if place[1]:
            for name, value in json.loads(bytes(self.settled.part(place, HEAD)))["counts"].items():
                counts[name] += sign * value
