"""Positions in a text, the scope, and where an expression begins that ends before a bracket."""
from __future__ import annotations

import pytest

from curation.csource.parsing.context import CALL, CONTROL, FileText, Scope, postfix


def _text(code: str, pinned: tuple[int, int] | None = None) -> FileText:
    return FileText("a.c", code, code, [at for at, char in enumerate(code) if char == "\n"], pinned)


def test_lines_and_columns_are_counted_from_one() -> None:
    text = _text("ab\n\ncd")
    assert [text.position(at) for at in (0, 1, 2, 3, 4, 5)] == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2)]
    assert text.line(4) == 3


def test_all_of_an_expansion_stands_at_the_invocation() -> None:
    text = _text("a\nb", pinned=(7, 3))
    assert text.position(2) == (7, 3) and text.line(2) == 7


def test_blanks_are_passed_over_in_both_directions() -> None:
    text = _text("a \n\t b")
    assert text.following(1) == 5 and text.before(5) == 0 and text.before(0) == -1 and text.following(6) == 6


def test_a_bracket_without_a_partner_is_passed_alone() -> None:
    assert _text("(a)b").past(0) == 3 and _text("(a").past(0) == 1
    assert _text("a[b[1]]").subscript_start(6) == 1 and _text("b]").subscript_start(1) is None


@pytest.mark.parametrize(("code", "closed", "begin"), [
    ("x = a[i].b", {}, 4), ("p -> q", {}, 0), ("return f", {}, 7), ("x + ", {}, 4), ("f(x).b", {3: (CALL, 0)}, 0),
    ("if (x) b", {5: (CONTROL, 3)}, 7),
    ("if (x)", {5: (CONTROL, 3)}, 6), ("a]", {}, 2),
])
def test_an_expression_begins_where_its_links_do(code: str, closed: dict[int, tuple[int, int]], begin: int) -> None:
    assert postfix(_text(code), closed, len(code)) == begin


def test_a_local_type_hides_that_of_the_file_until_the_function_ends() -> None:
    scope = Scope("f")
    scope.types["a"], scope.file_types["a"], scope.file_types["b"] = "int", "long", "char"
    assert (scope.type_of("a"), scope.type_of("b"), scope.type_of("c"), scope.type_of(None)) == ("int", "char", None, None)
    scope.leave()
    assert scope.type_of("a") == "long" and scope.function is None and scope.local == set()


def test_a_text_is_shown_on_one_line_and_not_too_long() -> None:
    assert _text("a\n  b").shown(0, 5) == "a b" and len(_text("x" * 999).shown(0, 999)) == 300
