"""Variables that statements declare."""
from __future__ import annotations

import pytest

from curation.csource.parsing.file_parser import parse_file
from curation.csource.typesystem.c_types import parse_type


def _variables(code: str) -> list[tuple[str, str]]:
    return [(v.name, v.type) for v in parse_file(f"void f(void) {{\n{code}\n}}", "a.c").variables]


@pytest.mark.parametrize("declared, name, kind", [
    ("size_t (*unparse)(char *, size_t);", "unparse", "size_t (*)(char *, size_t)"),
    ("char *(*scan)(char *, int);", "scan", "char *(*)(char *, int)"),
    ("char* CALLED (*read_args)(int, char*);", "read_args", "char* (*)(int, char*)"),
    ("reply_t (*made)(void) = first;", "made", "reply_t (*)(void)"),
    ("handler_t (*by_name)(name_t, place_t), other;", "by_name", "handler_t (*)(name_t, place_t)"),
])
def test_a_local_pointer_to_functions_that_return_any_type_is_a_variable_and_no_call(declared: str, name: str, kind: str) -> None:
    facts = parse_file(f"int f(void)\n{{\n\tint n;\n\t{declared}\n\treturn {name}(n);\n}}\n", "a.c")
    assert [parse_type(v.type) for v in facts.variables if v.name == name] == [parse_type(kind)]
    assert [(c.callee, c.kind) for c in facts.calls] == [(name, "indirect")]


@pytest.mark.parametrize(("code", "wanted"), [
    ("struct ops *p, q;", [("p", "struct ops *"), ("q", "struct ops")]), ("const int a = 1, b;", [("a", "int"), ("b", "int")]),
    ("for (int i = 0; ; ) g();", [("i", "int")]), ("if (x) { long n; }", [("n", "long")]), ("unsigned long a;", [("a", "unsigned long")]),
    ("struct s __user *p;", [("p", "struct s *")]), ("int a __maybe_unused;", [("a", "int")]),
    ("auto int (*p)(int) = g;", [("p", "int (*)(int)")]),
])
def test_a_declaration_declares_its_names(code: str, wanted: list[tuple[str, str]]) -> None:
    assert _variables(code) == wanted


@pytest.mark.parametrize("code", ["return x;", "goto out;", "x = y;", "NEXT next(x);", "case A: b;", "g(x);", "MACRO\ng(x);"])
def test_a_statement_declares_nothing(code: str) -> None:
    assert _variables(code) == []


def test_storage_is_told() -> None:
    facts = parse_file("void f(void) { static int a; extern int b; int c; }", "a.c")
    assert [(v.name, v.static, v.extern) for v in facts.variables] == [("a", True, False), ("b", False, True), ("c", False, False)]


def test_a_function_declared_in_a_function_is_a_prototype() -> None:
    facts = parse_file("void f(void) { extern int g(int a); int h(void); }", "a.c")
    assert [p.name for p in facts.prototypes] == ["g", "h"] and facts.variables == []


def test_a_variable_is_local_from_its_declaration_to_the_end_of_its_function() -> None:
    facts = parse_file("void f(void) { fn_t go = start; use(go); }\nvoid g(void) { use(go); }", "a.c")
    assert [(u.name, u.function) for u in facts.uses] == [("start", "f"), ("go", "g")]


def test_after_a_statement_macro_without_a_semicolon_a_declaration_may_begin() -> None:
    assert _variables("TRACE(x)\nint a;\ntypeof_member(struct s, f) b;") == [("a", "int"), ("b", "typeof")]
