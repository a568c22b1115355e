"""Structs, their members, and typedefs."""
from __future__ import annotations

import pytest

from curation.csource.parsing.file_parser import parse_file


@pytest.mark.parametrize(("code", "name", "kind"), [
    ("struct s { void\t(*f) __P((char **, int *)); };", "f", "void (*) __P((char **, int *))"),
    ("struct s { int (CALLBACK *f) PARAMS((int)); };", "f", "int ( *) PARAMS((int))"),
    ("struct s { int (CALLBACK *f)(int); };", "f", "int ( *)(int)"),
    ("struct s { STAILQ_ENTRY(node) f; };", "f", "STAILQ_ENTRY(node)"),
])
def test_members_that_macros_make_have_their_own_name(code, name, kind):
    (field,) = parse_file(code, "a.h").structs[0].fields
    assert (field.name, field.type) == (name, kind)


def test_typedefs_made_by_a_macro_name_the_pointer():
    (found,) = parse_file("typedef API_CALLBACK(void, *done_fn, (struct s *, int));", "a.h").typedefs
    assert (found.name, found.type) == ("done_fn", "void (*)(struct s *, int)")


def test_a_struct_has_its_members_at_their_lines() -> None:
    (one,) = parse_file("struct s {\n int a, *b;\n int (*f)(int);\n};\n", "a.h").structs
    assert (one.name, one.line, one.end_line) == ("struct s", 1, 4)
    assert [(f.name, f.type, f.line) for f in one.fields] == [("a", "int", 2), ("b", "int *", 2), ("f", "int (*)(int)", 3)]


def test_a_nested_struct_is_one_of_its_own_and_a_member() -> None:
    facts = parse_file("struct s { struct t { int a; } x; union { int b; }; };\n", "a.h")
    assert [s.name for s in facts.structs] == ["struct s", "struct t", "union @a.h:1:34"]
    assert [(f.name, f.type) for f in facts.structs[0].fields] == [("x", "struct t"), ("", "union @a.h:1:34")]


def test_an_enum_has_no_members_and_declares() -> None:
    facts = parse_file("enum e { A, B } x;\n", "a.h")
    assert facts.structs == [] and [(v.name, v.type) for v in facts.variables] == [("x", "enum e")]


def test_typedefs_name_types_functions_and_structs() -> None:
    facts = parse_file("typedef int (*fn)(int), *p;\ntypedef struct { int a; } s, *sp;\ntypedef void f(int);\n", "a.h")
    assert [(t.name, t.type) for t in facts.typedefs] == [
        ("fn", "int (*)(int)"), ("p", "int *"), ("s", "struct @a.h:2:9"), ("sp", "struct @a.h:2:9 *"), ("f", "void (int)")]


def test_an_attribute_is_not_the_name_of_a_struct() -> None:
    (one,) = parse_file("struct __attribute__((packed)) s { int a; };\n", "a.h").structs
    assert one.name == "struct s"


def test_structs_and_typedefs_in_a_function_are_read() -> None:
    facts = parse_file("void f(void) {\n typedef int (*fn)(int);\n static struct s { int a; } x;\n}\n", "a.c")
    assert [t.name for t in facts.typedefs] == ["fn"] and [s.name for s in facts.structs] == ["struct s"]
    assert [(v.name, v.type, v.static) for v in facts.variables] == [("x", "struct s", True)]


def test_a_struct_that_does_not_end_costs_no_more_than_itself() -> None:
    facts = parse_file("int f(void) { return 0; }\nstruct s {\n int a;\n", "a.c")
    assert [(s.name, s.line, s.end_line) for s in facts.structs] == [("struct s", 2, 3)] and [f.name for f in facts.functions] == ["f"]
