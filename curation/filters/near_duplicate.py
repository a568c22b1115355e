"""Is there a row already that says nearly the same?

Compared over instruction, input and answer together: the same question about other code is another row.

>>> context.remember([item]); check(PairAnswer.model_validate(item.payload), context)
[Flag(filter='near_duplicate', params={'of': '5f0c...', 'percent': 100})]
"""
from __future__ import annotations

from curation.filters import Context, row_text
from curation.model import Flag, PairAnswer

NAME = "near_duplicate"


def check(row: PairAnswer, context: Context) -> list[Flag]:
    nearest = context.near.nearest(row_text(row))
    if nearest is None:
        return []
    of, score = nearest
    return [Flag(filter=NAME, params={"of": of, "percent": round(100 * score)})]
