"""What would be right without any model? Answers by rules of thumb, scored as a model's are. No torch, no task names.

    majority         each field's most frequent value in the task's training rows (a list counts whole)
    nearest          the answer of the training row of the same task whose prompt is most alike
    first_candidate  what the engine ranked first, where the frozen row's meta holds it ("first_candidate": an answer)

The first two do not read the code: majority looks at nothing, nearest compares texts. A model that is not above them has learned
nothing of C. The engine reads code; to be below it is no reason not to ship.

Likeness is the cosine over the prompts' 3-grams of tokens (identifiers, numbers, single marks, CJK characters one by one), each prompt a
set; 3-grams that stand in more than a fifth of the task's training rows are the task's own words and count for nothing.

>>> answers(train, test, {"callback_timing": {"context": {"metric": "accuracy"}}})["majority"]["rows"][0]["text"]
'{"context":"process"}'
"""
from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from curation.model import canonical_json
from training import metrics
from training.predictions import asked_text, gold_of, prediction

TOKEN = re.compile(r"[A-Za-z_]\w*|\d+|[\u3400-\u9fff]|[^\w\s]", re.ASCII)
GRAM = 3
COMMON = 0.2

Row = dict[str, Any]
Answer = Callable[[Row], str | None]  # the answer's JSON text; None where it has none to this row


def answers(train: Sequence[Row], test: Sequence[Row], scored: dict[str, metrics.Metrics]) -> dict[str, dict[str, Any]]:
    """Name -> {"reads_code", "skipped": code or None, "rows": predictions of the test rows it can answer, or None}."""
    learned = [row for row in train if row["answer"]]
    asked = [row for row in test if row["answer"] and scored.get(row["task"])]
    found = {}
    for name, reads_code, why, answer in (
        ("majority", False, "no_train_rows", majority(learned, scored)), ("nearest", False, "no_train_rows", nearest(learned)),
        ("first_candidate", True, "no_first_candidate", first_candidate),
    ):
        rows = [prediction(row, {"text": text, "tokens": 0, "ended": "stop"}, scored[row["task"]])
                for row in asked if (text := answer(row)) is not None]
        found[name] = {"reads_code": reads_code, "skipped": None if rows else why, "rows": rows or None}
    return found


def majority(train: Sequence[Row], scored: dict[str, metrics.Metrics]) -> Answer:
    """Of values that are equally frequent the first by its JSON text."""
    values: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in train:
        gold = gold_of(row) or {}
        for field in scored.get(row["task"], {}):
            values[row["task"]][field][canonical_json(gold.get(field))] += 1
    said = {task: canonical_json({field: json.loads(min(counts, key=lambda v: (-counts[v], v))) for field, counts in fields.items()})
            for task, fields in values.items()}
    return lambda row: said.get(row["task"])


def nearest(train: Sequence[Row]) -> Answer:
    """Of rows that are equally alike the first."""
    tasks: dict[str, list[Row]] = defaultdict(list)
    for row in train:
        tasks[row["task"]].append(row)
    indexes = {task: _Index([asked_text(row) for row in rows]) for task, rows in tasks.items()}

    def answer(row: Row) -> str | None:
        rows = tasks.get(row["task"])
        return rows[indexes[row["task"]].nearest(asked_text(row))]["answer"] if rows else None

    return answer


def first_candidate(row: Row) -> str | None:
    try:
        meta = json.loads(row["meta"] or "{}")
    except (ValueError, RecursionError):
        return None
    said = meta.get("first_candidate") if isinstance(meta, dict) else None
    return canonical_json(said) if isinstance(said, dict) else None


class _Index:
    """The texts by their 3-grams: gram -> numbers of the texts it stands in."""

    def __init__(self, texts: Sequence[str]) -> None:
        sets = [set(_grams(text)) for text in texts]
        known: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for i, grams in enumerate(sets):
            for gram in grams:
                known[gram].append(i)
        most = max(1, len(texts) * COMMON)
        self._texts = {gram: numbers for gram, numbers in known.items() if len(numbers) <= most}
        self._sizes = [sum(gram in self._texts for gram in grams) for grams in sets]

    def nearest(self, text: str) -> int:
        shared = Counter(i for gram in set(_grams(text)) for i in self._texts.get(gram, ()))
        return min(shared, key=lambda i: (-shared[i] / math.sqrt(self._sizes[i]), i), default=0)


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    tokens = TOKEN.findall(text)
    return zip(*(tokens[k:] for k in range(GRAM)), strict=False)
