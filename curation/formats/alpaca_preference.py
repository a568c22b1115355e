"""Alpaca with two answers: instruction, input, chosen, rejected (LLaMA-Factory's `ranking: true`); its older shape has both under output.

>>> read({"instruction": "What is called?", "input": "p(1);", "chosen": "f", "rejected": "nothing"})
[{'prompt': 'What is called?\\n\\np(1);', 'chosen': 'f', 'rejected': 'nothing'}]
"""
from __future__ import annotations

from typing import Any

from curation.formats._fields import preference, text_of

NAME = "alpaca_preference"
TASK = "preference"
KEYS = ("instruction", "input", "chosen", "rejected")


def sniff(fields: dict[str, Any]) -> bool:
    return "instruction" in fields and (
        isinstance(fields.get("output"), list) or isinstance(fields.get("chosen"), str) and "rejected" in fields
    )


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """{prompt, chosen, rejected}: the better answer stands first under an older file's output. Raises ValueError."""
    parts = [text_of(fields, "system", needed=False), text_of(fields, "instruction"), text_of(fields, "input", needed=False)]
    prompt = "\n\n".join(part for part in parts if part.strip())
    both = fields.get("output")
    if isinstance(both, list) and len(both) == 2 and all(isinstance(text, str) for text in both):
        return [preference(prompt, *both)]
    return [preference(prompt, text_of(fields, "chosen"), text_of(fields, "rejected"))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": payload["prompt"], "input": "", "chosen": payload["chosen"], "rejected": payload["rejected"]}
