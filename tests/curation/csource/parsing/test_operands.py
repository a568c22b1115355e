"""The values an expression may have, and the place it names."""
from __future__ import annotations

import pytest

from curation.csource.parsing.operands import argument, place, values


def _paths(code: str, local: tuple[str, ...] = ()) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(o.base, o.fields) for o in values(code, None, local)[0]]


@pytest.mark.parametrize(("code", "wanted"), [
    ("ok ? p->ops.open : &table[i]", [("p", ("ops", "open")), ("table", ("[]",))]),
    ("a ?: b", [("a", ()), ("b", ())]),
    ("x = f", [("x", ())]),
    ("a, b", [("b", ())]),
    ("a || f", [("a", ()), ("f", ())]),
    ("p + 1", [("p", ())]),
    ("a * b", []),
    ("a == f", []),
    ("!f", []),
    ("NULL", []),
    ("12", []),
    ('"text"', []),
    ("({ g(); f; })", [("f", ())]),
])
def test_the_values_that_an_expression_may_have(code: str, wanted: list[tuple[str, tuple[str, ...]]]) -> None:
    assert _paths(code) == wanted


@pytest.mark.parametrize(("code", "base", "fields", "address", "cast", "call"), [
    ("*a->b[i]", "a", ("b", "[]", "*"), False, None, False),
    ("&a->b", "a", ("b",), True, None, False),
    ("*&a", "a", (), False, None, False),
    ("((struct s *)p)->f", "p", ("f",), False, "struct s *", False),
    ("(fn_t)f", "f", (), False, "fn_t", False),
    ("f(x)", "f", (), False, None, True),
    ("f(x)->g", "f", ("g",), False, None, True),
    ("a->get(x)->g", "a", ("get", "()", "g"), False, None, False),
    ("rcu_dereference(p->f)", "p", ("f",), False, None, False),
    ("READ_ONCE(p->f)->g", "p", ("f", "g"), False, None, False),
    ("container_of(w, struct dev, work)->f", None, ("f",), False, "struct dev *", False),
    ("a++", "a", (), False, None, False),
])
def test_a_place_is_read_from_the_outside_in(
    code: str, base: str | None, fields: tuple[str, ...], address: bool, cast: str | None, call: bool,
) -> None:
    found = place(code)
    assert found is not None
    assert (found.base, found.fields, found.address, found.cast, found.call) == (base, fields, address, cast, call)


@pytest.mark.parametrize("code", ["1", "!a", "-a", "NULL", "sizeof(a)", "a.1", ""])
def test_what_names_no_place_is_none(code: str) -> None:
    assert place(code) is None


def test_a_compound_literal_has_its_type_and_no_base() -> None:
    (one,) = values("(struct s){ f, g }")[0]
    assert (one.base, one.cast) == (None, "struct s")


def test_names_are_told_how_they_are_given() -> None:
    names = [(o.base, how) for o, how in values("ok ? (fn_t)&f : g")[1]]
    assert names == [("f", ("address", "cast", "conditional")), ("g", ("conditional",))]


def test_a_variable_in_parentheses_is_called_and_a_type_casts() -> None:
    assert _paths("(fn)(f)") == [("f", ())]
    (called,) = values("(fn)(f)", None, {"fn"})[0]
    assert called.call


def test_an_argument_keeps_its_text_on_one_line() -> None:
    arg, operands, names = argument("a ?\n  f : g")
    assert arg.text == "a ? f : g" and [o.base for o in operands] == ["f", "g"] and len(names) == 2


def test_what_stands_in_strings_is_shown_and_not_read() -> None:
    (one,), _ = values('t["  "]', 't["ab"]')
    assert one.text == 't["ab"]' and one.fields == ("[]",)
