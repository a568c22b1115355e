"""What did the training bring? The before/after report: built by the evaluate stage, read by the page, written as Markdown, CSV and JSON.

No torch here. `build` compares the predictions of several models over the same rows; `read` puts together what a run's stages left
behind (evaluation, quantized files, bundle); `compare` puts runs side by side.

report.json, format 2. A *figure* is {"value", "low", "high"} (95 %), or {"value", "low": null, "high": null, "why": "too_few"} where
there are too few groups for an interval, or null where there is no row. *who*: "base", "tuned", "teacher", "untuned_teacher", or the type
of a quantized file ("Q4_K_M"). "base" is missing where a model was evaluated alone; "tuned" is always there.

  format 2, seed, rows (evaluated), test_rows (of the whole split), groups (among the rows evaluated)
  chosen     {"how": "all" | "first" | "sample", "limit": int or null, "per_task": int or null}
  asked      {"stop_after_line": bool, "max_new_tokens": {task: tokens}}
  models     {who: {"role": "base" | "tuned" | "teacher" | "untuned_teacher" | "quantized", "path", "type": "F16" | "Q4_K_M" | null,
              "bytes": of the file or null, "engine": "llama_cpp" | "transformers", "seconds": of all rows, "tokens": made, "rows_per_s"}}
  verdict    {"ship": bool, "gates": [{"name", "subject": who, baseline, slice or null, "passed": true | false | null (not judged),
              "value": number or null, "limit": number, "reason": a Reason's record or null}], "types": {"Q4_K_M": bool}}: training/gates.py
  overall    {who: {"score": figure, the mean over tasks (the headline), "score_rows": the mean over rows, "parse_rate", "stop_rate",
              "hallucinated", "repeated", "surprise": figures, "n": rows with a structured answer}}
  change     tuned minus base, paired, or null: {"score": figure (over tasks), "score_rows": figure, "won", "lost", "same"}
  tasks      {task: {"rows", "answered" (with a structured answer), "groups", "metrics" (of the manifest),
              "figures": {who: {"n", "score", "parse_rate", "stop_rate", "repeated", "hallucinated", "all_right", "surprise", "tokens"
                          (mean of an answer), "seconds" (mean): figures, "ended": {"stop", "length", "prompt"},
                          "fields": {field: {"metric": "set" | "sequence", "precision", "recall", "f1", "macro_f1"} or {"metric":
                          "accuracy", "accuracy", "macro_f1", "costly" (where named), "confusion": {"gold": [class as JSON text],
                          "said": [class, ..., null for not parsed], "counts": [[of gold i said j]]}}}}},
              "change": figure or null, "won", "lost", "same", "langs": {lang: {who: figure}}}}
  slices     [{"by": "source" | "lang" | "length" | "difficulty" | "kind", "value": text, "rows", "groups", "scores": {who: figure},
              "change": figure or null}]: mean over rows; length is of the prompt in tokens, in thirds ("≤412", "413–980", ">980")
  baselines  {name: {"reads_code": bool, "skipped": code or null, "rows" (it could answer), "score", "score_rows": figures,
              "tasks": {task: {"score", "fields"}}, "change": tuned minus baseline, paired, over tasks: figure}}: training/baselines.py
  failures   {who: {code: rows}}, codes as metrics.failures gives them; one row may have several
  examples   [{"id", "task", "lang", "source", "file", "line", "item", "result": "won" | "lost" | a failure's code, "gold",
              who: {"text", "score", "ended"} for every who}]: at most EXAMPLES a task of each result; all answers are in the files
  files      {"rows": "rows.jsonl", "predictions": {who: "predictions-base.jsonl"}}, beside report.json; `samples` joins them

rows.jsonl: {"id", "task", "lang", "origin", "group", "source", "file", "line", "item" (its id for "back to labeling", or null), "kind",
"difficulty", "prompt": [messages], "completion": text, "gold"} a line. predictions-<who>.jsonl: {"id", "task", "lang", "group", ...,
"text", "tokens", "prompt_tokens", "ended", "seconds", "wall_s", "parsed", "gold", "scores": {field: ...}, "hallucinated": [names],
"repeated", "failures": [codes], "surprise": {"nats", "tokens"} or null, "prompt_sha256"} a line (training/predictions.py).

Format 1 (before this one) has models, rows, test_rows, tasks (with figures, change, won, lost, same, langs) and examples of won and
lost alone, its intervals are over rows; it is still shown, and said to be older.

>>> report = read(Path("workspace/runs/demo-v0001-tiny"))
>>> report["evaluation"]["tasks"]["function_pointer"]["figures"]["tuned"]["fields"]["targets"]["f1"]
{'value': 0.71, 'low': 0.64, 'high': 0.78}
"""
from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation.errors import NotFound, Reason, remade_reason
from training import metrics, run_settings
from training.reading import DamagedFile, damaged, parse_object, read_bytes, read_object
from training.runs import list_runs, read_manifest, stage_folders
from training.stage import RESULT, read_result

FORMAT = 2
BEFORE, AFTER = "base", "tuned"
EXAMPLES = 40  # of each kind and task are kept in the report; all answers are in predictions-*.jsonl
RATES = ("parse_rate", "stop_rate", "hallucinated", "repeated")
SLICED = ("source", "lang", "length", "difficulty", "kind")

Figure = dict[str, Any]
Rows = list[dict[str, Any]]


def build(
    predictions: dict[str, Rows], scored: dict[str, metrics.Metrics], about: Mapping[str, Mapping[str, Any]], seed: int, test_rows: int,
    baselines: Mapping[str, Any] | None = None, **more: Any,
) -> dict[str, Any]:
    """The evaluation as plain JSON, without its verdict. `predictions`: who -> rows as evaluate writes them, in the same order for all;
    `scored`: task -> what the frozen manifest says is compared; `about`: who -> its entry under "models"; `test_rows`: rows of the whole
    test split; `baselines`: name -> {"reads_code", "skipped", "rows"}, rows as predictions or None; `more`: "chosen", "asked", "files"."""
    listed = predictions[AFTER]
    tasks = {task: _task({who: [p for p in rows if p["task"] == task] for who, rows in predictions.items()}, scored.get(task, {}), seed)
             for task in sorted({p["task"] for p in listed})}
    return {
        "format": FORMAT, "seed": seed, "rows": len(listed), "test_rows": test_rows, "groups": len({p["group"] for p in listed}), **more,
        "models": {who: {**about[who], **_speed(rows)} for who, rows in predictions.items()}, "verdict": None,
        "overall": {who: _overall(rows, scored, seed) for who, rows in predictions.items()},
        "change": paired(predictions[BEFORE], listed, seed) if BEFORE in predictions else None,
        "tasks": tasks, "slices": _slices(predictions, seed),
        "baselines": {name: _baseline(of, listed, scored, seed) for name, of in (baselines or {}).items()},
        "failures": {who: dict(Counter(code for p in rows for code in p["failures"])) for who, rows in predictions.items()},
        "examples": [example for task in tasks for example in _examples(predictions, task)],
    }


def _speed(rows: Rows) -> dict[str, Any]:
    seconds = sum(p["wall_s"] for p in rows)
    return {"seconds": round(seconds, 2), "tokens": sum(p["tokens"] for p in rows), "rows_per_s": len(rows) / seconds if seconds else None}


def _scored(rows: Rows) -> Rows:
    """The rows that have a score: those with a structured answer of a task with metrics."""
    return [p for p in rows if p["scores"]]


def _scores(rows: Rows) -> list[float]:
    """The scores of rows that have one."""
    return [score for p in rows if (score := metrics.row_score(p["scores"])) is not None]


def _column(rows: Rows, key: str) -> list[Any]:
    return [p[key] for p in rows]


def _overall(rows: Rows, scored: dict[str, metrics.Metrics], seed: int) -> dict[str, Any]:
    with_answer = _scored(rows)
    names = [p for p in with_answer if any(how.get("names") for how in scored[p["task"]].values())]
    return {
        **_both_means(with_answer, _scores(with_answer), seed), "n": len(with_answer),
        "parse_rate": metrics.rate([p["parsed"] is not None for p in with_answer]),
        "stop_rate": metrics.rate([p["ended"] == "stop" for p in rows]),
        "hallucinated": metrics.rate([bool(p["hallucinated"]) for p in names]),
        "repeated": metrics.rate([p["repeated"] for p in rows]), "surprise": _surprise(rows, seed),
    }


def _both_means(rows: Rows, values: list[float], seed: int) -> dict[str, Figure | None]:
    """The mean over tasks and the mean over rows of one value a row."""
    groups = _column(rows, "group")
    return {"score": metrics.over_tasks(values, _column(rows, "task"), groups, seed), "score_rows": metrics.mean(values, groups, seed)}


def _surprise(rows: Rows, seed: int) -> Figure | None:
    known = [p for p in rows if p["surprise"]]
    return metrics.per_unit([(p["surprise"]["nats"], p["surprise"]["tokens"]) for p in known], _column(known, "group"), seed)


def paired(before: Rows, after: Rows, seed: int) -> dict[str, Any]:
    """after minus before over the same rows: {"score": over tasks, "score_rows": over rows, "won", "lost", "same"}."""
    rows = _scored(after)
    pairs = list(zip(_scores(before), _scores(rows), strict=True))
    won, lost = (sum(_sign(b, a) == sign for b, a in pairs) for sign in (1, -1))
    return {**_both_means(rows, [a - b for b, a in pairs], seed), "won": won, "lost": lost, "same": len(pairs) - won - lost}


def _task(rows: dict[str, Rows], how: metrics.Metrics, seed: int) -> dict[str, Any]:
    """One task. score: the mean over rows of the mean over fields; change: tuned minus base, paired; surprise: nats a token."""
    answered = {who: [p for p in of if p["gold"] is not None] for who, of in rows.items()}
    figures = {who: {
        **metrics.summarize(how, answered[who], seed),
        "score": metrics.mean(_scores(answered[who]), _column(_scored(answered[who]), "group"), seed),
        "surprise": _surprise(of, seed),
        **{name: metrics.mean(_column(of, name), _column(of, "group"), seed) for name in ("tokens", "seconds")},
        "ended": {end: sum(p["ended"] == end for p in of) for end in ("stop", "length", "prompt")},
    } for who, of in rows.items()}
    change = paired(answered[BEFORE], answered[AFTER], seed) if BEFORE in rows else {"score_rows": None, "won": 0, "lost": 0, "same": 0}
    langs = sorted({p["lang"] for p in rows[AFTER]})
    return {
        "rows": len(rows[AFTER]), "answered": len(answered[AFTER]), "groups": len(set(_column(rows[AFTER], "group"))), "metrics": how,
        "figures": figures, "change": change["score_rows"], "won": change["won"], "lost": change["lost"], "same": change["same"],
        "langs": {lang: {who: _mean_score([p for p in of if p["lang"] == lang], seed) for who, of in answered.items()} for lang in langs},
    }


def _mean_score(rows: Rows, seed: int) -> Figure | None:
    return metrics.mean(_scores(rows), _column(_scored(rows), "group"), seed)


def _sign(before: float, after: float) -> int:
    return (after > before) - (after < before)


def _slices(predictions: dict[str, Rows], seed: int) -> list[dict[str, Any]]:
    """The scores of the rows of each source, language, length, difficulty and kind, where there are at least two of it."""
    length = thirds([p["prompt_tokens"] for p in predictions[AFTER]])
    found = []
    for by in SLICED:
        values = [length(p["prompt_tokens"]) if by == "length" else p[by] for p in predictions[AFTER]]
        named = sorted({str(v) for v in values if v is not None}, key=lambda v: (v[0] == ">", len(v) if by == "length" else 0, v))
        for value in named if len(named) > 1 else []:
            of = {who: _scored([p for p, v in zip(rows, values, strict=True) if str(v) == value]) for who, rows in predictions.items()}
            if of[AFTER]:
                change = paired(of[BEFORE], of[AFTER], seed)["score_rows"] if BEFORE in of else None
                found.append({"by": by, "value": value, "rows": len(of[AFTER]), "groups": len(set(_column(of[AFTER], "group"))),
                              "scores": {who: _mean_score(rows, seed) for who, rows in of.items()}, "change": change})
    return found


def thirds(lengths: Sequence[int]) -> Any:
    """A function from a length to the third of these lengths in which it lies, as text."""
    ordered = sorted(lengths)
    low, high = (ordered[len(ordered) * k // 3] for k in (1, 2)) if ordered else (0, 0)
    return lambda n: f"≤{low}" if n <= low else f"{low + 1}–{high}" if n <= high else f">{high}"


def _baseline(of: Mapping[str, Any], tuned: Rows, scored: dict[str, metrics.Metrics], seed: int) -> dict[str, Any]:
    about = {"reads_code": of["reads_code"], "skipped": of["skipped"]}
    if of["rows"] is None:
        return {**about, "rows": 0, "score": None, "score_rows": None, "tasks": {}, "change": None}
    rows = _scored(of["rows"])
    tasks = {task: [p for p in rows if p["task"] == task] for task in sorted(set(_column(rows, "task")))}
    by_id = {p["id"]: p for p in tuned}
    change = paired(rows, [by_id[p["id"]] for p in rows], seed)["score"]
    return {**about, "rows": len(rows), **_both_means(rows, _scores(rows), seed), "change": change, "tasks": {
        task: {"score": _mean_score(part, seed), "fields": metrics.summarize(scored[task], part, seed)["fields"]}
        for task, part in tasks.items()}}


def _examples(predictions: dict[str, Rows], task: str) -> Iterator[dict[str, Any]]:
    """The first rows of each result in frozen order, with every model's answer as it came: won and lost against the base, and each kind of
    failure of the tuned model."""
    kept: Counter[str] = Counter()
    for i, after in enumerate(predictions[AFTER]):
        if after["task"] != task:
            continue
        results = list(after["failures"])
        if BEFORE in predictions and after["scores"]:
            sign = _sign(*_scores([predictions[BEFORE][i], after]))
            results = [*(["won"] if sign > 0 else ["lost"] if sign < 0 else []), *results]
        answers = {who: {"text": rows[i]["text"], "score": metrics.row_score(rows[i]["scores"]), "ended": rows[i]["ended"]}
                   for who, rows in predictions.items()}
        for result in results:
            if kept[result] < EXAMPLES:
                kept[result] += 1
                where = {key: after[key] for key in ("id", "task", "lang", "source", "file", "line", "item")}
                yield {**where, "result": result, "gold": after["gold"], **answers}


# ---- reading a run ----


def reported_runs(runs_dir: Path) -> list[str]:
    """Names of the runs whose evaluation is complete, newest first."""
    return [run.name for run in list_runs(runs_dir) if _is_reported(run.run_dir)]


def _is_reported(run_dir: Path) -> bool:
    try:
        return _result(run_dir, "evaluate") is not None
    except DamagedFile:
        return False  # the list of runs says so; here it must not hide the others


def read(run_dir: Path) -> dict[str, Any]:
    """{"run", "created_at", "preset", "dataset": {label, hash}, "evaluation": of build, "quantized": result of quantize or None,
    "bundle": result of package with an absolute "folder", or None, "refused": the gates because of which there is none, else []}.
    Raises NotFound while there is no complete evaluation, DamagedFile for a file of another shape than was written."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    manifest, bundle = _manifest(run_dir), _result(run_dir, "package")
    path = _report_path(run_dir, found)
    about = {
        "run": run_dir.name, "created_at": manifest["created_at"], "preset": manifest.get("preset"),
        "dataset": {"label": manifest["dataset"]["label"], "hash": manifest["dataset"]["hash"]},
        "evaluation": read_object(path), "quantized": _result(run_dir, "quantize"),
        "bundle": {**bundle, "folder": str(run_dir / str(bundle["folder"]))} if bundle and bundle.get("folder") else None,
        "refused": (bundle or {}).get("refused", []),
    }
    with _whole(path):  # what every reader needs is looked at once, by writing it out
        markdown(about["evaluation"], about["quantized"], about)
        csv_text(about["evaluation"], about["quantized"])
    return about


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """What JSON of another shape brings up, as DamagedFile."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        said = f"{type(err).__name__}: {err}"
        raise damaged(path, ValueError(Reason("other_shape", "it has not the shape that was written ({said})", said=said))) from err


def _report_path(run_dir: Path, result: dict[str, Any]) -> Path:
    with _whole(stage_folders(run_dir, _manifest(run_dir)["stages"])["evaluate"] / RESULT):
        return run_dir / result["report"]


def _manifest(run_dir: Path) -> dict[str, Any]:
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=run_dir.name)
    return read_manifest(run_dir)


def _result(run_dir: Path, stage: str) -> dict[str, Any] | None:
    folder = stage_folders(run_dir, _manifest(run_dir)["stages"]).get(stage)
    return read_result(folder) if folder else None


def report_file(run_dir: Path) -> Path:
    """The report.json of a run. Raises NotFound while there is no complete evaluation."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    return run_dir / found["report"]


def samples(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Every row that was evaluated, with all answers: a line of rows.jsonl and "answers": {who: its line of predictions}. Nothing for a
    report of format 1. Raises NotFound as `read`."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    path = _report_path(run_dir, found)
    files = read_object(path).get("files")
    if files is None:
        return
    with _whole(path):
        named = {who: path.with_name(name) for who, name in files["predictions"].items()}
        rows = path.with_name(files["rows"])
    answers = {who: {p["id"]: p for p in _lines(file)} for who, file in named.items()}
    for row in _lines(rows):
        yield {**row, "answers": {who: of[row["id"]] for who, of in answers.items() if row["id"] in of}}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, each with a text `id`; a line that is none (torn by a kill, damaged) is passed over."""
    try:
        raw = read_bytes(path)
    except ValueError as err:
        raise damaged(path, err) from err
    for line in raw.split(b"\n"):
        try:
            found = parse_object(line)
        except ValueError:
            continue
        if isinstance(found.get("id"), str):
            yield found


# ---- several runs side by side ----


def compare(run_dirs: Sequence[Path]) -> dict[str, Any]:
    """Runs side by side: {"runs": [{"run", "dataset", "format", "ship", "score", "gain", "models": {who: {"score", "parse_rate", "bytes",
    "rows_per_s"}}, "tasks": {task: figure of the tuned model}}], "settings": [{"key", "values": one a run, null where it is not set}] that
    differ, "pairs": [{"before", "after", "rows", "score", "score_rows": figures, "won", "lost", "same"}] of each run against the first,
    over the test rows that both answered and that ask the same; rows 0 where there is none}.

    Runs of format 1 have figures by task alone. Raises NotFound for a run without a complete evaluation."""
    found = [read(run_dir) for run_dir in run_dirs]
    answered = [_tuned_rows(run_dir) for run_dir in run_dirs]
    return {
        "runs": [_side(one) for one in found], "settings": _differing(run_dirs),
        "pairs": [{"before": found[0]["run"], "after": one["run"], **_same_rows(answered[0], rows, found[0]["evaluation"]["seed"])}
                  for one, rows in zip(found[1:], answered[1:], strict=True)],
    }


def _side(found: dict[str, Any]) -> dict[str, Any]:
    evaluation = found["evaluation"]
    overall, about = evaluation.get("overall", {}), evaluation["models"]
    return {
        "run": found["run"], "dataset": found["dataset"]["label"], "format": evaluation["format"],
        "ship": (evaluation.get("verdict") or {}).get("ship"), "score": overall.get(AFTER, {}).get("score"),
        "gain": (evaluation.get("change") or {}).get("score"),
        "models": {who: {"score": of["score"], "parse_rate": of["parse_rate"], "bytes": about[who]["bytes"],
                         "rows_per_s": about[who]["rows_per_s"]} for who, of in overall.items()},
        "tasks": {task: of["figures"][AFTER]["score"] for task, of in evaluation["tasks"].items()},
    }


def _tuned_rows(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Row id -> the tuned model's scored answer."""
    return {row["id"]: row["answers"][AFTER] for row in samples(run_dir) if row["answers"][AFTER]["scores"]}


def _same_rows(before: Mapping[str, dict[str, Any]], after: Mapping[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """The paired difference. Two rows are the same where id, right answer and group are."""
    ids = [i for i in before if i in after and all(before[i][key] == after[i][key] for key in ("task", "gold", "group"))]
    return {"rows": len(ids), **paired([before[i] for i in ids], [after[i] for i in ids], seed)}


def _differing(run_dirs: Sequence[Path]) -> list[dict[str, Any]]:
    settings = {str(i): run_settings.settings_in(run_dir) for i, run_dir in enumerate(run_dirs)}  # two folders may have one name
    return [{"key": key, "values": list(row.values())} for key, row in run_settings.differing(settings).items()]


# ---- tables ----


def older(evaluation: dict[str, Any]) -> bool:
    """Whether the report was written before format 2: its intervals are over rows, and it has no verdict, slices or baselines."""
    return evaluation["format"] < FORMAT


def figures_of(task: dict[str, Any], who: str) -> Iterator[tuple[str, str, Figure | None]]:
    """(field, figure, figure's value or None) of one task and model, in the order of the tables. field "" is the whole answer."""
    figures = task["figures"][who]
    if task["answered"]:
        yield from (("", name, figures.get(name)) for name in ("score", "all_right", *RATES) if name in figures)
        for field, values in figures["fields"].items():
            yield from ((field, name, value) for name, value in values.items() if name not in ("metric", "confusion"))
    yield from (("", name, figures[name]) for name in ("tokens", "seconds", "surprise") if name in figures)


def table(evaluation: dict[str, Any], task: str) -> list[dict[str, Any]]:
    """One task as rows {"field", "figure", <who>: figure or None, ...}: what the page and the Markdown show."""
    about = evaluation["tasks"][task]
    columns = {who: {(field, name): value for field, name, value in figures_of(about, who)} for who in evaluation["models"]}
    return [{"field": field, "figure": name, **{who: values[field, name] for who, values in columns.items()}}
            for field, name in columns[AFTER]]


def shown(figure: Figure | None) -> str:
    """A figure with its interval as people read it: 0.710 (0.640–0.780); 0.710 (too few) without one; "-" for none."""
    if figure is None:
        return "-"
    return f"{figure['value']:.3f} " + ("(too few)" if figure["low"] is None else f"({figure['low']:.3f}–{figure['high']:.3f})")


def headline(evaluation: dict[str, Any]) -> list[str]:
    """One line for all tasks and one a task: score before and after."""
    who = [name for name in (BEFORE, AFTER) if name in evaluation["models"]]
    lines = ["all tasks: score " + " -> ".join(shown(evaluation["overall"][name]["score"]) for name in who)]
    if evaluation["change"]:
        lines[0] += f", change {shown(evaluation['change']['score'])}"
    for task, about in evaluation["tasks"].items():
        lines.append(f"{task}: score " + " -> ".join(shown(about["figures"][name]["score"]) for name in who)
                     + (f", {about['won']} won, {about['lost']} lost of {about['answered']}" if BEFORE in who else ""))
    return lines


def csv_text(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None) -> str:
    """Every figure a line: table, task, model, field, figure, value, low, high, n."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["table", "task", "model", "field", "figure", "value", "low", "high", "n"])

    def figure(kind: str, task: str, who: str, field: str, name: str, value: Figure | None, n: int) -> None:
        if value is not None:
            write([kind, task, who, field, name, value["value"], value["low"], value["high"], n])

    for who, of in evaluation.get("overall", {}).items():
        for name, value in of.items():
            figure("overall", "", who, "", name, value if name != "n" else None, of["n"])
    if evaluation.get("change"):
        for name in ("score", "score_rows"):
            figure("change", "", AFTER, "", name, evaluation["change"][name], evaluation["overall"][AFTER]["n"])
    for task, about in evaluation["tasks"].items():
        for who in evaluation["models"]:
            for field, name, value in figures_of(about, who):
                figure("evaluation", task, who, field, name, value, about["rows"] if name == "surprise" else about["answered"])
        for name in ("won", "lost", "same"):
            write(["evaluation", task, AFTER, "", name, about[name], "", "", about["answered"]])
    for part in evaluation.get("slices", []):
        for who, value in part["scores"].items():
            figure(f"slice:{part['by']}", "", who, part["value"], "score_rows", value, part["rows"])
        figure(f"slice:{part['by']}", "", AFTER, part["value"], "change", part["change"], part["rows"])
    for name, of in evaluation.get("baselines", {}).items():
        for kind in ("score", "score_rows", "change"):
            figure("baseline", "", name, "", kind, of[kind], evaluation["overall"][AFTER]["n"])
    for gate in (evaluation.get("verdict") or {}).get("gates", []):
        write(["gate", "", gate["subject"] or "", gate["name"], "passed", gate["passed"], gate["value"], gate["limit"], ""])
    for file in (quantized or {}).get("files", []):
        for name in ("bytes", "kl_mean", "kl_max", "same_best", "same_answers"):
            write(["quantized", "", file["type"], file["file"], name, file[name], "", "", file["positions"]])
    return out.getvalue()


def markdown(evaluation: dict[str, Any], quantized: dict[str, Any] | None = None, about: dict[str, Any] | None = None) -> str:
    """The report as a Markdown file. `about`: what `read` gives (run, dataset), None inside the evaluate stage."""
    lines = ["# Before and after", ""]
    if about:
        lines += [f"Run {_cell(about['run'])}, dataset {_cell(about['dataset']['label'])} (`{about['dataset']['hash']}`).", ""]
    if older(evaluation):
        lines += ["This report was written by an older version: its intervals are over rows, not groups, and it has no verdict, slices "
                  "or baselines. Evaluate the run again to have them.", ""]
    else:
        lines += [*_verdict_lines(evaluation), *_overall_lines(evaluation)]
    lines += [f"{evaluation['rows']} of the {evaluation['test_rows']} rows of the frozen test split, answered greedily by each model from "
              f"the prompt alone. Intervals are 95 %: bootstraps over {'rows' if older(evaluation) else 'groups'} (seed "
              f"{evaluation['seed']}), Wilson's for rates; \"too few\" groups have none. An empty set against an empty set is right; an "
              "answer that cannot be parsed is wrong. surprise: nats a token of the right completion, lower is better.", ""]
    for task, found in evaluation["tasks"].items():
        lines += [f"## {_cell(task)}", "", *_task_lines(evaluation, task, found), ""]
    if evaluation.get("slices"):
        lines += ["## Slices", "", *_slice_lines(evaluation), ""]
    if quantized:
        lines += ["## Quantized files", "", *_quantized_lines(quantized), ""]
    if evaluation["examples"]:
        lines += ["## Examples", ""]
        for result in dict.fromkeys(e["result"] for e in evaluation["examples"]):
            for example in [e for e in evaluation["examples"] if e["result"] == result][:5 if result in ("won", "lost") else 2]:
                lines += _example_lines(example, [who for who in evaluation["models"] if who in (BEFORE, AFTER)])
    return "\n".join(lines).rstrip() + "\n"


def _verdict_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    verdict = evaluation["verdict"]
    if verdict is None:
        return
    yield "**Ship.**" if verdict["ship"] else "**Do not ship.**"
    yield ""
    yield from _row("gate", "of", "passed", "value", "limit", "why")
    yield from _row(*["---"] * 6)
    for gate in verdict["gates"]:
        passed = {True: "yes", False: "no", None: "not judged"}[gate["passed"]]
        why = remade_reason(gate["reason"]) if gate["reason"] else ""
        yield from _row(gate["name"], gate["subject"] or "", passed, _number(gate["value"]), _number(gate["limit"]), why)
    yield ""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _overall_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    yield "## All tasks"
    yield ""
    yield "score: the mean over tasks of a task's score. change: tuned minus this one, over the same rows."
    yield ""
    names = ("score", "score_rows", *RATES)
    yield from _row("", *names, "change", "bytes", "rows/s")
    yield from _row(*["---"] * (len(names) + 4))
    for who, of in evaluation["overall"].items():
        change = evaluation["change"]["score"] if who == BEFORE else None
        about = evaluation["models"][who]
        size = f"{about['bytes']:,}" if about.get("bytes") else "-"
        yield from _row(who, *(shown(of[name]) for name in names), shown(change), size, _number(about["rows_per_s"]))
    for name, of in evaluation["baselines"].items():
        figures = [of["skipped"] or "-"] * 2 if of["skipped"] else [shown(of["score"]), shown(of["score_rows"])]
        yield from _row(f"baseline: {name}", *figures, *["-"] * len(RATES), shown(of["change"]), "-", "-")
    yield ""


def _slice_lines(evaluation: dict[str, Any]) -> Iterator[str]:
    who = [name for name in (BEFORE, AFTER) if name in evaluation["models"]]
    yield from _row("by", "value", "rows", "groups", *who, "change")
    yield from _row(*["---"] * (5 + len(who)))
    for part in evaluation["slices"]:
        yield from _row(part["by"], part["value"], part["rows"], part["groups"], *(shown(part["scores"][name]) for name in who),
                        shown(part["change"]))


def _task_lines(evaluation: dict[str, Any], task: str, found: dict[str, Any]) -> Iterator[str]:
    who = list(evaluation["models"])
    yield from _row("field", "figure", *who)
    yield from _row(*["---"] * (2 + len(who)))
    for row in table(evaluation, task):
        yield from _row(row["field"], row["figure"], *(shown(row[name]) for name in who))
    yield ""
    if found["answered"] and BEFORE in who:
        yield (f"Of {found['answered']} rows {found['won']} were won, {found['lost']} lost, {found['same']} stayed as they were; "
               f"change of the score {shown(found['change'])}.")
    ended = found["figures"][AFTER]["ended"]
    if ended["length"] or ended["prompt"]:
        yield f"Tuned answers without an end: {ended['length']}; prompts too long for the context: {ended['prompt']}."
    for field, values in found["figures"][AFTER]["fields"].items():
        if values.get("confusion") and len(values["confusion"]["said"]) > 1:
            yield from _confusion_lines(field, values["confusion"])


def _confusion_lines(field: str, confusion: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{_cell(field)}: right (down) and said by the tuned model (across)."
    yield ""
    yield from _row("", *("not parsed" if said is None else said for said in confusion["said"]))
    yield from _row(*["---"] * (1 + len(confusion["said"])))
    for gold, counts in zip(confusion["gold"], confusion["counts"], strict=True):
        yield from _row(gold, *counts)


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


def _example_lines(example: dict[str, Any], who: Sequence[str]) -> Iterator[str]:
    yield f"### {_cell(example['id'])} ({_cell(example['task'])}, {example['lang']}): {example['result']}"
    yield ""
    gold = json.dumps(example["gold"], ensure_ascii=False)
    for title, text in (("right", gold), *((name, example[name]["text"]) for name in who)):
        fence = "`" * max(3, 1 + max((len(ticks) for ticks in re.findall("`+", text)), default=0))
        yield from (f"{title}:", "", fence + "text", text, fence, "")


def _row(*cells: Any) -> Sequence[str]:
    return ["| " + " | ".join(_cell(cell) for cell in cells) + " |"]


def _cell(value: Any) -> str:
    return re.sub(r"([\\|`<*\[\]])", r"\\\1", str(value)).replace("\n", " ")
