"""Preference pairs: prompt, chosen, rejected, as texts or as TRL's lists of messages.

>>> read({"prompt": "Name it", "chosen": "f", "rejected": "I cannot"})
{'prompt': 'Name it', 'chosen': 'f', 'rejected': 'I cannot'}
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats import text_of

NAME = "preference"
TASK = "preference"
KEYS = ("prompt", "chosen", "rejected")


def sniff(fields: dict[str, Any]) -> bool:
    return {"chosen", "rejected"} <= fields.keys()


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """{prompt, chosen, rejected} as texts. Without a "prompt", the messages that both answers begin with are it. Raises ValueError."""
    fields = {key: fields.get(key) for key in KEYS}
    chosen, rejected = fields["chosen"], fields["rejected"]
    if fields["prompt"] is None and isinstance(chosen, list) and isinstance(rejected, list):
        if not chosen or chosen[:-1] != rejected[:-1]:
            raise ValueError(Reason("no_prompt", "'prompt' is missing, and the two answers do not begin with the same messages"))
        fields["prompt"], fields["chosen"], fields["rejected"] = chosen[:-1], chosen[-1:], rejected[-1:]
    row = {key: text_of({key: _text(value)}, key) for key, value in fields.items()}
    if row["chosen"] == row["rejected"]:
        raise ValueError(Reason("chosen_is_rejected", "'chosen' and 'rejected' are the same"))
    return row


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: payload[key] for key in KEYS}


def _text(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(turn, dict) and isinstance(turn.get("content"), str) for turn in value):
        return "\n\n".join(turn["content"] for turn in value)
    return value
