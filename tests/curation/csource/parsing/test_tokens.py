"""Tokens of an expression: which operator is applied last, what is a cast."""
from __future__ import annotations

import pytest

from curation.csource.parsing.tokens import ASSIGN, COMMA, NO_OPERATOR, QUESTION, ExpressionTokens, tokens_of


def _tokens(code: str) -> ExpressionTokens:
    return ExpressionTokens(code, code)


@pytest.mark.parametrize(("code", "rank", "at"), [
    ("a + b, (int)c", COMMA, 3), ("a = b = c", ASSIGN, 1), ("a ? b : c ? d : e", QUESTION, 1), ("*p", NO_OPERATOR, -1),
    ("(a) & b", 7, 3), ("(a_t)&f", NO_OPERATOR, -1), ("f(a, b)", NO_OPERATOR, -1), ("-a * b", 12, 2), ("a(", NO_OPERATOR, -1),
])
def test_the_operator_that_is_applied_last_is_found(code: str, rank: int, at: int) -> None:
    tokens = _tokens(code)
    assert tokens.lowest_operator(0, len(tokens.words)) == (rank, at)


@pytest.mark.parametrize(("code", "inner"), [
    ("(int)x", 3), ("(struct s *)x", 5), ("(__force __be16)x", 4), ("(a)x", 3), ("(a_t)-x", 3), ("(a)-x", None), ("(a *)x", 4),
    ("(a)", None), ("(a * b)x", None), ("(int (*)(int))f", 9),
])
def test_a_cast_is_told_from_a_group(code: str, inner: int | None) -> None:
    tokens = _tokens(code)
    assert tokens.cast(0, len(tokens.words)) == inner


def test_a_name_in_parentheses_before_others_casts_unless_it_is_a_variable() -> None:
    tokens = _tokens("(fn)(f)")
    assert tokens.cast_like_call(0, 6, ()) == (4, 5) and tokens.cast_like_call(0, 6, {"fn"}) is None
    assert _tokens("(fn)(a, b)").cast_like_call(0, 8, ()) is None


def test_a_type_is_named_without_its_qualifiers() -> None:
    tokens = _tokens("const struct ops * const")
    assert tokens.type_name(0, 5) == "struct ops * const"
    assert _tokens("__force le_word").type_name(0, 2) == "le_word"


def test_of_a_statement_expression_the_last_statement_counts() -> None:
    tokens = _tokens("({ a; b; })")
    first, stop = tokens.within(1, len(tokens.words) - 1)
    assert tokens.words[first:stop] == ["b"]


def test_what_is_too_long_or_too_deep_has_no_tokens() -> None:
    assert tokens_of("(" * 61 + "a", "") is None and tokens_of("a" * 3001, "") is None and tokens_of("a", "a") is not None
