"""Events in pieces, curves over resumes, the end of a log."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import runs


@settings(max_examples=40)
@given(
    st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.integers() | st.text(max_size=9)), max_size=6),
    st.lists(st.integers(0, 300)),
)
def test_events_read_in_any_pieces_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]], cuts: list[int],
) -> None:
    whole = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode()
    folder, offset, found = tmp_path_factory.mktemp("events"), 0, []
    for end in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        (folder / "events.jsonl").write_bytes(whole[:end])
        some, offset = runs.read_events(folder, offset)
        found += some
    assert found == events and offset == len(whole)


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"b": \n{"c": 3}\n{"d"')
    events, offset = runs.read_events(tmp_path)
    assert events == [{"a": 1}, {"c": 3}]
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"b": \n{"c": 3}\n{"d": 4}\n')
    assert runs.read_events(tmp_path, offset)[0] == [{"d": 4}]


def test_the_curve_forgets_what_a_resumed_stage_computes_again() -> None:
    curves: dict[str, runs.Curve] = {}
    step = lambda n, loss: {"stage": "sft", "kind": "step", "step": n, "loss": loss}  # noqa: E731
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, *(step(n, 9.0) for n in (1, 2, 3, 4))])
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, {"stage": "sft", "kind": "resumed", "step": 2}, step(3, 1.0)])
    assert {at: p["loss"] for at, p in curves["sft"].points.items()} == {1: 9.0, 2: 9.0, 3: 1.0}
    validated = {"stage": "sft", "kind": "eval", "step": 1, "eval_loss": 4.0}
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, step(1, 5.0), validated])
    assert curves["sft"].points == {1: {"loss": 5.0, "validation_loss": 4.0}}


def test_the_log_is_read_from_its_end_by_whole_lines(tmp_path: Path) -> None:
    assert runs.read_log(tmp_path) == ""
    (tmp_path / "stdout.log").write_text("".join(f"line {i}\n" for i in range(1000)))
    assert runs.read_log(tmp_path, max_bytes=25) == "line 998\nline 999\n"
