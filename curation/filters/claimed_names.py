"""Do the functions and lines that a generated answer names exist in the code that it was asked about?

Looked at are rows whose topic is a site task, with code and an answer that can be read (answer_json flags the others). Which fields hold names
of the code is said by the task (its metrics, "names"); a chain of callers may begin in a library that the code does not show.

>>> row = PairAnswer(instruction="q", input="p = f; p();", output='{"targets":[{"name":"g"}],"completeness":"complete"}')
>>> check(row, Context(topic="function_pointer"))
[Flag(filter='claimed_names', params={'field': 'targets', 'said': 'g'})]
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tasks import all_tasks

NAME = "claimed_names"


def check(row: PairAnswer, context: Context) -> list[Flag]:
    task = all_tasks().get(context.topic or "")
    answer = stated(row) if task is not None and task.kind == "site" else None
    if task is None or answer is None or not row.input.strip():
        return []
    text = f"{row.instruction}\n{row.input}"
    for field, about in task.metrics().items():
        for name in _names(answer.get(field), about) if about.get("names") and about["metric"] != "sequence" else ():
            if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                return [Flag(filter=NAME, params={"field": field, "said": name[:80]})]
    last = row.input.count("\n") + 1
    line = next((line for line in _lines(answer) if not 1 <= line <= last), None)
    return [] if line is None else [Flag(filter=NAME, params={"field": "line", "said": str(line)[:20]})]


def stated(row: PairAnswer) -> dict[str, Any] | None:
    """The answer that the output's first line states; None when it states none."""
    try:
        answer = json.loads(row.output.lstrip().split("\n", 1)[0])
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _names(value: Any, about: dict[str, Any]) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        name = one.get(str(about.get("key", "name"))) if isinstance(one, dict) else one
        if isinstance(name, str) and name:
            yield name


def _lines(value: Any, depth: int = 0) -> Iterator[int]:
    if depth > 6:
        return
    if isinstance(value, dict):
        if isinstance(line := value.get("line"), int) and not isinstance(line, bool):
            yield line
        for inner in value.values():
            yield from _lines(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:500]:
            yield from _lines(inner, depth + 1)
