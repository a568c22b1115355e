"""What is called, with what."""
from __future__ import annotations

import pytest

from curation.csource.parsing.file_parser import parse_file


def _calls(code: str) -> list[tuple[str, str]]:
    return [(c.callee, c.kind) for c in parse_file(f"void f(fn_t local) {{ {code} }}", "a.c").calls]


@pytest.mark.parametrize("code", [
    "(typeof(a))(-1)", "(__typeof__(a))(b)", "(1 || x)(2)", "_Generic((a), int: 1, default: 2)", "__builtin_choose_expr(1, a, b)(3)",
    "(__attribute__((force)) __be32)(__u32)(a)", "(__attribute__((force)) le_word)(b)", "(__force le_word)(be_word)(a)",
    "*(__attribute__((force)) volatile uint32_t *)(unsigned long)(a)", "*(uint64_t __attribute__((user)) *)(unsigned long)(a)",
])
def test_what_cannot_be_called_is_no_indirect_call(code):
    assert [c.callee for c in parse_file(f"int f(int a, int b) {{ return {code}; }}", "a.c").calls if c.kind == "indirect"] == []


def test_calls_know_callee_arguments_and_place():
    call = next(
        c for c in parse_file("void f(struct d *d) {\n\td->ops->open(d, &d->work, ok ? on : off);\n}", "a.c").calls if c.kind == "indirect"
    )
    assert (call.line, call.column, call.function, call.callee) == (2, 2, "f", "d->ops->open")
    assert (call.operand.base, call.operand.fields) == ("d", ("ops", "open"))
    assert (call.args[1].base, call.args[1].fields, call.args[1].operands[0].address) == ("d", ("work",), True)
    assert call.args[2].names == ["on", "off"]


def test_a_type_as_an_argument_keeps_its_text_and_position():
    (call,) = parse_file("void f(void *w) { g(container_of(w, struct foo, work)); }", "a.c").calls[1:]
    assert [a.text for a in call.args] == ["w", "struct foo", "work"]


@pytest.mark.parametrize(("code", "callee", "kind"), [
    ("g(1);", "g", "direct"), ("local(1);", "local", "indirect"), ("p->f(1);", "p->f", "indirect"), ("(*p)(1);", "(*p)", "indirect"),
    ("(g)(1);", "(g)", "direct"), ("t[i](1);", "t[i]", "indirect"), ("((fn_t)p)(1);", "((fn_t)p)", "indirect"),
])
def test_a_call_is_direct_where_a_function_is_named(code: str, callee: str, kind: str) -> None:
    assert _calls(code) == [(callee, kind)]


def test_the_result_of_a_call_can_be_called() -> None:
    assert _calls("get(1)(2);") == [("get", "direct"), ("get(1)", "indirect")]


def test_both_sides_of_a_conditional_may_be_called() -> None:
    (call,) = parse_file("void f(int a) { (a ? g : h)(1); }", "a.c").calls
    assert call.operand.base == "g" and [o.base for o in call.others] == ["h"]


def test_a_cast_before_a_call_through_a_pointer_is_passed_over() -> None:
    call = parse_file("void f(void) { x = (type)(*p->go)(y); }", "a.c").calls[-1]
    assert (call.callee, call.kind, call.column) == ("(*p->go)", "indirect", 26)


def test_function_names_among_arguments_are_used_and_variables_are_not() -> None:
    facts = parse_file("void f(fn_t local) { add(&g, local, h); }", "a.c")
    assert [(u.name, u.kind, u.call, u.index, u.via) for u in facts.uses] == [
        ("g", "argument", "add", 0, ("address",)), ("h", "argument", "add", 2, ())]


def test_what_a_publishing_macro_stores_is_assigned() -> None:
    facts = parse_file("void f(struct s *p) { rcu_assign_pointer(p->ops, g); }", "a.c")
    assert [(a.left.base, a.left.fields, a.right[0].base) for a in facts.assignments] == [("p", ("ops",), "g")]


def test_a_call_over_several_lines_ends_where_its_parenthesis_does() -> None:
    (call,) = parse_file("void f(void) {\n g(a,\n   b);\n}\n", "a.c").calls
    assert (call.line, call.end_line) == (2, 3)


def test_a_macro_among_arguments_may_bring_its_comma() -> None:
    call, _ = parse_file("void f(void) { g(IF_X(a,) b); }", "a.c").calls
    assert [a.text.strip() for a in call.args] == ["IF_X(a,)", "b"]


def test_a_return_in_the_argument_of_a_macro_returns() -> None:
    facts = parse_file("fn f(void) { TRY(x, return g); }", "a.c")
    assert [(a.kind, a.right[0].base) for a in facts.assignments] == [("return", "g")]


def test_arguments_keep_the_text_of_strings() -> None:
    (call,) = parse_file('void f(void) { log(a, "x, y", b); }', "a.c").calls
    assert [a.text for a in call.args] == ["a", '"x, y"', "b"]
