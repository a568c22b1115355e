"""The comments of the *.c files beside this one are the expectations: `// async: NAME PHASE, NAME PHASE` at a line says that the line is
that phase of the pattern called NAME. All places of a name are one proposed pattern, two names are two, and nothing else is proposed.
`// ok: nothing`: no place is proposed at the line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from curation.csource import build_index
from curation.model import Proposal
from curation.tasks.async_pattern import propose

FIXTURES = sorted(Path(__file__).parent.glob("*.c"))
Place = tuple[str, int]


def expected(path: Path) -> dict[str, set[Place]]:
    found: dict[str, set[Place]] = defaultdict(set)
    for line, text in enumerate(path.read_text().split("\n"), 1):
        if said := re.search(r"// async: (.*)$", text):
            for name, phase in (part.split() for part in said.group(1).split(",")):
                found[name].add((phase, line))
    return found


def proposed(*texts: tuple[str, str]) -> dict[str, list[Proposal]]:
    found: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in propose(build_index(list(texts))):
        found[proposal.extra["group"]].append(proposal)
    return found


def places(proposals: list[Proposal]) -> frozenset[Place]:
    return frozenset((p.extra["phase"], p.line) for p in proposals)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_the_places_of_each_object_are_one_pattern_and_nothing_else_is_proposed(path: Path) -> None:
    wanted = expected(path)
    found = {places(proposals) for proposals in proposed((path.name, path.read_text())).values()}
    assert wanted
    assert {name: sorted(p) for name, p in wanted.items() if frozenset(p) not in found} == {}
    assert found - {frozenset(p) for p in wanted.values()} == set()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_each_pattern_is_labeled_once(path: Path) -> None:
    for proposals in proposed((path.name, path.read_text())).values():
        assert [p.extra["group_first"] for p in proposals] == [True] + [False] * (len(proposals) - 1)


def test_helpers_of_helpers_with_very_many_callers_end() -> None:
    text = "#include <linux/workqueue.h>\nstatic void kick0(struct work_struct *w)\n{\n\tschedule_work(w);\n}\n"
    for level in range(1, 9):
        calls = "".join(f"\tkick{level - 1}(w);\n" for _ in range(24))
        text += f"static void kick{level}(struct work_struct *w)\n{{\n{calls}}}\n"
    found = proposed(("a.c", text))
    assert {place for proposals in found.values() for place in places(proposals)} == {("trigger", 4)}
