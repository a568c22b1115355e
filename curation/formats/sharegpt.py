"""ShareGPT: conversations of {from, value}.

>>> read({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]})
[{'instruction': 'Hi', 'input': '', 'output': 'Hello'}]

Not covered: conversations of more than one question, and tools; each such row is reported, not cut.
"""
from __future__ import annotations

from typing import Any

from curation.formats._fields import asked, extras, said
from curation.formats.messages import pair_of

NAME = "sharegpt"
TASK = "self_instruct"
KEYS = ("conversations",)


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("conversations"), list) and not {"chosen", "label", "kto_tag"} & fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON; the record's own "system" text is put before the instruction. Raises ValueError."""
    return [pair_of(fields, turns_of(fields), "from", "value")]


def turns_of(fields: dict[str, Any]) -> Any:
    """The turns, with the record's own system text before them."""
    turns = fields.get("conversations")
    if isinstance(turns, list) and isinstance(fields.get("system"), str) and fields["system"].strip():
        return [{"from": "system", "value": fields["system"]}, *turns]
    return turns


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"conversations": [{"from": "human", "value": asked(payload)}, {"from": "gpt", "value": said(payload)}], **extras(payload)}
