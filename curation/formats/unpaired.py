"""Unpaired preference: one answer with a label, good or bad (TRL's KTO: prompt, completion, label; LLaMA-Factory's: kto_tag).

>>> read({"prompt": "q", "completion": "f", "label": True})
[{'instruction': 'q', 'input': '', 'output': 'f'}]

A row whose answer is marked bad is refused: it is no pair to learn from.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats import messages, qa, sharegpt
from curation.formats._fields import asked, extras, pair, said, text_of

NAME = "unpaired"
TASK = "self_instruct"
KEYS = ("prompt", "completion", "label")
_MARKS = ("label", "kto_tag")


def sniff(fields: dict[str, Any]) -> bool:
    mark = next((fields.get(key) for key in _MARKS if key in fields), None)
    return (isinstance(mark, bool) or str(mark).lower() in ("true", "false")) and _inner(fields) is not None


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON. Raises ValueError, also for an answer that is marked bad."""
    mark = next((fields.get(key) for key in _MARKS if key in fields), None)
    if not isinstance(mark, bool) and str(mark).lower() not in ("true", "false"):
        raise ValueError(Reason("no_mark", "'label' is neither true nor false"))
    if mark is False or str(mark).lower() == "false":
        raise ValueError(Reason("marked_bad", "its answer is marked bad (label false): it is no pair to learn from"))
    inner = _inner(fields)
    if inner == "alpaca":
        return [pair(fields, text_of(fields, "instruction"), text_of(fields, "input", needed=False), text_of(fields, "output"))]
    return {"messages": messages, "sharegpt": sharegpt, "qa": qa}[inner or "qa"].read(fields)  # type: ignore[attr-defined,no-any-return]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": asked(payload), "completion": said(payload), "label": True, **extras(payload)}


def _inner(fields: dict[str, Any]) -> str | None:
    if isinstance(fields.get("conversations"), list):
        return "sharegpt"
    if isinstance(fields.get("messages"), list) or isinstance(fields.get("prompt"), list):
        return "messages"
    if {"instruction", "output"} <= fields.keys():
        return "alpaca"
    return "qa" if qa.keys_of(fields) else None
