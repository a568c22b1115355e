"""What stands at file scope."""
from __future__ import annotations

import pytest

from curation.csource import build_index
from curation.csource.parsing.file_parser import parse_file


@pytest.mark.parametrize(("code", "name", "params"), [
    ("int f PARAMS((int a, char *b));", "f", [("a", "int"), ("b", "char *")]),
    ("_PROTOTYPE(int f, (int a));", "f", [("a", "int")]),
    ("local int f OF((const voidp p));", "f", [("p", "voidp")]),
])
def test_prototypes_that_macros_make_are_read(code, name, params):
    (found,) = parse_file(code, "a.h").prototypes
    assert (found.name, found.params) == (name, params)


def test_variables_have_types_and_storage() -> None:
    facts = parse_file("static struct s *a, b[2];\nextern int c;\nint (*d)(int);\nint __initdata e;\n", "a.c")
    assert [(v.name, v.type, v.line, v.static, v.extern) for v in facts.variables] == [
        ("a", "struct s *", 1, True, False), ("b", "struct s [2]", 1, True, False), ("c", "int", 2, False, True),
        ("d", "int (*)(int)", 3, False, False), ("e", "int", 4, False, False)]


def test_prototypes_are_no_variables() -> None:
    facts = parse_file("int f(int a);\nextern char *g(void), *h(int);\nint *(k)(int);\n", "a.h")
    assert [(p.name, p.line) for p in facts.prototypes] == [("f", 1), ("g", 2), ("h", 2), ("k", 3)] and facts.variables == []


@pytest.mark.parametrize("code", [
    "DECLARE_WORK(w, go);", "static DECLARE_WORK(w, go);", "module_init(go)\nint a;", "static __initdata DECLARE_COMPLETION(go);",
    "DEFINE_MUTEX(go) __ro_after_init;",
])
def test_a_macro_that_is_invoked_at_file_scope_is_a_call(code: str) -> None:
    facts = parse_file(code, "a.c")
    assert [(c.function, c.args[-1].names) for c in facts.calls] == [(None, ["go"])] and facts.prototypes == []


def test_initializers_are_read_with_the_type_that_stands_before_them() -> None:
    facts = parse_file("static struct ops o = { .f = go };\nint (*p)(void) = go, x;\nstruct s { int a; } t = { go };\n", "a.c")
    assert [(u.variable, u.struct, u.line) for u in facts.uses] == [
        ("o", "struct ops", 1), ("p", "int (*)(void)", 2), ("t", "struct s", 3)]
    assert [(v.name, v.static) for v in facts.variables] == [("o", True), ("p", False), ("x", False), ("t", False)]


def test_what_stands_in_extern_c_or_a_namespace_stands_at_file_scope() -> None:
    facts = parse_file('extern "C" {\nint f(void) { return 0; }\n}\nnamespace a {\nint g(void) { return 0; }\n}\n', "a.h")
    assert [f.name for f in facts.functions] == ["f", "g"]


def test_a_comparison_at_file_scope_begins_no_initializer() -> None:
    assert parse_file("#define A 1\nint a = A == 1;\nint b;\n", "a.c").variables[-1].name == "b"


@pytest.mark.parametrize(("code", "name", "kind", "params"), [
    ("EXTERN(int *) f(np n);", "f", "int", [("n", "np")]),
    ("METHODDEF(boolean) f(ptr a, struct s *b);", "f", "boolean", [("a", "ptr"), ("b", "struct s *")]),
    ("static LOCAL(const struct s *) f(void);", "f", "struct s", []),
    ("EXTERN(void) f P((ptr a));", "f", "void", [("a", "ptr")]),
])
def test_a_macro_around_the_return_type_makes_no_variable_of_a_parameters_type(
    code: str, name: str, kind: str, params: list[tuple[str, str]],
) -> None:
    facts = parse_file(code + "\nint g(int x) { return (ptr)(x) + (np)(x); }\n", "a.h")
    assert [(p.name, p.return_type, p.params) for p in facts.prototypes] == [(name, kind, params)]
    assert [v.name for v in facts.variables] == ["x"]


def test_a_cast_to_a_type_that_such_a_declaration_names_is_no_site() -> None:
    text = (
        "#define API(type) extern type\ntypedef struct node *ref;\nAPI(int *) table_of(ref n);\nstatic void bye(ref n) { }\n"
        "void (*last)(ref) = bye;\nint run(void *n) {\n  last((ref)(n));\n  return ((ref)(n)) != 0;\n}\n")
    index = build_index([("a.c", text)], jobs=0)
    assert [(c.callee, c.line) for c in index.calls("a.c") if c.kind == "indirect"] == [("last", 7)]
