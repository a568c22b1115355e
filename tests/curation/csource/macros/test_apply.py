"""Calls that macros hide stand where a debugger sees them, and where a person reads them."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.macros.expand import Macros


def test_a_call_in_the_arguments_of_a_macro_over_several_lines_also_belongs_to_its_first_line() -> None:
    text = (
        "#define TRY(x, a) if (start(x)) { a }\nstatic int f(int x) { return x; }\nvoid g(int (*p)(int)) {\n"
        "  TRY(1,\n    (*p)(2);\n  )\n}\nvoid h(void) { g(f); }\n"
    )
    index = build_index([("a.c", text)])
    sites = [(c.line, c.macro) for c in index.calls("a.c") if c.kind == "indirect"]
    assert sorted(sites) == [(4, "TRY"), (5, None)]
    assert all([c.name for c in index.resolve(call)] == ["f"] for call in index.calls("a.c") if call.kind == "indirect")


def test_a_field_that_some_file_has_a_macro_for_stays_a_field() -> None:
    portable = "#define write _write\n"
    text = (
        "struct conn { int (*write)(int); };\nstatic int send_it(int x) { return x; }\n"
        "static struct conn c = { .write = send_it };\nint go(struct conn *p) { return p->write(1); }\n"
    )
    index = build_index([("win.h", portable), ("a.c", text)])
    call = next(c for c in index.calls("a.c") if c.kind == "indirect")
    assert [c.name for c in index.resolve(call)] == ["send_it"]


def test_a_macro_that_calls_a_pointer_variable_by_its_bare_name_is_a_call_through_it() -> None:
    index = build_index([("a.c", """\
int (*length_of)(char *p) = plain;
#define LENGTH(p) (wide ? length_of(p) : 1)
int f(char *p)
{
	return LENGTH(p);
}
""")])
    assert [(c.line, c.callee, c.macro) for c in index.calls("a.c") if c.kind == "indirect"] == [(5, "length_of", "LENGTH")]


def test_a_macro_that_calls_what_is_a_local_pointer_where_it_is_used_is_a_call_through_it() -> None:
    index = build_index([("a.c", """\
#define GROW() do { size += put(p, 1); } while (0)
#define WRITE() do { if (full) GROW(); } while (0)
int f(char *p)
{
	size_t (*put)(char *, int) = narrow;
	WRITE();
	return 0;
}
""")])
    assert [(c.line, c.callee, c.macro) for c in index.calls("a.c") if c.kind == "indirect"] == [(6, "put", "WRITE")]


def test_a_macro_named_like_a_keyword_is_none_and_an_assertion_for_the_compiler_stands_for_nothing() -> None:
    text = (
        "#define if(cond, ...) if (traced_if(!!(cond, ## __VA_ARGS__)))\n#define traced_if(x) (x ? hit(#x) : miss(#x))\n"
        "#define inline inline __attribute__((unused))\n"
        "#define CALL(o) do { static_assert(sizeof(o) > sizeof(WIDE(o)), \"small\"); if ((o)->run) (o)->run(); } while (0)\n"
    )
    index = build_index([("a.h", text)])
    assert not index.macros("if") and not index.macros("inline")
    assert Macros.of(index.facts["a.h"].macros).expand("CALL(p)") == "do { ; if ((p)->run) (p)->run(); } while (0)"
