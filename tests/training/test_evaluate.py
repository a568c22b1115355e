"""training/recipes/evaluate.py and training/report.py: answers of a base and a tuned model to the frozen test split, and what is told."""
from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation.errors import NotFound
from tests.training.stage_fixture import context
from training import data, models, report
from training.recipes import evaluate
from training.stage import Stopped

pytestmark = pytest.mark.line
SETTINGS = evaluate.Settings(max_new_tokens=48, batch_size=3)


def _predictions(run: Path, who: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (run / "01-evaluate" / f"predictions-{who}.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_model_that_learned_the_answers_beats_the_one_that_did_not(evaluated: dict[str, Any]) -> None:
    assert evaluated["rows"] == 6
    pointer, timing = (evaluated["tasks"][task] for task in ("function_pointer", "callback_timing"))
    assert pointer["figures"]["base"]["parse_rate"]["value"] == 0
    assert pointer["figures"]["tuned"]["fields"]["targets"]["f1"]["value"] == 1
    assert timing["figures"]["tuned"]["fields"]["context"]["accuracy"]["value"] == 1
    assert timing["figures"]["tuned"]["surprise"]["value"] < 0.1 < 3 < timing["figures"]["base"]["surprise"]["value"]
    assert (pointer["won"], pointer["lost"], pointer["same"]) == (3, 0, 0)
    assert pointer["figures"]["tuned"]["ended"]["stop"] == 3


def test_a_prediction_says_what_was_asked_answered_and_right(line: Path, evaluated: dict[str, Any]) -> None:
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    found = {p["id"]: p for p in _predictions(line, "tuned")}
    assert sorted(found) == sorted(row["id"] for row in rows)
    for row in rows:
        one = found[row["id"]]
        assert one["gold"] == json.loads(row["answer"]) == one["parsed"]
        assert row["completion"][0]["content"].startswith(one["text"][:20])
        assert len(one["prompt_sha256"]) == 64 and one["group"] == row["group"]


def test_nothing_of_the_answer_goes_into_the_prompt(line: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []
    real = evaluate.generate

    def listening(model: Any, tokenizer: Any, prompts: list[str], *rest: Any) -> list[dict[str, Any]]:
        asked.extend(prompts)
        return real(model, tokenizer, prompts, 1)

    monkeypatch.setattr(evaluate, "generate", listening)
    run = _copy(line, tmp_path)
    evaluate.run(context(run, "evaluate", SETTINGS))
    rows = data.read_rows(data.open_dataset(run / "dataset"), "sft", "test")
    tokenizer = models.load_tokenizer(run / "base")
    assert sorted(asked) == sorted([data.prompt_text(tokenizer, row["prompt"]) for row in rows] * 2)
    assert all(row["answer"] not in text and text.endswith("<|im_start|>assistant\n") for row in rows for text in asked)


def _copy(line: Path, tmp_path: Path) -> Path:
    run = tmp_path / "run"
    shutil.copytree(line, run, ignore=shutil.ignore_patterns("01-*", "02-*", "03-*"))
    return run


def test_a_stopped_evaluation_goes_on_after_its_last_whole_row(line: Path, evaluated: dict[str, Any], tmp_path: Path) -> None:
    run = _copy(line, tmp_path)
    ctx = context(run, "evaluate", SETTINGS)
    first: list[dict[str, Any]] = []

    def stop_after_two_batches(event: dict[str, Any]) -> None:
        first.append(event)
        if len(first) == 3:
            ctx.stop.set()

    ctx.write_event = stop_after_two_batches
    with pytest.raises(Stopped):
        evaluate.run(ctx)
    torn = run / "01-evaluate" / "predictions-tuned.jsonl"
    assert len(_predictions(run, "base")) == 6 and len(_predictions(run, "tuned")) == 3
    with open(torn, "a", encoding="utf-8") as file:
        file.write('{"id": "row')
    events: list[dict[str, Any]] = []
    result = evaluate.run(context(run, "evaluate", SETTINGS, events))
    assert [e["step"] for e in events] == [12]
    assert _predictions(run, "tuned") == _predictions(line, "tuned")
    assert json.loads((run / result["report"]).read_text(encoding="utf-8")) == evaluated


def test_a_batch_padded_on_the_left_answers_as_each_row_alone(line: Path) -> None:
    tokenizer, model = models.load_tokenizer(line / "tuned"), models.load_model(line / "tuned", device="cpu", dtype="float32")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    prompts = [data.prompt_text(tokenizer, row["prompt"]) for row in rows]
    assert len({len(tokenizer(p)["input_ids"]) for p in prompts}) > 1
    together = evaluate.generate(model, tokenizer, prompts, 40)
    assert together == [evaluate.generate(model, tokenizer, [p], 40)[0] for p in prompts]
    assert {answer["ended"] for answer in together} <= {"stop", "length"}


def test_a_prompt_without_room_in_the_context_is_not_cut_and_says_so(line: Path) -> None:
    tokenizer, model = models.load_tokenizer(line / "tuned"), models.load_model(line / "tuned", device="cpu", dtype="float32")
    long, short = evaluate.generate(model, tokenizer, ["int x; " * 400, "int x;"], 4)
    assert long == {"text": "", "tokens": 0, "ended": "prompt"}
    assert short["tokens"] > 0 or short["ended"] == "stop"


def test_a_dataset_without_test_rows_skips_the_stage(line: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data, "read_rows", lambda *_: [])
    assert evaluate.run(context(_copy(line, tmp_path), "evaluate", SETTINGS)) == {"skipped": "no_test_rows"}


def test_the_teacher_of_a_distilled_student_is_evaluated_beside_it() -> None:
    merged = {"model": "s", "base": "b", "teacher": "t", "student": "s"}
    assert evaluate.who_is_evaluated(merged) == {"base": "b", "tuned": "s", "teacher": "t"}
    assert evaluate.who_is_evaluated({**merged, "student": None}) == {"base": "b", "tuned": "s"}


def test_rows_per_task_takes_the_first_of_each() -> None:
    rows = [{"id": i, "task": t} for i, t in enumerate("aababb")]
    assert [r["id"] for r in evaluate.chosen_rows(rows, 2)] == [0, 1, 2, 4]
    assert evaluate.chosen_rows(rows, None) == rows


def test_the_csv_holds_every_figure_of_the_report(line: Path, evaluated: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO((line / "01-evaluate" / "report.csv").read_text(encoding="utf-8"))))
    f1 = [r for r in rows if (r["task"], r["model"], r["field"], r["figure"]) == ("function_pointer", "tuned", "targets", "f1")]
    assert [(float(r["value"]), r["n"]) for r in f1] == [(1.0, "3")]
    assert {r["model"] for r in rows} == {"base", "tuned"}


def test_the_markdown_names_tasks_figures_and_shows_answers_as_they_are(line: Path, evaluated: dict[str, Any]) -> None:
    text = (line / "01-evaluate" / "report.md").read_text(encoding="utf-8")
    assert "6 of the 6 rows" in text and "## function_pointer" in text
    assert "| targets | f1 | 0.000 (0.000–0.000) | 1.000 (1.000–1.000) |" in text
    assert "Of 3 rows 3 were won, 0 lost, 0 stayed as they were" in text
    evil = json.loads(json.dumps(evaluated))
    evil["examples"][0]["base"]["text"] = "```\n# not a heading\n![x](http://evil.example/y.png)"
    shown = report.markdown(evil)
    fence = "````text\n```\n# not a heading\n![x](http://evil.example/y.png)\n````"
    assert fence in shown


def test_a_run_is_read_with_what_its_stages_left(line: Path, evaluated: dict[str, Any], tmp_path: Path) -> None:
    found = report.read(line)
    assert found["evaluation"] == evaluated
    assert found["dataset"]["label"] == "made-v0001"
    assert report.reported_runs(line.parent) == ["run"]
    with pytest.raises(NotFound, match="finished evaluation"):
        report.read(_copy(line, tmp_path))
    assert report.reported_runs(tmp_path) == []
