"""Fingerprints of functions: equal for renamed, reformatted, commented, translated copies, and for nothing else."""
from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.syntax.fingerprints import functions
from curation.csource.syntax.tree import parse

STATEMENTS = [
    "a = b + 1;", "p->ops->run(p, a);", "if (a < b) { g(a); } else { h(b); }", "while (a--) b += a;", 'log("text %d", a);',
    "switch (a) { case 1: b = 2; break; default: goto out; }", "struct item *q = find((struct item *)p, sizeof(*q));", "c = 'x';",
]
bodies = st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6)


def code(body: list[str]) -> str:
    return f"static int work(struct dev *p, int a, int b) {{ {' '.join(body)} out: return a; }}"


def fingerprint(text: str) -> str:
    (one,) = functions(parse(text))
    return one.fingerprint



def copy_of(text: str) -> str:
    """Renamed, translated, reformatted, commented."""
    translated = re.sub(r'"[^"]*"', '"文本" "两段"', text)
    renamed = re.sub(r"\b(a|b|c|p|q|g|h|log|find|run|ops|dev|item|work|out|next)\b", r"\1_of_copy", translated)
    return "/* 函数 */\n" + re.sub(r"([;{}])", r"\1 // 注释\n\t", renamed).replace("1", "0x7f").replace("'x", "'y")


@settings(max_examples=40, deadline=None)
@given(bodies)
def test_a_renamed_reformatted_commented_translated_copy_has_the_same_fingerprint(body: list[str]) -> None:
    assert fingerprint(copy_of(code(body))) == fingerprint(code(body))


@settings(max_examples=40, deadline=None)
@given(bodies, st.data())
def test_a_function_with_one_token_more_or_less_or_another_operator_has_another(body: list[str], data: st.DataObject) -> None:
    kept = fingerprint(code(body))
    at = data.draw(st.integers(0, len(body) - 1))
    assert fingerprint(code(body[:at] + body[at + 1:])) != kept
    assert fingerprint(code(body[:at] + [body[at], "return;"] + body[at + 1:])) != kept
    assert fingerprint(code(body).replace("return a;", "return -a;")) != kept


@pytest.mark.parametrize(("one", "other"), [
    ("int f(int a, int b) { return a; }", "int f(int a, int b) { return b; }"),  # another of the names
    ("int f(int a) { return g(a); }", "int f(int a) { return f(a); }"),  # it calls itself
    ("int f(int a) { return a + 1; }", "int f(int a) { return a - 1; }"),
    ("int f(int a) { return g(1, 2); }", "int f(int a) { return g(1); }"),
    ("int f(int a) { return a; }", "long f(int a) { return a; }"),
    ("int f(s *a) { return a->b; }", "int f(s *a) { return a.b; }"),
])
def test_another_structure_is_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_a_variable_and_a_member_of_one_name_may_be_renamed_apart() -> None:
    assert fingerprint("int f(s *ops) { return ops->ops; }") == fingerprint("int f(s *o) { return o->ops; }")


def test_a_file_lists_its_functions_with_their_places_and_sizes() -> None:
    found = functions(parse("int a(void)\n{\n\treturn 1;\n}\n#ifdef X\nint b(void) { return 2; }\n#else\nint c(void) { x(; }\n#endif\n"))
    assert [(one.name, one.line, one.end_line, one.damaged) for one in found] == [("a", 1, 4, False), ("b", 6, 6, False), ("c", 8, 8, True)]
    assert found[0].fingerprint == found[1].fingerprint and found[0].tokens == 10
