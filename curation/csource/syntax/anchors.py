"""Where is a labeled place in another state of the file? An anchor: the function around it, the path of nodes to it, the function's tokens.

>>> old, new = parse("int f(void) { return p->q(1); }"), parse("int g;\\n\\nint f(void)\\n{\\n\\treturn p->q(1);\\n}\\n")
>>> kept = anchor(old, node_at(old, 1, 22, "call_expression"))
>>> find(kept, new)
Found(state='moved', line=5, column=9, end_line=5, end_column=16, function='f')

States: found, as it was, where it was; moved, the function is as it was (comments, layout and its own name apart) and stands elsewhere or
is named otherwise; stale, the function has changed but what is anchored still stands in it: somebody has to look; gone. Outside functions
the outermost declaration takes the function's place. What moved into another file is sought by calling `find` with that.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tree_sitter import Node

from curation.csource.syntax.outline import declared_name
from curation.csource.syntax.tree import SyntaxTree, walk

_WRAPPERS = ("translation_unit", "preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif", "preproc_elifdef", "linkage_specification",
             "declaration_list", "ERROR")


@dataclass(frozen=True, slots=True)
class Anchor:
    """function: the name of the function or declaration around, "" for none. path: from it to the node, each step the kind of a node and
    its number (from 0) among the siblings of that kind. tokens: hash of the function's tokens without its name. own: of the node's.
    line, column: where the node stood, 1-based."""

    function: str
    path: tuple[tuple[str, int], ...]
    tokens: str
    own: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where it is now, 1-based, the end behind its last character; None all where it is gone."""

    state: Literal["found", "moved", "stale", "gone"]
    line: int | None = None
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    function: str | None = None


def record(kept: Anchor) -> dict[str, Any]:
    """An anchor as plain JSON; `remade` reads it back."""
    return asdict(kept)


def remade(kept: dict[str, Any]) -> Anchor:
    """The anchor of a record. Raises KeyError, TypeError or ValueError for what is none."""
    path = tuple((str(kind), int(number)) for kind, number in kept["path"])
    return Anchor(str(kept["function"]), path, str(kept["tokens"]), str(kept["own"]), int(kept["line"]), int(kept["column"]))


def node_at(tree: SyntaxTree, line: int, column: int, kind: str | None = None) -> Node | None:
    """The outermost node of a kind that begins at a place; the innermost that begins there for any kind; None where none does."""
    byte = tree.byte(line, column)
    cursor = tree.root.walk()
    found = None
    while (node := cursor.node) is not None:
        if node.start_byte == byte and node.is_named and (kind is None or node.type == kind):
            found = node
            if kind is not None:
                break
        if cursor.goto_first_child_for_byte(byte) is None:
            break
    return found


def anchor(tree: SyntaxTree, node: Node) -> Anchor:
    """node: of the tree, below its root."""
    line, column = tree.start(node)
    around, path = _way(tree, node)
    return Anchor(_name(tree, around), path, _hash(tree, around, but=_name_node(around)), _hash(tree, node), line, column)


def find(kept: Anchor, tree: SyntaxTree) -> Found:
    """Where the anchored node is in another text. Of several equal places the nearest to where it stood."""
    items = list(file_scope(tree))
    named = [item for item in items if _name(tree, item) == kept.function]
    for candidates in (named, items):
        same = [node for item in candidates if _hash(tree, item, but=_name_node(item)) == kept.tokens
                for node in [_follow(item, kept.path)] if node is not None]
        if same:
            node = _nearest(tree, same, kept)
            unmoved = tree.start(node) == (kept.line, kept.column) and candidates is named
            return _found(tree, "found" if unmoved else "moved", node)
    kind = kept.path[-1][0] if kept.path else None
    for item in sorted(named, key=lambda item: abs(tree.start(item)[0] - kept.line)):
        exact = _follow(item, kept.path)
        if exact is not None and _hash(tree, exact) == kept.own:
            return _found(tree, "stale", exact)
        equal = [node for node, _ in walk(item) if node.type == kind and _hash(tree, node) == kept.own]
        if equal:
            return _found(tree, "stale", _nearest(tree, equal, kept))
    return Found("gone")


def _found(tree: SyntaxTree, state: Literal["found", "moved", "stale"], node: Node) -> Found:
    around, _ = _way(tree, node)
    return Found(state, *tree.start(node), *tree.end(node), _name(tree, around))


def _nearest(tree: SyntaxTree, nodes: list[Node], kept: Anchor) -> Node:
    return min(nodes, key=lambda node: (abs(tree.start(node)[0] - kept.line), abs(tree.start(node)[1] - kept.column)))


def file_scope(tree: SyntaxTree) -> Iterator[Node]:
    """The functions, declarations and directives at file scope, on all branches of conditionals."""
    cursor = tree.root.walk()
    deeper = True
    while True:
        node = cursor.node
        assert node is not None
        wrapper = node.type in _WRAPPERS
        if deeper and not wrapper and node.is_named and cursor.field_name not in ("condition", "name"):  # of the conditional
            yield node
        if deeper and wrapper and cursor.goto_first_child():
            continue
        deeper = True
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _way(tree: SyntaxTree, node: Node) -> tuple[Node, tuple[tuple[str, int], ...]]:
    """The function or declaration around a node, and the path from it to the node."""
    cursor = tree.root.walk()
    around: Node | None = None
    path: list[tuple[str, int]] = []
    while True:
        at = cursor.node
        assert at is not None
        if around is None and at.type not in _WRAPPERS:
            around = at
        if at.id == node.id:
            return around or at, tuple(path)
        if not cursor.goto_first_child():
            raise ValueError("the node is not of this tree")
        seen: dict[str, int] = {}
        while (child := cursor.node) and not _holds(child, node):
            seen[child.type] = seen.get(child.type, 0) + 1
            if not cursor.goto_next_sibling():
                raise ValueError("the node is not of this tree")
        if around is not None and child:
            path.append((child.type, seen.get(child.type, 0)))


def _holds(outer: Node, node: Node) -> bool:
    """Also itself. A node without text (a missing one) is held by none that ends where it stands."""
    if outer.id == node.id:
        return True
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte and node.start_byte < outer.end_byte


def _follow(item: Node, path: tuple[tuple[str, int], ...]) -> Node | None:
    cursor = item.walk()
    for kind, number in path:
        if not cursor.goto_first_child():
            return None
        left = number
        while (node := cursor.node) is not None:
            if node.type == kind:
                if not left:
                    break
                left -= 1
            if not cursor.goto_next_sibling():
                return None
    return cursor.node


def _name_node(item: Node) -> Node | None:
    declarator = item.child_by_field_name("declarator")
    if item.type == "function_definition":
        return declared_name(item)
    return declared_name(declarator) if declarator is not None else item.child_by_field_name("name")


def _name(tree: SyntaxTree, item: Node) -> str:
    name = _name_node(item)
    return tree.text(name) if name is not None else ""


def _hash(tree: SyntaxTree, root: Node, but: Node | None = None) -> str:
    """Of the tokens of a node, comments left out, and the name of the function (its calls of itself too)."""
    made = hashlib.blake2b(digest_size=16)
    own = tree.data[but.start_byte:but.end_byte] if but is not None else None
    for node, _ in walk(root):
        if not node.child_count and node.type not in ("comment", "\n"):
            token = b" ".join(tree.data[node.start_byte:node.end_byte].split())
            made.update((b"\1" if token == own and node.type == "identifier" else token) + b"\0")
    return made.hexdigest()
