"""Does a split tell of another? Looked up on the rows as they are written.

Two prompts are compared by what they are about (gather.subject_of): the instruction that all prompts of a task share says nothing.

>>> leaks(read_rows(folder), threshold=0.8)
{'exact': 0, 'near': 0, 'torn_groups': 0, 'threshold': 0.8, 'prompts': 4180}
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, cast

from curation.freezing.gather import fingerprint, subject_of
from curation.freezing.manifest import FrozenRow
from curation.near_duplicates import NearTexts


def near_leaks(subjects: Iterable[tuple[str, str]], threshold: float) -> list[tuple[str, str]]:
    """Pairs of nearly equal subjects in different splits. subjects: (split, subject). Every text is looked up among those of the other
    splits, the larger splits in the index."""
    texts: dict[str, list[str]] = {}
    for split, subject in dict.fromkeys(subjects):
        texts.setdefault(split, []).append(subject)
    found: list[tuple[str, str]] = []
    known = NearTexts(threshold)
    by_number: list[str] = []
    for split in sorted(texts, key=lambda s: (-len(texts[s]), s)):
        if by_number:
            for text in texts[split]:
                nearest = known.nearest(text)
                if nearest is not None:
                    found.append((by_number[cast(int, nearest[0])], text))
        for text in texts[split]:
            known.add(len(by_number), text)
            by_number.append(text)
    return found


def leaks(rows: list[FrozenRow], threshold: float) -> dict[str, Any]:
    """What the rows as written tell of one split in another: numbers of equal prompts, of nearly equal ones, and of groups torn."""
    prompts: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, set[str]] = defaultdict(set)
    subjects = []
    for row in sorted(rows, key=lambda row: row.fields["id"]):
        subject = subject_of(row.fields["prompt"])
        subjects.append((row.split, subject))
        prompts[fingerprint(subject)].add(row.split)
        groups[row.fields["group"]].add(row.split)
    return {
        "exact": sum(len(s) > 1 for s in prompts.values()), "near": len(near_leaks(subjects, threshold)),
        "torn_groups": sum(len(s) > 1 for s in groups.values()), "threshold": threshold, "prompts": len(prompts),
    }
