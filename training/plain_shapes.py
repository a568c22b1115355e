"""What do the keys of a plain file's row mean? Each shape is told by its keys, and read into prompt and completion, or chosen and rejected.

>>> shape_of({"question": "Who calls?", "answer": "main"}).config
'sft'
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from curation.errors import Reason

Row = dict[str, Any]
Messages = list[dict[str, str]]
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Shape:
    """One way to name the parts of a row. needed: the keys it is told by; others: those it reads where they are there."""

    config: str
    needed: tuple[str, ...]
    read: Callable[[Row], Row]
    others: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return (*self.needed, *self.others)


def shape_of(fields: Row) -> Shape:
    """The shape of a row by its keys. Raises ValueError with the keys that are known."""
    for shape in SHAPES:
        if set(shape.needed) <= fields.keys():
            return shape
    known = "; ".join(" + ".join(shape.needed) for shape in SHAPES)
    found = ", ".join(str(key) for key in fields) or "–"
    raise ValueError(Reason("unknown_keys", "its keys are {found}; known are: {known}", found=found, known=known))


def _preference(fields: Row) -> Row:
    return {"prompt": _asked(fields, "prompt"), "chosen": _said(fields, "chosen"), "rejected": _said(fields, "rejected")}


def _completion(fields: Row) -> Row:
    return {"prompt": _asked(fields, "prompt"), "completion": _said(fields, "completion")}


def _conversation(fields: Row) -> Row:
    turns = _turns(fields, "messages")
    if len(turns) < 2 or turns[-1]["role"] != "assistant":
        raise ValueError(Reason("no_last_answer", "messages: a question is needed, and its last turn must be the assistant's"))
    return {"prompt": turns[:-1], "completion": turns[-1:]}


def _instruction(fields: Row) -> Row:
    more = _text(fields, "input") if fields.get("input") else ""
    return {"prompt": _turn("user", "\n\n".join(filter(None, (_text(fields, "instruction"), more)))),
            "completion": _turn("assistant", _text(fields, "output"))}


def _question(fields: Row) -> Row:
    return {"prompt": _turn("user", _text(fields, "question")), "completion": _turn("assistant", _text(fields, "answer"))}


SHAPES = (
    Shape("preference", ("prompt", "chosen", "rejected"), _preference),
    Shape("sft", ("prompt", "completion"), _completion),
    Shape("sft", ("messages",), _conversation),
    Shape("sft", ("instruction", "output"), _instruction, ("input",)),
    Shape("sft", ("question", "answer"), _question),
)


def _turn(role: str, text: str) -> Messages:
    return [{"role": role, "content": text}]


def _asked(fields: Row, key: str) -> Messages:
    return _turns(fields, key) if isinstance(fields.get(key), list) else _turn("user", _text(fields, key))


def _said(fields: Row, key: str) -> Messages:
    turns = _turns(fields, key) if isinstance(fields.get(key), list) else _turn("assistant", _text(fields, key))
    if [turn["role"] for turn in turns] != ["assistant"]:
        raise ValueError(Reason("one_answer", "{key}: one message of the assistant is needed", key=key))
    return turns


def _turns(fields: Row, key: str) -> Messages:
    given = fields.get(key)
    if not isinstance(given, list) or not given or not all(isinstance(turn, dict) for turn in given):
        raise ValueError(Reason("messages_needed", "{key}: a list of messages is needed, each with role and content", key=key))
    for turn in given:
        if turn.get("role") not in ROLES:
            raise ValueError(Reason("wrong_role", "{key}: the role {role!r} is none of {known}",
                                    key=key, role=turn.get("role"), known=", ".join(ROLES)))
    return [{"role": turn["role"], "content": _text(turn, "content")} for turn in given]


def _text(fields: Row, key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(Reason("text_needed", "{key}: a text that is not empty is needed", key=key))
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise ValueError(Reason("half_character", "{key}: there is half of a character (a lone surrogate) in it", key=key))
    return value
