"""Which bracket closes which, how deep are they nested, and what lies between commas outside of them? Of prepared code, without strings.

>>> closing("f(a(b), c) + d(e)", 1), split("a, f(b, c), d")
(9, [(0, 1), (2, 10), (11, 13)])
"""
from __future__ import annotations

import re

MAX_DEPTH = 1500  # nested brackets that are parsed; real code stays under 100, generated tables under 300
_BRACKETS = re.compile(r"[()\[\]{}]", re.ASCII)
_ONLY_BRACKETS = {c: None for c in range(128) if chr(c) not in "(){}"}
_SHALLOW = 64  # nesting below which it is not counted exactly


def closing(text: str, opened: int, longest: int = 60_000) -> int | None:
    """The offset of the bracket that closes the one at `opened`; None where none does within reason. Brackets of other kinds between are
    not looked at."""
    left = text[opened]
    right = {"(": ")", "[": "]", "{": "}"}[left]
    depth = 0
    at, stop = opened, min(len(text), opened + longest)
    while True:
        close = text.find(right, at, stop)
        if close < 0:
            return None
        depth += text.count(left, at, close) - 1
        if depth == 0:
            return close
        at = close + 1


def split(text: str, mark: str = ",") -> list[tuple[int, int]]:
    """The parts between marks that stand outside of brackets."""
    if "(" not in text and "{" not in text and "[" not in text:
        parts = []
        at = 0
        while (end := text.find(mark, at)) >= 0:
            parts.append((at, end))
            at = end + 1
        return [*parts, (at, len(text))]
    parts = []
    depth = start = 0
    for found in re.finditer(rf"[()\[\]{{}}{mark}]", text):
        char = found.group()
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0:
            parts.append((start, found.start()))
            start = found.end()
    return [*parts, (start, len(text))]


def nesting_depth(code: str) -> int:
    """How deep brackets are nested; 0 where it is certainly less than 64. Brackets that fit are taken away from the inside out."""
    left = code.translate(_ONLY_BRACKETS)
    for _ in range(_SHALLOW):
        shorter = left.replace("()", "").replace("{}", "")
        if len(shorter) == len(left):
            if len(left) < MAX_DEPTH:
                return 0
            break
        left = shorter
    depth = most = 0
    for found in _BRACKETS.finditer(left):
        depth = depth + 1 if found.group() in "({" else max(depth - 1, 0)
        most = max(most, depth)
    return most + _SHALLOW
