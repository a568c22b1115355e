"""Expressions name variables, fields by their struct, elements by a constant subscript, and what calls return."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.nodes import (
    CallResult,
    DefinedFunction,
    ElementLoad,
    ExternalFunction,
    FieldLoad,
    Global,
    Local,
    Node,
    Returned,
)

_TEXT = """typedef void (*fn_t)(int);
#define FIRST 0
#define renamed real
struct ops { fn_t go; fn_t table[2]; fn_t (*make)(void); };
struct dev { const struct ops *ops; struct ops own; };
static fn_t hooks[4];
extern fn_t shared;
fn_t pick(int n) { return shared; }
void real(int n) { }

void f(struct dev *d, fn_t local, int n, void *unknown)
{
	%s(n);
}
"""


@pytest.mark.parametrize(("callee", "node"), [
    ("local", Local("a.c", "f", "local")),
    ("shared", Global("", "shared")),
    ("d->ops->go", FieldLoad("struct ops", "go")),
    ("d->own.go", FieldLoad("struct ops", "go")),
    ("seen_nowhere()->go", FieldLoad(None, "go")),
    ("hooks[FIRST]", ElementLoad(Global("a.c", "hooks"), "0")),
    ("hooks[n]", Global("a.c", "hooks")),
    ("d->own.table[1]", ElementLoad(FieldLoad("struct ops", "table"), "1")),
    ("pick(n)", Returned("a.c", "pick")),
    ("d->own.make()", CallResult(FieldLoad("struct ops", "make"))),
])
def test_a_callee_names_the_node_that_it_is_read_from(callee: str, node: Node) -> None:
    index = build_index([("a.c", _TEXT % callee)], jobs=0)
    [call] = [c for c in index.calls() if c.function == "f" and c.line == 13 and c.kind == "indirect" and len(c.args) == 1][-1:]
    assert [found for found, _ in AccessPaths(index).nodes(call, call.operand, False)] == [node]


def test_a_name_is_a_definition_what_a_macro_renames_or_a_function_of_elsewhere() -> None:
    paths = AccessPaths(build_index([("a.c", _TEXT % "local")], jobs=0))
    assert paths.named("renamed", "a.c") == [DefinedFunction("a.c", 9, "real")]
    assert paths.named("puts", "a.c") == [ExternalFunction("puts")]
    assert paths.named("SOME_CONSTANT", "a.c") == paths.named("shared", "a.c") == []
