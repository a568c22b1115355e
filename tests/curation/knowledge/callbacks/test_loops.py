"""Which lines are repeated."""

from __future__ import annotations

import pytest

from curation.knowledge.callbacks.loops import loops_of


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("{\n for (;;)\n  step();\n next();\n}", [(2, 3)]),
        ("{\n do {\n  wait();\n } while (more());\n next();\n}", [(2, 4)]),
        ("{\n while (a) {\n  if (b) do\n   f();\n  while (c);\n  else g();\n }\n}", [(3, 5), (2, 7)]),
        ("{\n do { f(); } while (0);\n}", []),
        ('{\n f("while (1) {"); /* for (;;) */\n}', []),
    ],
)
def test_loops_are_found_by_where_their_statement_ends(text: str, spans: list[tuple[int, int]]) -> None:
    assert loops_of(text, 1) == spans


@pytest.mark.parametrize("text", ["}}}", "do while for (", "{ do { while (", ") ; } else while"])
def test_broken_text_is_read_without_a_fault(text: str) -> None:
    assert loops_of(text, 1) == []
