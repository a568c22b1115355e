"""The lines beside a line are those that its brackets need."""
from __future__ import annotations

from curation.csource.lexing.balanced_lines import beside, declaration_around

TEXT = "int f(void)\n{\n\tif (a) {\n\t\tg(1,\n\t\t  2);\n\t}\n}\n"


def test_a_line_has_the_ends_of_each_bracket_around_it_beside_it() -> None:
    assert beside(TEXT, 5) == {1, 2, 3, 4, 5, 6, 7}
    assert beside("a;\nb;\n", 2) == {2}


def test_of_a_long_call_only_the_ends_are_shown() -> None:
    text = "void f(void) {\n g(1,\n" + "  2,\n" * 20 + "  3);\n}\n"
    assert beside(text, 10) == {1, 2, 10, 23, 24}


def test_brackets_in_strings_comments_and_directives_do_not_count() -> None:
    text = 'void f(void) {\n g("{(");\n // }\n#define X {\n h();\n}\n'
    assert beside(text, 5) == {1, 5, 6}


def test_a_line_outside_of_the_text_is_beside_nothing() -> None:
    assert beside("a;\n", 9) == set()


def test_a_declaration_begins_in_the_first_column_and_ends_with_a_brace() -> None:
    lines = "int a;\n\nstatic struct o t = {\n\t.f = g,\n};\nint b;".split("\n")
    assert declaration_around(lines, 4) == (3, 5)
    assert declaration_around(lines, 1) == (1, 1)
    assert declaration_around(lines, 99) == (6, 99)
