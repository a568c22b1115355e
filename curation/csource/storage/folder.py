"""What do the stages leave in an index folder? A record a file and stage, kept at once, and tables that are spliced where a state was
before.

>>> storage = FolderStorage(folder, files, readers)
>>> seconds = run_stages(storage); storage.finish().counts["functions"]
5

After a change only the files whose own facts changed, or that asked for something that changed, are done again. The last step, the renaming
of state.json, makes the state the folder's.
"""
from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from curation.csource.arrays.pack import Pack, PackWriter, key_of
from curation.csource.arrays.postings import Numbers, Postings
from curation.csource.facts.model import FactsProblem
from curation.csource.incremental.changes import Definitions, meet
from curation.csource.incremental.constraint_files import NO_FLOW, constrained, drop_problem, to_make_again
from curation.csource.incremental.linking import link, spliced
from curation.csource.incremental.reading import FolderReader, Problems
from curation.csource.incremental.records import ASKED_MACROS, ASKED_NAMES, CALLED, HEAD, KEYS, KINDS, OFFSETS, USED
from curation.csource.incremental.report import IndexReport, Progress, Told
from curation.csource.incremental.state import LAYOUT, NextState, State
from curation.csource.processes.pool import Readers
from curation.csource.sources.files import SourceFiles
from curation.csource.sources.inclusions import IncludePaths, read_in_place, together
from curation.csource.storage.folder_tables import DEFINITIONS


class FolderStorage:
    """See stages.Storage. Names are arrays of keys, in order."""

    def __init__(self, folder: Path, files: SourceFiles, readers: Readers, told: Told | None = None, retry: bool = False) -> None:
        self.folder, self.given, self.readers, self.retry = folder, files, readers, retry
        self.told: Told = told or (lambda progress: None)
        self.report = IndexReport()
        self.before = self._state_before()
        self.expanded_anew: set[int] = set()
        self.raw, self.expanded, self.constraints = Pack(folder, "raw"), Pack(folder, "expanded"), Pack(folder, "constraints")

    def _state_before(self) -> State | None:
        """None where there is none yet, or one of another layout, whose records are of no use."""
        try:
            return State(self.folder)
        except FileNotFoundError:
            return None
        except ValueError:
            self.report.made_anew = True
            for record_file in (*self.folder.glob("*.pack"), *self.folder.glob("*.keys")):
                record_file.unlink()
            return None

    # ---- 1. read

    def read(self) -> bool:
        before = self.before
        self.found = FolderReader(self.folder, self.given, before, self.readers, self.report, self.told).read(self.retry)
        self.files = self.found.files
        self.report.files = len(self.files)
        self.numbers = {file: number for number, file in enumerate(self.files)}
        self.raw_at = np.array(self.found.records, np.uint64).reshape(-1, 2)
        self.expanded_at, self.constraints_at = np.zeros_like(self.raw_at), np.zeros_like(self.raw_at)
        for old, file in enumerate(before.files if before is not None else ()):
            number = self.numbers.get(file)
            if before is not None and number is not None and number not in self.found.changed:
                self.expanded_at[number], self.constraints_at[number] = before.expanded_at[old], before.constraints_at[old]
        self.problems: Problems = self.found.problems
        return before is None or bool(self.found.changed) or self.files != before.files

    # ---- 2. link

    def link(self) -> None:
        self.linked = link(self.raw, self.found, self.raw_at, self.before)
        self.functions = self.linked.tables["raw_functions"].distinct()
        self.draft = NextState(self.folder, self.before.number + 1 if self.before is not None else 1, self.found.places)

    # ---- 3. expand

    def to_expand(self) -> tuple[set[int], Numbers]:
        if self.before is None:
            return set(range(len(self.files))), np.empty(0, np.uint64)
        changed = self.found.changed
        todo = changed | self._touched(self.linked.changed_macros, self.linked.changed_names) | self._units(changed)
        return todo | self.linked.graph.changed_since(self.before.graph), np.array(self.before.postings("made").keys)

    def expand(self, files: set[int], made: Numbers) -> Numbers:
        todo = sorted(number for number in files if self.raw_at[number][1])
        self.report.expanded += len(todo)
        self.draft.begin(self.linked.tables, made, self.linked.graph)
        self._keep()
        if todo:
            self._expand_in_processes(made, todo)
        self.expanded_anew |= files
        table = self._definitions_table(DEFINITIONS.index("functions"), self.expanded_anew)
        return np.setdiff1d(table.distinct(), self.functions, assume_unique=True)

    def same(self, names: Numbers, others: Numbers) -> bool:
        return bool(np.array_equal(names, others))

    def asking(self, before: Numbers, now: Numbers) -> set[int]:
        return self._touched(np.empty(0, np.uint64), np.setxor1d(before, now, assume_unique=True))

    def _touched(self, macros: Numbers, names: Numbers) -> set[int]:
        """Files that asked for one of these when they were expanded."""
        if not len(macros) and not len(names):
            return set()
        return {number for number, place in enumerate(self.expanded_at.tolist()) if place[1] and (
            len(macros) and meet(macros, self.expanded.part(place, ASKED_MACROS))
            or len(names) and meet(names, self.expanded.part(place, ASKED_NAMES)))}

    def _units(self, changed: set[int]) -> set[int]:
        """Files that are read together with a changed one: templates and who includes them."""
        units = [together(read_in_place(IncludePaths(self.files), self.found.includes))]
        if self.before is not None:
            units.append(together(self.before.included))
        return {self.numbers[file] for unit in units for number in changed for file in unit.get(self.files[number], ())
                if file in self.numbers}

    def _expand_in_processes(self, made: Numbers, todo: list[int]) -> None:
        began = time.monotonic()
        self.readers.open(self.folder)
        world = key_of(LAYOUT.encode(), made.tobytes(), *self._identity())
        keys = {self.files[n]: key_of(world, self.files[n].encode("utf-8", "surrogatepass")) for n in todo}
        failed: Problems = {}
        done = 0

        def say() -> None:
            nonlocal done
            done += 1
            self.told(Progress("expanding", done, len(todo), 0, len(self.problems), time.monotonic() - began))

        with PackWriter(self.folder, "expanded") as pack:
            for file in keys:
                if keys[file] in pack.places:  # of a run that was killed
                    self.expanded_at[self.numbers[file]] = pack.places[keys[file]]
                    say()
            missing = [file for file in keys if keys[file] not in pack.places]
            for file, answer in self.readers.answers((file, ["expanded", file]) for file in missing):
                if isinstance(answer, FactsProblem):
                    failed[file] = [[answer.code, f"expanding its macros failed: {answer.why}", None]]
                else:
                    self.expanded_at[self.numbers[file]] = pack.append(keys[file], bytes(answer[1]))
                    say()
            for file, answer in self.readers.answers((file, ["plain", file]) for file in list(failed)):
                place = (0, 0) if isinstance(answer, FactsProblem) else pack.append(keys[file], bytes(answer[1]))
                self.expanded_at[self.numbers[file]] = place
                say()
        for number in todo:
            self._note_problems(number, failed)

    def _note_problems(self, number: int, failed: Problems) -> None:
        """What the expanded record says of its file, and why there is none, in the place of what was said before."""
        file, place = self.files[number], self.expanded_at[number].tolist()
        listed = json.loads(bytes(self.expanded.part(place, HEAD)))["problems"] if place[1] else []
        self.problems.pop(file, None)
        if listed or file in failed:
            self.problems[file] = listed + failed.get(file, [])

    def _identity(self) -> Iterator[bytes]:
        """What the whole corpus is made of."""
        yield "\0".join(self.files).encode("utf-8", "surrogatepass")
        yield self.raw_at.tobytes()

    # ---- 4. define

    def define(self, expanded: set[int]) -> None:
        folder = self.draft.tables
        for kind, name in enumerate(DEFINITIONS):
            self._definitions_table(kind, expanded).save(folder, name)
        for name, part in (("called", CALLED), ("used", USED)):
            spliced(self.before, self.files, name, expanded, lambda number, part=part: (  # type: ignore[misc]
                np.frombuffer(self.expanded.part(self.expanded_at[number].tolist(), part), np.uint64), None), self.expanded_at, False,
            ).save(folder, name)

    def _definitions_table(self, kind: int, expanded: set[int]) -> Postings:
        return spliced(
            self.before, self.files, DEFINITIONS[kind], expanded, lambda number: self._definitions(number, kind), self.expanded_at, True)

    def _definitions(self, number: int, kind: int) -> tuple[Numbers, Numbers]:
        parts = self.expanded.parts(*self.expanded_at[number].tolist())
        wanted = np.frombuffer(parts[KINDS], np.uint8) == kind
        return np.frombuffer(parts[KEYS], np.uint64)[wanted], np.frombuffer(parts[OFFSETS], np.uint32)[wanted]

    # ---- 5. constrain

    def constrain(self, expanded: set[int]) -> None:
        began = time.monotonic()
        todo = self._unconstrained(expanded)
        for number in todo:
            self.constraints_at[number] = 0
            drop_problem(self.problems, self.files[number])
        self._keep()
        world = key_of(LAYOUT.encode(), *self._identity(), self.expanded_at.tobytes())
        wanted = [self.files[number] for number in sorted(todo) if self.expanded_at[number][1]]
        self.report.constrained = len(wanted)
        for done, (file, answer) in enumerate(constrained(self.folder, self.readers, wanted, world), 1):
            if isinstance(answer, FactsProblem):
                self.problems.setdefault(file, []).append([answer.code, f"{NO_FLOW}: {answer.why}", None])
            else:
                self.constraints_at[self.numbers[file]] = answer
            self.told(Progress("constraints", done, len(wanted), 0, len(self.problems), time.monotonic() - began))
        self._keep(self._counted(expanded))

    def _unconstrained(self, expanded: set[int]) -> set[int]:
        """The numbers of the files whose constraints must be made."""
        before = self.before
        if before is None:
            return set(range(len(self.files)))
        old = {file: number for number, file in enumerate(before.files)}
        changed = Definitions()
        for file in {self.files[number] for number in expanded} | {file for file in old if file not in self.numbers}:
            was, now = old.get(file), self.numbers.get(file)
            changed.add(self.expanded, before.expanded_at[was] if was is not None else None,
                        self.expanded_at[now] if now is not None else None, file)
        return expanded | to_make_again(
            self.expanded, self.constraints, changed, self.linked.changed_macros, self.expanded_at, self.constraints_at, expanded)

    # ---- the next state

    def finish(self, changed: bool) -> State:
        """changed: whether the stages ran."""
        return self.draft.finish() if changed or self.before is None else self.before

    def _keep(self, counts: dict[str, int] | None = None) -> None:
        self.draft.keep(
            {"raw_at": self.raw_at, "expanded_at": self.expanded_at, "constraints_at": self.constraints_at}, includes=self.found.includes,
            unanswered=self.linked.unanswered, problems=self.problems, counts=counts or {})

    def _counted(self, expanded: set[int]) -> dict[str, int]:
        """Of all files: of the state before, and what the files expanded anew make of it."""
        before = self.before
        counts = {"functions": 0, "calls": 0, "indirect": 0}
        numbers: Iterable[int] = range(len(self.files))
        if before is not None and before.files == self.files:
            counts = {name: before.counts[name] for name in counts}
            numbers = expanded
            for number in expanded:
                self._count(counts, before.expanded_at[number].tolist(), -1)
        for number in numbers:
            self._count(counts, self.expanded_at[number].tolist(), 1)
        lost = sum(code == "damaged" for listed in self.problems.values() for code, _, _ in listed)
        return {**counts, "lost": lost}

    def _count(self, counts: dict[str, int], place: list[int], sign: int) -> None:
        if place[1]:
            for name, value in json.loads(bytes(self.expanded.part(place, HEAD)))["counts"].items():
                counts[name] += sign * value
