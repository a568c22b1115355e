"""Operands that are macros for places, and arguments that are macros for several."""
from __future__ import annotations

from curation.csource import build_index


def _operands(text: str) -> list[tuple[str | None, tuple[str, ...]]]:
    index = build_index([("a.c", text)], jobs=0)
    return [(c.operand.base, c.operand.fields) for c in index.calls("a.c") if c.kind == "indirect" and c.macro is None]


def test_a_macro_for_a_place_is_called_through() -> None:
    assert _operands("#define OPS funcs->ops\nint f(void) { return OPS.lookup(1); }\n") == [("funcs", ("ops", "lookup"))]
    assert _operands("#define TABLE(x) all.x\nint f(int i) { return TABLE(of)[i].go(1); }\n") == [("all", ("of", "[]", "go"))]


def test_a_local_variable_of_a_macros_name_is_itself() -> None:
    assert _operands("#define go other->go\nint f(int (*go)(int)) { return go(1); }\n") == [("go", ())]


def test_what_a_macro_assigns_from_a_place_is_that_place() -> None:
    index = build_index([("a.c", "#define FIRST table.first\nvoid f(void) { v = FIRST; }\n")], jobs=0)
    assert [(a.right[0].base, a.right[0].fields) for a in index.facts["a.c"].assignments][0] == ("table", ("first",))


def test_an_argument_that_is_a_macro_for_several_becomes_them() -> None:
    index = build_index([("a.c", "#define ON_LOOP(fn) KIND_LOOP, fn\nvoid f(void) { add(1, ON_LOOP(go), 2); }\n")], jobs=0)
    call = next(c for c in index.calls("a.c") if c.callee == "add")
    assert [a.text for a in call.args] == ["1", "KIND_LOOP", "go", "2"]
