"""One line on each run, what the next one will cost, and runs beside each other: read from files alone."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.errors import BadConfig, BadValue
from tests.training.frozen_fixture import write_frozen
from tests.training.report_fixture import write_reported_run
from training import board, config, own_configs
from training.cost import cost
from training.side_by_side import differing_settings


def _steps(*pairs: tuple[int, int], stage: str = "sft", total: int = 100) -> list[dict]:
    return [{"time": f"2026-01-01T00:00:{second:02d}.000Z", "stage": stage, "kind": "step", "step": step, "total": total}
            for second, step in pairs]


NOON = board._seconds("2026-01-01T00:00:20.000Z") or 0.0


def test_the_time_left_goes_by_the_pace_of_the_real_steps() -> None:
    assert board.seconds_left(_steps((0, 10), (10, 15), (20, 20)), "sft", NOON) == pytest.approx(160)
    assert board.seconds_left(_steps((0, 10), (20, 20)), "sft", NOON + 30) == pytest.approx(130)  # half a minute has gone by since


def test_nothing_is_said_of_the_time_left_before_two_steps_or_of_another_stage() -> None:
    assert board.seconds_left(_steps((0, 10)), "sft", NOON) is None
    assert board.seconds_left(_steps((0, 10), (20, 20)), "dpo", NOON) is None
    begun = [*_steps((0, 10), (20, 20)), {"stage": "sft", "kind": "stage_started"}]
    assert board.seconds_left(begun, "sft", NOON) is None


def test_the_best_figure_of_an_evaluated_run_is_its_score(tmp_path: Path) -> None:
    write_reported_run(tmp_path, "one")
    (line,) = board.board(tmp_path, NOON)
    assert line.best is not None and line.best[0] == "score" and 0 < line.best[1] < 1


def test_the_cost_counts_steps_and_reckons_minutes_for_the_model_of_the_catalog_alone(tmp_path: Path) -> None:
    frozen = write_frozen(tmp_path / "made" / "v0001", rows=40, pairs=0)
    (sft,) = cost(config.load("smollm2-135m"), frozen, cores=2)
    assert (sft.rows, sft.steps, sft.too_long) == (32, 16, 0) and sft.seconds and sft.bytes
    (four,) = cost(config.load("smollm2-135m"), frozen, cores=4)
    assert four.seconds == pytest.approx(sft.seconds / 2)
    tiny = cost(config.load("tiny", {"sft.max_length": 16}), frozen, cores=2)[0]
    assert (tiny.rows, tiny.too_long, tiny.steps, tiny.seconds) == (0, 32, 0, None)


def test_settings_that_differ_are_told_key_by_key() -> None:
    found = differing_settings({"a": {"sft": {"epochs": 1, "rank": 8}}, "b": {"sft": {"epochs": 2, "rank": 8}, "seed": 1}})
    assert found == {"sft.epochs": {"a": 1, "b": 2}, "seed": {"a": "–", "b": 1}}


def test_an_own_configuration_is_kept_when_it_is_valid_else_every_fault_is_told(tmp_path: Path) -> None:
    text = config.template("tiny").encode()
    assert own_configs.keep(tmp_path, "mine.yaml", text).read_bytes() == text
    with pytest.raises(BadConfig) as told:
        own_configs.keep(tmp_path, "bad.yaml", text + b"\nseed: x\nnonsense: 1\n")
    with pytest.raises(BadValue):
        own_configs.keep(tmp_path, "../up.yaml", text)
    with pytest.raises(BadValue):
        own_configs.keep(tmp_path, "large.yaml", b"#" * (own_configs.MOST_BYTES + 1))
    assert list(own_configs.own_configs(tmp_path)) == ["mine.yaml"] and "bad.yaml" in str(told.value)
