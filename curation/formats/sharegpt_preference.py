"""ShareGPT with two answers: conversations, chosen, rejected, each answer a turn (LLaMA-Factory's `ranking: true`).

>>> f, g = {"from": "gpt", "value": "f"}, {"from": "gpt", "value": "g"}
>>> read({"conversations": [{"from": "human", "value": "q"}], "chosen": f, "rejected": g})
[{'prompt': 'q', 'chosen': 'f', 'rejected': 'g'}]
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import preference
from curation.formats.messages import spoken
from curation.formats.sharegpt import turns_of

NAME = "sharegpt_preference"
TASK = "preference"
KEYS = ("conversations", "chosen", "rejected")


def sniff(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("conversations"), list) and {"chosen", "rejected"} <= fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """{prompt, chosen, rejected}. Raises ValueError."""
    before = spoken(turns_of(fields), "from", "value")
    if [role for role, _ in before if role != "system"] != ["user"]:
        raise ValueError(Reason("many_turns", "a conversation of {turns} turns; only one question with its answer can be reviewed here",
                                turns=len(before)))
    both = [fields.get(key) for key in ("chosen", "rejected")]
    answers = [spoken([answer] if isinstance(answer, dict) else answer, "from", "value") for answer in both]
    if any([role for role, _ in answer] != ["assistant"] for answer in answers):
        raise ValueError(Reason("no_answer_turn", "'chosen' and 'rejected' are not one turn of the assistant each"))
    return [preference("\n\n".join(text for _, text in before), answers[0][0][1], answers[1][0][1])]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "conversations": [{"from": "human", "value": payload["prompt"]}],
        "chosen": {"from": "gpt", "value": payload["chosen"]}, "rejected": {"from": "gpt", "value": payload["rejected"]},
    }
