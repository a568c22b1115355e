"""Prodigy's JSON Lines: a text with options and those accepted (a choice), or a text field that was filled in.

>>> read({"text": "What is called?", "options": [{"id": "x", "text": "f"}, {"id": "y", "text": "g"}], "accept": ["x"], "answer": "accept"})
[{'instruction': 'What is called?', 'input': '', 'output': 'f'}]

A task that was rejected or ignored is refused.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import asked, extras, pair, said, text_of

NAME = "prodigy"
TASK = "self_instruct"
KEYS = ("text", "options", "accept", "answer")


def sniff(fields: dict[str, Any]) -> bool:
    return "text" in fields and fields.get("answer") in ("accept", "reject", "ignore")


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON. Raises ValueError, also for a task that nobody accepted."""
    if fields.get("answer") != "accept":
        raise ValueError(Reason("not_accepted", "the task was answered with {answer!r}", answer=str(fields.get("answer"))[:40]))
    question, accepted, options = text_of(fields, "text"), fields.get("accept"), fields.get("options")
    for key in ("_view_id", "config", "tokens", "_is_binary"):
        fields.get(key)
    if options is None:
        return [pair(fields, question, "", text_of(fields, "user_input"))]
    texts = {str(one.get("id")): one.get("text") for one in options if isinstance(one, dict)} if isinstance(options, list) else {}
    chosen = [texts.get(str(one)) for one in accepted] if isinstance(accepted, list) else []
    if not chosen or not all(isinstance(text, str) for text in chosen):
        raise ValueError(Reason("no_option", "'accept' names no option of the task"))
    return [pair(fields, question, "", "\n".join(map(str, chosen)))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"text": asked(payload), "user_input": said(payload), "answer": "accept", **extras(payload)}
