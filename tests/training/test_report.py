"""training/report.py and the commands that show it: format 2 and the older one, as files, samples, and runs side by side."""
from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation.errors import NotFound
from tests.training.report_fixture import EVIL, METRICS, ROLES, made_report, made_rows, write_reported_run
from training import report, runs
from training.__main__ import main
from training.gates import Gates


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reported_run(tmp_path_factory.mktemp("runs"), "one")


def _evaluation(run: Path) -> dict[str, Any]:
    return report.read(run)["evaluation"]


def test_the_report_holds_what_its_description_names(run: Path) -> None:
    found = _evaluation(run)
    assert set(found) == {"format", "seed", "rows", "test_rows", "groups", "chosen", "asked", "models", "verdict", "overall", "change",
                          "tasks", "slices", "baselines", "failures", "examples", "files"}
    assert (found["format"], found["rows"], found["test_rows"], found["groups"]) == (2, 60, 64, 10)
    assert list(found["models"]) == list(found["overall"]) == list(ROLES) and set(found["tasks"]) == set(METRICS)
    for key in found:
        assert key in (report.__doc__ or "")


def test_the_headline_counts_tasks_and_not_rows_and_the_gain_is_paired(run: Path) -> None:
    found = _evaluation(run)
    of_tasks = [about["figures"]["tuned"]["score"]["value"] for about in found["tasks"].values()]
    assert found["overall"]["tuned"]["score"]["value"] == pytest.approx(sum(of_tasks) / 3)
    gain = found["overall"]["tuned"]["score"]["value"] - found["overall"]["base"]["score"]["value"]
    assert found["change"]["score"]["value"] == pytest.approx(gain) and found["change"]["score"]["low"] > 0.5
    assert found["change"]["won"] + found["change"]["lost"] + found["change"]["same"] == 60


def test_every_kind_of_failure_has_its_rows_and_examples(run: Path) -> None:
    found = _evaluation(run)
    kinds = {"no_room", "cut_off", "repeated", "not_parsed", "hallucinated", "costly", "wrong_class", "missed", "extra"}
    assert set(found["failures"]["tuned"]) == kinds and {e["result"] for e in found["examples"]} == kinds | {"won", "lost"}
    one = next(e for e in found["examples"] if e["result"] == "hallucinated")
    assert one["tuned"]["text"] == '{"targets":[{"name":"invented_name"}]}'
    assert (one["source"], one["file"], one["line"], one["item"]) == ("hiredis", "src/test-dev0.c", 10, "item000")  # back to labeling


def test_slices_have_their_rows_and_their_change(run: Path) -> None:
    slices = {(s["by"], s["value"]): s for s in _evaluation(run)["slices"]}
    assert slices["source", "libuv"]["rows"] == slices["source", "hiredis"]["rows"] == 30
    assert slices["lang", "zh"]["rows"] == 12 and slices["kind", "table"]["rows"] == 20 and slices["difficulty", "1"]["rows"] == 15
    assert [s["value"] for key, s in slices.items() if key[0] == "length"] == ["≤180", "181–320", ">320"]
    assert slices["source", "libuv"]["change"]["value"] > 0.5 and list(slices["source", "libuv"]["scores"]) == list(ROLES)


def test_baselines_stand_beside_the_models(run: Path) -> None:
    found = _evaluation(run)["baselines"]
    assert 0 < found["majority"]["score"]["value"] < 1 and found["majority"]["change"]["value"] > 0
    assert set(found["majority"]["tasks"]) == set(METRICS) and found["first_candidate"]["skipped"] == "no_first_candidate"


def test_samples_join_each_row_with_all_answers(run: Path) -> None:
    found = list(report.samples(run))
    assert [row["id"] for row in found] == [row["id"] for row in made_rows()]
    assert found[0]["answers"]["base"]["text"] == EVIL and found[0]["gold"] == {"targets": [{"name": "test0_read"}]}
    assert found[0]["prompt"][0]["content"].startswith("Which?") and found[0]["item"] == "item000"
    assert list(found[0]["answers"]) == list(ROLES)


def test_markdown_and_csv_hold_the_verdict_and_every_table(run: Path) -> None:
    text = (run / "02-evaluate" / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Before and after\n\n**Do not ship.**")
    for part in ("| parse_rate | tuned | no | 0.967 | 0.980 |", "| baseline: majority |", "## Slices", "| source | libuv | 30 | 5 |",
                 "said by the tuned model (across)", "hallucinated"):
        assert part in text
    rows = list(csv.DictReader(io.StringIO((run / "02-evaluate" / "report.csv").read_text(encoding="utf-8"))))
    assert {"overall", "change", "evaluation", "slice:source", "baseline", "gate"} <= {row["table"] for row in rows}


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


def test_a_figure_without_an_interval_says_so() -> None:
    assert report.shown({"value": 1.0, "low": None, "high": None, "why": "too_few"}) == "1.000 (too few)"
    assert report.shown(None) == "-"


def test_few_groups_leave_no_gain_to_believe() -> None:
    found = made_report(4)
    assert found["change"]["score"]["low"] is None and not found["verdict"]["ship"]
    assert next(g for g in found["verdict"]["gates"] if g["name"] == "gain")["reason"]["reason"] == "gate_too_few"


@pytest.fixture
def three(run: Path, tmp_path: Path) -> list[Path]:
    """The run, one with other settings that gained a row, and one on other test rows."""
    other, apart = tmp_path / "two", tmp_path / "three"
    shutil.copytree(run, other)
    shutil.copytree(run, apart)
    (run / "config.yaml").write_text("preset: tiny\nsft:\n  rank: 8\n  epochs: 2\n", encoding="utf-8")
    (other / "config.yaml").write_text("preset: tiny\nsft:\n  rank: 32\n  epochs: 2\n", encoding="utf-8")
    (apart / "config.yaml").write_text("- no: mapping\n", encoding="utf-8")
    file = other / "02-evaluate" / "predictions-tuned.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])  # the invented name: now right
    first["scores"]["targets"] = {"tp": 1, "fp": 0, "fn": 0, "score": 1.0}
    file.write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n", encoding="utf-8")
    for name in ("predictions-tuned.jsonl", "rows.jsonl"):
        file = apart / "02-evaluate" / name
        file.write_text(file.read_text(encoding="utf-8").replace('"test', '"else'), encoding="utf-8")
    return [run, other, apart]


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


def test_a_lenient_lead_ships_what_passes() -> None:
    found = made_report(limits=Gates(min_parse_rate=0.9, min_stop_rate=0.9))
    assert found["verdict"]["ship"] and found["verdict"]["types"] == {"Q8_0": True, "Q4_K_M": True, "Q4_0": False}
