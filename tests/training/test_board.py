"""One line on each run, what the next one will cost, and runs beside each other: read from files alone."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curation.errors import BadConfig, BadValue
from tests.training.frozen_fixture import write_frozen
from tests.training.report_fixture import write_reported_run
from training import board, config, exact_cost, own_configs
from training.cost import cost, with_counted
from training.reading import DamagedFile
from training.run_settings import differing, settings_in


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
    tokenized = _steps((0, 64), (1, 128), (2, 150), total=150)
    assert board.seconds_left([*tokenized, *_steps((10, 1))], "sft", NOON) is None
    assert board.seconds_left([*tokenized, *_steps((10, 1), (20, 2))], "sft", NOON) == pytest.approx(980)
    begun = [*_steps((0, 10), (20, 20)), {"stage": "sft", "kind": "stage_started"}]
    assert board.seconds_left(begun, "sft", NOON) is None


def test_the_best_figure_of_an_evaluated_run_is_its_score(tmp_path: Path) -> None:
    write_reported_run(tmp_path, "one")
    (line,) = board.board(tmp_path, NOON)
    assert line.best is not None and line.best[0] == "score" and 0 < line.best[1] < 1


def test_the_cost_counts_steps_and_reckons_minutes_for_the_model_of_the_catalog_alone(tmp_path: Path) -> None:
    frozen = write_frozen(tmp_path / "made" / "v0001", rows=40, pairs=0)
    twice = config.load("smollm2-135m", {"sft.epochs": 2, "sft.batch_size": 4})
    (sft,) = cost(twice, frozen, cores=2)
    assert (sft.rows, sft.steps, sft.too_long) == (32, 16, 0) and sft.seconds and sft.bytes
    (four,) = cost(twice, frozen, cores=4)
    assert four.seconds == pytest.approx(sft.seconds / 2)
    tiny = cost(config.load("tiny", {"sft.max_length": 16}), frozen, cores=2)[0]
    assert (tiny.rows, tiny.too_long, tiny.steps, tiny.seconds) == (0, 32, 0, None)


def test_what_a_dry_run_counted_takes_the_place_of_the_estimate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen, started = write_frozen(tmp_path / "made" / "v0001", rows=40, pairs=8), []
    answer = {"rows": 32, "left_out": 4, "steps": 7, "refused": True, "tokens": 99, "memory": {"total": 1e6}, "lengths": {},
              "time": {"seconds": 9.5, "former": "one"}}

    def start(wanted: Any, dataset_dir: Path, folder: Path, key: str, runs_dir: Path) -> Any:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f".{key}.part").write_text(json.dumps({"sft": answer}))
        started.append(subprocess.Popen([sys.executable, "-c", ""]))
        return started[-1]

    monkeypatch.setattr(exact_cost, "_start", start)
    asked = (config.load("tiny"), frozen, tmp_path / "cache", tmp_path / "runs")
    assert exact_cost.counted(*asked) == (None, True)
    started[0].wait()
    found, counting = exact_cost.counted(*asked)
    assert found == answer and not counting
    assert exact_cost.counted(config.load("tiny", {"evaluate.max_rows": 3}), *asked[1:])[0] == answer  # no key that it looks at
    sft, dpo = with_counted(cost(asked[0], frozen, cores=2)[:2], answer)
    assert (sft.rows, sft.too_long, sft.steps, sft.seconds, sft.bytes, sft.refused) == (28, 4, 7, 9.5, 1_000_000, True)
    assert not dpo.counted
    (plain,) = cost(config.load("smollm2-135m"), frozen, cores=2)
    (reckoned,) = with_counted([plain], {**answer, "time": {"seconds": 9.5, "former": None}, "tokens": plain.tokens * 2})
    assert reckoned.seconds == pytest.approx(2 * (plain.seconds or 0))
    other = config.load("tiny", {"sft.max_length": 40})
    answer.pop("lengths")  # the model was not there, or the process failed
    assert exact_cost.counted(other, *asked[1:]) == (None, True)
    started[1].wait()
    assert exact_cost.counted(other, *asked[1:]) == exact_cost.counted(other, *asked[1:]) == (None, False) and len(started) == 2
    assert sorted(path.suffix for path in (tmp_path / "cache" / "dry-runs").iterdir()) == [".json"]
    assert exact_cost.counted(config.load("tiny", {"teacher.path": "no/such"}), *asked[1:]) == (None, False)
    assert exact_cost.counted(config.load("tiny", {"stages": ["merge"]}), *asked[1:]) == (None, False)


def test_a_damaged_split_is_told_and_a_damaged_report_has_no_figure(tmp_path: Path) -> None:
    frozen = write_frozen(tmp_path / "made" / "v0001", rows=40, pairs=0)
    (frozen / "sft" / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(DamagedFile, match="not Parquet"):
        cost(config.load("tiny"), frozen, cores=2)
    run = write_reported_run(tmp_path / "runs", "one")
    next(run.glob("*-evaluate/report.json")).write_text("{", encoding="utf-8")
    (line,) = board.board(tmp_path / "runs", NOON)
    assert line.best is None and line.run.state != "damaged"


def test_settings_that_differ_are_told_key_by_key() -> None:
    found = differing({"a": {"sft": {"epochs": 1, "rank": 8}}, "b": {"sft": {"epochs": 2, "rank": 8}, "seed": 1}, "unreadable": {}})
    assert found == {"sft.epochs": {"a": 1, "b": 2, "unreadable": None}, "seed": {"a": None, "b": 1, "unreadable": None}}
    assert differing({"a": {"seed": 1}, "unreadable": {}}) == {}


def test_a_run_with_the_defaults_left_out_differs_only_in_what_it_says(tmp_path: Path) -> None:
    short = "teacher: {path: smollm2-135m}\nstages: [sft]\nsft: {epochs: 2}\n"
    for name, text in (("short", short), ("of_old", "rank: 8\n"), ("odd", "- 1\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "whole").mkdir()
    whole = config.dump(config.load({"teacher": {"path": "smollm2-135m"}, "stages": ["sft"], "sft": {"epochs": 3}}))
    (tmp_path / "whole" / "config.yaml").write_text(whole, encoding="utf-8")
    assert differing({name: settings_in(tmp_path / name) for name in ("short", "whole")}) == {"sft.epochs": {"short": 2.0, "whole": 3.0}}
    assert settings_in(tmp_path / "of_old") == {"rank": 8} and settings_in(tmp_path / "odd") == settings_in(tmp_path / "none") == {}


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
