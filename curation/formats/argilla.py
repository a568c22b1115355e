"""Argilla's records: fields with a question, responses to the dataset's questions (submitted ones count).

>>> read({"fields": {"instruction": "What is called?"}, "responses": {"answer": [{"value": "f", "status": "submitted"}]}})
[{'instruction': 'What is called?', 'input': '', 'output': 'f'}]

Not covered, and refused: rankings, ratings and spans.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import Fields, asked, extras, pair, said

NAME = "argilla"
TASK = "self_instruct"
KEYS = ("fields", "responses")
_QUESTIONS = ("instruction", "question", "prompt", "text")
_CODES = ("input", "code", "context")


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("fields"), dict) and isinstance(fields.get("responses"), dict)


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer for each submitted response. Raises ValueError; also when there is none."""
    data, responses = fields.get("fields"), fields.get("responses")
    for key in ("suggestions", "vectors", "status", "external_id", "_server_id", "inserted_at"):
        fields.get(key)
    data = data if isinstance(data, dict) else {}
    question = next((data[key] for key in _QUESTIONS if isinstance(data.get(key), str) and data[key].strip()), None)
    if question is None:
        raise ValueError(Reason("key_missing", "{key!r} is missing", key="fields.instruction"))
    code = next((data[key] for key in _CODES if isinstance(data.get(key), str)), "")
    made, about = [], fields.get("metadata")
    for given in responses.values() if isinstance(responses, dict) else []:
        for one in given if isinstance(given, list) else []:
            if not isinstance(one, dict) or one.get("status", "submitted") != "submitted":
                continue
            if not isinstance(one.get("value"), str):
                kind = type(one.get("value")).__name__
                raise ValueError(Reason("strange_result", "a result of type {kind!r} cannot be read here", kind=kind))
            made.append(pair(Fields({**data, **(about if isinstance(about, dict) else {})}), question, code, one["value"]))
    if not made:
        raise ValueError(Reason("nothing_annotated", "nobody has answered this task"))
    return made


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "fields": {"instruction": asked(payload)}, "responses": {"answer": [{"value": said(payload), "status": "submitted"}]},
        "metadata": extras(payload),
    }
