"""Chat messages as the OpenAI and TRL conversational formats have them: messages, or prompt and completion as lists of messages.

>>> read({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})
{'instruction': 'Hi', 'input': '', 'output': 'Hello'}

Not covered: conversations of more than one question; each such row is reported, not cut.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason

NAME = "messages"
TASK = "self_instruct"
KEYS = ("messages",)


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(_turns(fields), list)


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """A PairAnswer as plain JSON; a system message is put before the instruction. Raises ValueError."""
    return pair_of(_turns(fields), "role", "content", {"system": "system", "user": "user", "assistant": "assistant"})


def write(payload: dict[str, Any]) -> dict[str, Any]:
    asked = "\n\n".join(part for part in (payload["instruction"], payload.get("input", "")) if part)
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": payload["output"]}]}


def _turns(fields: dict[str, Any]) -> Any:
    if isinstance(fields.get("prompt"), list) and isinstance(fields.get("completion"), list):
        return fields["prompt"] + fields["completion"]
    return fields.get("messages")


def pair_of(turns: Any, role_key: str, text_key: str, roles: dict[str, str]) -> dict[str, Any]:
    """One question and its answer out of a list of turns. roles: the format's role names to ours. Raises ValueError."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError(Reason("no_messages", "the conversation is no list of messages"))
    said: list[tuple[str, str]] = []
    for turn in turns:
        role, text = roles.get(str(turn.get(role_key))), turn.get(text_key)
        if role is None:
            given = turn.get(role_key)
            known = ", ".join(roles)
            raise ValueError(Reason("no_such_role", "{key} {given!r} is none of {known}", key=role_key, given=given, known=known))
        if not isinstance(text, str) or not text.strip():
            raise ValueError(Reason("silent_message", "a message of {speaker} has no text under {key!r}", speaker=role, key=text_key))
        said.append((role, text))
    before = [text for role, text in said if role == "system"]
    talk = [(role, text) for role, text in said if role != "system"]
    if [role for role, _ in talk] != ["user", "assistant"]:
        raise ValueError(Reason("many_turns", "a conversation of {turns} turns; only one question with its answer can be reviewed here",
                                turns=len(talk)))
    return {"instruction": "\n\n".join([*before, talk[0][1]]), "input": "", "output": talk[1][1]}
