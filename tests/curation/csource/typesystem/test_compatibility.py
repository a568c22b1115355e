"""What a place of a type lets in."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.csource.typesystem.c_types import parse_type
from curation.csource.typesystem.compatibility import (
    ANYTHING,
    Compatibility,
    Content,
    FunctionShape,
    FunctionsUpTo,
    ObjectShape,
    ObjectsOf,
    Shape,
    content,
)

_TEXT = """struct head { int id; };
struct inner { int x; };
struct outer { struct inner in; struct head *by_pointer; };
struct one { struct head h; int a; };
struct other { struct head h; char b; };
struct apart { long c; };
"""


@pytest.fixture(scope="module")
def compatibility() -> Compatibility:
    return Compatibility(build_index([("a.c", _TEXT)], jobs=0).types)


@pytest.mark.parametrize(("text", "holds"), [
    ("int (*)(int, char *)", FunctionsUpTo(2)),
    ("int (*)(const char *, ...)", FunctionsUpTo(None)),
    ("int (*)(SEND_ARGS)", FunctionsUpTo(None)),
    ("struct head *", ObjectsOf("struct head")),
    ("void *", ANYTHING),
    ("unsigned long", ANYTHING),
    ("unsigned int", None),
    ("enum kind", None),
    ("seen_nowhere", ANYTHING),
])
def test_a_type_tells_what_its_places_can_hold(compatibility: Compatibility, text: str, holds: Content | None) -> None:
    assert content(compatibility.types, parse_type(text)) == holds


@pytest.mark.parametrize(("holds", "shape", "let_in"), [
    (FunctionsUpTo(2), FunctionShape(1), True),
    (FunctionsUpTo(2), FunctionShape(3), False),
    (FunctionsUpTo(2), FunctionShape(None), True),
    (FunctionsUpTo(None), FunctionShape(9), True),
    (FunctionsUpTo(2), ObjectShape("struct head"), False),
    (ObjectsOf("struct head"), FunctionShape(1), False),
    (ANYTHING, FunctionShape(9), True),
    (ObjectsOf("struct outer"), ObjectShape("struct inner"), True),
    (ObjectsOf("struct inner"), ObjectShape("struct outer"), True),
    (ObjectsOf("struct outer"), ObjectShape("struct head"), False),
    (ObjectsOf("struct one"), ObjectShape("struct other"), True),
    (ObjectsOf("struct one"), ObjectShape("struct apart"), False),
    (ObjectsOf("struct one"), ObjectShape("struct seen_nowhere"), True),
])
def test_values_enter_where_their_type_may_be_meant(compatibility: Compatibility, holds: Content, shape: Shape, let_in: bool) -> None:
    assert compatibility.lets_in(holds, shape) is let_in
