"""Preference pairs: one prompt, two answers, and which of them is the better one.

`a` and `b` are the answers as stored; which of them stood on the left is PreferencePrompt.shown_first, so a choice never depends on it.

>>> TASK.check({"choice": "a", "reason": "b names a function that is never assigned"})
"""
from __future__ import annotations

from typing import Any, Literal

from curation.model import Item, Lang, Message, Model, PreferencePrompt, PreferenceRow
from curation.tasks import Task


class PreferenceAnswer(Model):
    """tie: as good as each other. both_bad: neither may be learned from. reason: why, in the annotator's words; None: not said."""

    choice: Literal["a", "b", "tie", "both_bad"]
    reason: str | None = None


def render(item: Item, answer: dict[str, Any], explanation: str | None, lang: Lang) -> PreferenceRow | None:
    """The choice as a row for preference training. None for a tie, for two bad answers, and for a language that is not the pair's own (a
    pair of no stated language counts as English)."""
    choice = PreferenceAnswer.model_validate(answer).choice
    if (item.lang or "en") != lang or choice not in ("a", "b"):
        return None
    pair = PreferencePrompt.model_validate(item.payload)
    chosen, rejected = (pair.a, pair.b) if choice == "a" else (pair.b, pair.a)
    return PreferenceRow(
        task="preference", lang=lang,
        prompt=[Message(role="user", content=pair.prompt)],
        chosen=[Message(role="assistant", content=chosen)],
        rejected=[Message(role="assistant", content=rejected)],
    )


TASK = Task(name="preference", kind="preference", Answer=PreferenceAnswer, render=render)
