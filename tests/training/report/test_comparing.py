"""Runs side by side."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from curation.errors import NotFound
from training import report
from training.__main__ import main


def test_runs_side_by_side_show_what_differs_and_the_paired_difference(three: list[Path]) -> None:
    found = report.compare(three)
    assert [run["run"] for run in found["runs"]] == ["one", "two", "three"]
    assert {row["key"]: row["values"] for row in found["settings"]}["sft.rank"] == [8, 32, None]
    assert report.compare([three[0], three[2]])["settings"] == []  # of settings that cannot be read nothing is said
    assert [row["key"] for row in report.compare(three[:2])["settings"]] == ["sft.rank"]
    second, third = found["pairs"]
    assert (second["rows"], second["won"], second["lost"]) == (60, 1, 0) and second["score_rows"]["value"] == pytest.approx(1 / 60)
    assert second["score"]["low"] is not None and third["rows"] == 0 and third["score"] is None
    assert found["runs"][0]["models"]["Q4_0"]["score"]["value"] < found["runs"][0]["models"]["tuned"]["score"]["value"]


def test_the_compare_command_shows_text_and_json(three: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(path) for path in three]
    assert main(["compare", *names]) == 0
    text = capsys.readouterr().out
    assert "two against one: 0.017" in text and "three and one answered no test row in common" in text and "sft.rank: 8 | 32 | -" in text
    assert main(["compare", *names, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"][0]["won"] == 1


def test_a_run_without_an_evaluation_cannot_be_compared(run: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(run, bare, ignore=shutil.ignore_patterns("COMPLETE"))
    with pytest.raises(NotFound, match="finished evaluation"):
        report.compare([run, bare])
