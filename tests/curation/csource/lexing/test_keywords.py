"""What a word is by its look."""
from __future__ import annotations

import pytest

from curation.csource.lexing.keywords import KEYWORDS, macro_like, one_space


@pytest.mark.parametrize(("word", "wanted"), [
    ("API_EXPORT", True), ("__init", True), ("X", False), ("__u32", False), ("__be16", False), ("__kernel_size_t", False),
    ("handler_t", False),
])
def test_a_macro_is_told_from_a_type_by_its_look(word: str, wanted: bool) -> None:
    assert macro_like(word) == wanted


def test_runs_of_blanks_are_one_space() -> None:
    assert one_space("a \t\n b") == "a b" and one_space("a b") == "a b"


def test_catch_and_defined_may_be_macros_and_if_and_bool_may_not() -> None:
    assert {"if", "bool"} <= KEYWORDS and not KEYWORDS & {"catch", "defined"}
