"""What a run would do, told before it: rows as tokens, what is left out, steps, estimates that say what they rest on."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.frozen_fixture import write_frozen
from training import config, dry_run


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frozen(tmp_path_factory.mktemp("dry") / "made" / "v0001", rows=60, pairs=0)


def test_rows_steps_and_estimates_are_told(frozen: Path) -> None:
    wanted = config.load("tiny", {"sft.max_steps": None, "sft.epochs": 2, "sft.batch_size": 4, "sft.gradient_accumulation": 2})
    found = dry_run.report(wanted, frozen, rows=2)
    assert found["rows"] == 48 and found["left_out"] == 0 and not found["refused"]
    assert found["same_prompt"] == found["compared"] == 48
    assert found["steps"] == 12
    assert found["time"]["seconds"] > 0 and "formula" in found["time"]["basis"]
    assert found["memory"]["total"] == sum(size for name, size in found["memory"].items() if name != "total")
    first = found["samples"][0]
    assert [learned for _, learned in first["parts"]] == [False, True] and first["parts"][1][0].strip().endswith("<|im_end|>")
    told = dry_run.text(found)
    assert "prompt trained = prompt asked: 48 of 48" in told and "⟦{" in told and "estimated memory" in told


def test_rows_that_are_too_long_are_told_with_the_length_that_keeps_most(frozen: Path) -> None:
    found = dry_run.report(config.load("tiny", {"sft.max_length": 40}), frozen)
    assert found["refused"] and found["share_left_out"] > 0.1 and found["enough"] > 40
    assert "training would refuse to start" in dry_run.text(found)


def test_a_former_run_of_the_same_model_gives_the_time(frozen: Path, tmp_path: Path) -> None:
    wanted = config.load("tiny")
    (tmp_path / "before" / "01-sft").mkdir(parents=True)
    (tmp_path / "before" / "config.yaml").write_text(config.dump(wanted), encoding="utf-8")
    (tmp_path / "before" / "01-sft" / "result.json").write_text(json.dumps({"tokens_per_second": 100.0}))
    found = dry_run.report(wanted, frozen, runs_dir=tmp_path)
    assert found["time"]["seconds"] == pytest.approx(found["tokens"] / 100, rel=0.01) and "run before" in found["time"]["basis"]
    other = config.load("tiny", {"sft.method": "full"})
    assert "formula" in dry_run.report(other, frozen, runs_dir=tmp_path)["time"]["basis"]


def test_a_model_that_is_not_here_is_said_and_nothing_is_fetched(frozen: Path) -> None:
    found = dry_run.report(config.load({"teacher": {"path": "owner/name"}, "stages": ["sft"]}), frozen)
    assert found["model"] is None and "lengths" not in found
    assert "not on this machine" in dry_run.text(found)
