"""Parsing: places in characters, limits, the share of errors."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.csource.syntax.tree import MAX_BYTES, Unparsed, parse, walk


def test_columns_count_characters_and_not_bytes():
    tree = parse('/* 打开 */ int x;\nchar *s = "ü"; int y;\n')
    places = {tree.text(node): tree.start(node) for node, _ in walk(tree.root) if node.type == "identifier"}
    assert places == {"x": (1, 14), "s": (2, 7), "y": (2, 20)}
    assert [tree.end(node) for node, _ in walk(tree.root) if tree.text(node) == '"ü"'] == [(2, 14)]


@given(st.text(alphabet="a(é打;\n{\U0001f600", max_size=40), st.integers(0, 40))
def test_a_place_and_its_byte_are_the_same_place(text, at):
    tree = parse(text)
    before = text[:at]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    assert tree.byte(line, column) == len(before.encode())
    assert tree.position(len(before.encode())) == (line, column)


def test_a_place_outside_the_text_is_the_nearest_one_inside():
    tree = parse("int é;\nint b;")
    assert [tree.byte(1, 99), tree.byte(9, 1), tree.byte(0, 0)] == [7, 14, 0]


def test_lone_surrogates_are_parsed_too():
    assert parse("int a; /* \udc80 */ int b;").position(5) == (1, 6)


def test_the_share_of_errors_is_what_the_grammar_could_not_place():
    assert parse("int f(void) { return 1; }\n").error_share() == 0
    assert 0 < parse("int f(void) { return 1 }\n").error_share() < 0.1  # a semicolon was made up
    assert parse("@ @ @ ]]] ,,").error_share() > 0.9
    assert parse("").error_share() == 0
    assert parse("((((" * 30_000).error_share() > 0.5


def test_a_text_that_is_too_long_or_takes_too_long_is_refused_with_the_reason():
    with pytest.raises(Unparsed, match="larger than 16000000 bytes"):
        parse(" " * (MAX_BYTES + 1))
    with pytest.raises(Unparsed, match="more than 0.0 s"):
        parse("int f(void) { return g(1, 2); }\n" * 2000, limit_s=0.0)


def test_the_walk_gives_parents_first_with_their_depth():
    tree = parse("int a;")
    assert [(node.type, depth) for node, depth in walk(tree.root)] == [
        ("translation_unit", 0), ("declaration", 1), ("primitive_type", 2), ("identifier", 2), (";", 2)]
