"""training/recipes/evaluate.py and training/report/: answers of a base and a tuned model to the frozen test split, and what is told."""
from __future__ import annotations

import csv
import io
import json
import shutil
import types
from pathlib import Path
from typing import Any

import pytest

from curation.errors import NotFound
from tests.training.conftest import SETTINGS
from tests.training.stage_fixture import complete, context
from training import data, models, report
from training.recipes import evaluate
from training.stage import Stopped

pytestmark = pytest.mark.line


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

    def listening(model: Any, tokenizer: Any, prompts: list[list[int]], most: list[int], *rest: Any) -> list[dict[str, Any]]:
        asked.extend(tokenizer.decode(ids) for ids in prompts)
        return real(model, tokenizer, prompts, [1] * len(prompts))

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
        if len(first) == 9:
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
    assert [e["step"] for e in events] == [10, 11, 12]
    assert [_untimed(p) for p in _predictions(run, "tuned")] == [_untimed(p) for p in _predictions(line, "tuned")]
    again = json.loads((run / result["report"]).read_text(encoding="utf-8"))
    assert _untimed(again["overall"]) == _untimed(evaluated["overall"]) and again["verdict"] == evaluated["verdict"]
    assert again["examples"] == evaluated["examples"]


def _untimed(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in ("seconds", "wall_s")}


def test_a_batch_padded_on_the_left_answers_as_each_row_alone(line: Path) -> None:
    tokenizer, model = models.load_tokenizer(line / "tuned"), models.load_model(line / "tuned", device="cpu", dtype="float32")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    prompts = [data.prompt_ids(tokenizer, row["prompt"]) for row in rows]
    assert len({len(ids) for ids in prompts}) > 1
    together = evaluate.generate(model, tokenizer, prompts, [40] * len(prompts))
    alone = [evaluate.generate(model, tokenizer, [ids], [40])[0] for ids in prompts]
    assert [_untimed(a) for a in together] == [_untimed(a) for a in alone]
    assert {answer["ended"] for answer in together} <= {"stop", "length"}


def test_a_prompt_without_room_in_the_context_is_not_cut_and_says_so(line: Path) -> None:
    tokenizer, model = models.load_tokenizer(line / "tuned"), models.load_model(line / "tuned", device="cpu", dtype="float32")
    prompts = [tokenizer("int x; " * times)["input_ids"] for times in (400, 1)]
    long, short = evaluate.generate(model, tokenizer, prompts, [4, 4])
    assert (long["text"], long["tokens"], long["ended"]) == ("", 0, "prompt") and long["prompt_tokens"] > 512
    assert short["tokens"] > 0 or short["ended"] == "stop"


def test_llama_cpp_answers_for_every_file_and_a_stopped_evaluation_goes_on(line: Path, quantized: dict[str, Any], llama: Any,
                                                                            tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(line, run, ignore=shutil.ignore_patterns("0?-evaluate", "0?-package"))
    settings = evaluate.Settings(slots=3)
    ctx = context(run, "evaluate", settings)
    events: list[dict[str, Any]] = []

    def stop_in_the_second_model(event: dict[str, Any]) -> None:
        events.append(event)
        if event["step"] == 8:
            ctx.stop.set()

    ctx.write_event = stop_in_the_second_model
    with pytest.raises(Stopped):
        evaluate.run(ctx)
    assert len(_predictions(run, "base")) == 6 and len(_predictions(run, "tuned")) == 2
    result = evaluate.run(context(run, "evaluate", settings, events))
    assert result["models"] == ["base", "tuned", "Q8_0", "Q5_K_M", "Q4_K_M", "Q4_0"] and [e["step"] for e in events if e["total"] > 1] == [
        *range(1, 37)]
    found = json.loads((run / result["report"]).read_text(encoding="utf-8"))
    assert {about["engine"] for about in found["models"].values()} == {"llama_cpp"}
    assert found["models"]["Q4_0"]["bytes"] < found["models"]["Q8_0"]["bytes"] < found["models"]["tuned"]["bytes"]
    assert found["overall"]["tuned"]["score"]["value"] == 1 and found["overall"]["Q8_0"]["score"]["value"] == 1
    assert found["overall"]["base"]["parse_rate"]["value"] == 0 and found["overall"]["base"]["stop_rate"]["value"] < 1
    assert found["verdict"]["types"]["Q8_0"] and {g["subject"] for g in found["verdict"]["gates"]} >= {"Q8_0", "Q4_0", "majority"}
    for one in _predictions(run, "tuned"):  # the JSON line, and nothing behind it
        assert "\n" not in one["text"] and json.loads(one["text"]) == one["gold"] and one["ended"] == "stop"
        assert one["wall_s"] > 0 and one["seconds"] > 0 and one["prompt_tokens"] > 10


def test_one_type_that_passes_is_enough_where_that_is_said(line: Path, quantized: dict[str, Any], llama: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(line, run, ignore=shutil.ignore_patterns("0?-evaluate", "0?-package"))
    result = evaluate.run(context(run, "evaluate", evaluate.Settings(every_type=False, gates={"min_stop_rate": None})))
    assert result["models"] == ["base", "tuned", "Q4_K_M"]  # what package would ship
    found = json.loads((run / result["report"]).read_text(encoding="utf-8"))
    assert found["asked"]["not_asked"] == ["Q5_K_M", "Q8_0", "Q4_0"] and found["verdict"]["types"] == {"Q4_K_M": True}
    assert "Not asked, since a type that is preferred to it passed its gates: Q5_K_M, Q8_0, Q4_0." in report.markdown(found)
    refused = evaluate.Settings(every_type=False, gates={"min_quantized_share": 2.0})
    assert evaluate.run(context(run, "evaluate", refused))["models"] == ["base", "tuned", "Q4_K_M", "Q5_K_M", "Q8_0", "Q4_0"]


def test_both_engines_give_the_same_greedy_answers(line: Path, quantized: dict[str, Any], llama: Any) -> None:
    """The F16 file against HF in float32, the tuned model, whole answers as tokens of text."""
    ctx = context(line, "evaluate", evaluate.Settings(slots=1))
    tokenizer = models.load_tokenizer(line / "tuned")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    prompts, most = [data.prompt_ids(tokenizer, row["prompt"]) for row in rows], [40] * len(rows)
    subject = evaluate.Subject("tuned", "tuned", line / "tuned", line / quantized["files"][0]["file"], "F16")
    ours = dict(evaluate._by_llama_cpp(ctx, subject, prompts, most))
    theirs = dict(evaluate._by_transformers(ctx, subject, tokenizer, prompts, most))
    for i in range(len(rows)):
        assert {k: v for k, v in ours[i].items() if k != "seconds"} == {k: v for k, v in theirs[i].items() if k != "seconds"}


def test_a_model_alone_is_judged_without_a_gain(line: Path, llama: Any, tmp_path: Path) -> None:
    run = _copy(line, tmp_path)
    complete(run / "00-merge", {"model": "tuned", "base": "tuned", "teacher": "tuned", "student": None})
    result = evaluate.run(context(run, "evaluate", evaluate.Settings(rows_per_task=1)))
    assert result["models"] == ["tuned"] and result["gain"] is None and result["rows"] == 2
    verdict = json.loads((run / result["report"]).read_text(encoding="utf-8"))["verdict"]
    gain = next(gate for gate in verdict["gates"] if gate["name"] == "gain")
    assert gain["passed"] is None and gain["reason"]["reason"] == "gate_no_base"
    assert not list((run / "01-evaluate").glob("*.gguf"))  # converted for the evaluation alone


def test_the_longest_right_answer_of_a_task_says_how_long_one_may_be(line: Path) -> None:
    tokenizer = models.load_tokenizer(line / "tuned")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "test")
    line_only, whole = (evaluate.answer_limits(tokenizer, rows, evaluate.Settings(stop_after_line=stop)) for stop in (True, False))
    for task in line_only:
        longest = max(len(tokenizer(row["answer"])["input_ids"]) + 1 for row in rows if row["task"] == task)
        assert line_only[task] == longest + max(16, longest // 4) < whole[task]
    assert set(evaluate.answer_limits(tokenizer, rows, evaluate.Settings(max_new_tokens=7)).values()) == {7}


def test_a_dataset_without_test_rows_skips_the_stage(line: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data, "read_rows", lambda *_: [])
    assert evaluate.run(context(_copy(line, tmp_path), "evaluate", SETTINGS)) == {"skipped": "no_test_rows"}


def test_the_teacher_of_a_distilled_student_is_evaluated_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    merged: dict[str, Any] = {"model": "s", "base": "b", "teacher": "t", "student": "s"}
    monkeypatch.setattr(evaluate, "whole", lambda _: merged)
    monkeypatch.setattr(evaluate, "untuned", lambda *_: "untuned")
    ctx = types.SimpleNamespace(result=lambda _: None, path=Path, settings=SETTINGS, config=None, folders={})
    assert [(s.who, s.folder) for s in evaluate.subjects_of(ctx)] == [  # type: ignore[arg-type]
        ("base", Path("b")), ("tuned", Path("s")), ("teacher", Path("t")), ("untuned_teacher", Path("untuned"))]
    merged["student"] = None
    assert [s.who for s in evaluate.subjects_of(ctx)] == ["base", "tuned"]  # type: ignore[arg-type]
    merged["base"] = "s"  # a model given by itself
    assert [s.who for s in evaluate.subjects_of(ctx)] == ["tuned"]  # type: ignore[arg-type]


def test_rows_per_task_takes_the_first_of_each() -> None:
    rows = [{"id": i, "task": t} for i, t in enumerate("aababb")]
    assert [r["id"] for r in evaluate.chosen_rows(rows, 2, None, 1)] == [0, 1, 2, 4]
    assert evaluate.chosen_rows(rows, None, None, 1) == rows


def test_a_sample_takes_tasks_and_groups_in_turn_and_is_the_same_for_a_seed() -> None:
    rows = [{"id": i, "task": "a" if i < 90 else "b", "group": f"g{i % 3 if i < 80 else i}"} for i in range(100)]
    taken = evaluate.chosen_rows(rows, None, 20, 7)
    assert [r["task"] for r in taken].count("b") == 10
    assert len({r["group"] for r in taken if r["task"] == "a"}) == 10  # 13 groups: none twice before each had its turn
    assert taken == evaluate.chosen_rows(rows, None, 20, 7) != evaluate.chosen_rows(rows, None, 20, 8)
    assert [r["id"] for r in taken] == sorted(r["id"] for r in taken)


def test_the_csv_holds_every_figure_of_the_report(line: Path, evaluated: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO((line / "01-evaluate" / "report.csv").read_text(encoding="utf-8"))))
    f1 = [r for r in rows if (r["task"], r["model"], r["field"], r["figure"]) == ("function_pointer", "tuned", "targets", "f1")]
    assert [(float(r["value"]), r["n"]) for r in f1] == [(1.0, "3")]
    assert {r["model"] for r in rows if r["table"] == "evaluation"} == {"base", "tuned"}
    assert {"overall", "change", "baseline", "gate"} <= {r["table"] for r in rows}


def test_the_markdown_names_tasks_figures_and_shows_answers_as_they_are(line: Path, evaluated: dict[str, Any]) -> None:
    text = (line / "01-evaluate" / "report.md").read_text(encoding="utf-8")
    assert "6 of the 6 rows" in text and "## function_pointer" in text
    assert "| targets | f1 | 0.000 (too few) | 1.000 (too few) |" in text  # three files
    assert "|  | parse_rate | 0.000 (0.000–0.561) | 1.000 (0.439–1.000) |" in text
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
