"""Macros that open braces, and what stands between them."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.lexing.openers import openers
from curation.csource.macros.brace_macros import brace_macros
from curation.csource.macros.expand import Macros
from curation.csource.parsing.file_parser import parse_file


def _found(defines: str, text: str) -> set[str]:
    macros = Macros.of(parse_file(defines, "a.h").macros)
    return brace_macros(text, openers(text), macros, "a.c")


def test_a_macro_that_opens_a_brace_is_one_with_what_stands_before_its_partner() -> None:
    defines = "#define BEGIN int t[] = {\n#define END };\n#define ENTRY(x) { x },\n#define OTHER 1\n"
    assert _found(defines, "BEGIN\n  ENTRY(a)\nEND\nint x = OTHER;\n") == {"BEGIN", "END", "ENTRY"}
    assert _found(defines, "BEGIN\n  ENTRY(a)\nint x;\n") == set()  # nothing closes it


def test_the_head_of_a_struct_or_of_a_function_with_a_pasted_name_is_one() -> None:
    assert _found("#define DEFINE(n) struct n##_s\n", "DEFINE(x)\n{ int a; };\n") == {"DEFINE"}
    assert _found("#define TEST(n) int test_##n(void)\n", "TEST(x)\n{\n}\n") == {"TEST"}
    assert _found("#define PLAIN(n) int n = 0;\n", "PLAIN(x)\n") == set()


def test_a_brace_in_a_string_opens_nothing() -> None:
    assert _found('#define BEGIN f("{");\n#define END g("}");\n', "BEGIN\nEND\n") == set()


def test_a_function_made_by_such_a_macro_is_read() -> None:
    index = build_index([("a.c", "#define TEST(n) static int test_##n(void)\nTEST(one)\n{\n\treturn go(1);\n}\n")], jobs=0)
    assert [f.name for f in index.all_functions()] == ["test_one"]
    assert [(c.callee, c.function) for c in index.calls("a.c") if c.callee == "go"] == [("go", "test_one")]
