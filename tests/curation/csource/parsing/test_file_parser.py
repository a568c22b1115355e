"""What is read from one file: every fact at its place, through annotation macros, conditional branches and damage."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource import build_index, outline
from curation.csource.facts.encoding import decode_facts, encode_facts
from curation.csource.lexing.prepare import prepare
from curation.csource.parsing.file_parser import MAX_LINE, parse_file
from curation.csource.sources.path_hints import is_cplusplus
from curation.csource.typesystem.c_types import CType, parse_type


def names(code: str) -> list[str]:
    return [f.name for f in parse_file(code, "a.c").functions]


def test_characters_are_columns_even_after_chinese():
    (call,) = parse_file('void f(void) { /* 打开设备 */ g("设备"); }', "a.c").calls
    assert (call.column, call.args[0].text) == (27, '"设备"')


@pytest.mark.parametrize(("code", "problem"), [
    ("int a = " + "(" * 100_000 + "1" + ")" * 100_000 + ";", "too_deep"),
    ("int f(void) { " + "{" * 100_000, "too_deep"),
    ("x" * (MAX_LINE + 1), "long_line"),
    ("int a;\0", "nul_bytes"),
])
def test_hostile_files_are_named_with_the_reason_and_the_rest_goes_on(code, problem):
    index = build_index([("bad.c", code), ("good.c", "int f(void) { return 0; }")], jobs=1)
    assert [(p.file, p.code) for p in index.problems()] == [("bad.c", problem)]
    assert [f.name for f in index.all_functions()] == ["f"]


def test_a_file_that_takes_too_long_is_given_up_and_the_next_one_read():
    slow = "int f(void) { return 0; }\n" * 20_000
    index = build_index([("slow.c", slow), ("good.c", "int g(void) { return 0; }")], jobs=1, time_limit_s=0.3)
    assert [(p.file, p.code) for p in index.problems()] == [("slow.c", "too_slow")]
    assert [f.name for f in index.all_functions()] == ["g"]


def test_facts_come_back_from_the_cache_as_they_were(tmp_path):
    code = (
        "struct s { int (*f)(int); };\n#define CALL(x) (x)->f(1)\nint g(struct s *p) { static struct s t = { .f = h }; return CALL(p); }\n"
    )
    facts = parse_file(code, "a.c")
    assert decode_facts(encode_facts(facts)) == facts
    first = build_index([("a.c", code)], tmp_path)
    second = build_index([("a.c", code)], tmp_path)
    assert second.facts == first.facts
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_a_spoiled_cache_entry_is_made_again(tmp_path):
    texts = [("a.c", "int f(void) { return 0; }")]
    build_index(texts, tmp_path)
    next(tmp_path.rglob("*.json")).write_bytes(b'["a.c",[[')
    assert [f.name for f in build_index(texts, tmp_path).all_functions()] == ["f"]


def test_the_outline_lists_functions_in_order():
    assert [(f.name, f.line) for f in outline("int b(void)\n{\n}\nint a(void) { }\n")] == [("b", 1), ("a", 4)]


@pytest.mark.parametrize(("text", "kind"), [
    ("int (*[4])(int, char *)", CType("int", ("[]", "*", "(int, char *"))),
    ("const struct ops *const", CType("struct ops", ("*",))),
    ("void (*(*)(int a))(void)", CType("void", ("*", "(int a", "*", "(void"))),
    ("unsigned long", CType("unsigned long", ())),
])
def test_types_are_read_from_the_name_outwards(text, kind):
    assert parse_type(text) == kind


C_PIECES = st.sampled_from(
    [
        "int f(",
        ") {",
        "}",
        "{",
        "(",
        ")",
        ";",
        "#if A\n",
        "#else\n",
        "#endif\n",
        "p->x(",
        "a = b",
        "/*",
        "*/",
        '"',
        "'",
        "\\\n",
        "struct s {",
        ", ",
        "return ",
        "#define M(x) x##_y(",
        "M(q)",
        "\n",
        "static ",
        "typedef ",
        "[",
        "]",
        "= {",
        ".f = g",
        "? a : b",
        "// c\n",
        "é",
        "%%\n",
    ]
)


@settings(max_examples=150)
@given(st.lists(C_PIECES, max_size=40).map("".join), st.sampled_from(["a.c", "g.y"]))
def test_any_pieces_of_c_are_read_without_an_error_and_places_lie_in_the_text(code, file):
    assert len(prepare(code, file).code) == len(code)
    index = build_index([(file, code)], jobs=0)
    lines = code.count("\n") + 1
    for facts in index.facts.values():
        for fact in (*facts.functions, *facts.calls, *facts.uses, *facts.assignments, *facts.variables):
            assert 1 <= fact.line <= lines
    for call in index.calls():
        index.resolve(call)


@pytest.mark.parametrize(("file", "text", "wanted"), [
    ("a.cc", "int f(void);", True),
    ("a.h", "template <class T> T f(T);\n", True),
    ("a.h", "class A : public B {\n};\n", True),
    ("a.h", "struct class { int (*go)(void); };\nint template;\n", False),
    ("a.h", '#ifdef __cplusplus\n#if X\n#endif\nextern "C" {\nnamespace a {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n', False),
    ("a.h", "#ifdef __cplusplus\nnamespace a {\n#else\nint f(void);\n#endif\nnamespace b {\n", True),
    ("a.h", "#if defined __cplusplus\n" * 50_000 + "namespace a {\n", False),
])
def test_c_plus_plus_is_told_from_c_with_guards_for_it(file: str, text: str, wanted: bool) -> None:
    assert is_cplusplus(file, text) == wanted
