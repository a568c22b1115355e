"""Names that may hold a function."""
from __future__ import annotations

import pytest

from curation.csource.macros.callables import callable_names, function_types, may_hold_function
from curation.csource.parsing.file_parser import parse_file


@pytest.mark.parametrize(("kind", "wanted"), [
    ("int (*)(int)", True), ("irq_handler_t", True), ("read_fn", True), ("struct dev *", False), ("int", False), ("", True),
    ("notifier", False),
])
def test_a_type_may_hold_a_function_by_its_text(kind: str, wanted: bool) -> None:
    assert may_hold_function(kind) == wanted


def test_fields_and_variables_of_function_type_are_callable() -> None:
    facts = parse_file(
        "typedef int (*go)(int);\nstruct s { go first; int second; int (*third)(void); };\ngo at_file_scope;\n"
        "void f(void) { go inside; }", "a.c")
    assert list(function_types(facts)) == ["go"]
    assert list(callable_names(facts)) == ["first", "third", "at_file_scope"]
    assert list(callable_names(facts, {"other"})) == ["third"]
