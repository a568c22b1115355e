"""Preference pairs: prompt, chosen, rejected, as texts or as TRL's lists of messages; UltraFeedback's binarized columns are this.

>>> read({"prompt": "Name it", "chosen": "f", "rejected": "I cannot"})
[{'prompt': 'Name it', 'chosen': 'f', 'rejected': 'I cannot'}]

The messages that both answers begin with are the prompt, also where a text `prompt` says them again.
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import preference, text_of
from curation.formats.messages import spoken

NAME = "preference"
TASK = "preference"
KEYS = ("prompt", "chosen", "rejected")


def sniff(fields: dict[str, Any]) -> bool:
    return {"chosen", "rejected"} <= fields.keys() and not {"instruction", "conversations"} & fields.keys()


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """{prompt, chosen, rejected} as texts. Raises ValueError."""
    system = text_of(fields, "system", needed=False)
    prompt, chosen, rejected = (fields.get(key) for key in KEYS)
    if isinstance(chosen, list) and isinstance(rejected, list):
        shared, chosen, rejected = _shared(spoken(chosen), spoken(rejected))
        asked = spoken(prompt) if isinstance(prompt, list) else [("user", prompt)] if isinstance(prompt, str) and prompt.strip() else []
        if not shared and not asked:
            raise ValueError(Reason("no_prompt", "'prompt' is missing, and the two answers do not begin with the same messages"))
        before = [text for _, text in asked] if not shared else [text for _, text in shared]
        if shared and asked and asked[-1][1].strip() not in {text.strip() for _, text in shared}:
            before = [text for _, text in asked] + before
        prompt = "\n\n".join(before)
    elif isinstance(prompt, list):
        prompt = "\n\n".join(text for _, text in spoken(prompt))
    made = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    prompt = text_of(made, "prompt")
    return [preference("\n\n".join(part for part in (system, prompt) if part.strip()), text_of(made, "chosen"), text_of(made, "rejected"))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: payload[key] for key in KEYS}


def _shared(chosen: list[tuple[str, str]], rejected: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], str, str]:
    """The messages that both begin with, and the one answer of each. Raises ValueError for answers of several turns."""
    if not chosen or not rejected or chosen[:-1] != rejected[:-1] or chosen[-1][0] != "assistant" or rejected[-1][0] != "assistant":
        raise ValueError(Reason("no_prompt", "'prompt' is missing, and the two answers do not begin with the same messages"))
    if [role for role, _ in chosen[:-1] if role != "system"] not in ([], ["user"]):
        raise ValueError(Reason("many_turns", "a conversation of {turns} turns; only one question with its answer can be reviewed here",
                                turns=len(chosen)))
    return chosen[:-1], chosen[-1][1], rejected[-1][1]
