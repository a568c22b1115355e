"""distilabel's datasets: an instruction with one generation, or with several and a rating each (the best against the worst).

>>> read({"instruction": "What is called?", "generations": ["f", "g"], "ratings": [5, 1]})
[{'prompt': 'What is called?', 'chosen': 'f', 'rejected': 'g'}]
"""
from __future__ import annotations

from typing import Any

from curation.errors import Reason
from curation.formats._fields import asked, best_and_worst, extras, pair, said, text_of

NAME = "distilabel"
TASK = "self_instruct"
KEYS = ("instruction", "generation")


def sniff(fields: dict[str, Any]) -> bool:
    return "instruction" in fields and bool({"generation", "generations"} & fields.keys())


def read(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A PairAnswer, or {prompt, chosen, rejected} where answers are rated. Raises ValueError."""
    system, instruction = text_of(fields, "system_prompt", needed=False), text_of(fields, "instruction")
    prompt = "\n\n".join(part for part in (system, instruction) if part.strip())
    generations = fields.get("generations")
    if generations is None:
        return [pair(fields, prompt, "", text_of(fields, "generation"))]
    if not isinstance(generations, list) or not all(isinstance(text, str) for text in generations):
        raise ValueError(Reason("no_text", "{key!r} is no text", key="generations"))
    if len(generations) == 1:
        return [pair(fields, prompt, "", generations[0])]
    return [best_and_worst(prompt, generations, fields.get("ratings"))]


def write(payload: dict[str, Any]) -> dict[str, Any]:
    return {"instruction": asked(payload), "generation": said(payload), **extras(payload)}
