"""In which order does a corpus become a program? One list of stages; where their results lie is the storage's: memory (storage/memory.py)
or an index folder (storage/folder.py).

1. read       each text by itself: its facts, its macros, what it includes. Files of any name that one of them includes are read too.
2. link       over all files: the names of macros, functions and fields, and which files each one includes
3. expand     each file's macro invocations, with what all files define; in rounds, see expand_all
4. define     tables of definitions, calls and uses, of the facts as they are now
5. constrain  what each file's facts say about where addresses go. Solving waits until somebody asks.

Invariant: a stage reads only what earlier stages made, of all files. So no result depends on the order in which files are taken, and both
storages give the same program, byte for byte.
"""
from __future__ import annotations

import time
from typing import Protocol, TypeVar

ROUNDS = 2  # of telling all files which functions macros make
Names = TypeVar("Names")


class Storage(Protocol[Names]):
    """Files are told by their numbers, their positions in the order of files. Names: a set of functions' names, as the storage keeps it."""

    def read(self) -> bool:
        """Whether anything is to be done: False where all is as it was."""
        ...

    def link(self) -> None: ...

    def to_expand(self) -> tuple[set[int], Names]:
        """The files to expand first, and the functions that macros are known to make."""
        ...

    def expand(self, files: set[int], made: Names) -> Names:
        """Expands files anew, from their facts as they were read. made: functions that macros make, which files know beside those that are
        written out. Returns those that macros make now."""
        ...

    def same(self, names: Names, others: Names) -> bool: ...

    def asking(self, before: Names, now: Names) -> set[int]:
        """The files that asked, when they were expanded, for a name that is only in one of the two."""
        ...

    def define(self, expanded: set[int]) -> None: ...

    def constrain(self, expanded: set[int]) -> None: ...


def run_stages(storage: Storage[Names]) -> dict[str, float]:
    """Runs all stages and returns the seconds of each."""
    seconds: dict[str, float] = {}
    since = time.monotonic()

    def done(stage: str) -> None:
        nonlocal since
        seconds[stage], since = round(time.monotonic() - since, 2), time.monotonic()

    changed = storage.read()
    done("read")
    if not changed:
        return seconds
    storage.link()
    done("link")
    expanded = expand_all(storage)
    done("expand")
    storage.define(expanded)
    done("define")
    storage.constrain(expanded)
    done("constrain")
    return seconds


def expand_all(storage: Storage[Names]) -> set[int]:
    """Expands in rounds: what one file's macros define (`DEFINE_OPEN(lamp)` makes lamp_open) changes what another one's stand for. Who
    asked for a name that is now known to be, or not to be, a function is expanded again. Returns the files that were expanded."""
    todo, made = storage.to_expand()
    expanded: set[int] = set()
    for _ in range(1 + ROUNDS):
        now = storage.expand(todo, made)
        expanded |= todo
        if storage.same(made, now):
            break
        todo, made = storage.asking(made, now), now
    return expanded
