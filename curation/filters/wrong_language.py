"""Is the text in the language it should be in?

Only prose is judged: fenced and inline code, lines that look like C or JSON, and identifiers are left out first, so an answer that is
code alone passes in every language, and so does English text quoting a Chinese comment.

>>> check(PairAnswer(instruction="解释代码", output="The callback runs in hard interrupt context: it must not sleep."), Context(lang="zh"))
[Flag(filter='wrong_language', params={'part': 'output', 'wanted': 'zh'})]

Not covered: languages other than English and Chinese; prose of fewer than 6 words is not judged.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tokens import CJK

NAME = "wrong_language"
LEAST_WORDS = 6
CHINESE_SHARE = 0.2  # of the prose's words and characters: Chinese text full of API names still has more, English quoting Chinese less

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"", re.DOTALL)
_CODE_LINE = re.compile(r"^.*[;{}]\s*$|^\s*(?:#\s*\w|//|/?\*).*$|^\s*[{\[].*[}\]]\s*$", re.MULTILINE)
_CHINESE = re.compile(rf"[{CJK}]")
_WORD = re.compile(r"(?<![\w>.])[A-Za-z][a-z]+(?![\w(]|->)")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    if context.lang is None:
        return []
    parts = {"instruction": row.instruction, "output": row.output}
    return [
        Flag(filter=NAME, params={"part": part, "wanted": context.lang})
        for part, text in parts.items()
        if (found := language(text)) is not None and found != context.lang
    ]


def language(text: str) -> str | None:
    """"en" or "zh" by the prose of the text; None when there is too little of it to say."""
    prose = _CODE_LINE.sub(" ", _CODE.sub(" ", text))
    chinese, words = len(_CHINESE.findall(prose)), len(_WORD.findall(prose))
    if chinese + words < LEAST_WORDS:
        return None
    return "zh" if chinese >= CHINESE_SHARE * (chinese + words) else "en"
