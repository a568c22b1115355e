"""Self-Instruct pairs: an instruction, its input (often C code) and the answer to learn, read by a reviewer.

>>> TASK.check({"instruction": "Which function does p->run reach?", "input": "p->run = start; p->run();", "output": "start"})

The method is that of Wang et al., "Self-Instruct" (2023); curation/pairs/generate.py asks for the pairs.
"""
from __future__ import annotations

from typing import Any

from curation.model import Item, Lang, Message, PairAnswer, TrainingRow
from curation.tasks import Task


def render(item: Item, answer: dict[str, Any], explanation: str | None, lang: Lang) -> TrainingRow | None:
    """The pair as a training row, in its own language only (None for the other one; a pair of no stated language counts as English)."""
    if (item.lang or "en") != lang:
        return None
    pair = PairAnswer.model_validate(answer or item.payload)
    asked = f"{pair.instruction}\n\n{pair.input}" if pair.input.strip() else pair.instruction
    thought = f"<think>\n{pair.thinking}\n</think>\n\n" if pair.thinking else ""
    return TrainingRow(
        task="self_instruct", lang=lang,
        prompt=[Message(role="user", content=asked)],
        completion=[Message(role="assistant", content=f"{thought}{pair.output}")],
    )


TASK = Task(name="self_instruct", kind="pair", Answer=PairAnswer, render=render)
