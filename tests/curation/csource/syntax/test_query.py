"""tree-sitter queries as a search."""
import pytest

from curation.csource.syntax.pattern import BadPattern
from curation.csource.syntax.query import compile_query, matches
from curation.csource.syntax.tree import parse

TREE = parse("int f(void) { goto out; x->ops->go(1); out: return 1; }")


def test_a_match_reaches_from_its_first_capture_to_its_last_and_names_them():
    (one,) = matches(compile_query("(goto_statement label: (_) @label) @goto"), TREE)
    assert (TREE.data[one.start:one.end], sorted(one.holes)) == (b"goto out;", ["goto", "label"])


@pytest.mark.parametrize(("query", "words"), [
    ('((identifier) @a (#eq? @a "x"))', (b"x",)),
    ('[((identifier) @a (#eq? @a "x")) (number_literal) @b]', ()),
    ('((call_expression function: (identifier)? @a) @c (#eq? @a "x"))', ()),
    ('((identifier) @a (#eq? @a "x")) ((number_literal) @b)', ()),
    ('((identifier) @a ; (#eq? @a "y")\n (#not-eq? @a "x"))', ()),
])
def test_words_are_those_that_every_match_must_hold(query, words):
    assert compile_query(query).words == words


@pytest.mark.parametrize(("query", "why", "line", "column"), [
    ("(nope) @a", "Invalid node type: nope", 1, 2), ("(call_expression", "Unexpected EOF", 1, 17),
    ("(identifier)", "captures nothing", 1, 1),
    ('(identifier) @a\n(#eq? @é "1")', "Invalid capture name", 2, 8), ("", "captures nothing", 1, 1),
    ("(number_literal (identifier) @a)", "Impossible pattern", 1, 17),
])
def test_a_wrong_query_is_told_with_its_reason_and_place(query, why, line, column):
    with pytest.raises(BadPattern, match=why) as caught:
        compile_query(query)
    assert (caught.value.params["line"], caught.value.params["column"]) == (line, column)
