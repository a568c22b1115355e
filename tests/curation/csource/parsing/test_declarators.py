"""What declarations declare: names, types as written, parameters, members."""
from __future__ import annotations

import pytest

from curation.csource.parsing.declarators import TYPE_IN_PARENS, declarator, members, parameters, specifiers, type_name


@pytest.mark.parametrize(("text", "kind", "rest"), [
    ("static const struct ops *p", "struct ops", "*p"), ("unsigned  long long x", "unsigned long long", "x"),
    ("typeof(*a) b", "typeof(*a)", "b"),
    ("handler_t const h", "handler_t", "h"),
])
def test_a_declaration_begins_with_its_type(text: str, kind: str, rest: str) -> None:
    found = specifiers(text, 0)
    assert found is not None and found[0] == kind and text[found[1]:].strip() == rest


def test_an_operator_is_no_type() -> None:
    assert specifiers("= 3", 0) is None


@pytest.mark.parametrize(("text", "name", "rest", "is_function"), [
    (" *q[2]", "q", "*[2]", False), ("* const p", "p", "* const", False), ("(*cb)(int)", "cb", "(*)(int)", False),
    ("(CALLBACK *f)(int)", "f", "( *)(int)", False), ("*f(int a)", "f", "*(int a)", True), ("(f)(int)", "f", "()(int)", True),
    ("* PNG_RESTRICT name", "name", "*", False), ("(*f(int s))(int)", "f", "(*(int s))(int)", True),
])
def test_a_declarator_has_a_name_and_what_stands_around_it(text: str, name: str, rest: str, is_function: bool) -> None:
    found = declarator(text)
    assert found is not None and (found.name, found.rest, found.parameters is not None) == (name, rest, is_function)
    assert text[found.at:found.end] == name


@pytest.mark.parametrize("text", ["", "*", "[2]", "(*)(int)"])
def test_without_a_name_nothing_is_declared(text: str) -> None:
    assert declarator(text) is None


@pytest.mark.parametrize(("text", "listed", "variadic"), [
    ("struct dev *d, int (*cb)(int), ...", [("d", "struct dev *"), ("cb", "int (*)(int)")], True),
    ("void", [], False),
    ("int, char *", [("", "int"), ("", "char *")], False),
    ("IF_X(int a,) int b", [("a", "int"), ("b", "int")], False),
    ("err_t (fn (void *))", [("fn", "err_t ((void *))")], False),
    ("char *CALLED to_text(id_t)", [("to_text", "char *((id_t))")], False),
    ("args...", [("", "args")], True),
    ("int a[const 4]", [("a", "int [const 4]")], False),
])
def test_parameters_have_names_and_types(text: str, listed: list[tuple[str, str]], variadic: bool) -> None:
    assert parameters(text) == (listed, variadic)


@pytest.mark.parametrize(("text", "wanted"), [
    ("const struct s *a, b[2]", [("a", "struct s *"), ("b", "struct s [2]")]), ("unsigned a : 3", [("a", "unsigned")]),
    ("int (*f)(int)", [("f", "int (*)(int)")]), ("DECLARE_BITMAP(name, 8)", []),
    ("STAILQ_ENTRY(node) link", [("link", "STAILQ_ENTRY(node)")]),
    ("int a __aligned(8)", [("a", "int")]),
])
def test_members_have_names_and_types(text: str, wanted: list[tuple[str, str]]) -> None:
    assert [(name, kind) for name, kind, _ in members(text)] == wanted


@pytest.mark.parametrize(("text", "wanted"), [
    ("struct s", True), ("a_t", True), ("u32", True), ("a *", True), ("const a *", True), ("int (*)(int)", True), ("a", False),
    ("a + b", False), ("sizeof a", False), ("a * b", False),
])
def test_a_type_in_parentheses_is_told_by_its_text(text: str, wanted: bool) -> None:
    assert (TYPE_IN_PARENS.match(text) is not None) == wanted


def test_a_type_in_parentheses_has_one_space_between_its_parts() -> None:
    assert type_name("const struct  s\t*") == "struct s *" and type_name(" 3 ") == "3"
