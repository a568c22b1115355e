"""Brackets that close, parts between commas, and how deep it goes."""
from __future__ import annotations

import pytest

from curation.csource.lexing.brackets import closing, nesting_depth, split


@pytest.mark.parametrize(("text", "opened", "close"), [
    ("f(a(b), c) + d(e)", 1, 9), ("a[b[1]]", 1, 6), ("{ ( }", 0, 4), ("f(a", 1, None), ("((x)", 0, None),
])
def test_a_bracket_is_closed_by_its_partner_of_the_same_kind(text: str, opened: int, close: int | None) -> None:
    assert closing(text, opened) == close


def test_a_partner_that_is_too_far_away_is_none() -> None:
    text = "(" + " " * 100 + ")"
    assert closing(text, 0) == 101 and closing(text, 0, 100) is None


@pytest.mark.parametrize(("text", "mark", "parts"), [
    ("a, b", ",", ["a", " b"]), ("a, f(b, c), d", ",", ["a", " f(b, c)", " d"]),
    ("int a; char (*b)[2];", ";", ["int a", " char (*b)[2]", ""]),
    ("", ",", [""]), ("{ 1, 2 }, x[a, b]", ",", ["{ 1, 2 }", " x[a, b]"]),
])
def test_parts_are_split_at_marks_outside_of_brackets(text: str, mark: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in split(text, mark)] == parts


def test_deep_nesting_is_counted_and_shallow_nesting_is_not() -> None:
    assert nesting_depth("{ f((a)); }" * 1000) == 0
    assert nesting_depth("(" * 2000 + ")" * 2000) == 2000
    assert nesting_depth("{" * 1600) >= 1600
