"""Edges are kept as numbers and told as pairs."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curation.csource.pointsto.edges import Edges, Held


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))))
def test_edges_are_those_that_were_given(drafted: list[tuple[int, int]], added: list[tuple[int, int]]) -> None:
    edges = Edges()
    for source, target in drafted:
        edges.drafts[0].append(source << 32 | target)
        edges.drafts[1].append(-1)
    edges.sort(10)
    for source, target in added:
        edges.add(source, target, -1)
    wanted = {*drafted, *added}
    assert set(edges) == wanted and len(list(edges)) == len(wanted)
    for node in range(13):
        assert sorted(edges.successors(node)) == sorted(t for s, t in wanted if s == node)
        assert sorted(edges.predecessors(node)) == sorted(s for s, t in wanted if t == node)


def test_the_place_of_an_edge_is_that_of_the_first_that_made_it() -> None:
    edges = Edges()
    edges.files = ["a.c", "b.c"]
    assert edges.add(1, 2, 1 << 32 | 7) and not edges.add(1, 2, 9)
    assert edges.get((1, 2)) == ("b.c", 7) and edges.get((2, 1)) == ("", 0)


def test_a_node_that_holds_nothing_has_no_entry() -> None:
    held = Held()
    assert held[5] == {} and 5 not in held
