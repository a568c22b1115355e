"""Which lines of a function's body are repeated?

>>> loops_of("{\\n\\tfor (;;)\\n\\t\\tstep();\\n\\tdo {\\n\\t\\twait();\\n\\t} while (more());\\n}", 1)
[(2, 3), (4, 6)]

A light reading of the tokens. Not covered: loops of `goto`, and macros that hide the word (`forever { ... }`, `list_for_each(...)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UNREAD = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_NEVER = re.compile(r"\s*\(\s*(0|false)\s*\)")  # the `do { ... } while (0)` of macros is no loop
_TOKEN = re.compile(r"\b(?:for|while|do|if|else|switch)\b|[(){};\n]")


@dataclass(slots=True)
class _Open:
    """A control statement whose own statement is still to end, or a brace. depth: parentheses open before the brace."""

    word: str
    line: int
    depth: int = 0


def loops_of(text: str, line: int) -> list[tuple[int, int]]:
    """(first, last) lines of each loop of a text that begins at `line`, the one that ends first coming first."""
    return list(_spans(_UNREAD.sub(lambda found: "\n" * found.group().count("\n") or " ", text), line))


def _spans(text: str, line: int) -> Iterator[tuple[int, int]]:
    stack: list[_Open] = []
    depth = 0
    for found in _TOKEN.finditer(text):
        token = found.group()
        if token == "\n":
            line += 1
        elif token in "()":
            depth = max(0, depth + (1 if token == "(" else -1))
        elif token == "{":
            stack.append(_Open("{", line, depth))
            depth = 0
        elif token == "}":
            while stack and stack[-1].word != "{":
                stack.pop()
            if stack:
                depth = stack.pop().depth
            yield from _ended(stack, line)
        elif token == ";":
            if depth == 0:
                yield from _ended(stack, line)
        elif token == "while" and stack and stack[-1].word == "done":
            stack[-1] = _Open("once" if _NEVER.match(text, found.end()) else "tail", stack[-1].line)
        elif depth == 0:
            stack.append(_Open(token, line))


def _ended(stack: list[_Open], line: int) -> Iterator[tuple[int, int]]:
    """A statement ends here, and with it what it is the statement of: up to a brace, or a `do` that still has its condition."""
    while stack and stack[-1].word != "{":
        top = stack[-1]
        if top.word == "do":
            top.word = "done"
            return
        stack.pop()
        if top.word in ("for", "while", "tail"):
            yield top.line, line
