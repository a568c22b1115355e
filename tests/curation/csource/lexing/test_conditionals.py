"""Branches that can stand beside each other stay; of those that cannot one does, the same one under the same macro."""
from __future__ import annotations

import pytest

from curation.csource.lexing.conditionals import never
from curation.csource.lexing.prepare import prepare


def _code(*lines: str) -> list[str]:
    return prepare("\n".join(lines) + "\n", "a.c").code.split()


def test_branches_of_whole_statements_all_stay() -> None:
    assert _code("#if A", "a();", "#else", "b();", "#endif") == ["a();", "b();"]


def test_branches_that_open_a_brace_are_chosen_alike_under_the_same_macro() -> None:
    group = ["#ifdef A", "int f(int a) {", "#else", "int f(long a) {", "#endif"]
    assert _code(*group, "}") == "int f(int a) { }".split()
    other = ["#ifndef A", "int g(int a) {", "#else", "int g(long a) {", "#endif"]
    assert _code(*group, "}", *other, "}") == "int f(int a) { } int g(long a) { }".split()


def test_elements_of_a_list_become_alternatives_of_one() -> None:
    assert _code("int (*t[])(void) = {", "#ifdef A", "f,", "#else", "g,", "#endif", "h };")[-4:] == ["f|", "g,", "h", "};"]


def test_designated_elements_without_a_comma_are_kept_apart() -> None:
    assert " ".join(_code("struct s x = {", "#ifdef A", ".f = a", "#else", ".f = b", "#endif", "};")).endswith("{ .f = a , .f = b };")


def test_branches_that_end_in_the_middle_of_an_expression_leave_one() -> None:
    assert _code("x =", "#ifdef A", "a +", "#else", "b +", "#endif", "c;") == ["x", "=", "a", "+", "c;"]


@pytest.mark.parametrize(("condition", "wanted"), [
    ("if 0", True), ("ifdef __cplusplus", True), ("if defined(__cplusplus)", True), ("if defined(__cplusplus) && A", True),
    ("if defined(__cplusplus) || A", False), ("if 01", False), ("ifndef __cplusplus", False), ("elif 0", False),
])
def test_what_is_no_c_is_never_compiled(condition: str, wanted: bool) -> None:
    assert never(condition) == wanted
