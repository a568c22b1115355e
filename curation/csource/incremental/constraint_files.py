"""How are the constraints of the files of an index folder made, kept, and after a change made again: of which files?

Of the files that were expanded again, of those that looked up a name that means something else now, and of all where a type changed that
another file mentions.

>>> to_make_again(expanded, kept, changed, macros, expanded_at, kept_at, done={7})
{12}
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from curation.csource.arrays.pack import Pack, PackWriter, key_of
from curation.csource.arrays.postings import Numbers
from curation.csource.facts.model import FactsProblem
from curation.csource.incremental.changes import Definitions, keys_of_words, meet
from curation.csource.incremental.file_constraints import LOOKED_UP, VALUES
from curation.csource.incremental.records import MENTIONED
from curation.csource.processes.pool import Readers

NO_FLOW = "what flows in it is not known"  # begins the reason of a file that has facts and no constraints


def constrained(folder: Path, readers: Readers, files: list[str], world: bytes) -> Iterator[tuple[str, tuple[int, int] | FactsProblem]]:
    """Each file, with the place of its record in the folder's pack. world: of what they are made; those that a killed run made of the same
    are taken as they are."""
    keys = {file: key_of(world, file.encode("utf-8", "surrogatepass")) for file in files}
    readers.open(folder, "whole")
    with PackWriter(folder, "constraints") as pack:
        yield from ((file, pack.places[key]) for file, key in keys.items() if key in pack.places)
        missing = [file for file, key in keys.items() if key not in pack.places]
        for file, answer in readers.answers((file, ["constraints", file]) for file in missing):
            yield file, answer if isinstance(answer, FactsProblem) else pack.append(keys[file], bytes(answer[1]))


def drop_problem(problems: dict[str, list[list[object]]], file: str) -> None:
    """Takes away what an earlier run said of the file's constraints."""
    listed = [problem for problem in problems.pop(file, []) if not str(problem[1]).startswith(NO_FLOW)]
    if listed:
        problems[file] = listed


def to_make_again(
    expanded: Pack, kept: Pack, changed: Definitions, macros: Numbers, expanded_at: Numbers, kept_at: Numbers, done: Iterable[int],
) -> set[int]:
    """The numbers of the files whose constraints are no longer what the corpus says, beside `done`, which were expanded again. macros: keys
    of macros that changed. kept_at: where the constraints of the files are, of the state before."""
    names = np.union1d(np.fromiter(changed.names, np.uint64, len(changed.names)), macros)
    moved = np.fromiter(changed.moved, np.uint64, len(changed.moved))
    types = keys_of_words(changed.types)
    own = frozenset(done)
    found: set[int] = set()
    if not len(names) and not len(moved) and not len(types):
        return found
    for number, place in enumerate(kept_at.tolist()):
        if number in own or not place[1]:
            continue
        if len(types) and meet(types, expanded.part(expanded_at[number].tolist(), MENTIONED)):
            return {n for n in range(len(kept_at)) if expanded_at[n][1]}
        if len(names) and meet(names, kept.part(place, LOOKED_UP)) or len(moved) and meet(moved, kept.part(place, VALUES)):
            found.add(number)
    return found
