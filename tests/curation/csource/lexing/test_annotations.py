"""Annotations are told by their position and look, and blanked without moving anything."""
from __future__ import annotations

import pytest

from curation.csource.lexing.annotations import parameter_without_annotations, without_annotations, without_attributes


@pytest.mark.parametrize(("text", "kept"), [
    ("static API_X int f(void) __must(x)", "static int f(void)"),
    ("API_EXPORT struct s *f(int a)", "struct s *f(int a)"),
    ("u64 __enter(int a) __acquires(lock)", "u64 __enter(int a)"),
    ("__attribute__((cold)) int f(int a)", "int f(int a)"),
    ("int f(a, b) int a; char *b;", "int f(a, b) int a; char *b;"),
])
def test_a_definition_keeps_its_type_name_and_parameters(text: str, kept: str) -> None:
    assert without_annotations(text, True).split() == kept.split()


@pytest.mark.parametrize(("text", "kept"), [
    ("static int __initdata count", "static int count"),
    ('char license[] SEC("license")', "char license[]"),
    ("struct s __percpu *p", "struct s *p"),
    ("handler_t (*p)(int)", "handler_t (*p)(int)"),
    ("typedef int API_X f(int)", "typedef int API_X f(int)"),
])
def test_a_variable_keeps_one_type_and_one_name(text: str, kept: str) -> None:
    assert without_annotations(text, False).split() == kept.split()


def test_what_is_blanked_leaves_everything_at_its_place() -> None:
    text = "static API_X\nint f(void) __must(\nx)"
    found = without_annotations(text, True)
    assert len(found) == len(text) and found.index("int f") == text.index("int f") and found.count("\n") == 2


def test_a_parameter_loses_its_annotation_and_a_function_parameter_is_left() -> None:
    assert parameter_without_annotations("NODE *symbol ATTRIBUTE_UNUSED").split() == ["NODE", "*symbol"]
    assert parameter_without_annotations("int __maybe_unused x").split() == ["int", "x"]
    assert parameter_without_annotations("int (*f)(API_T a)") == "int (*f)(API_T a)"


def test_attributes_are_blanked_with_what_is_in_their_parentheses() -> None:
    assert without_attributes("struct __attribute__((packed, aligned(f(8)))) s").split() == ["struct", "s"]
