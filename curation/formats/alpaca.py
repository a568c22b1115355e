"""Alpaca: instruction, input, output (Taori et al., "Stanford Alpaca", 2023); a system text stands before the instruction.

>>> read({"instruction": "Name the target.", "input": "p();", "output": "f"})
[{'instruction': 'Name the target.', 'input': 'p();', 'output': 'f'}]

Not covered: `history` (turns before the question): such a row is refused.
"""
from __future__ import annotations

from typing import Any

from curation.formats._fields import extras, pair, said, text_of

NAME = "alpaca"
TASK = "self_instruct"
KEYS = ("instruction", "input", "output")


def sniff(fields: dict[str, Any]) -> bool:
    return {"instruction", "output"} <= fields.keys() and not {"label", "kto_tag"} & fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON. Raises ValueError."""
    system, instruction = text_of(fields, "system", needed=False), text_of(fields, "instruction")
    return [pair(fields, "\n\n".join(part for part in (system, instruction) if part.strip()), text_of(fields, "input", needed=False),
                 text_of(fields, "output"))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": payload["instruction"], "input": payload.get("input", ""), "output": said(payload), **extras(payload)}
