"""One pass over the statements of a body."""
from __future__ import annotations

import pytest

from curation.csource.parsing.file_parser import parse_file


def _calls(code: str) -> list[str]:
    return [c.callee for c in parse_file(f"void f(void) {{ {code} }}", "a.c").calls]


def test_statement_macros_without_a_semicolon_cost_nothing():
    code = "void f(void) {\n\tGROW\n\tg(x);\n\ty = SKIP(2)\n\tz = h;\n\tTRACE(1)\n\tint k = p->q(3);\n}\n"
    facts = parse_file(code, "a.c")
    assert [c.callee for c in facts.calls] == ["g", "SKIP", "TRACE", "p->q"]
    assert [(a.left.base, a.right[0].base) for a in facts.assignments] == [("y", "SKIP"), ("z", "h"), ("k", "p")]


def test_one_broken_function_does_not_take_its_neighbours():
    code = "int a(void) { return 1; }\nint b(void) { x = = ( ; }\nint c(void) { return p->q(2); }\n"
    found = parse_file(code, "a.c")
    assert {"a", "c"} <= {f.name for f in found.functions}
    assert "p->q" in [c.callee for c in found.calls]


@pytest.mark.parametrize(("code", "wanted"), [
    ("a(b(c), d());", ["a", "b", "d"]), ("if (a()) b(); else c();", ["a", "b", "c"]),
    ("for (int i = a(); b(i); c(i)) d();", ["a", "b", "c", "d"]),
    ("x = sizeof(a(1)); b();", ["b"]), ("__asm__ volatile (\"x\" : : (a(1))); b();", ["b"]), ("do { a(); } while (b());", ["a", "b"]),
    ("switch (a()) { case B: c(); }", ["a", "c"]), ("return a(b) ? c() : 0;", ["a", "c"]), ("{ { a(); } b(); }", ["a", "b"]),
])
def test_calls_are_found_where_they_stand(code: str, wanted: list[str]) -> None:
    assert _calls(code) == wanted


def test_what_is_returned_is_a_value() -> None:
    facts = parse_file("fn f(int x) { if (x) return g; return x ? h : 0; }", "a.c")
    assert [(a.kind, [o.base for o in a.right]) for a in facts.assignments] == [("return", ["g"]), ("return", ["h"])]


@pytest.mark.parametrize(("code", "left", "fields"), [
    ("p->f = g;", "p", ("f",)), ("*(fn_t *)p = g;", "p", ("*",)), ("*p++ = g;", "p", ("*",)), ("*++p = g;", "p", ("*",)),
    ("a[i].f = g;", "a", ("[]", "f")),
    ("(*p).f = g;", "p", ("*", "f")),
    ("x = y = g;", "y", ()),
])
def test_a_value_goes_to_the_place_before_the_equal_sign(code: str, left: str, fields: tuple[str, ...]) -> None:
    facts = parse_file(f"void f(void) {{ {code} }}", "a.c")
    assert ("g", left, fields) in [(a.right[0].base, a.left.base, a.left.fields) for a in facts.assignments]
    assert "g" in [u.name for u in facts.uses]


def test_a_compound_literal_names_its_type() -> None:
    facts = parse_file("void f(void) { h((struct s){ .a = g }); p = (struct t) { g }; }", "a.c")
    assert [(a.left.base, a.left.cast, a.left.fields) for a in facts.assignments if a.kind == "initializer"] == [
        (None, "struct s", ("a",)), (None, "struct t", ("#0",))]


def test_tables_of_numbers_give_no_facts_and_what_follows_is_read() -> None:
    facts = parse_file("void f(void) {\n static const int t[] = { 1, 0x2, -3, 'c', \"d\" };\n int (*p)(int) = g;\n}\n", "a.c")
    assert [a.left.base for a in facts.assignments] == ["p"] and [v.name for v in facts.variables] == ["t", "p"]


def test_brackets_deeper_than_the_limit_end_the_body_and_not_the_file() -> None:
    code = "void f(void) { " + "(" * 1400 + ")" * 1400 + "; g(); }"
    assert [c.callee for c in parse_file(code, "a.c").calls] == ["g"]


def test_blocks_that_only_seem_to_close_are_bounded_too() -> None:
    code = "void f(void) { a(); " + "{ ) " * 1600 + "b(); }"
    assert [c.callee for c in parse_file(code, "a.c").calls] == ["a"]
