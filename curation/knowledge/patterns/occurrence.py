"""What is one place of an asynchronous mechanism?

>>> Occurrence("workqueue", "a.c", 12, 2, "probe", "INIT_WORK", ("bind",), objects=(), handlers=("my_work",))
"""

from __future__ import annotations

from dataclasses import dataclass, field

from curation.knowledge import Row
from curation.knowledge.patterns.objects import Names
from curation.model import Phase


@dataclass(frozen=True)
class Occurrence:
    """One place. objects: what it may be about, one set of names each; empty: it names none. handlers: those bound here, the main one
    first. also: the places of the same statement's parts (`.notifier_call = f` of the block that is registered here). group: it waits for
    all objects of these groups. loop: it runs the callbacks of these mechanisms. weak: it counts only where its object
    is bound elsewhere; known: where that object is not known, it may be the only one of the file."""

    mechanism: str
    file: str
    line: int
    column: int
    function: str | None
    api: str
    phases: tuple[Phase, ...]
    objects: tuple[Names, ...] = ()
    handlers: tuple[str, ...] = ()
    also: tuple[tuple[int, int, str, str | None], ...] = ()  # line, column, file, function
    group: tuple[Names, ...] = ()
    loop: tuple[str, ...] | None = None
    weak: bool = False
    known: bool = True
    row: Row | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Membership:
    """An object that is put into a group."""

    objects: tuple[Names, ...]
    group: tuple[Names, ...]
