"""Which lines have to stand beside a line so that its brackets are balanced?

>>> sorted(beside("int f(void)\\n{\\n\\tif (a) {\\n\\t\\tg(1,\\n\\t\\t  2);\\n\\t}\\n}\\n", 5))
[1, 2, 3, 4, 5, 6, 7]

Comments, strings and directives are passed over. Branches of #if that open and close differently are read one after the other, so there
the answer can be off by a line; a bracket without its partner is left alone.
"""
from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_SHOWN_WHOLE = 10  # lines of a bracket ( or [ that are shown all; of a longer one its ends
_LONGEST = 5000  # lines of a table
_PIECE = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*(?:\"|(?=\n)|\Z)|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
    r"|^[ \t]*#(?:\\\n|/\*.*?\*/|[^\n])*|[(){}\[\]]|\n",
    re.DOTALL | re.MULTILINE,
)
_PARTNER = {")": "(", "}": "{", "]": "["}


@dataclass
class _Pairs:
    """Pairs of brackets over several lines, in the order of their opening. parent: number of the pair around it, -1 for none."""

    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    round: list[bool] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    ending: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


def beside(text: str, line: int) -> set[int]:
    """The line itself, the ends of every bracket around it, and the heads that belong to them. 1-based; only lines of the text."""
    pairs, lines = _pairs(text), _lines(text)
    found: set[int] = set()
    todo = [line]
    while todo:
        number = todo.pop()
        if number in found or not 1 <= number <= len(lines):
            continue
        found.add(number)
        for pair in _around(pairs, number):
            first, last = pairs.opened[pair], pairs.closed[pair]
            whole = pairs.round[pair] and last - first < _SHOWN_WHOLE
            todo += range(first, last + 1) if whole else (first, last)
        todo += _continued(lines, number)
    return found


def declaration_around(lines: Sequence[str], line: int) -> tuple[int, int]:
    """First and last line (1-based) of the declaration at file scope that a line belongs to, by the layout that C is written in: it begins
    in the first column after something that ended, and ends with a line that begins with `}` or, of one line, with `;`."""
    first = min(line, len(lines))
    while first > 1 and line - first < _LONGEST:
        text, before = lines[first - 1], lines[first - 2].strip()
        if (text[:1].isalpha() or text[:1] in ("_", "#")) and (not before or before.endswith((";", "}", "*/")) or before[:1] == "#"):
            break
        first -= 1
    last = line
    while last < len(lines) and last - line < _LONGEST and not lines[last - 1].startswith("}"):
        if last == first and lines[last - 1].rstrip().endswith(";"):
            break
        last += 1
    return max(first, 1), max(last, 1)


def _around(pairs: _Pairs, line: int) -> list[int]:
    at = bisect_right(pairs.opened, line) - 1
    found = list(pairs.ending.get(line, ()))
    while at >= 0:
        if pairs.closed[at] >= line:
            found.append(at)
        at = pairs.parent[at]
    return found


def _continued(lines: tuple[str, ...], number: int) -> list[int]:
    """The neighbours that the same statement or directive stands on."""
    text = lines[number - 1].strip()
    more: list[int] = []
    if text.endswith("\\"):
        more.append(number + 1)
    if number > 1:
        before = lines[number - 2].strip()
        if text.startswith("{") or before.endswith("\\") or before.endswith(("=", "(", "?", "&&", "||")) and not before.startswith("#"):
            more.append(number - 1)
    return more


@lru_cache(maxsize=256)  # functions, and files for what stands outside of them
def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n"))


@lru_cache(maxsize=256)
def _pairs(text: str) -> _Pairs:
    made = _Pairs()
    spans: list[tuple[int, int, bool, int]] = []  # opened, closed, round, parent among all
    stack: list[tuple[str, int, int]] = []
    line = 1
    for found in _PIECE.finditer(text):
        piece = found.group()
        if piece == "\n":
            line += 1
        elif piece in ("(", "{", "["):
            stack.append((piece, line, len(spans)))
            spans.append((line, 0, piece != "{", stack[-2][2] if len(stack) > 1 else -1))
        elif piece in _PARTNER:
            wanted = _PARTNER[piece]
            if stack and (stack[-1][0] == wanted or any(kind == wanted for kind, _, _ in stack[-8:-1])):
                while stack[-1][0] != wanted:
                    stack.pop()
                _, first, number = stack.pop()
                spans[number] = (first, line, wanted != "{", spans[number][3])
        else:
            line += piece.count("\n")
    kept: dict[int, int] = {-1: -1}
    for number, (first, last, is_round, parent) in enumerate(spans):
        if last <= first:  # on one line, or never closed
            kept[number] = kept[parent]
            continue
        kept[number] = len(made.opened)
        made.opened.append(first)
        made.closed.append(last)
        made.round.append(is_round)
        made.parent.append(kept[parent])
        made.ending[last].append(kept[number])
    return made
