"""Question and answer, the plainest form, often a CSV.

>>> read({"question": "What does p() call?", "answer": "f"})
{'instruction': 'What does p() call?', 'input': '', 'output': 'f'}
"""
from __future__ import annotations

from typing import Any

from curation.formats import text_of

NAME = "qa"
TASK = "self_instruct"
KEYS = ("question", "answer")
_PAIRS = (KEYS, ("prompt", "response"), ("prompt", "completion"), ("query", "response"))


def sniff(fields: dict[str, Any]) -> bool:
    return _keys(fields) is not None and "rejected" not in fields


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """A PairAnswer as plain JSON; a key "context", if there is one, becomes its input. Raises ValueError."""
    question, answer = _keys(fields) or KEYS
    return {
        "instruction": text_of(fields, question), "input": text_of(fields, "context", needed=False), "output": text_of(fields, answer),
    }


def write(payload: dict[str, Any]) -> dict[str, Any]:
    asked = "\n\n".join(part for part in (payload["instruction"], payload.get("input", "")) if part)
    return {"question": asked, "answer": payload["output"]}


def _keys(fields: dict[str, Any]) -> tuple[str, str] | None:
    return next((pair for pair in _PAIRS if set(pair) <= fields.keys() and isinstance(fields[pair[0]], str)), None)
