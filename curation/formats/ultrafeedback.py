"""UltraFeedback: an instruction with several completions, each with a score (the best against the worst).

>>> rated = [{"response": "f", "overall_score": 8.0}, {"response": "g", "overall_score": 2.0}]
>>> read({"instruction": "What is called?", "completions": rated})
[{'prompt': 'What is called?', 'chosen': 'f', 'rejected': 'g'}]
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import best_and_worst, text_of

NAME = "ultrafeedback"
TASK = "preference"
KEYS = ("instruction", "completions")


def sniff(fields: dict[str, Any]) -> bool:
    return "instruction" in fields and isinstance(fields.get("completions"), list)


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """{prompt, chosen, rejected}. Raises ValueError."""
    completions = fields.get("completions")
    if not isinstance(completions, list) or not all(isinstance(one, dict) and isinstance(one.get("response"), str) for one in completions):
        raise ValueError(Reason("no_completions", "'completions' is no list of objects with a response"))
    scores = [one.get("overall_score", one.get("fine-grained_score")) for one in completions]
    fields.get("models")
    return [best_and_worst(text_of(fields, "instruction"), [one["response"] for one in completions], scores)]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    rated = [{"response": payload["chosen"], "overall_score": 2.0}, {"response": payload["rejected"], "overall_score": 1.0}]
    return {"instruction": payload["prompt"], "completions": rated}
