"""What does a C text define, and what stands within what? The nested outline that the source browser shows.

>>> [one.name for one in outline(parse("struct s { int a; };\\nint f(void) { return g(1); }"))]
['s', 'f']

Functions hold the calls in them (macros invoked like functions too), and structs defined in them; structs, unions and enums hold their
members; a struct without a name that is at once the type of a typedef, member or variable gives its members to that. Both branches of
conditionals are listed. Not listed: local variables, parameters, what stands in the body of a macro, and definitions that the grammar lost
in an error (SyntaxTree.error_share).
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tree_sitter import Node

from curation.csource.syntax.tree import SyntaxTree, kinds_named, walk

MAX_DEPTH = 50  # of symbols within symbols; what is deeper is listed at this depth
MAX_NAME = 120  # characters of a callee's text that are kept
_BODIES = {"struct_specifier": "struct", "union_specifier": "union", "enum_specifier": "enum"}
_MACROS = ("preproc_def", "preproc_function_def")
_DECLARING = {"declaration": "variable", "field_declaration": "field", "type_definition": "typedef"}
_NAMES = ("identifier", "field_identifier", "type_identifier")


@dataclass(slots=True)
class Symbol:
    """line ... end_column: all of it, 1-based, the end is the place behind its last character. name_line, name_column: where its name
    stands. kind: function, prototype, struct, union, enum, field, enumerator, macro, typedef, variable, call. name: a call's is the callee
    as written (`dev->ops->open`); "" where there is none."""

    kind: str
    name: str
    line: int
    column: int
    end_line: int
    end_column: int
    name_line: int
    name_column: int
    children: list[Symbol] = field(default_factory=list)


def outline(tree: SyntaxTree, *, calls: bool = True) -> list[Symbol]:
    """The outermost symbols in order of text. calls: whether calls are among them."""
    found: list[Symbol] = []
    holders: list[tuple[int, Symbol]] = []  # (last byte, symbol) around the node, outermost first; calls hold nothing
    function_end = 0  # of the function around, 0 at file scope
    opening = kinds_named(*["call_expression"] * calls, "enumerator", "function_definition", *_BODIES, *_MACROS, *_DECLARING)
    for node, _ in walk(tree.root):
        if node.kind_id not in opening:
            continue
        start, end = node.byte_range
        while holders and holders[-1][0] <= start:
            holders.pop()
        around = holders[-1][1] if holders else None
        first = True
        for kind, name in _named(node, start < function_end, around):
            symbol = _symbol(tree, kind, node, name)
            (around.children if around else found).append(symbol)
            if first and kind != "call" and len(holders) < MAX_DEPTH:  # of several names in one declaration the first holds what is within
                holders.append((end, symbol))
            first = False
        if node.type == "function_definition":
            function_end = max(function_end, end)
    return found


def function_around(tree: SyntaxTree, byte: int) -> str | None:
    """The name of the function definition around a byte, of nested ones the outermost."""
    cursor = tree.root.walk()
    while (node := cursor.node) is not None:
        if node.type == "function_definition" and node.start_byte <= byte < node.end_byte:
            name, _ = _declared(node)
            return tree.text(name) if name is not None else None
        if cursor.goto_first_child_for_byte(byte) is None:
            break
    return None


def declared_name(node: Node) -> Node | None:
    """The node of the name that a definition, declaration or declarator declares, of several the first."""
    return _declared(node)[0]


def _named(node: Node, inside: bool, around: Symbol | None) -> Iterator[tuple[str, Node | None]]:
    """(kind, the node of the name) of each symbol that a node opens."""
    kind = node.type
    if kind == "call_expression":
        yield "call", node.child_by_field_name("function")
    elif kind == "enumerator":
        yield "enumerator", node.child_by_field_name("name")
    elif kind == "function_definition":
        name, _ = _declared(node)
        yield "function", name
    elif kind in _BODIES:
        name = node.child_by_field_name("name")
        if node.child_by_field_name("body") is not None and not (name is None and _takes_members(node, around)):
            yield _BODIES[kind], name
    elif kind in _MACROS:
        yield "macro", node.child_by_field_name("name")
    elif kind in _DECLARING and not (kind == "declaration" and inside):
        for declarator in node.children_by_field_name("declarator"):
            name, function = _declared(declarator)
            yield "prototype" if function and kind == "declaration" else _DECLARING[kind], name


def _takes_members(body: Node, around: Symbol | None) -> bool:
    """Whether a body without a name stands in the declaration that names it: then the declaration's symbol holds the members."""
    return around is not None and around.kind in ("typedef", "field", "variable")


def _declared(node: Node) -> tuple[Node | None, bool]:
    """The name that a declarator declares, and whether it is a function's (and no pointer to one)."""
    function = False
    at: Node | None = node
    while at is not None and at.type not in _NAMES:
        if at.type == "function_declarator":
            function = True
        elif at.type == "parenthesized_declarator" and function:
            function = not any(child.type == "pointer_declarator" for child in at.named_children)
        at = at.child_by_field_name("declarator") or next(
            (child for child in at.named_children if child.type.endswith("declarator") or child.type in _NAMES), None)
    return at, function


def _symbol(tree: SyntaxTree, kind: str, node: Node, name: Node | None) -> Symbol:
    line, column = tree.start(node)
    end_line, end_column = tree.end(node)
    if node.type in _MACROS and end_column == 1:  # the line end belongs to a directive
        end_line, end_column = tree.position(node.end_byte - 1)
    name_line, name_column = tree.start(name or node)
    words = " ".join(tree.text(name).split())[:MAX_NAME] if name is not None else ""
    return Symbol(kind, words, line, column, end_line, end_column, name_line, name_column)
