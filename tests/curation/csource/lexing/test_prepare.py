"""Code that can be parsed has every character at its old place."""
from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.lexing.prepare import prepare
from curation.csource.parsing.file_parser import parse_file


def test_all_branches_that_can_stand_together_are_read():
    code = "void f(void) {\n#ifdef A\n a();\n#else\n b();\n#endif\n#if 0\n c();\n#endif\n}"
    assert [c.callee for c in parse_file(code, "a.c").calls] == ["a", "b"]


def test_actions_of_a_grammar_file_are_read():
    code = "%{\nint f(void);\n%}\n%token A\n%%\nrule : A { $$ = make($1); }\n | { p->go(); }\n;\n%%\nint main(void) { return yyparse(); }\n"
    facts = parse_file(code, "g.y")
    assert [f.name for f in facts.functions] == ["main"]
    assert [c.callee for c in facts.calls] == ["make", "p->go", "yyparse"]
    assert [c.line for c in facts.calls] == [6, 7, 10]


@pytest.mark.parametrize(("text", "code"), [
    ('f("a{", \'(\'); /* ) */ g(); // h(', 'f("  ", \' \');         g();'),
    ("int a; \\\nint b;", "int a;  \nint b;"),
    ('f("a\\"{");', 'f("    ");'),
    ('f("open\ng();', "f(\ng();"),
    ("\nSTACK_OF(X509) *list;", "\nSTACK_OF_X509_ *list;"),
    ("int FAST_FUNC (*f)(int);", "int           (*f)(int);"),
    ("x = (WORD *) (*p->f)(y);", "x = (WORD *) (*p->f)(y);"),
    ("int a;\fint b;", "int a; int b;"),
])
def test_strings_comments_and_conventions_are_blanked(text: str, code: str) -> None:
    found = prepare(text, "a.c").code
    assert [line.rstrip() for line in found.split("\n")] == [line.rstrip() for line in code.split("\n")]
    assert len(found) == len(text)


def test_a_character_that_is_not_ascii_is_one_character() -> None:
    assert prepare("int é;", "a.c").code == "int x;"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab#\n\"'/*\\ {}();=ifdelsn"), max_size=120))
def test_code_is_as_long_as_its_text_and_has_its_line_ends(text: str) -> None:
    found = prepare(text, "a.c")
    assert len(found.code) == len(text)
    assert found.ends == [at for at, char in enumerate(text) if char == "\n"]
    assert all(found.code[at] == "\n" for at in found.ends)
