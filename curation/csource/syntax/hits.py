"""Where does one file match what is searched for, as a person reads it: lines, columns, and the lines around?

Files that lack a word of the pattern are not parsed: that is what makes a search over a kernel take seconds. A file that cannot be read is
told as such; one whose syntax tree is damaged is searched as far as there is a tree.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from curation.csource.syntax import pattern, query
from curation.csource.syntax.outline import function_around
from curation.csource.syntax.pattern import Match, Pattern
from curation.csource.syntax.query import TreeQuery
from curation.csource.syntax.tree import SyntaxTree, parse_bytes

MAX_TEXT = 2_000  # characters of a match or a hole that are kept
MAX_LINE = 400  # of a line around it
_NOT_BYTES = re.compile(rb"[\0\r]")


@dataclass(frozen=True, slots=True)
class Hole:
    """What a hole or a capture stands for. line, column: 1-based."""

    name: str
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Hit:
    """line ... end_column: 1-based, columns in characters, the end behind the last one. lines: the source lines from `first_line` on, those
    of the match with those around. function: the enclosing function's name, None outside one. text: spaces made one."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    function: str | None
    holes: tuple[Hole, ...]
    first_line: int
    lines: tuple[str, ...]


@lru_cache(32)
def compiled(text: str, as_query: bool) -> Pattern | TreeQuery:
    """Raises BadPattern."""
    return query.compile_query(text) if as_query else pattern.compile_pattern(text)


def may_match(wanted: Pattern | TreeQuery, data: bytes) -> bool:
    """Whether the bytes of a file hold all words of a pattern or query; True for what no encoding that keeps ASCII wrote."""
    whole = isinstance(wanted, Pattern)
    if all(word in data and (not whole or next(pattern.standing(word, data), None) is not None) for word in wanted.words):
        return True
    return data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:64]


def plain(data: bytes) -> bool:
    """Whether bytes are their own decoded text in UTF-8."""
    return data.isascii() and _NOT_BYTES.search(data) is None


def hits(wanted: Pattern | TreeQuery, file: str, data: bytes, context: int, limit_s: float) -> Iterator[Hit]:
    """The matches in a text in UTF-8 with \\n line ends. Raises Unparsed."""
    tree = parse_bytes(data, limit_s)
    found = query.matches(wanted, tree) if isinstance(wanted, TreeQuery) else pattern.matches(wanted, tree)
    for match in found:
        yield _hit(match, file, tree, context)


def _hit(match: Match, file: str, tree: SyntaxTree, context: int) -> Hit:
    line, column = tree.position(match.start)
    end_line, end_column = tree.position(match.end)
    holes = [Hole(name, _words(tree, start, end), *tree.position(start)) for name, (start, end) in match.holes.items()]
    first, lines = tree.lines(line - context, end_line + context)
    return Hit(file, line, column, end_line, end_column, _words(tree, match.start, match.end), function_around(tree, match.start),
               tuple(sorted(holes, key=lambda hole: (hole.line, hole.column, hole.name))), first, tuple(one[:MAX_LINE] for one in lines))


def _words(tree: SyntaxTree, start: int, end: int) -> str:
    return " ".join(tree.data[start:end].decode("utf-8", "replace").split())[:MAX_TEXT]
