"""What is the answer for one indirect call: its candidates, how they were found, and whether they are all?"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from curation.model import Candidate

FoundBy = Literal["flow", "same_field", "same_signature", "same_arity", "none"]
Completeness = Literal["complete", "incomplete", "external", "none"]


@dataclass
class Resolution:
    """candidates: best first. likely: how many of the first ones to put into an answer: those whose struct object can be the one at the
    call where objects are known, all that flow found otherwise, the best of a fallback. found_by: the solved flow, or the fallback.
    completeness: complete (every place that can put a value there was seen), incomplete, external (nothing in the corpus puts a value
    there), none (no candidate at all)."""

    candidates: list[Candidate] = field(default_factory=list)
    found_by: FoundBy = "none"
    completeness: Completeness = "none"
    likely: int = 0
