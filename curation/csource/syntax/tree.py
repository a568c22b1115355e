"""What is the syntax tree of a C text, and at which line and column does a node stand?

tree-sitter counts rows from 0 and columns in bytes of UTF-8; everywhere outside this module lines and columns are 1-based and columns count
characters, as in facts. Limits: a text over MAX_BYTES or one that takes longer than `limit_s` raises Unparsed. Trees are walked by
cursor (`walk`), never by recursion and never by `.parent`, which is quadratic in the nesting. Hostile texts belong in a process that can be
killed (isolated.py): the limit of time is looked at between steps of the parser, memory is not limited here.

>>> tree = parse("int äh(void) { return f(1); }")
>>> [tree.position(node.start_byte) for node, _ in walk(tree.root) if node.type == "call_expression"]
[(1, 23)]
"""
from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from curation.errors import Reason, UserError

MAX_BYTES = 16_000_000
LIMIT_S = 5.0  # processor time of the parser for one text
_CHUNK = 1 << 20  # bytes handed to the parser at a time


class Unparsed(UserError):
    code = "unparsed"
    text = "This text {why}, so it has no syntax tree. It can still be read as text."


@dataclass(frozen=True)
class SyntaxTree:
    """data: the text in UTF-8, which nodes' byte numbers count in."""

    data: bytes
    root: Node
    _starts: list[int] = field(repr=False)
    _ascii: bool = field(repr=False)

    def position(self, byte: int) -> tuple[int, int]:
        """(line, column), both 1-based, of the character at a byte of `data`."""
        line = bisect_right(self._starts, byte)
        return line, self._column(line, byte - self._starts[line - 1])

    def start(self, node: Node) -> tuple[int, int]:
        """(line, column), both 1-based, of a node's first character."""
        row, column = node.start_point
        return row + 1, self._column(row + 1, column)

    def end(self, node: Node) -> tuple[int, int]:
        """(line, column), both 1-based, of the place behind a node's last character."""
        row, column = node.end_point
        return row + 1, self._column(row + 1, column)

    def _column(self, line: int, bytes_before: int) -> int:
        if self._ascii:
            return bytes_before + 1
        start = self._starts[line - 1]
        return len(self.data[start:start + bytes_before].decode("utf-8", "replace")) + 1

    def byte(self, line: int, column: int) -> int:
        """The byte at a 1-based line and column; the nearest there is where the text has no such place."""
        if line > len(self._starts):
            return len(self.data)
        start = self._starts[max(line, 1) - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.data)
        before = self.data[start:end].decode("utf-8", "surrogatepass")[: max(column, 1) - 1]
        return start + len(before.encode("utf-8", "surrogatepass"))

    def lines(self, first: int, last: int) -> tuple[int, list[str]]:
        """The number of the first and the texts of the lines from `first` to `last`, both 1-based, as far as there are such."""
        first, last = max(1, first), min(last, len(self._starts) - self.data.endswith(b"\n"))
        end = self._starts[last] - 1 if last < len(self._starts) else len(self.data)
        return first, self.data[self._starts[first - 1]:end].decode("utf-8", "replace").split("\n")

    def text(self, node: Node) -> str:
        return self.data[node.start_byte:node.end_byte].decode("utf-8", "replace")

    def error_share(self) -> float:
        """Which part of the text's bytes the grammar could not place, 0 to 1. A missing token that was made up counts one byte."""
        lost = 0
        cursor = self.root.walk()
        deeper = True
        while True:
            node = cursor.node
            assert node is not None
            if node.is_error or node.is_missing:
                lost += max(1, node.end_byte - node.start_byte)
                deeper = False
            if deeper and node.has_error and cursor.goto_first_child():
                continue
            deeper = True
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return min(1.0, lost / max(1, len(self.data)))


@cache
def language() -> Language:
    return Language(tree_sitter_c.language())


@cache
def kinds_named(*names: str) -> frozenset[int]:
    """The numbers (`Node.kind_id`) of the kinds of these names: comparing numbers spares a walk the making of strings."""
    return frozenset(n for n in range(language().node_kind_count) if language().node_kind_for_id(n) in names)


def parse(text: str, limit_s: float = LIMIT_S) -> SyntaxTree:
    """Raises Unparsed for a text that is too long or takes too long."""
    return parse_bytes(text.encode("utf-8", "surrogatepass"), limit_s)


def parse_bytes(data: bytes, limit_s: float = LIMIT_S) -> SyntaxTree:
    """As parse, of a text in UTF-8 whose lines end in \\n."""
    if len(data) > MAX_BYTES:
        raise Unparsed(why=Reason("larger_than", "is larger than {most} bytes", most=MAX_BYTES))
    end = time.thread_time() + limit_s
    late = False

    def stop(_at: int, _error: bool) -> bool:
        nonlocal late
        late = late or time.thread_time() > end
        return late

    try:
        tree = Parser(language()).parse(lambda at, _: data[at:at + _CHUNK], progress_callback=stop)
    except ValueError as err:  # what the parser says when it was stopped
        if not late:
            raise
        raise Unparsed(why=Reason("parsed_too_long", "took more than {limit} s to parse", limit=limit_s)) from err
    return SyntaxTree(data, tree.root_node, _line_starts(data), data.isascii())


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every node below and with `root` in order of text, parents first, with its depth (0 for the root)."""
    cursor = root.walk()
    depth = 0
    while True:
        node = cursor.node
        assert node is not None
        yield node, depth
        if cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            depth -= 1


def _line_starts(data: bytes) -> list[int]:
    starts, at = [0], data.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = data.find(b"\n", at + 1)
    return starts
