"""Which functions an indirect call reaches: through every way a pointer travels in C."""
import pytest

from curation.csource import Index, build_index


def index_of(*codes: str) -> Index:
    return build_index([(f"{chr(97 + i)}.c", code) for i, code in enumerate(codes)], jobs=0)


def targets(index: Index, callee: str) -> list[str]:
    call = next(c for c in index.calls() if c.kind == "indirect" and c.callee == callee)
    return [c.name for c in index.resolve(call)]


TWO = "static int one(int a) { return 1; }\nstatic int two(int a) { return 2; }\nint unused(int a) { return 3; }\n"
"int (*keep)(int) = unused;\n"


@pytest.mark.parametrize(
    ("code", "callee", "wanted"),
    [
        ("int f(void) { int (*p)(int) = one; return p(1); }", "p", ["one"]),
        ("int f(void) { int (*p)(int); p = &two; return (*p)(1); }", "(*p)", ["two"]),
        ("static int (*g)(int) = one;\nint f(void) { return g(1); }", "g", ["one"]),
        ("int f(int c) { return (c ? one : two)(1); }", "(c ? one : two)", ["one", "two"]),
        ("int f(int c) { int (*p)(int) = c ? one : two; return p(1); }", "p", ["one", "two"]),
        ("static int (*t[])(int) = { one, two };\nint f(int i) { return t[i](1); }", "t[i]", ["one", "two"]),
        (
            'struct o { const char *n; int (*go)(int); };\nstatic struct o t[] = { { "a", one }, { "b", two } };\n'
            'int f(int i) { return t[i].go(1); }',
            "t[i].go",
            ["one", "two"],
        ),
        (
            "struct o { int (*go)(int); };\nstatic const struct o x = { .go = one };\nint f(struct o *p) { return p->go(1); }",
            "p->go",
            ["one"],
        ),
        (
            "struct o { int x; struct { int (*go)(int); } in; };\nstatic struct o x = { 1, { two } };\n"
            "int f(struct o *p) { return p->in.go(1); }",
            "p->in.go",
            ["two"],
        ),
        (
            "struct o { int (*go)(int); };\nvoid set(struct o *p, int (*h)(int)) { p->go = h; }\n"
            "void w(struct o *p, int (*h)(int)) { set(p, h); }\n"
            "void m(struct o *p) { w(p, one); }\nint f(struct o *p) { return p->go(1); }",
            "p->go",
            ["one"],
        ),
        (
            "typedef int (*fn)(int);\nstatic fn pick(int i) { return i ? one : two; }\nint f(int i) { fn p = pick(i); return p(1); }",
            "p",
            ["one", "two"],
        ),
        ("typedef int (*fn)(int);\nstatic void out(fn *p) { *p = one; }\nint f(void) { fn p; out(&p); return p(1); }", "p", ["one"]),
        (
            "typedef int (*fn)(int);\nvoid in(fn *p) { *p = one; }\nvoid mid(fn *p) { in(p); }\n"
            "int f(void) { fn p; mid(&p); return p(1); }",
            "p",
            ["one"],
        ),
        ("int f(void) { void *v = one; int (*p)(int) = (int (*)(int))v; return p(1); }", "p", ["one"]),
        ("typedef int (*fn)(int);\nint f(void *v) { return ((fn)v)(1); }\nvoid m(void) { f((fn)(two)); }", "((fn)v)", ["two"]),
        (
            "#define CALL(o, x) (o)->go(x)\nstruct o { int (*go)(int); };\nstruct o k = { one };\n"
            "int f(struct o *p) { return CALL(p, 1); }",
            "(p)->go",
            ["one"],
        ),
        (
            "#define SLOT ops->go\nstruct i { int (*go)(int); };\nstruct o { struct i *ops; };\nstruct i k = { two };\n"
            "int f(struct o *p) { return p->SLOT(1); }",
            "p->SLOT",
            ["two"],
        ),
        (
            "#define ROW(n) { #n, n },\n#define ROWS ROW(one) ROW(two)\nstruct o { const char *n; int (*go)(int); };\n"
            "static struct o t[] = { ROWS };\n"
            "int f(int i) { return t[i].go(1); }",
            "t[i].go",
            ["one", "two"],
        ),
        (
            "#define DEFINE(n) static int n##_go(int a) { return a; } static struct o n##_ops = { .go = n##_go };\n"
            "struct o { int (*go)(int); };\n"
            "DEFINE(fast)\nint f(struct o *p) { return p->go(1); }",
            "p->go",
            ["fast_go"],
        ),
        ("#define alias one\nint f(void) { int (*p)(int) = alias; return p(1); }", "p", ["one"]),
        (
            "#include <stdarg.h>\ntypedef int (*fn)(int);\nstatic fn kept;\n"
            "void set(int k, ...) { va_list ap; va_start(ap, k); kept = va_arg(ap, fn); }\n"
            "void m(void) { set(1, one); }\nint f(void) { return kept(1); }",
            "kept",
            ["one"],
        ),
        ("int run(int (cb)(int)) { return cb(1); }\nvoid m(void) { run(two); }", "cb", ["two"]),
        ("int h(int (*cb)(int)) { return cb(1); }\nint f(void) { int (*q)(int (*)(int)) = h; return q(one); }", "cb", ["one"]),
        ("typedef long num;\ntypedef int (*fn)(int);\nint f(fn p) { return (num) (*p)(1); }\nvoid m(void) { f(one); }", "(*p)", ["one"]),
        (
            "struct o { int (*go)(int); };\nint f(void *w) { return container_of(w, struct o, x)->go(1); }\n"
            "void m(struct o *p) { p->go = one; }",
            "container_of(w, struct o, x)->go",
            ["one"],
        ),
        (
            "struct o { int (*go)(int); };\nvoid m(struct o *p) { *p = (struct o){ .go = one }; }\nint f(struct o *p) { return p->go(1); }",
            "p->go",
            ["one"],
        ),
        (
            "struct o { int (*go)(int); };\nstruct q { struct o *(*get)(struct q *); };\nstatic struct o *got(struct q *q) { return 0; }\n"
            "static struct q k = { got };\nvoid m(struct o *p) { p->go = two; }\nint f(struct q *q) { return q->get(q)->go(1); }",
            "q->get(q)->go",
            ["two"],
        ),
    ],
)
def test_flow_follows_the_pointer(code, callee, wanted):
    assert sorted(targets(index_of(TWO + code), callee)) == wanted


def test_flow_crosses_files_and_keeps_static_functions_of_the_same_name_apart():
    index = index_of(
        '#include "o.h"\nstruct o { void (*go)(void); };\nstatic void run(void) { }\nstruct o a = { run };\n'
        'void f(struct o *p) { p->go(); }',
        "static void run(void) { }\nvoid g(void) { run(); }",
    )
    call = next(c for c in index.calls("a.c") if c.kind == "indirect")
    assert [(c.name, c.file) for c in index.resolve(call)] == [("run", "a.c")]


def test_the_object_called_through_comes_first():
    index = index_of(
        "struct o { int (*go)(int); };\nstatic int a1(int x) { return 1; }\nstatic int b1(int x) { return 1; }\n"
        "static struct o a = { a1 };\nstatic struct o b = { b1 };\nint f(void) { struct o *p = &b; return p->go(1) + a.go(2); }")
    assert targets(index, "p->go")[0] == "b1"
    assert targets(index, "a.go")[0] == "a1"


def test_a_macro_that_names_a_function_is_called_directly():
    index = index_of("#define OP(f) (l_##f)\n#define fail (*(note(1), really_fail))\nvoid l_sin(int a) { }\nvoid really_fail(int a) { }\n"
                     "void f(void) { OP(sin)(1); fail(2); guard(mutex)(3); }")
    assert [c.callee for c in index.calls() if c.kind == "indirect"] == []
    assert {"l_sin", "really_fail"} <= {c.callee_name for c in index.calls()}


def test_a_parameter_shadows_a_function_of_its_name():
    index = index_of(TWO + "int f(int (*one)(int)) { return one(1); }\nvoid m(void) { f(two); }")
    assert targets(index, "one") == ["two"]


def test_functions_whose_parameters_cannot_fit_are_left_out():
    index = index_of("struct o { void *p; };\nint a(int x) { return x; }\nint b(int x, int y) { return y; }\n"
                     "void s(struct o *o) { o->p = a; o->p = b; }\nint f(struct o *o) { int (*g)(int) = o->p; return g(1); }")
    assert targets(index, "g") == ["a"]


def test_where_flow_finds_nothing_each_step_says_its_name():
    index = index_of("struct o { int (*go)(long, char *); };\nint fit(long a, char *b) { return 0; }\nint other(int a) { return 0; }\n"
                     "void *k = fit, *l = other;\nint f(struct o *p) { return p->go(1, 0); }")
    (call,) = [c for c in index.calls() if c.kind == "indirect"]
    found = index.resolution(call)
    assert (found.found_by, [c.name for c in found.candidates]) == ("same_signature", ["fit"])
    assert found.candidates[0].evidence[0].kind == "same_signature"
    assert found.completeness == "incomplete"


def test_completeness_tells_a_closed_table_from_an_open_parameter():
    closed = index_of("static int (*t[])(int) = { one };\nint f(int i) { return t[i](1); }" + TWO)
    open_ = index_of(TWO + "int f(int (*p)(int)) { return p(1); }\nvoid m(void) { f(one); }")
    assert [i.resolution(next(c for c in i.calls() if c.kind == "indirect")).completeness for i in (closed, open_)] == [
        "complete",
        "incomplete",
    ]


def test_evidence_names_the_line_that_takes_the_address_and_the_definition():
    index = index_of("struct o { int (*go)(int); };\nstatic int one(int a)\n{ return 1; }\nstatic struct o x = {\n\t.go = one,\n};\n"
                     "int f(struct o *p) { return p->go(1); }")
    (candidate,) = index.resolve(next(c for c in index.calls() if c.kind == "indirect"))
    assert (candidate.file, candidate.line) == ("a.c", 2)
    assert [(e.kind, e.line, e.text) for e in candidate.evidence][:2] == [
        ("initializer", 5, ".go = one,"), ("definition", 2, "static int one(int a)")]


def test_the_field_of_a_use_is_told_named_or_positional():
    index = index_of(
        "typedef struct { int x; int (*go)(int); } ops_t;\nint one(int a) { return a; }\nops_t a = { .go = one };\nops_t b = { 1, one };\n"
        "void m(ops_t *p) { p->go = one; }"
    )
    assert [(u.line, index.field_of(u)) for u in index.uses("one")] == [(line, ("ops_t", "go")) for line in (3, 4, 5)]


def test_enclosing_functions():
    index = index_of("void g(void) { }\nvoid f(void)\n{\n\tg();\n}\n")
    assert index.enclosing("a.c", 4).name == "f"
    assert index.enclosing("a.c", 6) is None


def test_a_name_that_is_a_pointer_here_and_an_inline_function_elsewhere_is_told_by_its_arguments():
    index = build_index([
        ("api.h", "static inline int make(int a, int b) { return 0; }\n"),
        ("a.c", "int (*make)(int);\nint one(int a) { return a; }\nvoid s(void) { make = one; }\nint f(void) { return make(1); }\n"),
    ], jobs=0)
    assert targets(index, "make") == ["one"]


def test_a_number_of_another_block_makes_no_pointer_of_a_functions_name():
    code = (
        "static void err(const char *m) { }\nint f(int a) { if (a) { int err = 1; return err; } err(\"no\"); return 0; }\n"
        "int g(long dev) { unsigned minor = minor(dev); return minor; }\n")
    index = build_index([("a.c", code)], jobs=0)
    assert [(c.callee, c.kind) for c in index.calls("a.c")] == [("err", "direct"), ("minor", "direct")]


def test_a_macro_that_ends_in_a_functions_name_calls_that_function():
    code = (
        "#define UNTIL(fn) done = done || fn\nint look(int a) { return a; }\n"
        "int f(int a) { int done = 0; UNTIL(look)(a); return done; }\n")
    index = build_index([("a.c", code)], jobs=0)
    assert ("look", "direct") in [(c.callee_name, c.kind) for c in index.calls("a.c")]
    assert not [c for c in index.calls("a.c") if c.kind == "indirect"]


def test_code_in_a_header_sees_the_static_pointer_of_the_source_that_includes_it():
    source = (
        "static int (*hook)(int);\nstatic int watch(int x) { return x; }\nvoid set(void) { hook = watch; }\n"
        "int run(int x) {\n#include \"steps.h\"\n}\n")
    index = build_index([("eval.c", source), ("steps.h", "int step(int x) { return hook(x); }\n")], jobs=0)
    (call,) = [c for c in index.calls("steps.h") if c.kind == "indirect"]
    assert [c.name for c in index.resolve(call)] == ["watch"]


def test_the_same_type_comes_before_the_same_field_of_another_struct() -> None:
    text = ("struct conn; struct msg;\nstruct a { int (*done)(struct conn *); };\nstruct b { void (*done)(struct msg *); };\n"
            "static int fit(struct conn *c) { return 1; }\nstatic void other(struct msg *m) { }\n"
            "void set(struct b *b) { b->done = other; }\n"
            "void keep(int (**out)(struct conn *)) { *out = fit; }\n"
            "int run(struct a *a, struct conn *c) { return a->done(c); }\n")
    index = build_index([("a.c", text)], jobs=0)
    found = index.resolution(next(c for c in index.calls() if c.callee == "a->done"))
    assert (found.found_by, [c.name for c in found.candidates]) == ("same_signature", ["fit"])


def test_a_function_that_the_pointers_type_contradicts_is_no_guess() -> None:
    text = ("struct out { int (*put)(char); };\nstatic int wipe(void *all) { return 0; }\nint (*wiper)(void *) = wipe;\n"
            "int run(struct out *o) { return o->put('x'); }\n")
    index = build_index([("a.c", text)], jobs=0)
    assert index.resolve(next(c for c in index.calls() if c.callee == "o->put")) == []
