"""What one invocation stands for where it must be parsed."""
from __future__ import annotations

from curation.csource.facts.model import FileFacts
from curation.csource.macros.expand import ExpansionCache, Macros
from curation.csource.macros.invocations import InvocationParser
from curation.csource.parsing.file_parser import parse_file


def _parser(facts: FileFacts, functions: set[str] | None = None) -> InvocationParser:
    macros = Macros.of(facts.macros)
    return InvocationParser(macros, functions or {"go", "stop"}, ExpansionCache(macros))



def test_an_invocation_is_parsed_under_each_of_its_definitions() -> None:
    facts = parse_file("#if X\n#define M(p) (p)->a(1)\n#else\n#define M(p) (p)->b(1)\n#endif\nvoid f(void) {\n M(x);\n}\n", "a.c")
    found = _parser(facts).statements("M", facts.calls[0], set())
    assert [(c.callee, c.line, c.column, c.macro, c.function) for one in found for c in one.calls] == [
        ("(x)->a", 7, 2, "M", "f"), ("(x)->b", 7, 2, "M", "f")]


def test_a_call_written_among_the_arguments_is_not_told_again() -> None:
    facts = parse_file("#define M(x) (p->go)(x)\nvoid f(void) { M(inner(1)); }\n", "a.c")
    call = next(c for c in facts.calls if c.callee == "M")
    assert [c.callee for one in _parser(facts).statements("M", call, set()) for c in one.calls] == ["(p->go)"]


def test_a_header_that_invokes_at_file_scope_is_parsed_under_one_definition() -> None:
    facts = parse_file("#if X\n#define M(n) int n##_a(void);\n#else\n#define M(n) int n##_b(void);\n#endif\nM(x)\nint y;\n", "a.h")
    (one,) = _parser(facts).statements("M", facts.calls[0], set())
    assert one.functions == [] and one.prototypes[0].name == "x_a"


def test_an_element_of_a_list_that_is_a_macro_keeps_its_position() -> None:
    facts = parse_file("#define PAIR(a, b) { .first = a, .second = b }\nstruct o t[] = { PAIR(go, stop) };\n", "a.c")
    assignment = facts.assignments[0]
    found = _parser(facts).value(assignment, assignment.right[0], set())
    assert found is not None
    assert [(a.left.base, a.left.fields, a.right[0].base) for a in found.assignments] == [
        ("t", ("#0", "first"), "go"), ("t", ("#0", "second"), "stop")]
    assert {u.name for u in found.uses} == {"go", "stop"}


def test_a_whole_initializer_that_is_a_macro_fills_the_variable() -> None:
    facts = parse_file("#define ATTR(f) { .show = f }\nstruct attribute a = ATTR(go);\n", "a.c")
    assignment = facts.assignments[0]
    found = _parser(facts).value(assignment, assignment.right[0], set())
    assert found is not None and [(a.left.base, a.left.fields, a.kind) for a in found.assignments] == [("a", ("show",), "initializer")]


def test_a_value_without_a_function_gives_nothing() -> None:
    facts = parse_file("#define SIZE (1 + OTHER)\nint a = SIZE;\n", "a.c")
    assert _parser(facts).value(facts.assignments[0], facts.assignments[0].right[0], set()) is None


def test_a_literal_among_arguments_fills_its_struct() -> None:
    facts = parse_file("#define PAIR(a, b) (struct pair) { a, b }\nvoid f(void) { add(PAIR(go, stop)); }\n", "a.c")
    call, parser = next(c for c in facts.calls if c.callee == "add"), _parser(facts)
    assert parser.makes_literal("PAIR") and not parser.makes_literal("add")
    found = parser.literal(call, call.args[0].operands[0], set())
    assert [(a.left.cast, a.left.fields, a.right[0].base, a.function) for a in found.assignments] == [
        ("struct pair", ("#0",), "go", "f"), ("struct pair", ("#1",), "stop", "f")]


def test_a_call_that_two_definitions_share_is_told_once() -> None:
    facts = parse_file("#if X\n#define M(p) (p)->a(1)\n#else\n#define M(p) do { (p)->a(1); (p)->b(1); } while (0)\n#endif\n"
                       "void f(void) { M(x); }\n", "a.c")
    found = _parser(facts).statements("M", facts.calls[0], set())
    assert [c.callee for one in found for c in one.calls] == ["(x)->a", "(x)->b"]
