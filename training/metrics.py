"""How right is an answer, and how sure is the figure? No torch, no task names: what to compare stands in the frozen manifest.

A field with the metric "set" is compared as a set (of `key` of each element, of several keys together where `key` is a list, or of whole
elements), one with "sequence" by order (LCS-F1: twice the longest common subsequence over both lengths), one with "accuracy" by equality.
The empty list is a normal answer here (no function can be reached): it is treated as the list that holds one element, "none". So empty
against empty is right, empty against anything else is one miss and one false hit, and an answer that cannot be parsed is not
mistaken for an empty one. An absent key is null, and a null list is empty.

More that the manifest may say of a field: `names: true`, its values are names that must stand in the prompt (else the answer invented
them); `costly: [said, is]`, the confusion that costs most (said "may sleep", is atomic) is told apart.

Figures are {"value", "low", "high"}; precision and recall over all elements (micro), F1 out of them; macro F1 is the mean of the rows' F1
for lists, and for accuracy the mean of the classes' F1 (the classes that occur among the right answers; 0 for one never hit).
Intervals are 95 %. Rows of one group (a file, a prompt) are not independent, so whole groups are drawn: a percentile bootstrap over groups
(Cameron, Gelbach and Miller 2008 call it the pairs cluster bootstrap) with a recorded seed. Fewer than MIN_GROUPS groups say nothing of
how groups differ: low and high are None then and "why" is "too_few". Rates (parsed, stopped, invented) are Wilson's score intervals
(1927) over rows, which are honest at 0 and 1 and on few rows.
Not covered: percentile intervals over few groups are somewhat narrow; free-text rows without an answer are not scored.

>>> metrics = {"targets": {"metric": "set", "key": "name"}}
>>> score_row(metrics, {"targets": [{"name": "a"}, {"name": "b"}]}, parse('{"targets": [{"name": "a"}]} because ...'))["targets"]
{'tp': 1, 'fp': 0, 'fn': 1, 'score': 0.6666666666666666}
"""
from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from curation.model import canonical_json

RESAMPLES = 1000
MIN_GROUPS = 5  # with four, a bootstrap has 35 different draws, and its 2.5 % point is the worst group
Z = 1.959963984540054  # of 95 %, two-sided
BRACES = 200  # an answer begins with its object; a text of nothing but braces must not cost its length squared
REPEATED = re.compile(r"(.{4,120}?)\1{3}", re.DOTALL)  # a piece of 4 to 120 characters that stands four times in a row
REPEATED_WITHIN = 8000  # characters that are looked at
_NONE = "none"  # no JSON text, so no element can be equal to it

Metrics = dict[str, dict[str, Any]]
Row = dict[str, Any]
Figure = dict[str, Any]


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
    """One row's scores by field. Lists: {"tp", "fp", "fn", "score"} with the row's F1; accuracy: {"score": 0.0 or 1.0, "gold", "said"}, the
    values as JSON text (said: None when nothing could be parsed)."""
    scores: dict[str, Row] = {}
    for name, how in metrics.items():
        if how["metric"] in ("set", "sequence"):
            right = _elements(gold.get(name), how.get("key"))
            said = [] if parsed is None else _elements(parsed.get(name), how.get("key"))
            scores[name] = _overlap(right, said, ordered=how["metric"] == "sequence")
        else:
            value, answer = canonical_json(gold.get(name)), None if parsed is None else canonical_json(parsed.get(name))
            scores[name] = {"score": float(value == answer), "gold": value, "said": answer}
    return scores


def _overlap(right: list[str], said: list[str], ordered: bool) -> Row:
    """What two lists have in common: as sets, or as the longest common subsequence."""
    if ordered:
        from rapidfuzz.distance import LCSseq

        tp = LCSseq.similarity(right, said)
    else:
        right, said = list(dict.fromkeys(right)), list(dict.fromkeys(said))
        tp = len(set(right) & set(said))
    fp, fn = len(said) - tp, len(right) - tp
    return {"tp": tp, "fp": fp, "fn": fn, "score": 2 * tp / (2 * tp + fp + fn)}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _elements(value: Any, key: str | list[str] | None) -> list[str]:
    """A field as a list of JSON texts. An element that has no such key counts as itself (and so as wrong, or as a bare name). Of two
    keys the field may be an object of lists: {"bind": [3, 9]} says the same as [{"phase": "bind", "line": 3}, ...]."""
    if isinstance(key, list) and len(key) == 2 and isinstance(value, dict) and not value.keys() >= set(key):
        value = [[of, each] for of, listed in value.items() for each in _listed(listed)]
    return [canonical_json(_keyed(e, key)) for e in _listed(value)] or [_NONE]


def _keyed(element: Any, key: str | list[str] | None) -> Any:
    keys = [key] if isinstance(key, str) else key or []
    if not keys or not isinstance(element, dict) or not element.keys() >= set(keys):
        return element
    return element[keys[0]] if len(keys) == 1 else [element[k] for k in keys]


def row_score(scores: dict[str, Row]) -> float | None:
    """One figure in 0..1 for a whole row, the mean over its fields; None for a row that is not scored."""
    return sum(s["score"] for s in scores.values()) / len(scores) if scores else None


def invented(metrics: Metrics, parsed: dict[str, Any] | None, prompt: str) -> list[str]:
    """The names in an answer that stand nowhere in the prompt, in order, each once: of the fields that the manifest says hold names."""
    found: dict[str, None] = {}
    for field, how in metrics.items():
        if how.get("names") and parsed is not None:
            for element in _listed(parsed.get(field)):
                for name in _texts(_keyed(element, how.get("key"))):
                    if name and not _stands_in(name, prompt):
                        found[name] = None
    return list(found)


def _texts(value: Any) -> Iterator[str]:
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one


def _stands_in(name: str, prompt: str) -> bool:
    """As a whole word: `run` does not stand in `runner`."""
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", prompt) is not None


def repeats(text: str) -> bool:
    """Whether an answer goes in circles: a piece of 4 to 120 characters stands four times in a row in its first 8,000 characters."""
    return REPEATED.search(text[:REPEATED_WITHIN]) is not None


def failures(metrics: Metrics, row: Row) -> list[str]:
    """What is wrong with one answer, as codes, in the order of how much they explain: no_room (the prompt did not fit), cut_off (no end
    within the tokens given), repeated, not_parsed, hallucinated, costly, wrong_class, missed, extra. [] for a right one."""
    scores: dict[str, Row] = row["scores"]
    found = {
        "no_room": row["ended"] == "prompt", "cut_off": row["ended"] == "length", "repeated": row["repeated"],
        "not_parsed": bool(scores) and row["parsed"] is None, "hallucinated": bool(row["hallucinated"]),
        "costly": any(is_costly(how, scores[name]) for name, how in metrics.items() if name in scores),
    }
    if row["parsed"] is not None:
        found["wrong_class"] = any("gold" in s and s["score"] == 0 for s in scores.values())
        found["missed"] = any(s.get("fn") for s in scores.values())
        found["extra"] = any(s.get("fp") for s in scores.values())
    return [code for code, is_so in found.items() if is_so]


def is_costly(how: dict[str, Any], score: Row) -> bool:
    """Whether this field's answer is the confusion that costs most: `costly` is [said, is]."""
    return bool(how.get("costly")) and [score["said"], score["gold"]] == [canonical_json(value) for value in how["costly"]]


def summarize(metrics: Metrics, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Figures of one task for one model. `rows`: {"group", "parsed": object or None, "scores": of score_row, "ended", "repeated",
    "hallucinated"}.

    Gives {"n", "parse_rate", "stop_rate", "repeated", "hallucinated" (where a field holds names), "all_right", "fields": {name: {"metric",
    ...}}}; lists have precision, recall, f1, macro_f1, accuracy has accuracy, macro_f1, "confusion" and, where the manifest names it,
    "costly" (of the rows where it is so, how many said otherwise). None where there is no row to say."""
    figures: dict[str, Any] = {
        "n": len(rows), "parse_rate": rate([r["parsed"] is not None for r in rows]),
        "stop_rate": rate([r["ended"] == "stop" for r in rows]),
        "repeated": rate([r["repeated"] for r in rows]),
    }
    if any(how.get("names") for how in metrics.values()):
        figures["hallucinated"] = rate([bool(r["hallucinated"]) for r in rows])
    if metrics:
        figures["all_right"] = mean([float(all(s["score"] == 1 for s in r["scores"].values())) for r in rows], _groups(rows), seed)
    figures["fields"] = {name: _field(how, [r["scores"][name] for r in rows], _groups(rows), seed) for name, how in metrics.items()}
    return figures


def _groups(rows: Sequence[Row]) -> list[str]:
    return [r["group"] for r in rows]


def _field(how: dict[str, Any], scores: Sequence[Row], groups: Sequence[str], seed: int) -> dict[str, Any]:
    of_rows = [s["score"] for s in scores]
    if how["metric"] in ("set", "sequence"):
        counts = [(s["tp"], s["fp"], s["fn"]) for s in scores]
        return {"metric": how["metric"], "precision": figure(counts, groups, lambda c: _ratio(c[..., 0], c[..., 0] + c[..., 1]), seed),
                "recall": figure(counts, groups, lambda c: _ratio(c[..., 0], c[..., 0] + c[..., 2]), seed),
                "f1": figure(counts, groups, lambda c: _ratio(2 * c[..., 0], 2 * c[..., 0] + c[..., 1] + c[..., 2]), seed),
                "macro_f1": mean(of_rows, groups, seed)}
    classes = sorted({s["gold"] for s in scores})
    hits = [[v for c in classes for v in (s["gold"] == c == s["said"], s["gold"] != c == s["said"], s["said"] != c == s["gold"])]
            for s in scores]

    def over_classes(c: Any) -> Any:
        by_class = c.reshape(*c.shape[:-1], len(classes), 3)
        tp, fp, fn = by_class[..., 0], by_class[..., 1], by_class[..., 2]
        occurs = tp + fn > 0  # a resample may lack a class: it has no F1 then, rather than 0
        return _ratio((_ratio(2 * tp, 2 * tp + fp + fn) * occurs).sum(axis=-1), occurs.sum(axis=-1))

    found = {"metric": how["metric"], "accuracy": mean(of_rows, groups, seed), "macro_f1": figure(hits, groups, over_classes, seed),
             "confusion": confusion(scores)}
    if how.get("costly"):
        at_stake = [s for s in scores if s["gold"] == canonical_json(how["costly"][1])]
        found["costly"] = rate([is_costly(how, s) for s in at_stake])
    return found


def confusion(scores: Sequence[Row]) -> dict[str, Any]:
    """{"gold": classes, "said": classes, "counts": [[rows of gold i said to be j]]}, classes as JSON text; the said class None is an answer
    that could not be parsed. Right classes come first on both sides, in the same order."""
    pairs = Counter((s["gold"], s["said"]) for s in scores)
    gold = sorted({g for g, _ in pairs})
    wrong = sorted({s for _, s in pairs if s is not None} - set(gold))
    said = [*gold, *wrong, *([None] if any(s is None for _, s in pairs) else [])]
    return {"gold": gold, "said": said, "counts": [[pairs[g, s] for s in said] for g in gold]}


# ---- figures with intervals ----


def rate(hits: Sequence[bool]) -> Figure | None:
    """The share of rows where it is so, with Wilson's interval; None without rows."""
    n = len(hits)
    if not n:
        return None
    p = sum(hits) / n
    middle, half = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    low, high = (middle - half) / (1 + Z * Z / n), (middle + half) / (1 + Z * Z / n)
    return {"value": p, "low": min(max(low, 0.0), p), "high": max(min(high, 1.0), p)}  # rounding must not leave p outside


def mean(values: Sequence[float], groups: Sequence[str], seed: int) -> Figure | None:
    """The mean over rows with its interval; None without rows."""
    return figure([(v, 1.0) for v in values], groups, lambda c: _ratio(c[..., 0], c[..., 1]), seed)


def per_unit(parts: Sequence[tuple[float, float]], groups: Sequence[str], seed: int) -> Figure | None:
    """The sum of the firsts over the sum of the seconds (nats a token), with its interval; None without rows."""
    return figure(parts, groups, lambda c: _ratio(c[..., 0], c[..., 1]), seed)


def over_tasks(values: Sequence[float], tasks: Sequence[str], groups: Sequence[str], seed: int) -> Figure | None:
    """The mean over tasks of the mean over a task's rows: a task with many rows counts no more than another. None without rows."""
    names = sorted(set(tasks))
    parts = [[v * (task == name) for name in names] + [float(task == name) for name in names]
             for v, task in zip(values, tasks, strict=True)]

    def of(c: Any) -> Any:
        sums, counts = c[..., : len(names)], c[..., len(names) :]
        occurs = counts > 0
        return _ratio(_ratio(sums, counts).sum(axis=-1), occurs.sum(axis=-1))

    return figure(parts, groups, of, seed)


def difference(before: Sequence[float], after: Sequence[float], groups: Sequence[str], seed: int) -> Figure | None:
    """The mean change from before to after over the same rows (paired), with its interval; None without rows."""
    return mean([b - a for a, b in zip(before, after, strict=True)], groups, seed)


def _ratio(part: Any, whole: Any) -> Any:
    """part / whole, 0 where whole is 0."""
    import numpy as np

    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) != 0)


def figure(rows: Sequence[Any], groups: Sequence[str], of: Callable[[Any], Any], seed: int) -> Figure | None:
    """The figure `of` the sums over rows ([k] numbers a row, in the last axis), with its interval over groups; None without rows."""
    import numpy as np

    if not len(rows):
        return None
    values = np.asarray(rows, dtype=float)
    names = {name: i for i, name in enumerate(sorted(set(groups)))}
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, [names[name] for name in groups], values)
    value = float(of(sums.sum(axis=0)))
    if len(names) < MIN_GROUPS:
        return {"value": value, "low": None, "high": None, "why": "too_few"}
    low, high = np.percentile(of(_draws(len(names), seed) @ sums), [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}


@lru_cache(maxsize=4)
def _draws(groups: int, seed: int) -> Any:
    """How often each group is drawn in each resample: [RESAMPLES, groups], drawn with replacement, each row sums to `groups`."""
    import numpy as np

    return np.random.default_rng(seed).multinomial(groups, [1 / groups] * groups, size=RESAMPLES).astype(float)
