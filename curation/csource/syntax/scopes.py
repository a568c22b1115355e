"""What is around a place in a C text: symbols (breadcrumbs), syntax (ranges to select), and what can be folded away.

>>> [one.name for one in breadcrumbs(outline(parse("struct s {\\n\\tint a;\\n};")), 2, 6)]
['s', 'a']
"""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from curation.csource.syntax.outline import Symbol
from curation.csource.syntax.tree import SyntaxTree, kinds_named, walk

MAX_RANGES = 200  # the innermost that `enclosing` gives
_BLOCKS = {"compound_statement": "block", "field_declaration_list": "members", "enumerator_list": "members", "initializer_list": "values",
           "declaration_list": "block"}
_CONDITIONALS = ("preproc_if", "preproc_ifdef", "preproc_elif", "preproc_else", "preproc_elifdef")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@dataclass(frozen=True, slots=True)
class Range:
    """Lines and columns 1-based; the end is the place behind the last character. kind: the grammar's name of the node (`enclosing`), or
    what is folded: block, members, values, comment, conditional (`folds`)."""

    line: int
    column: int
    end_line: int
    end_column: int
    kind: str


def breadcrumbs(symbols: Sequence[Symbol], line: int, column: int) -> list[Symbol]:
    """The symbols around a place, outermost first; [] outside all. Calls are no scopes."""
    found: list[Symbol] = []
    level = [one for one in symbols if one.kind != "call"]
    while level:
        at = bisect_right(level, (line, column), key=lambda one: (one.line, one.column)) - 1
        # several names of one declaration share its range: the first of them holds the members
        while at > 0 and (level[at - 1].line, level[at - 1].column) == (level[at].line, level[at].column):
            at -= 1
        if at < 0 or (level[at].end_line, level[at].end_column) < (line, column):
            break
        found.append(level[at])
        level = [one for one in level[at].children if one.kind != "call"]
    return found


def enclosing(tree: SyntaxTree, line: int, column: int, end_line: int | None = None, end_column: int | None = None) -> list[Range]:
    """The ranges of the nodes around a place or a selection, innermost first, each larger than the one before."""
    start = tree.byte(line, column)
    end = start if end_line is None or end_column is None else max(start, tree.byte(end_line, end_column))
    if start == end:  # a caret behind a word means the word
        here, before = tree.data[start:start + 1], tree.data[max(0, start - 1):start]
        if before and before[0] in _WORD and not (here and here[0] in _WORD):
            start -= 1
        else:
            end = min(len(tree.data), start + 1)
    cursor = tree.root.walk()
    spans: list[tuple[int, int, str]] = []
    while True:
        node = cursor.node
        assert node is not None
        if node.start_byte > start or node.end_byte < end:
            break
        if spans and spans[-1][:2] == (node.start_byte, node.end_byte):
            spans.pop()  # of nodes with one range the inner names it better
        spans.append((node.start_byte, node.end_byte, node.type))
        if cursor.goto_first_child_for_byte(start) is None:
            break
    return [_range(tree, *span) for span in reversed(spans[-MAX_RANGES:])]


def folds(tree: SyntaxTree) -> list[Range]:
    """What can be folded away, in order of text: between the brackets of a block that takes more than one line; a comment from the end of
    its first line; a branch of a conditional from the end of its directive to the last line before the next one."""
    found = []
    folding = kinds_named(*_BLOCKS, *_CONDITIONALS, "comment")
    for node, _ in walk(tree.root):
        if node.kind_id not in folding:
            continue
        kind = node.type
        if kind in _BLOCKS:
            closed = node.end_byte - 1 if tree.data[node.end_byte - 1:node.end_byte] == b"}" else node.end_byte
            found.append(_range(tree, node.start_byte + 1, closed, _BLOCKS[kind]))
        elif kind == "comment":
            found.append(_range(tree, _line_end(tree.data, node.start_byte, node.end_byte), node.end_byte, "comment"))
        elif kind in _CONDITIONALS:
            behind = node.child_by_field_name("alternative")
            last = node.child(node.child_count - 1)
            if behind is not None:
                end = behind.start_byte
            else:
                end = last.start_byte if last.type == "#endif" else node.end_byte
            start = _line_end(tree.data, node.start_byte, end)
            found.append(_range(tree, start, start + len(tree.data[start:end].rstrip()), "conditional"))
    return sorted((one for one in found if one.end_line > one.line), key=lambda one: (one.line, one.column, -one.end_line))


def _line_end(data: bytes, start: int, end: int) -> int:
    at = data.find(b"\n", start, end)
    return end if at < 0 else at


def _range(tree: SyntaxTree, start: int, end: int, kind: str) -> Range:
    return Range(*tree.position(start), *tree.position(end), kind)
