"""Is the text in the language it should be in?

Only prose is judged: fenced and inline code, lines that look like C or JSON, and identifiers are left out first, so an answer that is
code alone passes in every language, and so does English text quoting a Chinese comment.

>>> check(PairAnswer(instruction="解释代码", output="The callback runs in hard interrupt context: it must not sleep."), Context(lang="zh"))
[Flag(filter='wrong_language', params={'part': 'output', 'wanted': 'zh'})]

An answer in the other language than its question is told too, where nothing in the question asks for a translation, in prose of at least
three words. Not covered: languages other than English and Chinese.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer
from curation.tokens import CJK

NAME = "wrong_language"
LEAST_WORDS = 6
LEAST_ASKED = 3
CHINESE_SHARE = 0.2  # of the prose's words and characters: Chinese text full of API names still has more, English quoting Chinese less

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\"[^\"\n]*\"", re.DOTALL)
_CODE_LINE = re.compile(r"^.*[;{}]\s*$|^\s*(?:#\s*\w|//|/?\*).*$|^\s*[{\[].*[}\]]\s*$", re.MULTILINE)
_TRANSLATE = re.compile(r"translat|翻译|翻譯|\bin (?:english|chinese)\b|[用以](?:中文|英文|英语|汉语)|中文|英文|chinese|english", re.IGNORECASE)
_CHINESE = re.compile(rf"[{CJK}]")
_WORD = re.compile(r"(?<![\w>.])[A-Za-z][a-z]+(?![\w(]|->)")


def check(row: PairAnswer, context: Context) -> list[Flag]:
    parts = {"instruction": row.instruction, "output": row.output}
    flags = [
        Flag(filter=NAME, params={"part": part, "wanted": context.lang})
        for part, text in parts.items()
        if context.lang is not None and (found := language(text)) is not None and found != context.lang
    ]
    asked = language(row.instruction, LEAST_ASKED)
    answered = language(row.output) or ("zh" if language(row.output, LEAST_ASKED) == "zh" else None)  # bare code has a few English words
    if not flags and asked and answered and asked != answered and not _TRANSLATE.search(row.instruction):
        flags = [Flag(filter=NAME, params={"part": "output", "wanted": asked})]
    return flags


def language(text: str, least: int = LEAST_WORDS) -> str | None:
    """"en" or "zh" by the prose of the text; None when there are fewer than `least` words and Chinese characters of it."""
    prose = _CODE_LINE.sub(" ", _CODE.sub(" ", text))
    chinese, words = len(_CHINESE.findall(prose)), len(_WORD.findall(prose))
    if chinese + words < least:
        return None
    return "zh" if chinese >= CHINESE_SHARE * (chinese + words) else "en"
