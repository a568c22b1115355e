"""What is around a place: breadcrumbs, ranges to select, folds."""
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.csource.syntax.outline import outline
from curation.csource.syntax.scopes import breadcrumbs, enclosing, folds
from curation.csource.syntax.tree import parse

CODE = """\
struct s {
\tint a, b;
};
#ifdef X
/* one
 * two */
static int f(struct s *p)
{
\tif (p->a) {
\t\treturn p->ops->open(p, 1);
\t}
\treturn 0;
}
#else
int g(void);
#endif
int t[] = {
\t1, 2,
};
"""


def _crumbs(line: int, column: int) -> list[str]:
    return [one.name for one in breadcrumbs(outline(parse(CODE)), line, column)]


def test_breadcrumbs_name_the_symbols_around_a_place_and_no_calls():
    assert _crumbs(2, 6) == ["s", "a"]
    assert _crumbs(10, 12) == ["f"]
    assert _crumbs(4, 1) == _crumbs(99, 1) == []
    assert _crumbs(15, 5) == ["g"]


def test_a_selection_grows_node_by_node_to_the_whole_text():
    tree = parse(CODE)
    lines = CODE.splitlines(keepends=True)

    def text(one):
        if one.line == one.end_line:
            return lines[one.line - 1][one.column - 1:one.end_column - 1]
        return "..."

    found = enclosing(tree, 10, 17)  # within the arrow of `->open`
    assert [text(one) for one in found[:4]] == ["->", "p->ops->open", "p->ops->open(p, 1)", "return p->ops->open(p, 1);"]
    assert [one.kind for one in found[-3:]] == ["function_definition", "preproc_ifdef", "translation_unit"]
    assert [text(one) for one in enclosing(tree, 10, 22)[:2]] == ["open", "p->ops->open"]  # behind the word


def test_a_selection_over_several_nodes_grows_to_what_holds_them():
    assert enclosing(parse("int f(void) { a(); b(); c(); }"), 1, 15, 1, 22)[0].kind == "compound_statement"


def test_blocks_members_values_comments_and_branches_fold():
    assert [(one.line, one.end_line, one.kind) for one in folds(parse(CODE))] == [
        (1, 3, "members"), (4, 13, "conditional"), (5, 6, "comment"), (8, 13, "block"), (9, 11, "block"), (14, 15, "conditional"),
        (17, 19, "values")]


def test_what_stands_on_one_line_does_not_fold():
    assert folds(parse("int f(void) { if (a) { b(); } } /* x */\n")) == []


@settings(max_examples=60)
@given(st.integers(1, 25), st.integers(1, 40))
def test_ranges_around_any_place_grow_strictly(line, column):
    found = enclosing(parse(CODE), line, column)
    for inner, outer in zip(found, found[1:], strict=False):
        assert (outer.line, outer.column) <= (inner.line, inner.column)
        assert (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
        assert inner != outer


def test_deep_nesting_gives_the_innermost_ranges_only():
    assert len(enclosing(parse("int f(void) { " + "(" * 20_000 + "x" + ")" * 20_000 + "; }"), 1, 20_015)) == 200
