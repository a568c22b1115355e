"""Is the row too short to teach anything, or too long to be learned whole?

Counted over instruction, input and answer together, in tokens of the chosen tokenizer (Settings.tokenizer).

>>> check(PairAnswer(instruction="Say it", output="done"), Context())
[Flag(filter='length', params={'tokens': 3, 'min': 10, 'max': 4096})]
"""
from __future__ import annotations

from curation.filters import Context, row_text
from curation.model import Flag, PairAnswer
from curation.tokens import count

NAME = "length"


def check(row: PairAnswer, context: Context) -> list[Flag]:
    found = count(row_text(row), context.tokenizer)
    if context.min_tokens <= found <= context.max_tokens:
        return []
    return [Flag(filter=NAME, params={"tokens": found, "min": context.min_tokens, "max": context.max_tokens})]
