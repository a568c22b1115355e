"""A made report of format 2, built by the code that builds real ones: two tasks, five models, a verdict, slices, baselines, every kind of
failure. What the page and the command line are tested on."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.training.stage_fixture import complete
from training import baselines, gates, report
from training.predictions import prediction, row_line

METRICS: dict[str, Any] = {
    "function_pointer": {"targets": {"metric": "set", "key": "name", "names": True}},
    "callback_timing": {"context": {"metric": "accuracy"}, "may_sleep": {"metric": "accuracy", "costly": [True, False]}},
    "call_chain": {"chain": {"metric": "sequence", "names": True}},
}
ROLES = {"base": "base", "tuned": "tuned", "Q8_0": "quantized", "Q4_K_M": "quantized", "Q4_0": "quantized"}
EVIL = "**bold** ![x](http://evil.example/a.png)\n<script>alert(1)</script>"


def made_rows(count: int = 60, split: str = "test") -> list[dict[str, Any]]:
    """Frozen rows: tasks take turns, ten groups, two sources and languages, kinds and difficulties."""
    rows = []
    for i in range(count):
        task = list(METRICS)[i % 3]
        group, name = f"{split}-dev{i % 10}.c", f"{split}{i % 10}_read"
        hard = i % 4 == 0
        answer: dict[str, Any] = {
            "function_pointer": {"targets": [{"name": name}]}, "call_chain": {"chain": ["start", name, "stop"]},
            "callback_timing": {"context": "hardirq" if hard else "process", "may_sleep": not hard},
        }[task]
        rows.append({
            "id": f"{split}{i:03d}", "task": task, "lang": "zh" if i % 5 == 0 else "en", "origin": "site", "group": group,
            "prompt": [{"role": "user", "content": f"Which? start(); {name}(); stop(); other{i}();" + " x;" * (i % 7)}],
            "completion": [{"role": "assistant", "content": json.dumps(answer)}], "answer": json.dumps(answer),
            "source": "libuv" if i % 2 else "hiredis", "file": f"src/{group}", "line": 10 + i,
            "meta": json.dumps({"item": f"item{i:03d}", "kind": "field" if i % 3 else "table", "difficulty": 1 + i % 4}),
        })
    return rows


def _said(who: str, i: int, right: str) -> dict[str, Any]:
    """What a model says to row i: the base nothing, the tuned one mostly what is right, with each kind of failure once."""
    answer = {"text": right, "tokens": 12, "ended": "stop", "prompt_tokens": 40 + 7 * i, "seconds": 0.8, "wall_s": 0.2}
    if who == "base":
        return answer if i == 2 else {**answer, "text": EVIL if i == 0 else "I think that ...", "ended": "length" if i % 2 else "stop"}
    wrong = {
        0: {"text": '{"targets":[{"name":"invented_name"}]}'}, 1: {"text": '{"context":"softirq","may_sleep":false}'},
        2: {"text": '{"chain":["start","stop"]}'}, 3: {"text": '{"targets":[]}'}, 4: {"text": '{"context":"hardirq","may_sleep":true}'},
        5: {"text": '{"chain":["start",' + '"again",' * 40, "ended": "length"}, 6: {"text": "", "ended": "prompt", "tokens": 0},
    }
    if who == "Q4_0" and i % 4 == 3:
        return {**answer, "text": "{}"}
    return {**answer, **wrong.get(i, {})}


def made_predictions(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {who: [prediction(row, _said(who, i, row["answer"]), METRICS[row["task"]], surprise={"nats": 4.0, "tokens": 2})
                  for i, row in enumerate(rows)] for who in ROLES}


def made_report(count: int = 60, seed: int = 1, limits: gates.Gates | None = None) -> dict[str, Any]:
    """The report as evaluate writes it. count: test rows."""
    rows = made_rows(count)
    predictions = made_predictions(rows)
    about = {who: {"role": role, "path": f"03-quantize/flowsight-{who}.gguf", "type": who if role == "quantized" else "F16",
                   "bytes": 10_000_000 * (5 - i), "engine": "llama_cpp"} for i, (who, role) in enumerate(ROLES.items())}
    built = report.build(
        predictions, METRICS, about, seed, count + 4, baselines=baselines.answers(made_rows(90, "train"), rows, METRICS),
        chosen={"how": "sample", "limit": count, "per_task": None},
        asked={"stop_after_line": True, "max_new_tokens": {task: 40 for task in METRICS}},
        files={"rows": "rows.jsonl", "predictions": {who: f"predictions-{who}.jsonl" for who in ROLES}},
    )
    built["verdict"] = gates.judge(built, limits or gates.Gates())
    return built


def write_reported_run(runs_dir: Path, name: str, count: int = 60, limits: gates.Gates | None = None) -> Path:
    """A run directory whose evaluation is complete: report.json, report.md, report.csv, rows.jsonl and the predictions."""
    run = runs_dir / name
    folder = run / "02-evaluate"
    folder.mkdir(parents=True)
    manifest = {"format": 1, "name": name, "created_at": "2026-01-01T00:00:00.000Z", "preset": "tiny", "seed": 1, "launcher": "local",
                "dataset": {"label": "made-v0001", "hash": "abc", "path": "x"}, "stages": ["prepare", "merge", "evaluate", "package"],
                "models": None, "commit": None, "versions": {}}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (run / "config.yaml").write_text("preset: tiny\n", encoding="utf-8")
    built, rows = made_report(count, limits=limits), made_rows(count)
    (folder / "report.json").write_text(json.dumps(built, ensure_ascii=False), encoding="utf-8")
    (folder / "report.md").write_text(report.markdown(built), encoding="utf-8")
    (folder / "report.csv").write_text(report.csv_text(built), encoding="utf-8")
    files = {"rows.jsonl": [row_line(row) for row in rows],
             **{f"predictions-{who}.jsonl": lines for who, lines in made_predictions(rows).items()}}
    for file, lines in files.items():
        (folder / file).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    complete(folder, {"models": list(ROLES), "rows": count, "ship": built["verdict"]["ship"], "report": "02-evaluate/report.json",
                      "markdown": "02-evaluate/report.md", "csv": "02-evaluate/report.csv"})
    return run


def evaluation_of(run: Path) -> dict[str, Any]:
    return report.read(run)["evaluation"]
