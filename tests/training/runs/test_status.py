"""A run as its directory and its process tell it."""
from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.errors import NotFound
from tests.training.runs_fixture import leave, small_config
from training import runs
from training.stage import stage_folders


def test_what_a_run_is_follows_from_its_process_and_its_exit(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    status = {"state": "running", "stage": "sft", "step": 3, "total": 9, "loss": 1.5, "heartbeat": time.time(), "attempt": 1}
    (run_dir / "status.json").write_text(json.dumps(status))
    run = runs.poll(run_dir)
    assert (run.state, run.stage, run.step, run.total, run.loss) == ("running", "sft", 3, 9, 1.5)
    assert run.heartbeat_age_s is not None and run.heartbeat_age_s < 60
    fake.living = False
    assert runs.poll(run_dir).state == "died"
    for state in ("stopped", "failed", "done"):
        leave(run_dir, state, {"code": None, "text": "x"} if state == "failed" else None)
        run = runs.poll(run_dir)
        assert run.state == state and not run.active and run.resumable == (state != "done")
        assert (run.error is not None) == (state == "failed")


def test_stages_are_told_from_their_folders(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    folders = stage_folders(run_dir, ["prepare", "sft", "merge"])
    for name, result in (("prepare", {}), ("sft", {"skipped": "no_preference_rows"})):
        folders[name].mkdir()
        (folders[name] / "result.json").write_text(json.dumps(result))
        (folders[name] / "COMPLETE").write_text('{"seconds": 2.5}' if name == "prepare" else "")
    folders["merge"].mkdir()
    (folders["merge"] / "result.json").write_text("{}")  # without COMPLETE it is not done
    (run_dir / "status.json").write_text(json.dumps({"state": "running", "stage": "merge"}))
    assert [(s.name, s.state, s.skipped) for s in runs.poll(run_dir).stages] == [
        ("prepare", "done", None), ("sft", "skipped", "no_preference_rows"), ("merge", "running", None)]
    assert runs.poll(run_dir).stages[0].seconds == 2.5


def test_a_damaged_run_does_not_hide_the_others_and_a_copied_one_has_its_own_name(
    frozen: Path, tmp_path: Path, fake: SimpleNamespace
) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
    for name in ("two", "cut", "empty"):
        shutil.copytree(run_dir, tmp_path / "runs" / name)
    (tmp_path / "runs" / "cut" / "manifest.json").write_text('{"name": "cu')
    (tmp_path / "runs" / "empty" / "manifest.json").write_text("")
    states = {run.name: run.state for run in runs.list_runs(tmp_path / "runs")}
    assert states == {"one": "starting", "two": "starting", "cut": "damaged", "empty": "damaged"}


def test_runs_are_listed_newest_first_and_other_folders_passed_over(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    assert runs.list_runs(tmp_path / "nowhere") == []
    for name in ("one", "two"):
        runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen, name=name)
        time.sleep(0.005)
    (tmp_path / "runs" / "other").mkdir()
    assert [run.name for run in runs.list_runs(tmp_path / "runs")] == ["two", "one"]


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    for ask in (runs.poll, runs.stop, runs.kill):
        with pytest.raises(NotFound):
            ask(tmp_path)
