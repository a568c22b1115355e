"""doccano's JSON Lines of sequence to sequence: a text with its answers under label.

>>> read({"id": 1, "text": "What does p(1) call?", "label": ["It calls f."], "Comments": []})
[{'instruction': 'What does p(1) call?', 'input': '', 'output': 'It calls f.'}]
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import asked, extras, pair, said, text_of

NAME = "doccano"
TASK = "self_instruct"
KEYS = ("text", "label")


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("text"), str) and isinstance(fields.get("label"), list)


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer an answer. Raises ValueError; spans and classes are no answers."""
    answers = fields.get("label")
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise ValueError(Reason("no_answers", "'label' is no list of answers as texts"))
    return [pair(fields, text_of(fields, "text"), "", answer) for answer in answers]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"text": asked(payload), "label": [said(payload)], **extras(payload)}
