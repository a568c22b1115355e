"""Question and answer, the plainest form, often a CSV; with English or Chinese headers.

>>> read({"question": "What does p() call?", "answer": "f"})
[{'instruction': 'What does p() call?', 'input': '', 'output': 'f'}]
>>> read({"问题": "p() 调用什么？", "答案": "f"})
[{'instruction': 'p() 调用什么？', 'input': '', 'output': 'f'}]
"""
from __future__ import annotations

from typing import Any

from curation.formats._fields import asked, extras, pair, said, text_of

NAME = "qa"
TASK = "self_instruct"
KEYS = ("question", "answer")
_PAIRS = (
    KEYS, ("prompt", "response"), ("prompt", "completion"), ("query", "response"), ("instruction", "response"), ("input", "output"),
    ("问题", "答案"), ("问题", "回答"), ("問題", "答案"), ("問題", "回答"), ("指令", "输出"), ("提问", "回答"),
)
_CONTEXTS = ("context", "code", "input", "代码", "輸入", "输入", "上下文")


def sniff(fields: dict[str, Any]) -> bool:
    return keys_of(fields) is not None and not {"rejected", "label", "kto_tag"} & fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON; a column of code or context, if there is one, becomes its input. Raises ValueError."""
    question, answer = keys_of(fields) or KEYS
    context = next((key for key in _CONTEXTS if key in fields and key != question), "context")
    system = text_of(fields, "system", needed=False)
    return [pair(fields, "\n\n".join(part for part in (system, text_of(fields, question)) if part.strip()),
                 text_of(fields, context, needed=False), text_of(fields, answer))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"question": asked(payload), "answer": said(payload), **extras(payload)}


def keys_of(fields: dict[str, Any]) -> tuple[str, str] | None:
    """The names of the question's and the answer's column; None when there are none."""
    return next((pair for pair in _PAIRS if set(pair) <= fields.keys() and isinstance(dict.get(fields, pair[0]), str)), None)
