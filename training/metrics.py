"""How right is an answer, and how sure is the figure? No torch, no task names: what to compare stands in the frozen manifest.

A field with the metric "set" is compared as a set (of `key` of each element, of several keys together where `key` is a list, or of whole
elements), one with "accuracy" by equality.
The empty set is a normal answer here (no function can be reached): it is treated as the set that holds one element, "none". So empty
against empty is right, empty against anything else is one miss and one false hit, and an answer that cannot be parsed is not
mistaken for an empty one. An absent key is null, and a null set is empty.

Figures: precision and recall over all elements (micro), F1 out of them; macro F1 is the mean of the rows' F1 for sets, and for
accuracy the mean of the classes' F1 (the classes that occur among the right answers; 0 for one never hit). Intervals are 95 %
percentile bootstraps over rows (Efron 1979) with a recorded seed. Not covered: rows of one file are not independent, so an interval
over few files is too narrow; free-text rows without an answer are not scored.

>>> metrics = {"targets": {"metric": "set", "key": "name"}}
>>> score_row(metrics, {"targets": [{"name": "a"}, {"name": "b"}]}, parse('{"targets": [{"name": "a"}]} because ...'))["targets"]
{'tp': 1, 'fp': 0, 'fn': 1, 'score': 0.6666666666666666}
"""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from curation.model import canonical_json

RESAMPLES = 1000
BRACES = 200  # an answer begins with its object; a text of nothing but braces must not cost its length squared
_NONE = "none"  # no JSON text, so no element can be equal to it

Metrics = dict[str, dict[str, Any]]
Row = dict[str, Any]


def parse(text: str) -> dict[str, Any] | None:
    """The first whole JSON object in a text, unless it is an element or a value inside a broken one; None when there is none at the first
    BRACES opening braces."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    for tried in range(BRACES):
        if at < 0:
            return None
        inside = tried > 0 and text[:at].rstrip().endswith(("[", ",", '":'))
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            value = None  # a block of C, or an answer that is cut off
        if value is not None and not inside:
            return value  # what begins with { and is JSON is an object
        at = text.find("{", at + 1)
    return None


def score_row(metrics: Metrics, gold: dict[str, Any], parsed: dict[str, Any] | None) -> dict[str, Row]:
    """One row's scores by field. Sets: {"tp", "fp", "fn", "score"} with the row's F1; accuracy: {"score": 0.0 or 1.0, "gold", "said"}, the
    values as JSON text (said: None when nothing could be parsed)."""
    scores: dict[str, Row] = {}
    for name, how in metrics.items():
        if how["metric"] == "set":
            right = _elements(gold.get(name), how.get("key"))
            said = set() if parsed is None else _elements(parsed.get(name), how.get("key"))
            tp = len(right & said)
            fp, fn = len(said) - tp, len(right) - tp
            scores[name] = {"tp": tp, "fp": fp, "fn": fn, "score": 2 * tp / (2 * tp + fp + fn)}
        else:
            value, answer = canonical_json(gold.get(name)), None if parsed is None else canonical_json(parsed.get(name))
            scores[name] = {"score": float(value == answer), "gold": value, "said": answer}
    return scores


def _elements(value: Any, key: str | list[str] | None) -> set[str]:
    """A field as a set of JSON texts. An element that has no such key counts as itself (and so as wrong, or as a bare name)."""
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return {canonical_json(_keyed(e, key)) for e in listed} or {_NONE}


def _keyed(element: Any, key: str | list[str] | None) -> Any:
    keys = [key] if isinstance(key, str) else key or []
    if not keys or not isinstance(element, dict) or not element.keys() >= set(keys):
        return element
    return element[keys[0]] if len(keys) == 1 else [element[k] for k in keys]


def row_score(scores: dict[str, Row]) -> float | None:
    """One figure in 0..1 for a whole row, the mean over its fields; None for a row that is not scored."""
    return sum(s["score"] for s in scores.values()) / len(scores) if scores else None


def summarize(metrics: Metrics, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Figures of one task for one model. `rows`: {"parsed": object or None, "scores": of score_row}.

    Gives {"n", "parse_rate", "all_right", "fields": {name: {"metric", ...}}}; sets have precision, recall, f1, macro_f1, accuracy have
    accuracy, macro_f1. Each figure is {"value", "low", "high"}; None where there is no row to say."""
    figures: dict[str, Any] = {"n": len(rows), "parse_rate": _figure([r["parsed"] is not None for r in rows], _mean, seed)}
    if metrics:
        figures["all_right"] = _figure([all(s["score"] == 1 for s in r["scores"].values()) for r in rows], _mean, seed)
    figures["fields"] = {name: _field(how["metric"], [r["scores"][name] for r in rows], seed) for name, how in metrics.items()}
    return figures


def _field(metric: str, scores: Sequence[Row], seed: int) -> dict[str, Any]:
    of_rows = [s["score"] for s in scores]
    if metric == "set":
        counts = [(s["tp"], s["fp"], s["fn"]) for s in scores]
        return {"metric": metric, "precision": _figure(counts, lambda c: _ratio(c[..., 0], c[..., 0] + c[..., 1]), seed, sums=True),
                "recall": _figure(counts, lambda c: _ratio(c[..., 0], c[..., 0] + c[..., 2]), seed, sums=True),
                "f1": _figure(counts, lambda c: _ratio(2 * c[..., 0], 2 * c[..., 0] + c[..., 1] + c[..., 2]), seed, sums=True),
                "macro_f1": _figure(of_rows, _mean, seed)}
    classes = sorted({s["gold"] for s in scores})
    hits = [[v for c in classes for v in (s["gold"] == c == s["said"], s["gold"] != c == s["said"], s["said"] != c == s["gold"])]
            for s in scores]

    def over_classes(c: Any) -> Any:
        by_class = c.reshape(*c.shape[:-1], len(classes), 3)
        tp, fp, fn = by_class[..., 0], by_class[..., 1], by_class[..., 2]
        occurs = tp + fn > 0  # a resample may lack a class: it has no F1 then, rather than 0
        return _ratio((_ratio(2 * tp, 2 * tp + fp + fn) * occurs).sum(axis=-1), occurs.sum(axis=-1))

    return {"metric": metric, "accuracy": _figure(of_rows, _mean, seed), "macro_f1": _figure(hits, over_classes, seed, sums=True)}


def difference(before: Sequence[float], after: Sequence[float], seed: int) -> dict[str, float] | None:
    """The mean change from before to after over the same rows (paired), with its interval; None without rows."""
    return _figure([b - a for a, b in zip(before, after, strict=True)], _mean, seed)


def per_unit(parts: Sequence[tuple[float, float]], seed: int) -> dict[str, float] | None:
    """The sum of the firsts over the sum of the seconds (nats a token), with its interval; None without rows."""
    return _figure(parts, lambda c: _ratio(c[..., 0], c[..., 1]), seed, sums=True)


def mean(values: Sequence[float], seed: int) -> dict[str, float] | None:
    """The mean over rows with its interval; None without rows."""
    return _figure(values, _mean, seed)


def _mean(values: Any) -> Any:
    return values.mean(axis=-1)


def _ratio(part: Any, whole: Any) -> Any:
    """part / whole, 0 where whole is 0."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) != 0)


def _figure(rows: Sequence[Any], of: Callable[[Any], Any], seed: int, sums: bool = False) -> dict[str, float] | None:
    """The figure and its bootstrap interval. `of` takes rows along the last axis, or, with sums, sums over rows."""
    import numpy as np

    if not len(rows):
        return None
    values = np.asarray(rows, dtype=float)
    draw = np.random.default_rng(seed)
    drawn = []
    for _ in range(0, RESAMPLES, 50):  # 50 resamples at a time: memory stays small for any number of rows
        picked = values[draw.integers(0, len(values), (50, len(values)))]
        drawn.append(of(picked.sum(axis=1) if sums else picked))
    low, high = np.percentile(np.concatenate(drawn), [2.5, 97.5])
    return {"value": float(of(values.sum(axis=0) if sums else values)), "low": float(low), "high": float(high)}
