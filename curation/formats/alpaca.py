"""Alpaca: instruction, input, output (Taori et al., "Stanford Alpaca", 2023).

>>> read({"instruction": "Name the target.", "input": "p();", "output": "f"})
{'instruction': 'Name the target.', 'input': 'p();', 'output': 'f'}
"""
from __future__ import annotations

from typing import Any

from curation.formats import text_of

NAME = "alpaca"
TASK = "self_instruct"
KEYS = ("instruction", "input", "output")


def sniff(fields: dict[str, Any]) -> bool:
    return {"instruction", "output"} <= fields.keys()


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """A PairAnswer as plain JSON. Raises ValueError."""
    return {
        "instruction": text_of(fields, "instruction"), "input": text_of(fields, "input", needed=False), "output": text_of(fields, "output"),
    }


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: payload.get(key, "") for key in KEYS}
