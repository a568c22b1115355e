"""Nodes and values are equal where they mean the same, also after they were written down."""
from __future__ import annotations

import json
from itertools import combinations

from curation.csource.facts.model import Variable
from curation.csource.pointsto.nodes import (
    Callee,
    CallResult,
    DefinedFunction,
    ElementLoad,
    ElementStore,
    ExternalFunction,
    FieldLoad,
    FieldStore,
    Global,
    Kind,
    Local,
    Object,
    Returned,
    Section,
    VariableArguments,
    array_of,
    from_parts,
    variable_node,
)

_ALL = [
    Local("a", "b", "c"), Global("a", "b"), FieldStore("a", "b"), FieldLoad("a", "b"), FieldStore(None, "b"),
    ElementStore(Global("a", "b"), "3"), ElementLoad(Global("a", "b"), "3"), ElementLoad(FieldLoad("a", "b"), None), Returned("a", "b"),
    VariableArguments("a", "b"), CallResult(Returned("a", "b")), Callee("a", 1, 2), Section("a"), DefinedFunction("a", 1, "b"),
    ExternalFunction("a"), Object(Local("a", "b", "c")), Object(Global("a", "b")),
]


def test_no_two_kinds_are_taken_for_each_other() -> None:
    assert {one.kind for one in _ALL} == set(Kind)
    assert all(one != other for one, other in combinations(_ALL, 2))


def test_what_was_written_as_json_is_read_as_the_same() -> None:
    read = [from_parts(json.loads(json.dumps(one))) for one in _ALL]
    assert read == _ALL and [type(one) for one in read] == [type(one) for one in _ALL]


def test_a_variable_at_file_scope_is_that_of_its_file_only_where_it_is_static() -> None:
    def variable(function: str | None, static: bool) -> Variable:
        return Variable("x", "a.c", 1, function, "int *", static, False, None)

    assert variable_node(variable(None, static=True)) == Global("a.c", "x")
    assert variable_node(variable(None, static=False)) == Global("", "x")
    assert variable_node(variable("f", static=True)) == Local("a.c", "f", "x")


def test_the_array_of_an_element_of_an_element_is_the_outermost() -> None:
    assert array_of(ElementLoad(ElementLoad(Global("", "t"), "1"), None)) == Global("", "t")
