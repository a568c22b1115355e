"""Definitions: whose they are, with which parameters, and where they end."""
from __future__ import annotations

import pytest

from curation.csource.parsing.file_parser import parse_file


def names(code: str) -> list[str]:
    return [f.name for f in parse_file(code, "a.c").functions]


def test_functions_have_their_place_parameters_and_storage():
    (found,) = parse_file("\n/* x */\nstatic const char *\nlabel(struct dev *d, int (*cb)(int), ...)\n{\n\treturn 0;\n}\n", "a.c").functions
    assert (found.name, found.line, found.column, found.start_line, found.end_line) == ("label", 4, 1, 3, 7)
    assert found.static and found.variadic
    assert found.params == [("d", "struct dev *"), ("cb", "int (*)(int)")]


def test_the_parameters_of_a_definition_may_stand_in_a_macro():
    found = parse_file("uLong *f OF((int a, char *b))\n{\n\treturn g(a);\n}\nh __P((void))\n{\n}\n", "a.c").functions
    assert [(f.name, f.params) for f in found] == [("f", [("a", "int"), ("b", "char *")]), ("h", [])]


def test_a_type_may_be_made_by_a_macro():
    one = parse_file(
        "static LIST_OF(NODE) *\nfirst(LIST_OF(NODE) *l, int n)\n{\n\treturn l;\n}\nLIST_OF(NODE) *second(int n)\n{\n"
        "\tLIST_OF(NODE) *p = first(0, n);\n\treturn p->go(WIDTH(n) * n);\n}\n", "a.c")
    assert [(f.name, len(f.params)) for f in one.functions] == [("first", 2), ("second", 1)]
    assert [(c.callee, c.function) for c in one.calls] == [("first", "second"), ("p->go", "second"), ("WIDTH", "second")]


def test_an_old_style_definition_may_follow_a_long_comment():
    text = f"int a;\n/*{'*' * 9000}*/\nstatic char *\nf(m, n)\n\tstruct m *m;\n\tint n;\n{{\n\tg(m);\n}}\n"
    (found,) = parse_file(text, "a.c").functions
    assert (found.name, found.params) == ("f", [("m", "struct m *"), ("n", "int")])


@pytest.mark.parametrize("code", [
    "static int __init f(void) { return 0; }",
    "static __always_inline int f(int a) { return a; }",
    "API_EXPORT int CALLCONV f(int a) { return a; }",
    "LIB_API void *\nATTR(malloc) ALLOC_SIZE(1)\nf(size_t size) { return 0; }",
    "int f(struct n *p ATTRIBUTE_UNUSED, int __maybe_unused x) { return 0; }",
    "void f(spinlock_t *l) __releases(l) { g(); }",
    "struct s __user *f(void) { return 0; }",
    "int f(a, b) int a; char *b; { return a; }",
    "EXPORT(g)\nint f(void) { return 0; }\nMODULE_LICENSE(\"GPL\")\n",
    "static DEFINE_MUTEX(m);\nint f(void) { return 0; }",
    'extern "C" {\nint f(void) { return 0; }\n}',
    "#ifdef A\nint f(int a) {\n#else\nint f(long a) {\n#endif\n return 0;\n}",
    "#if A\nint f(int a)\n#else\nint f(long a)\n#endif\n{\n return 0;\n}",
    "struct __attribute__((packed)) s { int a; };\nint f(void) { return 0; }",
    "void f(void) { list_for_each(p, &head) { use(p); } TRACE(x) y(); }",
    "static void (*f(int s, void (*cb)(int)))(int) { return cb; }",
    "static handler_t (*p)(int) = g;\nint f(void) { return 0; }",
    "SYSCALL_DEFINE1(f, int, a) { return a; }",
])
def test_annotations_and_macros_do_not_cost_a_function(code):
    assert names(code) == ["f"]


@pytest.mark.parametrize(("code", "params"), [
    ("int f(a, b) int a; char *b; { return a; }", [("a", "int"), ("b", "char *")]),
    ("int f(IF_X(int a,) char *b) { return 0; }", [("a", "int"), ("b", "char *")]),
    ("IF_X(long long) int CALLCONV f(int CALLCONV (*cb)(int)) { return 0; }", [("cb", "int (*)(int)")]),
    ("static void (API_CB f)(int a) { }", [("a", "int")]),
])
def test_parameters_are_found_through_macros_and_old_style_lists(code, params):
    (found,) = parse_file(code, "a.c").functions
    assert (found.name, found.params) == ("f", params)


def test_a_parameter_of_function_type_behind_an_annotation_is_named_by_its_name() -> None:
    facts = parse_file("int f(id_t id, char *CALLED to_text(id_t id))\n{\n\treturn to_text(id);\n}\n", "a.c")
    assert [p for p, _ in facts.functions[0].params] == ["id", "to_text"]
    assert [(c.callee, c.kind) for c in facts.calls] == [("to_text", "indirect")]


@pytest.mark.parametrize(("code", "name", "kind"), [
    ("struct s **f(void) { }", "f", "struct s **"), ("main() { }", "main", ""), ("SYSCALL_DEFINE1(open, int, a) { }", "open", ""),
    ("EXPORTED(int f(int a)) { }", "f", "int"), ("int (*f(int s))(int) { }", "f", "int *"), ("END BEGIN(name) {\n}", "name", ""),
])
def test_a_definition_has_its_name_and_return_type(code: str, name: str, kind: str) -> None:
    (found,) = parse_file(code, "a.c").functions
    assert (found.name, found.return_type) == (name, kind)


def test_words_that_look_like_annotations_are_attributes() -> None:
    (found,) = parse_file("static __init API_EXPORT int f(void) { }", "a.c").functions
    assert found.attributes == ["__init", "API_EXPORT"] and found.static


def test_parameters_are_local_variables_in_their_order() -> None:
    facts = parse_file("int f(int a, char *b) { return g(a, b); }\nint h(void) { return a; }", "a.c")
    assert [(v.name, v.function, v.param) for v in facts.variables] == [("a", "f", 0), ("b", "f", 1)]
    assert [u.name for u in facts.uses] == ["a"]  # in h it is no parameter


def test_a_body_whose_brackets_do_not_match_ends_at_a_brace_that_begins_a_line() -> None:
    facts = parse_file("int a(void)\n{\n\tif (x) {\n\tg();\n}\nint b(void)\n{\n\th();\n}\n", "a.c")
    assert [(f.name, f.end_line) for f in facts.functions] == [("a", 5), ("b", 9)]
    assert [(p.code, p.line) for p in facts.problems] == [("damaged", 2)]
    assert [(c.callee, c.function) for c in facts.calls] == [("g", "a"), ("h", "b")]


def test_a_control_word_before_a_block_defines_nothing() -> None:
    assert names("while (x) { g(); }") == [] and names("struct s { int a; };") == []


def test_damage_is_named_once_and_later_bodies_end_at_their_braces() -> None:
    broken = "int {}(void)\n{{\n\tif (x) {{\n\tg();\n}}\n"
    facts = parse_file(broken.format("a") + broken.format("b") + broken.format("c"), "a.c")
    assert [(f.name, f.end_line) for f in facts.functions] == [("a", 5), ("b", 10), ("c", 15)] and len(facts.problems) == 1
    assert [c.function for c in facts.calls] == ["a", "b", "c"]
