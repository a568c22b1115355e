"""What one file says of where functions go, as addresses, edges and calls."""
from __future__ import annotations

from curation.csource import build_index
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.constraint_encoding import decode_constraints, encode_constraints
from curation.csource.pointsto.constraints import Constraints, constraints_of
from curation.csource.pointsto.nodes import DefinedFunction, FieldStore, Global, Local, Node, Object, Section
from curation.csource.pointsto.pointer_facts import pointer_facts

_OPS = "struct ops { int (*go)(int); };\nstatic int f(int a) { return a; }\n"


def _constraints(text: str) -> Constraints:
    index = build_index([("a.c", text)], jobs=0)
    return constraints_of(AccessPaths(index), pointer_facts(index.facts["a.c"]))


def _edges(one: Constraints) -> set[tuple[Node, Node, bool]]:
    flat = one.edges
    return {(one.nodes[flat[at]], one.nodes[flat[at + 1]], bool(flat[at + 3])) for at in range(0, len(flat), 4)}


def test_an_initializer_takes_an_address_into_a_field_of_its_object() -> None:
    one = _constraints(_OPS + "static struct ops mine = { f };\n")
    [taken] = one.addresses
    assert (one.values[taken.value], one.nodes[taken.node]) == (DefinedFunction("a.c", 2, "f"), FieldStore("struct ops", "go"))
    assert (taken.line, taken.kind, taken.owner) == (3, "initializer", Global("a.c", "mine"))


def test_what_is_stored_through_the_address_of_a_variable_comes_back_to_it() -> None:
    one = _constraints(_OPS + "void get(int (**out)(int)) { *out = f; }\nvoid m(void) { int (*fn)(int); get(&fn); fn(1); }\n")
    assert (Local("a.c", "m", "fn"), Local("a.c", "get", "out"), True) in _edges(one)


def test_a_struct_variable_whose_address_is_taken_is_an_object() -> None:
    one = _constraints(_OPS + "void run(struct ops *o) { o->go(1); }\nstatic struct ops mine;\nvoid m(void) { run(&mine); }\n")
    assert Object(Global("a.c", "mine")) in one.values


def test_what_a_linker_collects_flows_from_the_variables_to_the_array_that_nobody_defines() -> None:
    one = _constraints("typedef int (*init_t)(void);\nstatic int f(void) { return 0; }\nstatic init_t start_f = f;\n"
                       "extern init_t all_start[];\nint run(int n) { return all_start[n](); }\n")
    assert {(Global("a.c", "start_f"), True), (Global("", "all_start"), False)} == {
        (source, True) if isinstance(target, Section) else (target, False)
        for source, target, _ in _edges(one) if isinstance(source, Section) or isinstance(target, Section)}


def test_they_are_read_as_they_were_written() -> None:
    one = _constraints(_OPS + "static struct ops all[2] = { { f }, { 0 } };\nint run(int n, int (*g)(const char *, ...)) {\n"
                       "\treturn (n ? f : f)(1) + all[n].go(g(\"\"));\n}\n")
    assert one.calls and decode_constraints(encode_constraints(one), "a.c") == one
