"""Does the next instruction hang on the answer, or a template's words stand where content should be?

>>> check(PairAnswer(instruction="q", output="It is `f`.\\n\\n###\\n2. Instruction: Name the callee."), Context())
[Flag(filter='template', params={'text': '2. Instruction:'})]
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "template"
_NEXT = re.compile(
    r"^\s*(?:#{2,}\s*)?(?:\d{1,3}\s*[.)、]\s*)?(?:#{2,}\s*|\*\*)?(?:next |new )?(?:instruction|input|output|response|question|answer|task|example|指令|输入|输出|回答|问题|示例|任务)"
    r"(?: ?\d{1,3})?(?:\*\*)?\s*[:：]", re.IGNORECASE | re.MULTILINE,
)
_HEAD = re.compile(r"^\s*#{3,}\s*(?:instruction|input|response|output|指令|输入|回答|输出)\b.*$|^\s*#{3,}\s*$", re.IGNORECASE | re.MULTILINE)
_BLANK = re.compile(
    r"\[(?:insert|your|put|add|fill in|enter)\b[^\]\n]{0,60}\]|\{\{\s*\w[\w. ]{0,40}\}\}|<(?:insert|your|placeholder)[^>\n]{0,40}>|\{(?:instruction|input|output|question|answer)\}"
    r"|lorem ipsum|在(?:此|这里)(?:填写|插入|输入)|（(?:填写|此处)[^）\n]{0,20}）|【(?:填写|插入|此处)[^】\n]{0,20}】", re.IGNORECASE,
)
_LEAST_BEFORE = 1  # characters of an answer before what hangs on it: "Answer: f" alone is an answer


def check(row: PairAnswer, context: Context) -> list[Flag]:
    for match in (*_NEXT.finditer(row.output), *_HEAD.finditer(row.output)):
        if len(row.output[:match.start()].strip()) >= _LEAST_BEFORE or re.match(r"\s*(?:#{2,}|\d)", match.group()):
            return [Flag(filter=NAME, params={"text": match.group().strip()[:40]})]
    for text in (row.instruction, row.output):
        if blank := _BLANK.search(text):
            return [Flag(filter=NAME, params={"text": blank.group().strip()[:40]})]
    return []
