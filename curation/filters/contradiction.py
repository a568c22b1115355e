"""Is the same question answered otherwise in another row?

>>> context = Context()
>>> context.remember([Item(id="1", task="self_instruct", origin="imported", payload={"instruction": "q", "output": "f"}, group="1")])
>>> check(PairAnswer(instruction="q", output="g"), context)
[Flag(filter='contradiction', params={'of': '1'})]

The question is compared without white space and case, the answer by its words: the first other answer is named. Two answers of a preference
pair differ by their nature and are not compared.
"""
from __future__ import annotations

from curation.filters import Context
from curation.model import Flag, Item, PairAnswer  # noqa: F401 (Item: the example)

NAME = "contradiction"


def check(row: PairAnswer, context: Context) -> list[Flag]:
    if context.topic == "preference":
        return []
    other = context.other_answer(row)
    return [Flag(filter=NAME, params={"of": other})] if other is not None else []
