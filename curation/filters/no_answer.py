"""Is there an answer at all, or only a placeholder out of the request's own example?

>>> check(PairAnswer(instruction="q", output="<output>"), Context())
[Flag(filter='no_answer', params={'text': '<output>'})]

"none" and "无" pass: a pointer that reaches no function is a normal answer.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "no_answer"
_PLACEHOLDER = re.compile(
    r"\W*|<\s*no\s?input\s*>|<\s*(?:output|answer|your answer|答案|输出|回答)\s*>|n/a|todo|tbd|待补充|待完成|略", re.IGNORECASE
)


def check(row: PairAnswer, context: Context) -> list[Flag]:
    answer = row.output.strip()
    return [Flag(filter=NAME, params={"text": answer[:40]})] if _PLACEHOLDER.fullmatch(answer) else []
