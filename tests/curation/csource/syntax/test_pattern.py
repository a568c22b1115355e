"""C patterns with holes: what they match, and how a wrong one is told."""
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.syntax.pattern import BadPattern, compile_pattern, matches
from curation.csource.syntax.tree import parse

CODE = """
int f(void)
{
	int n;
	lock(&a); b(); c(); unlock(&a);
	if (x) { y(); return x; }
	p = kmalloc(sizeof(*p), G);
	q = kmalloc(sizeof(struct q), G);
	a = a + 1; b = c + 1;
	for (;;) b();
	return d->ops->open(d, /* why */ 1);
}
struct ops o = { .open = foo, .close = g };
struct q { int n; struct u v; };
enum e { A, B, C };
"""


def found(pattern: str, code: str = CODE) -> list[str]:
    """Each match as text, with its holes behind `|`."""
    tree = parse(code)

    def words(start: int, end: int) -> str:
        return " ".join(tree.data[start:end].decode().split())

    return [" | ".join([words(one.start, one.end), *(f"{name}={words(*span)}" for name, span in sorted(one.holes.items()))])
            for one in matches(compile_pattern(pattern), tree)]


@pytest.mark.parametrize(("pattern", "expected"), [
    ("$x->ops->$f($$$)", ["d->ops->open(d, /* why */ 1) | f=open | x=d"]),
    ("$x->ops->$f($a, $$$)", ["d->ops->open(d, /* why */ 1) | a=d | f=open | x=d"]),
    ("$x->ops->$f($a, $b, $$$rest)", ["d->ops->open(d, /* why */ 1) | a=d | b=1 | f=open | rest= | x=d"]),
    ("$x->ops->$f($a, $b, $c)", []),
    ("$x->ops->$f($_, $_)", ["d->ops->open(d, /* why */ 1) | f=open | x=d"]),
    ("$x.ops", []),
    ("$x->nops->$f($$$)", []),
])
def test_holes_stand_for_one_node_and_dollars_for_any_number(pattern, expected):
    assert found(pattern) == expected


@pytest.mark.parametrize(("pattern", "expected"), [
    ("$x = $x + 1", ["a = a + 1 | x=a"]),
    ("$p = kmalloc(sizeof(*$p), $$$)", ["p = kmalloc(sizeof(*p), G) | p=p"]),
    ("if ($c) { $$$ return $c; }", ["if (x) { y(); return x; } | c=x"]),
    ("lock($l); $$$mid unlock($l);", ["lock(&a); b(); c(); unlock(&a); | l=&a | mid=b(); c();"]),
    ("lock($l); $$$ unlock(&b);", []),
])
def test_the_same_name_means_the_same_text(pattern, expected):
    assert found(pattern) == expected


@pytest.mark.parametrize(("pattern", "expected"), [
    ("sizeof($T)", ["sizeof(*p) | T=*p", "sizeof(struct q) | T=struct q"]),
    ("sizeof(struct $s)", ["sizeof(struct q) | s=q"]),
    (".open = $f", [".open = foo | f=foo"]),
    ("struct $o $x = { $$$, .close = $f, $$$ };", ["struct ops o = { .open = foo, .close = g }; | f=g | o=ops | x=o"]),
    ("struct $s { $$$ };", ["struct q { int n; struct u v; } | s=q"]),
    ("enum $e { $$$, B, $$$ };", ["enum e { A, B, C } | e=e"]),
    ("int $n;", ["int n; | n=n", "int n; | n=n"]),  # a local and a member
    ("for (;;) $s", ["for (;;) b(); | s=b();"]),
    ("b(); c()", ["b(); c();"]),
])
def test_types_values_definitions_members_and_statements_are_patterns_too(pattern, expected):
    assert found(pattern) == expected


def test_a_function_is_a_pattern():
    assert found("int $f(void) { $$$ return $x; }") == [
        " ".join(CODE[:CODE.index("struct ops")].split()) + " | f=f | x=d->ops->open(d, /* why */ 1)"]
    assert found("static int $f($$$) { $$$ }") == []


def test_several_gaps_are_filled_in_every_way_until_one_fits():
    assert found("$f($$$, $a, $$$, $a, $$$)", "int f() { g(1, 2, 3, 2, 5); h(1, 2); }") == ["g(1, 2, 3, 2, 5) | a=2 | f=g"]


def test_a_dollar_within_a_string_is_text():
    assert found('p("$x", $$$)', 'int f() { p("$x", 1); p("y", 1); }') == ['p("$x", 1)']


@pytest.mark.parametrize(("pattern", "why", "line", "column"), [
    ("", "empty", 1, 1), ("$x", "matches everything", 1, 1), ("$$$", "matches everything", 1, 1), ("$ a", "'$' is no hole", 1, 1),
    ("f($$a)", "'$$a' is no hole", 1, 3), ("foo(", "not read as C", 1, 4), ("if (a)\n b();\n }", "not read as C", 3, 3),
    ("a(); if (b {\n}", "not read as C", 1, 11), ("#define A 1", "preprocessor", 1, 1), ("x" * 4001, "longer than 4000", 1, 4001),
    ("(" * 99 + "x" + ")" * 99, "parts, more than 200", 1, 1), ("} int g() {", "not read as C", 1, 1),
])
def test_a_wrong_pattern_is_told_with_its_reason_and_place(pattern, why, line, column):
    with pytest.raises(BadPattern, match=re.escape(why)) as caught:
        compile_pattern(pattern)
    assert (caught.value.params["line"], caught.value.params["column"]) == (line, column)


def test_the_words_of_a_pattern_are_in_every_file_with_a_match():
    assert compile_pattern("$x->ops->$f($$$, GFP_KERNEL)").words == (b"GFP_KERNEL", b"ops")
    assert compile_pattern("$x->$f($y)").words == ()
    assert found('p("a\\nb c", $x)', 'int f() { p("a\\nb c", 1); }') == ['p("a\\nb c", 1) | x=1']


def test_rare_and_common_words_find_the_same():
    one = "int f(void) { return d->ops->open(d); }\n"
    rare, common = "int pad(void) { return 0; }\n" * 200 + one, one * 30
    assert len(found("$x->ops->$f($$$)", rare)) == 1
    assert len(found("$x->ops->$f($$$)", common)) == 30


STATEMENTS = ["a();", "b(x, 1);", "if (a) { b(); }", "return x->y;", "x = y + 1;", "x->ops->f(a, b);", "int n = 3;",
              "while (1) { c(); d(); }"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=5), st.data())
def test_code_matches_itself_and_itself_with_a_part_made_a_hole(parts, data):
    body = " ".join(parts)
    code = f"int f(void) {{ {body} }}"
    assert found(body, code)
    tree = parse(code)
    at = data.draw(st.sampled_from(sorted(set(re.findall(r"\b[abcdxyn]\b", body))) or ["x"]))
    assert found(re.sub(rf"\b{at}\b", "$h", body), tree.data.decode())
    gap = data.draw(st.integers(0, len(parts) - 1))
    if len(parts) > 1:
        assert found(" ".join(parts[:gap] + ["$$$"] + parts[gap + 1:]), code)
