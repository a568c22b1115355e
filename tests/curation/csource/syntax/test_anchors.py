"""Anchors follow what they name through changes of the text, and say when they cannot."""
from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.syntax.anchors import Anchor, anchor, find, node_at, record, remade
from curation.csource.syntax.tree import SyntaxTree, parse, walk

CODE = """\
struct ops { int (*run)(int); };
static int first(struct dev *d)
{
	return d->ops->run(1) + d->ops->run(1);
}
static struct ops table = { .run = first };
int second(struct dev *d)
{
	if (d) {
		log_it("second");
		d->ops->run(2);
	}
	return second(d->next);
}
"""


def at(code: str, text: str, kind: str = "call_expression", nth: int = 0) -> Anchor:
    tree = parse(code)
    nodes = [node for node, _ in walk(tree.root) if node.type == kind and tree.text(node) == text]
    return anchor(tree, nodes[nth])


def where(kept: Anchor, code: str) -> tuple[str, str | None, int | None]:
    tree = parse(code)
    found = find(kept, tree)
    return found.state, found.function, found.line


def test_what_did_not_change_is_found_where_it_was() -> None:
    assert where(at(CODE, "d->ops->run(2)"), CODE) == ("found", "second", 11)
    assert where(at(CODE, "first", "identifier", 1), CODE) == ("found", "table", 6)


def test_an_anchor_tells_equal_calls_of_one_function_apart() -> None:
    tree = parse(CODE)
    columns = [find(at(CODE, "d->ops->run(1)", nth=nth), tree).column for nth in (0, 1)]
    assert columns == [9, 26]


@pytest.mark.parametrize(("old", "new"), [
    ("struct ops {", "/* new */\n\n\nstruct ops {"), ("\tif (d) {", "\t/* when there is one */\n\tif (d)\n\t{"),
    ("int second(", "int renamed("), ("second(d->next)", "second( d -> next )"),
])
def test_a_function_that_moved_or_was_laid_out_anew_or_renamed_takes_its_labels_along(old: str, new: str) -> None:
    code = CODE.replace(old, new)
    if "renamed" in new:
        code = code.replace("return second", "return renamed")
    state, function, line = where(at(CODE, "d->ops->run(2)"), code)
    assert state in ("moved", "found") and function in ("second", "renamed")
    assert code.splitlines()[(line or 0) - 1].strip() == "d->ops->run(2);"
    assert (state == "found") == (line == 11 and "renamed" not in new)


def test_a_changed_function_makes_its_labels_stale() -> None:
    assert where(at(CODE, "d->ops->run(2)"), CODE.replace("\tif (d) {", "\tprepare(d);\n\tif (d) {")) == ("stale", "second", 12)
    assert where(at(CODE, "d->ops->run(2)"), CODE.replace('log_it("second");', "")) == ("stale", "second", 11)


def test_what_is_not_there_any_more_is_gone() -> None:
    assert where(at(CODE, "d->ops->run(2)"), CODE.replace("d->ops->run(2)", "d->ops->stop(2)")) == ("gone", None, None)
    assert where(at(CODE, "d->ops->run(2)"), "") == ("gone", None, None)


def test_of_two_branches_with_one_name_the_one_with_the_tokens_counts() -> None:
    code = "#ifdef A\nint f(void) { return p->q(1); }\n#else\nint f(void) { return p->q(1) + 1; }\n#endif\n"
    assert where(at(code, "p->q(1)", nth=1), "\n" + code) == ("moved", "f", 5)


def test_a_place_names_the_outermost_node_of_a_kind_or_the_innermost_of_any() -> None:
    tree = parse("int f(void) { return p->q(1)(2); }")

    def text(kind: str | None) -> str:
        node = node_at(tree, 1, 22, kind)
        assert node is not None
        return tree.text(node)

    assert (text("call_expression"), text(None)) == ("p->q(1)(2)", "p")
    assert node_at(tree, 1, 22, "if_statement") is None


def test_an_anchor_out_of_json_is_the_same() -> None:
    kept = at(CODE, "d->ops->run(2)")
    assert remade(json.loads(json.dumps(record(kept)))) == kept


def _calls(tree: SyntaxTree) -> list[Anchor]:
    return [anchor(tree, node) for node, _ in walk(tree.root) if node.type == "call_expression"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_whatever_the_order_layout_and_comments_every_call_is_found_in_its_function(seed: int) -> None:
    rng = random.Random(seed)
    functions = [f"int f{n}(int a)\n{{\n\tg{n}(a);\n\treturn p->q({n}) + p->q({n});\n}}\n" for n in range(4)]
    kept = _calls(parse("".join(functions)))
    rng.shuffle(functions)
    before, ends = ["\n", "/* x */\n", "int v;\n", ""], [";\n", "; /* y */\n\n"]
    tree = parse("".join(rng.choice(before) + one.replace(";\n", rng.choice(ends)) for one in functions))
    for one in kept:
        found = find(one, tree)
        assert found.state in ("found", "moved") and found.function == one.function
    assert len({(found.line, found.column) for one in kept for found in [find(one, tree)]}) == len(kept)
