"""Self-Instruct's seed tasks: an instruction with several instances of input and output (Wang et al., 2023).

>>> read({"instruction": "What is called?", "instances": [{"input": "p(1);", "output": "f"}]})
[{'instruction': 'What is called?', 'input': 'p(1);', 'output': 'f'}]
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import Fields, extras, pair, said, text_of

NAME = "instances"
TASK = "self_instruct"
KEYS = ("instruction", "instances")


def sniff(fields: dict[str, Any]) -> bool:
    return "instruction" in fields and isinstance(fields.get("instances"), list)


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer an instance, as plain JSON. Raises ValueError."""
    found = fields.get("instances")
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise ValueError(Reason("no_instances", "'instances' is no list of objects with input and output"))
    instruction, rows = text_of(fields, "instruction"), []
    for one in map(Fields, found):
        rows.append(pair(Fields({**fields, **one}), instruction, text_of(one, "input", needed=False), text_of(one, "output")))
        if unread := one.unread():
            raise ValueError(Reason("strange_instance", "an instance has {key!r}, which is not read", key=unread[0][:40]))
    fields.get("terms"), fields.get("difficulty")
    return rows


def write(payload: dict[str, Any]) -> dict[str, Any]:
    instance = {"input": payload.get("input", ""), "output": said(payload)}
    return {"instruction": payload["instruction"], "instances": [instance], **extras(payload)}
