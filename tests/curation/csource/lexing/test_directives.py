"""What directives define, and under which conditions lines stand."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.lexing.prepare import prepare
from curation.csource.parsing.file_parser import parse_file


def test_each_line_knows_the_conditions_it_is_compiled_under():
    code = "#ifndef A_H\n#define A_H\n#ifdef PM\nint a;\n#if X > 2 /* why */\nint b;\n#else\nint c;\n#endif\n#endif\nint d;\n#endif\n"
    assert parse_file(code, "a.h").conditions == [(3, 10, "ifdef PM"), (5, 7, "if X > 2"), (7, 9, "else of if X > 2")]
    index = build_index([("a.h", code)])
    assert [index.condition("a.h", line) for line in (4, 6, 8, 11)] == [
        ["ifdef PM"], ["ifdef PM", "if X > 2"], ["ifdef PM", "else of if X > 2"], []]


def test_a_macro_has_its_parameters_and_its_body_on_one_line() -> None:
    macros = prepare("#define A 1\n#define ADD(x, ...) /* why */ \\\n  ((x) + \\\n   1)\n#define F() g\n", "a.h").macros
    assert [(m.name, m.line, m.params, m.body) for m in macros] == [
        ("A", 1, None, "1"), ("ADD", 2, ["x", "..."], "((x) + 1)"), ("F", 5, [], "g")]


def test_a_macro_ends_at_its_undef() -> None:
    macros = prepare("#define A 1\n#undef A\n#define A 2\n", "a.h").macros
    assert [(m.body, m.ended) for m in macros] == [("1", 2), ("2", None)]


def test_macros_in_branches_that_are_never_compiled_and_keywords_are_none() -> None:
    macros = prepare("#if 0\n#define A 1\n#elif B\n#define C 3\n#endif\n#define if(x) y\n#define D 4\n", "a.h").macros
    assert [m.name for m in macros] == ["C", "D"]


def test_an_include_guard_is_no_condition_and_a_group_with_an_else_is() -> None:
    assert prepare("#ifndef A_H\n#define A_H\nint a;\n#endif\n", "a.h").conditions == []
    assert prepare("#if !defined(A_H)\n#define A_H\nint a;\n#endif\n", "a.h").conditions == []
    assert prepare("#ifndef A\n#define A\n#else\nint b;\n#endif\n", "a.h").conditions == [(1, 3, "ifndef A"), (3, 5, "else of ifndef A")]


def test_directives_without_a_beginning_are_passed_over() -> None:
    found = prepare("#endif\n#else\nint a;\n#ifdef B\nint b;\n", "a.c")
    assert found.conditions == [] and found.code.split() == ["int", "a;", "int", "b;"]


def test_what_was_left_out_though_it_could_be_compiled_is_told() -> None:
    text = "#if A\nif (a) {\n#else\nif (b) {\n#endif\n}\n"
    ((start, end),) = prepare(text, "a.c").dropped
    assert text[start:end].strip() == "if (b) {"
