"""Which invocations hide facts, and which can be left as they are."""
from __future__ import annotations

import pytest

from curation.csource.facts.model import Call
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import Macros
from curation.csource.macros.relevance import Relevance
from curation.csource.parsing.file_parser import parse_file


def _relevance(defines: str, functions: set[str] | None = None, callables: set[str] | None = None) -> Relevance:
    return Relevance(Macros.of(parse_file(defines + "\n", "a.h").macros), functions or set(), callables or set(), Dependencies())


def _call(code: str) -> Call:
    return parse_file(f"void f(fn_t local, int number) {{ {code}; }}", "a.c").calls[0]


@pytest.mark.parametrize(("defines", "wanted"), [
    ("#define M(p) (p)->go(p)", True), ("#define M(f) f(1)", True), ("#define M(f) (f)(1)", True), ("#define M(p) p->f = 0", True),
    ("#define M(n) pre_##n", True), ("#define M = { 0 }", True), ("#define M go(1)", True), ("#define M(x) known(x)", True),
    ("#define M(x) holds(x)", True), ("#define M(x) INNER(x)\n#define INNER(p) (p)->go()", True),
    ("#define M(x) ((x) + 1)", False), ("#define M(x) unknown(x)", False), ("#define M 4096", False), ("#define M(x) M(x)", False),
])
def test_a_macro_hides_facts_when_its_body_may_store_or_call(defines: str, wanted: bool) -> None:
    assert _relevance(defines, {"known"}, {"holds"}).hides_facts("M") == wanted


def test_names_are_called_by_way_of_other_macros() -> None:
    assert _relevance("#define M(x) INNER(x)\n#define INNER(x) put(x)\n").called("M") == {"INNER", "put"}


def test_an_invocation_with_arguments_that_are_no_expressions_has_no_summary() -> None:
    relevance = _relevance("#define M(x) go(x)")
    assert relevance.summary("M", _call("M(a)")) is not None
    assert relevance.summary("M", _call("M(struct s)")) is None and relevance.summary("M", _call("M(x = 1; y)")) is None
    assert relevance.summary("M", parse_file("M(a)\nint b;", "a.c").calls[0]) is None  # at file scope


@pytest.mark.parametrize(("code", "wanted"), [
    ("M(known)", True), ("M(local)", True), ("M(number)", False), ("M(p->holds)", True), ("M(p->size)", False), ("M(known(1))", False),
])
def test_a_function_is_passed_by_name_by_a_pointer_or_in_a_field(code: str, wanted: bool) -> None:
    types = {("f", "local"): "fn_t", ("f", "number"): "int"}
    assert _relevance("#define M(x) go(x)", {"known"}, {"holds"}).passes_function(_call(code), types) == wanted
