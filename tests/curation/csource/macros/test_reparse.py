"""Files that are read again with their macros expanded: templates, their includers, tables of macros; and which #define is meant where."""
from __future__ import annotations

from curation.csource import Index, build_index
from curation.csource.facts.model import Call
from curation.csource.sources.inclusions import included_sources


def _indirect(index: Index, file: str) -> list[Call]:
    return [c for c in index.calls(file) if c.kind == "indirect"]


def _names(index: Index, file: str) -> set[str]:
    return {c.name for call in _indirect(index, file) for c in index.resolve(call)}


TEMPLATE = (
    "#ifndef NAME\n#define NAME(x) x\n#endif\nstatic int NAME(step)(int x)\n{\n    return x;\n}\n"
    "static int NAME(walk)(int x) { return NAME(step)(x); }\n"
)
INCLUDER = (
    "struct kind { int (*walk)(int); int (*step)(int); };\n"
    "#define TABLE NAME(walk), NAME(step)\n"
    "#define NAME(x) wide_##x\n#include \"walk_impl.c\"\nstatic const struct kind wide = { TABLE };\n#undef NAME\n"
    "#define NAME(x) thin_##x\n#include \"walk_impl.c\"\nstatic const struct kind thin = { TABLE };\n#undef NAME\n"
    "int run(const struct kind *k) { return k->step(1); }\n"
    "int both(void) { return run(&wide) + run(&thin); }\n"
)


def test_a_template_has_the_functions_of_each_inclusion_at_its_own_lines() -> None:
    index = build_index([("a.c", INCLUDER), ("walk_impl.c", TEMPLATE)])
    found = {(f.name, f.line) for f in index.all_functions() if f.file == "walk_impl.c"}
    assert found == {("wide_step", 4), ("wide_walk", 8), ("thin_step", 4), ("thin_walk", 8)}


def test_a_template_whose_functions_the_includer_gives_other_names_has_them_by_each_name() -> None:
    template = "static int convert(int x)\n{\n    return x * SIZE;\n}\n"
    text = (
        "#define SIZE 1\n#include \"convert.c\"\n#undef SIZE\n"
        "#define SIZE 3\n#define convert convert_rgb\n#include \"convert.c\"\n#undef SIZE\n#undef convert\n"
        "int go(int wide) { int (*f)(int) = wide ? convert_rgb : convert; return f(1); }\n"
    )
    index = build_index([("a.c", text), ("convert.c", template)])
    assert {(f.name, f.line) for f in index.all_functions() if f.file == "convert.c"} == {("convert", 1), ("convert_rgb", 1)}
    assert _names(index, "a.c") == {"convert", "convert_rgb"}


def test_a_table_macro_means_what_it_means_at_its_line_and_counts_as_all_its_elements() -> None:
    index = build_index([("a.c", INCLUDER), ("walk_impl.c", TEMPLATE)])
    assert _names(index, "a.c") == {"wide_step", "thin_step"}


def test_an_object_like_macro_from_a_header_fills_several_fields_of_a_table() -> None:
    header = "int a(int); int b(int); int c(int);\n#define COMMON a, b\nstruct ops { int (*x)(int); int (*y)(int); int (*z)(int); };\n"
    text = (
        '#include "h.h"\nint a(int v) { return v; }\nint b(int v) { return v; }\nint c(int v) { return v; }\n'
        "static struct ops o = { COMMON, c };\nint go(void) { return o.z(1); }\n"
    )
    assert _names(build_index([("h.h", header), ("a.c", text)]), "a.c") == {"c"}


LISTED = "/* all tests */\nTEST(first)\n#ifdef EXTRA\nTEST(second) /* rare */\n#endif\n"
TESTED = "int first(void) { return 1; }\nint second(void) { return 2; }\n"


def test_a_table_is_filled_by_an_include_within_its_braces() -> None:
    text = (
        "struct test { int (*run)(void); const char *name; };\n#define TEST(f) int f(void);\n#include \"list.h\"\n#undef TEST\n"
        "static const struct test tests[] = {\n#define TEST(f) { f, #f },\n#include \"list.h\"\n#undef TEST\n};\n"
        "int go(int i) { return tests[i].run(); }\n"
    )
    index = build_index([("list.h", LISTED), ("tests.c", TESTED), ("a.c", text)])
    assert _names(index, "a.c") == {"first", "second"}
    assert {(u.name, u.line) for u in index.facts["a.c"].uses if u.kind == "initializer"} == {("first", 7), ("second", 7)}


def test_what_an_include_puts_into_a_list_counts_for_the_positions_of_what_follows() -> None:
    text = (
        "struct ops { int (*a)(int); int (*b)(int); int (*c)(int); };\nint x(int v) { return v; }\nint y(int v) { return v; }\n"
        "int z(int v) { return v; }\nstatic struct ops o = {\n#include <two.inc>\n\tz };\nint go(void) { return o.c(1); }\n"
    )
    assert _names(build_index([("two.inc", "x,\ny,\n"), ("a.c", text)]), "a.c") == {"z"}


def test_a_list_of_which_there_are_several_means_all_of_them() -> None:
    text = "#define TEST(f) f,\nint (*tests[])(void) = {\n#include \"list.h\"\n};\nint go(int i) { return tests[i](); }\n"
    files = [("one/list.h", "TEST(first)\n"), ("two/list.h", "TEST(second)\n"), ("util/a.c", text), ("tests.c", TESTED)]
    assert _names(build_index(files), "util/a.c") == {"first", "second"}


def test_a_static_table_in_a_header_is_seen_by_who_includes_it() -> None:
    header = (
        "#ifdef DECLARE\n# define CMD(id, f) {1, f}\nstatic struct command { int flags; int (*run)(void); } commands[] =\n"
        "#else\n# define CMD(id, f) id\nenum command_id\n#endif\n{\nCMD(CMD_A, first),\nCMD(CMD_B, second),\n};\n"
    )
    text = '#define DECLARE\n#include "cmds.h"\nint go(int i) { return (commands[i].run)(); }\n'
    other = "struct other { int (*run)(void); } o = { third };\nint third(void) { return 3; }\n"
    files = [("cmds.h", header), ("a.c", text), ("b.c", other), ("tests.c", TESTED)]
    assert _names(build_index(files), "a.c") == {"first", "second"}


def test_headers_and_code_that_is_included_into_a_function_are_no_lists() -> None:
    text = '#include "h.h"\nint f(int x)\n{\n#include "body.h"\n\treturn g(x,\n 1);\n}\n'
    assert included_sources({"a.c": text, "h.h": "int g(int, int);\n", "body.h": "\tx++;\n"}) == {}


def test_static_functions_of_an_included_source_are_seen_by_its_includer() -> None:
    text = '#include "part.c"\nint go(void) { int (*p)(void) = hidden; return p(); }\n'
    index = build_index([("part.c", "static int hidden(void) { return 1; }\n"), ("a.c", text)])
    assert [c.file for c in index.resolve(_indirect(index, "a.c")[0])] == ["part.c"]


def test_a_macro_of_another_source_is_not_seen() -> None:
    other = "#define handler stub\nint stub(int x) { return x; }\n"
    text = "int handler(int x) { return x; }\nint (*p)(int);\nvoid set(void) { p = handler; }\nint go(void) { return p(1); }\n"
    assert _names(build_index([("other.c", other), ("a.c", text)]), "a.c") == {"handler"}


def test_each_definition_of_a_macro_under_conditions_gives_its_call() -> None:
    text = (
        "struct enc { int (*narrow)(int); int (*wide)(int); };\n"
        "#ifdef UNICODE\n#define CONVERT(e, x) ((e)->wide(x))\n#else\n#define CONVERT(e, x) ((e)->narrow(x))\n#endif\n"
        "static int n(int x) { return x; }\nstatic int w(int x) { return x; }\nstatic struct enc e = { n, w };\n"
        "int go(struct enc *p) { return CONVERT(p, 1); }\n"
    )
    assert _names(build_index([("a.c", text)]), "a.c") == {"n", "w"}


def test_branches_that_each_give_one_element_share_its_place() -> None:
    text = (
        "struct ops { int (*a)(void); int (*b)(void); };\nint one(void) { return 1; }\nint two(void) { return 2; }\n"
        "static struct ops o = {\n#ifdef SMALL\n    NULL,\n#else\n    one,\n#endif\n    two,\n};\nint go(void) { return o.b(); }\n"
    )
    assert _names(build_index([("a.c", text)]), "a.c") == {"two"}


def test_a_function_that_a_header_also_calls_a_macro_stays_a_value() -> None:
    header = "struct table { int (*go)(int); };\nextern struct table *stubs;\n#ifdef USE_STUBS\n#define go_there (stubs->go)\n#endif\n"
    text = (
        '#include "h.h"\nint go_there(int x) { return x; }\nint run(int (*f)(int)) { return f(1); }\n'
        "int all(void) { return run(go_there); }\n"
    )
    assert "go_there" in _names(build_index([("h.h", header), ("a.c", text)]), "a.c")
