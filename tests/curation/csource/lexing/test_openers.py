"""Names that may open a brace."""
from __future__ import annotations

from curation.csource.lexing.openers import openers


def test_names_in_capitals_alone_on_a_line_or_before_a_brace_may_open_one() -> None:
    assert openers("TABLE_BEGIN\nDEFINE_SERVICE( font )\n{ int x; };\n\tDO_ALL(a, b) {\n") == ["DEFINE_SERVICE", "DO_ALL", "TABLE_BEGIN"]


def test_statements_and_names_in_small_letters_are_none() -> None:
    assert openers("LOG(a);\nx = LIMIT\nbegin\n  foo(a)\n") == []
