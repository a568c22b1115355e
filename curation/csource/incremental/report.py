"""How far is an index folder, and what was done for it?"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from curation.csource.facts.model import FactsProblem


@dataclass(frozen=True)
class Progress:
    """stage: reading, expanding, constraints. done, all: files. bytes: of the texts read in this stage. problems: files so far that gave no
    facts, or only some of them. seconds: since the stage began."""

    stage: str
    done: int
    all: int
    bytes: int
    problems: int
    seconds: float


Told = Callable[[Progress], None]


@dataclass
class IndexReport:
    """files: of the corpus. read: texts read anew; expanded: files expanded anew; constrained: files whose constraints were made anew.
    bytes_read: of the texts read anew. counts: functions, calls, indirect (calls through pointers), lost (functions that could not be
    read), over all files. seconds: of each stage. made_anew: the folder held an index of another version of this program."""

    files: int = 0
    read: int = 0
    expanded: int = 0
    constrained: int = 0
    bytes_read: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[FactsProblem] = field(default_factory=list)
    made_anew: bool = False
