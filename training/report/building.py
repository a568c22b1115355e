"""How is the report built out of the predictions of several models over the same rows? Plain JSON, format 2 (see the package).

>>> build(predictions, scored, about, seed=17, test_rows=77)["change"]["score"]
{'value': 0.637, 'low': 0.554, 'high': 0.729}
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training import metrics

FORMAT = 2
BEFORE, AFTER = "base", "tuned"
EXAMPLES = 40  # of each kind and task are kept in the report; all answers are in predictions-*.jsonl
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
        "overall": overall(predictions, scored, seed),
        "change": paired(predictions[BEFORE], listed, seed) if BEFORE in predictions else None,
        "tasks": tasks, "slices": _slices(predictions, seed),
        "baselines": {name: _baseline(of, listed, scored, seed) for name, of in (baselines or {}).items()},
        "failures": {who: dict(Counter(code for p in rows for code in p["failures"])) for who, rows in predictions.items()},
        "examples": [example for task in tasks for example in _examples(predictions, task)],
    }


def overall(predictions: Mapping[str, Rows], scored: dict[str, metrics.Metrics], seed: int) -> dict[str, dict[str, Any]]:
    """Each model's figures over all tasks."""
    return {who: _overall(rows, scored, seed) for who, rows in predictions.items()}


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
