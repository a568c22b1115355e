"""One model's answer to one frozen row, as a line of predictions-<who>.jsonl: what was said, what was right, and what is wrong with it.

No torch. The same line is made of a model's answer and of a baseline's, so both are scored alike. The prompt's own text decides which
names an answer invented.

>>> prediction(row, {"text": '{"targets":[]}', "tokens": 5, "ended": "stop"}, {"targets": {"metric": "set", "key": "name"}})["failures"]
['missed', 'extra']
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training import metrics
from training.reading import parse_object

_FROM_META = ("item", "kind", "difficulty")


def about_row(row: dict[str, Any]) -> dict[str, Any]:
    """Whence a frozen row comes: {"id", "task", "lang", "origin", "group", "source", "file", "line", "item", "kind", "difficulty"}, None
    where it says nothing."""
    try:
        meta = json.loads(row.get("meta") or "{}")
    except (ValueError, RecursionError):
        meta = {}  # it is for people; a row is scored without it
    meta = meta if isinstance(meta, dict) else {}
    known = {key: row.get(key) for key in ("id", "task", "lang", "origin", "group", "source", "file", "line")}
    return {**known, **{key: meta.get(key) for key in _FROM_META}}


def asked_text(row: dict[str, Any]) -> str:
    """The prompt's messages as one text."""
    return "\n".join(message["content"] for message in row["prompt"])


def row_line(row: dict[str, Any]) -> dict[str, Any]:
    """One line of rows.jsonl: the row as the report shows it beside the answers."""
    return {**about_row(row), "prompt": [{"role": m["role"], "content": m["content"]} for m in row["prompt"]],
            "completion": "\n".join(m["content"] for m in row["completion"]), "gold": gold_of(row)}


def gold_of(row: dict[str, Any]) -> dict[str, Any] | None:
    """The right answer; None for a row of free text."""
    return json.loads(row["answer"]) if row["answer"] else None


def prediction(row: dict[str, Any], answer: dict[str, Any], how: metrics.Metrics, **more: Any) -> dict[str, Any]:
    """The line. answer: {"text", "tokens", "ended"} and, where known, "prompt_tokens", "seconds", "wall_s"; `more` is put into it
    ("surprise", "prompt_sha256"). parsed, gold and scores are empty for a row without a structured answer."""
    gold = gold_of(row)
    parsed = metrics.parse(answer["text"]) if gold is not None else None
    line = {
        **about_row(row), "prompt_tokens": 0, "seconds": 0.0, "wall_s": 0.0, "surprise": None, **answer, **more,
        "parsed": parsed, "gold": gold, "scores": metrics.score_row(how, gold, parsed) if gold is not None else {},
        "hallucinated": metrics.invented(how, parsed, asked_text(row)), "repeated": metrics.repeats(answer["text"]),
    }
    return {**line, "failures": metrics.failures(how, line)}


def whole_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The predictions in a file; a last line torn by a kill is cut off the file, a damaged one is passed over: its row is
    answered again."""
    if not file.is_file():
        return
    raw = file.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if whole != raw:
        with open(file, "r+b") as torn:
            torn.truncate(len(whole))
    for line in whole.splitlines():
        try:
            found = parse_object(line)
        except ValueError:
            continue
        if isinstance(found.get("id"), str):
            yield found
