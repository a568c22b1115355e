"""Does the answer only repeat the question, or hand the input back?

The instruction counts as repeated from ROUGE-L 0.9 on. The input must come back equal but for white space: "add comments to this code" is
answered with nearly the same code, and rightly.

>>> check(PairAnswer(instruction="Which function does p->run reach?", output="Which function does p->run reach"), Context())
[Flag(filter='echo', params={'part': 'instruction'})]
"""
from __future__ import annotations

from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tokens import rouge_l, tokens

NAME = "echo"
REPEATED = 0.9


def check(row: PairAnswer, context: Context) -> list[Flag]:
    if rouge_l(row.instruction, row.output) >= REPEATED:
        return [Flag(filter=NAME, params={"part": "instruction"})]
    if row.input.strip() and tokens(row.input) == tokens(row.output):
        return [Flag(filter=NAME, params={"part": "input"})]
    return []
