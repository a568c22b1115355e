"""Which functions are copies of each other? A function's fingerprint: its tokens with names, literals, comments and layout taken out.

>>> one, two = (parse(code) for code in ("int f(int a) { return g(a, 1); }", "int read(int fd) { /* why */ return poll(fd, 0x10); }"))
>>> functions(one)[0].fingerprint == functions(two)[0].fingerprint
True

A name becomes the number of its first appearance among the names of its kind (values, members, types, labels), so that two names that were
one, or one that was two, make another fingerprint. Numbers, characters and strings (also several in a row) become one literal each. Kept:
keywords, operators, built-in types, brackets, directives. So renamed, reformatted, commented and translated copies agree; a copy
with a statement, an operator or an argument more does not (near copies are no matter of hashes: see near_duplicates).
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from curation.csource.syntax.outline import declared_name
from curation.csource.syntax.tree import SyntaxTree, walk

_NAMES = {"identifier": "v", "field_identifier": "m", "type_identifier": "t", "statement_identifier": "l"}
_LITERALS = {"number_literal": "0", "char_literal": "'", "string_literal": '"', "concatenated_string": '"'}
_SILENT = ("comment", "\n")


@dataclass(frozen=True, slots=True)
class FunctionPrint:
    """A function of a file. fingerprint: 32 hexadecimal digits. tokens: how many it is of; below 20 or so, functions agree by chance.
    damaged: the grammar met an error in it."""

    name: str
    line: int
    end_line: int
    fingerprint: str
    tokens: int
    damaged: bool


def functions(tree: SyntaxTree) -> list[FunctionPrint]:
    """The functions of a file in order of text, those of both branches of a conditional too."""
    found = []
    end = 0
    for node, _ in walk(tree.root):
        if node.type == "function_definition" and node.start_byte >= end:
            end = node.end_byte
            name = declared_name(node)
            fingerprint, tokens = of(tree, node)
            found.append(FunctionPrint(tree.text(name) if name is not None else "", tree.start(node)[0], tree.end(node)[0], fingerprint,
                                       tokens, node.has_error))
    return found


def of(tree: SyntaxTree, node: Node) -> tuple[str, int]:
    """The fingerprint of any node, and its number of tokens."""
    tokens = list(_tokens(tree, node))
    return hashlib.blake2b(" ".join(tokens).encode(), digest_size=16).hexdigest(), len(tokens)


def _tokens(tree: SyntaxTree, root: Node) -> Iterator[str]:
    numbers: dict[tuple[str, bytes], int] = {}
    end = 0  # of the literal that was just told
    for node, _ in walk(root):
        kind = node.type
        if node.start_byte < end or kind in _SILENT:
            continue
        if kind in _LITERALS:
            yield _LITERALS[kind]
            end = node.end_byte
        elif kind in _NAMES:
            name = _NAMES[kind], tree.data[node.start_byte:node.end_byte]
            yield f"{name[0]}{numbers.setdefault(name, len(numbers))}"
        elif not node.child_count and node.end_byte > node.start_byte:
            yield "".join(tree.text(node).split())
