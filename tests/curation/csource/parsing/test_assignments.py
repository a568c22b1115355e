"""Which values go where."""
from __future__ import annotations

from curation.csource.parsing.file_parser import parse_file


def test_elements_tell_how_they_are_designated():
    facts = parse_file("fn t[] = { [A] = one, [0 ... 3] = two, three }; struct s x = { .in = { f } };", "a.c")
    assert [a.left.text for a in facts.assignments] == ["t[A]", "t[0 ... 3]", "t[#2]", "x.in[#0]"]


def test_initializers_are_named_by_path():
    facts = parse_file("struct o x[] = { [0] = { .open = a, .in = { .cb = b } }, { c } };", "a.c")
    assert [(u.name, u.fields) for u in facts.uses] == [("a", ("[]", "open")), ("b", ("[]", "in", "cb")), ("c", ("#1", "#0"))]


def test_what_is_compared_is_used_and_does_not_flow() -> None:
    facts = parse_file("int f(fn_t local) { return p->f == go || local != stop || local == LIMIT; }", "a.c")
    assert [(u.name, u.kind) for u in facts.uses if u.kind == "comparison"] == [("go", "comparison"), ("stop", "comparison")]
    assert facts.assignments == []


def test_an_assignment_to_a_field_knows_the_type_of_its_base() -> None:
    body = "p->f = go; global->f = go; other->f = go; ((struct t *)q)->f = go;"
    facts = parse_file(f"struct a *global;\nvoid f(struct s *p) {{ {body} }}", "a.c")
    assert [(u.variable, u.struct) for u in facts.uses] == [
        ("p", "struct s *"), ("global", "struct a *"), ("other", None), ("q", "struct t *")]


def test_elements_of_both_branches_stand_at_one_position() -> None:
    facts = parse_file("fn t[] = {\n#ifdef A\n one,\n#else\n two,\n#endif\n three };\n", "a.c")
    assert {(o.base, a.left.fields) for a in facts.assignments for o in a.right} == {("one", ("#0",)), ("two", ("#0",)), ("three", ("#1",))}


def test_numbers_and_strings_in_a_list_are_counted_and_are_no_values() -> None:
    facts = parse_file('struct o x = { 1, "name", go, { 2, stop } };', "a.c")
    assert [(a.right[0].base, a.left.fields) for a in facts.assignments] == [("go", ("#2",)), ("stop", ("#3", "#1"))]


def test_a_list_nested_too_deep_gives_no_values() -> None:
    facts = parse_file("int t[] = " + "{" * 14 + "go" + "}" * 14 + ";", "a.c")
    assert facts.assignments == []


def test_old_designators_name_their_field() -> None:
    facts = parse_file("struct o x = { open: go, close: stop };", "a.c")
    assert [(a.right[0].base, a.left.fields) for a in facts.assignments] == [("go", ("open",)), ("stop", ("close",))]
