"""What did the training bring? The before/after report: built by the evaluate stage, read by the page, written as Markdown, CSV and JSON.

No torch here. `build` compares the predictions of the base and the tuned model over the same rows; `read` puts together what a run's
stages left behind (evaluation, quantized files, bundle).

>>> report = read(Path("workspace/runs/demo-v0001-tiny"))
>>> report["evaluation"]["tasks"]["function_pointer"]["figures"]["tuned"]["fields"]["targets"]["f1"]
{'value': 0.71, 'low': 0.64, 'high': 0.78}
"""
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from curation.errors import NotFound
from training import metrics
from training.runs import list_runs, stage_folders
from training.stage import read_result

BEFORE, AFTER = "base", "tuned"
EXAMPLES = 40  # of each kind (won, lost) and task are kept in the report; all answers are in predictions-*.jsonl

Figure = dict[str, float]
Rows = list[dict[str, Any]]


def build(
    predictions: dict[str, Rows], scored: dict[str, metrics.Metrics], folders: dict[str, str], seed: int, test_rows: int,
) -> dict[str, Any]:
    """The evaluation as plain JSON. `predictions`: who -> rows as evaluate writes them, in the same order for all; `scored`: task ->
    what the frozen manifest says is compared; `folders`: who -> model folder, as recorded; `test_rows`: rows of the whole test split."""
    tasks = {}
    for task in sorted({p["task"] for p in predictions[BEFORE]}):
        of_task = {who: [p for p in rows if p["task"] == task] for who, rows in predictions.items()}
        tasks[task] = _task(of_task, scored.get(task, {}), seed)
    examples = [example for task in tasks for example in _examples(predictions, task)]
    return {"format": 1, "seed": seed, "models": folders, "rows": len(predictions[BEFORE]), "test_rows": test_rows, "tasks": tasks,
            "examples": examples}


def _task(rows: dict[str, Rows], how: metrics.Metrics, seed: int) -> dict[str, Any]:
    """One task. score: the mean over rows of the mean over fields; change: tuned minus base, paired; surprise: nats a token."""
    answered = {who: [p for p in of if p["gold"] is not None] for who, of in rows.items()}
    scores = {who: _scores(of) for who, of in answered.items()}
    figures = {who: {
        **metrics.summarize(how, answered[who], seed),
        "score": metrics.mean(scores[who], seed),
        "surprise": metrics.per_unit([(p["surprise"]["nats"], p["surprise"]["tokens"]) for p in of if p["surprise"]], seed),
        "ended": {end: sum(p["ended"] == end for p in of) for end in ("stop", "length", "prompt")},
    } for who, of in rows.items()}
    won, lost = (sum(_sign(b, a) == sign for b, a in zip(scores[BEFORE], scores[AFTER], strict=True)) for sign in (1, -1))
    langs = sorted({p["lang"] for p in rows[BEFORE]})
    return {
        "rows": len(rows[BEFORE]), "answered": len(answered[BEFORE]), "metrics": how, "figures": figures,
        "change": metrics.difference(scores[BEFORE], scores[AFTER], seed),
        "won": won, "lost": lost, "same": len(scores[BEFORE]) - won - lost,
        "langs": {lang: {who: metrics.mean(_scores([p for p in of if p["lang"] == lang]), seed) for who, of in answered.items()}
                  for lang in langs},
    }


def _scores(rows: Rows) -> list[float]:
    """The rows' scores; rows of a task without metrics have none and are passed over."""
    return [score for p in rows if (score := metrics.row_score(p["scores"])) is not None]


def _sign(before: float, after: float) -> int:
    return (after > before) - (after < before)


def _examples(predictions: dict[str, Rows], task: str) -> Iterator[dict[str, Any]]:
    """The first rows that were won and that were lost, in frozen order, with both answers as they came."""
    kept = {1: 0, -1: 0}
    for before, after in zip(predictions[BEFORE], predictions[AFTER], strict=True):
        if before["task"] != task or not before["scores"]:
            continue
        sign = _sign(*_scores([before, after]))
        if sign and kept[sign] < EXAMPLES:
            kept[sign] += 1
            both = {who: {"text": p["text"], "score": metrics.row_score(p["scores"]), "ended": p["ended"]}
                    for who, p in ((BEFORE, before), (AFTER, after))}
            yield {"id": before["id"], "task": task, "lang": before["lang"], "result": "won" if sign == 1 else "lost",
                   "gold": before["gold"], **both}


# ---- reading a run ----


def reported_runs(runs_dir: Path) -> list[str]:
    """Names of the runs whose evaluation is complete, newest first."""
    return [run.name for run in list_runs(runs_dir) if _result(run.run_dir, "evaluate") is not None]


def read(run_dir: Path) -> dict[str, Any]:
    """{"run", "created_at", "preset", "dataset": {label, hash}, "evaluation": of build, "quantized": result of quantize or None,
    "bundle": result of package with an absolute "folder" or None}. Raises NotFound while there is no complete evaluation."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    manifest = _manifest(run_dir)
    bundle = _result(run_dir, "package")
    return {
        "run": run_dir.name, "created_at": manifest["created_at"], "preset": manifest.get("preset"),
        "dataset": {"label": manifest["dataset"]["label"], "hash": manifest["dataset"]["hash"]},
        "evaluation": json.loads((run_dir / found["report"]).read_text(encoding="utf-8")),
        "quantized": _result(run_dir, "quantize"),
        "bundle": {**bundle, "folder": str(run_dir / bundle["folder"])} if bundle else None,
    }


def _manifest(run_dir: Path) -> dict[str, Any]:
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=run_dir.name)
    return json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))


def _result(run_dir: Path, stage: str) -> dict[str, Any] | None:
    folder = stage_folders(run_dir, _manifest(run_dir)["stages"]).get(stage)
    return read_result(folder) if folder else None


# ---- tables ----


def figures_of(task: dict[str, Any], who: str) -> Iterator[tuple[str, str, Figure | None]]:
    """(field, figure, {"value", "low", "high"}) of one task and model, in the order of the tables. field "" is the whole answer."""
    figures = task["figures"][who]
    if task["answered"]:
        yield from (("", name, figures.get(name)) for name in ("score", "all_right", "parse_rate") if name in figures)
        for field, values in figures["fields"].items():
            yield from ((field, name, value) for name, value in values.items() if name != "metric")
    yield "", "surprise", figures["surprise"]


def table(evaluation: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """One task as rows {"field", "figure", <who>: figure or None, ...}: what the page and the Markdown show."""
    about = evaluation["tasks"][task]
    columns = {who: {(field, name): value for field, name, value in figures_of(about, who)} for who in evaluation["models"]}
    return [{"field": field, "figure": name, **{who: values[field, name] for who, values in columns.items()}}
            for field, name in columns[BEFORE]]


def shown(figure: Figure | None) -> str:
    """A figure with its interval as people read it: 0.710 (0.640–0.780); "-" for none."""
    return "-" if figure is None else f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def headline(evaluation: dict[str, Any]) -> list[str]:
    """One line a task: score before and after."""
    return [f"{task}: score {shown(about['figures'][BEFORE]['score'])} -> {shown(about['figures'][AFTER]['score'])}, "
            f"{about['won']} won, {about['lost']} lost of {about['answered']}" for task, about in evaluation["tasks"].items()]


def csv_text(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None) -> str:
    """Every figure a line: table, task, model, field, figure, value, low, high, n."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["table", "task", "model", "field", "figure", "value", "low", "high", "n"])
    for task, about in evaluation["tasks"].items():
        for who in evaluation["models"]:
            for field, name, figure in figures_of(about, who):
                if figure is not None:
                    n = about["rows"] if name == "surprise" else about["answered"]
                    write(["evaluation", task, who, field, name, figure["value"], figure["low"], figure["high"], n])
        for name in ("won", "lost", "same"):
            write(["evaluation", task, AFTER, "", name, about[name], "", "", about["answered"]])
    for file in (quantized or {}).get("files", []):
        for name in ("bytes", "kl_mean", "kl_max", "same_best", "same_answers"):
            write(["quantized", "", file["type"], file["file"], name, file[name], "", "", file["positions"]])
    return out.getvalue()


def markdown(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None, about: dict[str, Any] | None = None) -> str:
    """The report as a Markdown file. `about`: what `read` gives (run, dataset), None inside the evaluate stage."""
    lines = ["# Before and after", ""]
    if about:
        lines += [f"Run {_cell(about['run'])}, dataset {_cell(about['dataset']['label'])} (`{about['dataset']['hash']}`).", ""]
    lines += [f"{evaluation['rows']} of the {evaluation['test_rows']} rows of the frozen test split, answered greedily by each model from "
              f"the prompt alone. Intervals are 95 % bootstraps over rows (seed {evaluation['seed']}). An empty set "
              "against an empty set is right; an answer that cannot be parsed is wrong. surprise: nats a token of the right completion, "
              "lower is better.", ""]
    for task, found in evaluation["tasks"].items():
        lines += [f"## {_cell(task)}", "", *_task_lines(evaluation, task, found), ""]
    if quantized:
        lines += ["## Quantized files", "", *_quantized_lines(quantized), ""]
    if evaluation["examples"]:
        lines += ["## Examples", ""]
        for result in ("won", "lost"):
            for example in [e for e in evaluation["examples"] if e["result"] == result][:5]:
                lines += _example_lines(example)
    return "\n".join(lines).rstrip() + "\n"


def _task_lines(evaluation: dict[str, Any], task: str, found: dict[str, Any]) -> Iterator[str]:
    who = list(evaluation["models"])
    yield from _row("field", "figure", *who)
    yield from _row(*["---"] * (2 + len(who)))
    for row in table(evaluation, task):
        yield from _row(row["field"], row["figure"], *(shown(row[name]) for name in who))
    yield ""
    if found["answered"]:
        yield (f"Of {found['answered']} rows {found['won']} were won, {found['lost']} lost, {found['same']} stayed as they were; "
               f"change of the score {shown(found['change'])}.")
    ended = found["figures"][AFTER]["ended"]
    if ended["length"] or ended["prompt"]:
        yield f"Tuned answers without an end: {ended['length']}; prompts too long for the context: {ended['prompt']}."


def _quantized_lines(quantized: dict[str, Any]) -> Iterator[str]:
    yield from _row("type", "file", "bytes", "KL a token (mean)", "KL (max)", "same best token", "same greedy answers", "stored as")
    yield from _row(*["---"] * 8)
    for file in quantized["files"]:
        stored = ", ".join(f"{kind} {count}" for kind, count in file["tensors"].items())
        yield from _row(file["type"], file["file"], f"{file['bytes']:,}", f"{file['kl_mean']:.2e}", f"{file['kl_max']:.2e}",
                        f"{file['same_best']:.3f}", f"{file['same_answers']}/{file['prompts']}", stored)
    fallen = [file for file in quantized["files"] if file["fallbacks"]]
    if fallen:
        yield ""
        yield from (f"{file['type']}: {len(file['fallbacks'])} tensors fell back to another type, their rows do not divide into blocks."
                    for file in fallen)
    yield ""
    yield f"KL(HF float32 || file) over {quantized['positions']} positions of {quantized['prompts']} frozen prompts and their answers."


def _example_lines(example: dict[str, Any]) -> Iterator[str]:
    yield f"### {_cell(example['id'])} ({_cell(example['task'])}, {example['lang']}): {example['result']}"
    yield ""
    gold = json.dumps(example["gold"], ensure_ascii=False)
    for title, text in (("right", gold), *((who, example[who]["text"]) for who in (BEFORE, AFTER))):
        fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
        yield from (f"{title}:", "", fence + "text", text, fence, "")


def _row(*cells: Any) -> Sequence[str]:
    return ["| " + " | ".join(_cell(cell) for cell in cells) + " |"]


def _cell(value: Any) -> str:
    return re.sub(r"([\\|`<*\[\]])", r"\\\1", str(value)).replace("\n", " ")
