"""ShareGPT: conversations of {from, value}.

>>> read({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]})
{'instruction': 'Hi', 'input': '', 'output': 'Hello'}

Not covered: conversations of more than one question; each such row is reported, not cut.
"""
from __future__ import annotations

from typing import Any

from curation.formats.messages import pair_of

NAME = "sharegpt"
TASK = "self_instruct"
KEYS = ("conversations",)
_ROLES = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant"}


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("conversations"), list)


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """A PairAnswer as plain JSON; the record's own "system" text is put before the instruction. Raises ValueError."""
    turns = fields.get("conversations")
    if isinstance(turns, list) and isinstance(fields.get("system"), str) and fields["system"].strip():
        turns = [{"from": "system", "value": fields["system"]}, *turns]
    return pair_of(turns, "from", "value", _ROLES)


def write(payload: dict[str, Any]) -> dict[str, Any]:
    asked = "\n\n".join(part for part in (payload["instruction"], payload.get("input", "")) if part)
    return {"conversations": [{"from": "human", "value": asked}, {"from": "gpt", "value": payload["output"]}]}
