"""Chat messages as the OpenAI and TRL conversational formats have them: messages, or prompt and completion as lists of messages.

>>> read({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]})
[{'instruction': 'Hi', 'input': '', 'output': 'Hello'}]

Content may be a text or parts of type text. A developer's message counts as the system's. Not covered, and reported with their place:
conversations of more than one question, tool calls, parts that are no text, an assistant's message of weight 0.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import asked, extras, pair, said

NAME = "messages"
TASK = "self_instruct"
KEYS = ("messages",)
ROLES = {"system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
         "chatgpt": "assistant", "model": "assistant"}
_TOLD = frozenset({"role", "content", "from", "value", "name", "weight", "annotations", "reasoning_content", "thinking"})
_TEXTS = ("text", "input_text", "output_text")


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(_turns(fields), list) and not {"label", "kto_tag"} & fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer as plain JSON; a system message is put before the instruction. Raises ValueError."""
    return [pair_of(fields, _turns(fields))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": asked(payload)}, {"role": "assistant", "content": said(payload)}], **extras(payload)}


def _turns(fields: dict[str, Any]) -> Any:
    if isinstance(fields.get("prompt"), list) and isinstance(fields.get("completion"), list):
        return fields["prompt"] + fields["completion"]
    return fields.get("messages")


def pair_of(fields: dict[str, Any], turns: Any, role_key: str = "role", text_key: str = "content") -> dict[str, Any]:
    """One question and its answer out of a list of turns. Raises ValueError."""
    said_ = spoken(turns, role_key, text_key)
    before = [text for role, text in said_ if role == "system"]
    talk = [(role, text) for role, text in said_ if role != "system"]
    if [role for role, _ in talk] != ["user", "assistant"]:
        raise ValueError(Reason("many_turns", "a conversation of {turns} turns; only one question with its answer can be reviewed here",
                                turns=len(talk)))
    return pair(fields, "\n\n".join([*before, talk[0][1]]), "", talk[1][1])


def spoken(turns: Any, role_key: str = "role", text_key: str = "content") -> list[tuple[str, str]]:
    """(system, user or assistant; text) of each turn; empty system turns are left out. Raises ValueError with what is wrong with a turn."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError(Reason("no_messages", "the conversation is no list of messages"))
    found: list[tuple[str, str]] = []
    for number, turn in enumerate(turns, 1):
        role = ROLES.get(str(turn.get(role_key)))
        if role is None:
            raise ValueError(Reason("no_such_role", "{key} {given!r} is none of {known}", key=role_key, given=str(turn.get(role_key))[:40],
                                    known=", ".join(ROLES)))
        text = _text(turn.get(text_key), number)
        if text is not None and not text.strip() and role == "system":
            continue
        if strange := [key for key, value in turn.items() if key not in _TOLD and value not in (None, "", [], {})]:
            key = strange[0][:40]
            raise ValueError(Reason("strange_turn", "message {number} has {key!r}, which cannot be kept here", number=number, key=key))
        if text is None or not text.strip():
            raise ValueError(Reason("silent_message", "a message of {speaker} has no text under {key!r}", speaker=role, key=text_key))
        if role == "assistant" and turn.get("weight") in (0, False):
            raise ValueError(Reason("weight_zero", "message {number} has weight 0: it is not to be learned from", number=number))
        thought = turn.get("reasoning_content") or turn.get("thinking")
        thinks = role == "assistant" and isinstance(thought, str) and thought.strip()
        found.append((role, f"<think>{thought}</think>\n\n{text}" if thinks else text))
    return found


def _text(content: Any, number: int) -> str | None:
    """A message's text; its parts of type text joined. None when it has none. Raises ValueError for a part that is no text."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) and part.get("type") in _TEXTS else part
        if not isinstance(text, str):
            raise ValueError(Reason("no_text_part", "message {number} has a part that is no text", number=number))
        parts.append(text)
    return "\n".join(parts)
