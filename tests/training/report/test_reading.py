"""A run's report as the page and the commands read it."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.training.report_fixture import EVIL, ROLES, made_rows
from training import report, runs
from training.__main__ import main


def test_samples_join_each_row_with_all_answers(run: Path) -> None:
    found = list(report.samples(run))
    assert [row["id"] for row in found] == [row["id"] for row in made_rows()]
    assert found[0]["answers"]["base"]["text"] == EVIL and found[0]["gold"] == {"targets": [{"name": "test0_read"}]}
    assert found[0]["prompt"][0]["content"].startswith("Which?") and found[0]["item"] == "item000"
    assert list(found[0]["answers"]) == list(ROLES)


def test_a_report_of_format_1_is_shown_and_said_to_be_older(run: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(run, old)
    path = old / "02-evaluate" / "report.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    kept = {key: whole[key] for key in ("seed", "rows", "test_rows", "tasks", "examples")}
    path.write_text(json.dumps({**kept, "format": 1, "models": {"base": "b", "tuned": "t"}}), encoding="utf-8")
    found = report.read(old)
    assert report.older(found["evaluation"]) and not report.older(whole)
    text = report.markdown(found["evaluation"], None, found)
    assert "written by an older version" in text and "## function_pointer" in text and "Ship" not in text
    assert "evaluation,function_pointer,tuned" in report.csv_text(found["evaluation"])
    assert list(report.samples(old)) == []


def test_evaluate_and_package_ask_for_the_stage_and_tell_the_verdict(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(runs, "extend", lambda *given: asked.append(given))
    monkeypatch.setattr(runs, "start_stages", lambda *given, **more: asked.append((given, more)) or run)
    monkeypatch.setattr("training.commands.evaluate.follow", lambda run_dir: 0)
    assert main(["evaluate", str(run), "--set", "evaluate.max_rows=5"]) == 0
    assert asked.pop() == (run, ["evaluate"], {"evaluate.max_rows": 5})
    out = capsys.readouterr().out
    assert "do not ship" in out and "- parse_rate: no: of tuned's answers 96.7% can be parsed, less than 98.0%" in out
    assert main(["evaluate", "models/mine", "--data", str(tmp_path), "--base", "models/base"]) == 0
    (stages, source, _), more = asked.pop()
    assert (stages, source, more["dataset_dir"], more["base"]) == (["evaluate"], "models/mine", tmp_path, "models/base")
    assert main(["package", str(run), "--override", "only to look at"]) == 3  # this run has no package stage: no bundle
    assert asked.pop() == (run, ["package"], {"package.override": "only to look at"})
