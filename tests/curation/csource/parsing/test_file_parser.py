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


@pytest.mark.parametrize(("code", "name", "params"), [
    ("int f PARAMS((int a, char *b));", "f", [("a", "int"), ("b", "char *")]),
    ("_PROTOTYPE(int f, (int a));", "f", [("a", "int")]),
    ("local int f OF((const voidp p));", "f", [("p", "voidp")]),
])
def test_prototypes_that_macros_make_are_read(code, name, params):
    (found,) = parse_file(code, "a.h").prototypes
    assert (found.name, found.params) == (name, params)


@pytest.mark.parametrize(("code", "name", "kind"), [
    ("struct s { void\t(*f) __P((char **, int *)); };", "f", "void (*) __P((char **, int *))"),
    ("struct s { int (CALLBACK *f) PARAMS((int)); };", "f", "int ( *) PARAMS((int))"),
    ("struct s { int (CALLBACK *f)(int); };", "f", "int ( *)(int)"),
    ("struct s { STAILQ_ENTRY(node) f; };", "f", "STAILQ_ENTRY(node)"),
])
def test_members_that_macros_make_have_their_own_name(code, name, kind):
    (field,) = parse_file(code, "a.h").structs[0].fields
    assert (field.name, field.type) == (name, kind)


@pytest.mark.parametrize(("code", "params"), [
    ("int f(a, b) int a; char *b; { return a; }", [("a", "int"), ("b", "char *")]),
    ("int f(IF_X(int a,) char *b) { return 0; }", [("a", "int"), ("b", "char *")]),
    ("IF_X(long long) int CALLCONV f(int CALLCONV (*cb)(int)) { return 0; }", [("cb", "int (*)(int)")]),
    ("static void (API_CB f)(int a) { }", [("a", "int")]),
])
def test_parameters_are_found_through_macros_and_old_style_lists(code, params):
    (found,) = parse_file(code, "a.c").functions
    assert (found.name, found.params) == ("f", params)


def test_statement_macros_without_a_semicolon_cost_nothing():
    code = "void f(void) {\n\tGROW\n\tg(x);\n\ty = SKIP(2)\n\tz = h;\n\tTRACE(1)\n\tint k = p->q(3);\n}\n"
    facts = parse_file(code, "a.c")
    assert [c.callee for c in facts.calls] == ["g", "SKIP", "TRACE", "p->q"]
    assert [(a.left.base, a.right[0].base) for a in facts.assignments] == [("y", "SKIP"), ("z", "h"), ("k", "p")]


def test_typedefs_made_by_a_macro_name_the_pointer():
    (found,) = parse_file("typedef API_CALLBACK(void, *done_fn, (struct s *, int));", "a.h").typedefs
    assert (found.name, found.type) == ("done_fn", "void (*)(struct s *, int)")


def test_each_line_knows_the_conditions_it_is_compiled_under():
    code = "#ifndef A_H\n#define A_H\n#ifdef PM\nint a;\n#if X > 2 /* why */\nint b;\n#else\nint c;\n#endif\n#endif\nint d;\n#endif\n"
    assert parse_file(code, "a.h").conditions == [(3, 10, "ifdef PM"), (5, 7, "if X > 2"), (7, 9, "else of if X > 2")]
    index = build_index([("a.h", code)])
    assert [index.condition("a.h", line) for line in (4, 6, 8, 11)] == [
        ["ifdef PM"], ["ifdef PM", "if X > 2"], ["ifdef PM", "else of if X > 2"], []]


def test_elements_tell_how_they_are_designated():
    facts = parse_file("fn t[] = { [A] = one, [0 ... 3] = two, three }; struct s x = { .in = { f } };", "a.c")
    assert [a.left.text for a in facts.assignments] == ["t[A]", "t[0 ... 3]", "t[#2]", "x.in[#0]"]


def test_all_branches_that_can_stand_together_are_read():
    code = "void f(void) {\n#ifdef A\n a();\n#else\n b();\n#endif\n#if 0\n c();\n#endif\n}"
    assert [c.callee for c in parse_file(code, "a.c").calls] == ["a", "b"]


def test_one_broken_function_does_not_take_its_neighbours():
    code = "int a(void) { return 1; }\nint b(void) { x = = ( ; }\nint c(void) { return p->q(2); }\n"
    found = parse_file(code, "a.c")
    assert {"a", "c"} <= {f.name for f in found.functions}
    assert "p->q" in [c.callee for c in found.calls]


def test_calls_know_callee_arguments_and_place():
    call = next(
        c for c in parse_file("void f(struct d *d) {\n\td->ops->open(d, &d->work, ok ? on : off);\n}", "a.c").calls if c.kind == "indirect"
    )
    assert (call.line, call.column, call.function, call.callee) == (2, 2, "f", "d->ops->open")
    assert (call.operand.base, call.operand.fields) == ("d", ("ops", "open"))
    assert (call.args[1].base, call.args[1].fields, call.args[1].operands[0].address) == ("d", ("work",), True)
    assert call.args[2].names == ["on", "off"]


@pytest.mark.parametrize("code", [
    "(typeof(a))(-1)", "(__typeof__(a))(b)", "(1 || x)(2)", "_Generic((a), int: 1, default: 2)", "__builtin_choose_expr(1, a, b)(3)",
    "(__attribute__((force)) __be32)(__u32)(a)", "(__attribute__((force)) le_word)(b)", "(__force le_word)(be_word)(a)",
    "*(__attribute__((force)) volatile uint32_t *)(unsigned long)(a)", "*(uint64_t __attribute__((user)) *)(unsigned long)(a)",
])
def test_what_cannot_be_called_is_no_indirect_call(code):
    assert [c.callee for c in parse_file(f"int f(int a, int b) {{ return {code}; }}", "a.c").calls if c.kind == "indirect"] == []


def test_a_type_as_an_argument_keeps_its_text_and_position():
    (call,) = parse_file("void f(void *w) { g(container_of(w, struct foo, work)); }", "a.c").calls[1:]
    assert [a.text for a in call.args] == ["w", "struct foo", "work"]


def test_initializers_are_named_by_path():
    facts = parse_file("struct o x[] = { [0] = { .open = a, .in = { .cb = b } }, { c } };", "a.c")
    assert [(u.name, u.fields) for u in facts.uses] == [("a", ("[]", "open")), ("b", ("[]", "in", "cb")), ("c", ("#1", "#0"))]


def test_actions_of_a_grammar_file_are_read():
    code = "%{\nint f(void);\n%}\n%token A\n%%\nrule : A { $$ = make($1); }\n | { p->go(); }\n;\n%%\nint main(void) { return yyparse(); }\n"
    facts = parse_file(code, "g.y")
    assert [f.name for f in facts.functions] == ["main"]
    assert [c.callee for c in facts.calls] == ["make", "p->go", "yyparse"]
    assert [c.line for c in facts.calls] == [6, 7, 10]


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


@pytest.mark.parametrize("declared, name, kind", [
    ("size_t (*unparse)(char *, size_t);", "unparse", "size_t (*)(char *, size_t)"),
    ("char *(*scan)(char *, int);", "scan", "char *(*)(char *, int)"),
    ("char* CALLED (*read_args)(int, char*);", "read_args", "char* (*)(int, char*)"),
    ("reply_t (*made)(void) = first;", "made", "reply_t (*)(void)"),
    ("handler_t (*by_name)(name_t, place_t), other;", "by_name", "handler_t (*)(name_t, place_t)"),
])
def test_a_local_pointer_to_functions_that_return_any_type_is_a_variable_and_no_call(declared: str, name: str, kind: str) -> None:
    facts = parse_file(f"int f(void)\n{{\n\tint n;\n\t{declared}\n\treturn {name}(n);\n}}\n", "a.c")
    assert [parse_type(v.type) for v in facts.variables if v.name == name] == [parse_type(kind)]
    assert [(c.callee, c.kind) for c in facts.calls] == [(name, "indirect")]


def test_a_parameter_of_function_type_behind_an_annotation_is_named_by_its_name() -> None:
    facts = parse_file("int f(id_t id, char *CALLED to_text(id_t id))\n{\n\treturn to_text(id);\n}\n", "a.c")
    assert [p for p, _ in facts.functions[0].params] == ["id", "to_text"]
    assert [(c.callee, c.kind) for c in facts.calls] == [("to_text", "indirect")]


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
