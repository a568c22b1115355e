"""The comments of fixtures/*.c are the expectations; one test runs every file.

`// expect: context=hardirq may_sleep=false via=request_irq` at a function's definition: callback_timing proposes exactly this there.
`// async: workqueue bind handler=my_work` at a line: async_pattern proposes this mechanism, phase and handler there (`async-above`: for the
line before). `// ok: nothing`: no task proposes anything at the line. A function definition with a callback and no comment is a
failure too: nothing is proposed for it that nobody expected.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from curation.csource import build_index
from curation.tasks import get_task

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.c"))
NAMED = {"true": True, "false": False, "null": None}


def records(task: str, path: Path) -> list[dict[str, Any]]:
    chosen = get_task(task)
    assert chosen.propose is not None and chosen.record is not None
    index = build_index([(path.name, path.read_text())])
    return [chosen.record(p) for p in chosen.propose(index, None)]


def comments(path: Path, word: str) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if said := re.search(rf"// {word}: (.*)$", line):
            found.append((number, said.group(1).strip()))
    return found


def pairs(text: str) -> dict[str, Any]:
    given = dict(part.split("=", 1) for part in text.split() if "=" in part)
    return {key: NAMED.get(value, value) for key, value in given.items()}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_every_callback_of_a_fixture_runs_when_its_comment_says(path: Path) -> None:
    expected = {line: pairs(text) for line, text in comments(path, "expect")}
    assert expected
    found = {
        r["line"]: {"context": r["context"], "may_sleep": r["may_sleep"], "via": r["registered_via"]}
        for r in records("callback_timing", path)
    }
    assert found == expected


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_every_async_place_of_a_fixture_has_the_mechanism_phase_and_handler_of_its_comment(path: Path) -> None:
    expected = [(line, text) for line, text in comments(path, "async")] + [
        (line - 1, text) for line, text in comments(path, "async-above")
    ]
    assert expected
    found = {(r["line"], r["mechanism"], r["phase"], r["handler"]) for r in records("async_pattern", path)}
    for line, text in expected:
        mechanism, phase, _ = text.split(" ", 2)
        assert (line, mechanism, phase, pairs(text)["handler"]) in found, (
            f"{path.name}:{line}: {text}; found {[f for f in found if f[0] == line]}"
        )


@pytest.mark.parametrize("path", FIXTURES, ids=lambda p: p.stem)
def test_nothing_is_proposed_where_a_fixture_says_ok(path: Path) -> None:
    lines = {line for line, text in comments(path, "ok") if text == "nothing"}
    wrong = [r for task in ("callback_timing", "async_pattern") for r in records(task, path) if r["line"] in lines]
    assert lines and not wrong
