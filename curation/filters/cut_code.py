"""Was the code or the answer cut off in the middle?

Looked for: a code fence that is not closed, and brackets that do not pair up, in the input and in the answer's fenced code. Strings,
character constants and comments are left out of the count.

>>> check(PairAnswer(instruction="q", output="It does:\\n```c\\nint f(void) {\\n"), Context())
[Flag(filter='cut_code', params={'part': 'output', 'sign': '```'})]

Not covered: code with #if branches (each branch may hold its own brace) is not judged, and an input that is no code.
"""
from __future__ import annotations

import re

from curation.filters import Context
from curation.model import Flag, PairAnswer

NAME = "cut_code"
_FENCE = re.compile(r"^\s*```", re.MULTILINE)
_FENCED = re.compile(r"^\s*```[^\n]*\n(.*?)^\s*```", re.MULTILINE | re.DOTALL)
_NOT_CODE = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_LOOKS_LIKE_C = re.compile(r";\s*$", re.MULTILINE)
_CLOSES = {")": "(", "]": "[", "}": "{"}


def check(row: PairAnswer, context: Context) -> list[Flag]:
    found = []
    if _LOOKS_LIKE_C.search(row.input) and (sign := unpaired(row.input)):
        found.append(Flag(filter=NAME, params={"part": "input", "sign": sign}))
    if len(_FENCE.findall(row.output)) % 2:
        found.append(Flag(filter=NAME, params={"part": "output", "sign": "```"}))
    elif sign := next((s for code in _FENCED.findall(row.output) if (s := unpaired(code))), None):
        found.append(Flag(filter=NAME, params={"part": "output", "sign": sign}))
    return found


def unpaired(code: str) -> str | None:
    """The first bracket that has no partner; None when all pair up, and for code with #if branches."""
    if re.search(r"^\s*#\s*(?:if|else|elif)", code, re.MULTILINE):
        return None
    opened: list[str] = []
    for sign in re.findall(r"[()\[\]{}]", _NOT_CODE.sub(" ", code)):
        if sign not in _CLOSES:
            opened.append(sign)
        elif not opened or opened.pop() != _CLOSES[sign]:
            return str(sign)
    return opened[-1] if opened else None
