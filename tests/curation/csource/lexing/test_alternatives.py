"""Elements of a brace list that conditional compilation chooses from stand at one position."""
from __future__ import annotations

from curation.csource.lexing.alternatives import Alternatives, ElementPositions

CONDITIONS = [(2, 4, "ifdef A"), (4, 6, "else of ifdef A"), (8, 10, "ifdef B")]


def test_only_groups_of_several_branches_are_alternatives() -> None:
    found = Alternatives(CONDITIONS)
    assert found and found.around(3) == [(2, 6, 0)] and found.around(5) == [(2, 6, 1)]
    assert found.around(2) == [] == found.around(6) and found.around(9) == [] and not Alternatives([(8, 10, "ifdef B")])


def test_groups_within_groups_are_told_the_outermost_first() -> None:
    found = Alternatives([(1, 9, "if A"), (2, 4, "if B"), (4, 6, "else of if B"), (9, 12, "else of if A")])
    assert found.around(5) == [(1, 12, 0), (2, 6, 1)]


def test_the_element_after_alternatives_is_counted_from_the_longest_of_them() -> None:
    positions = ElementPositions(Alternatives(CONDITIONS), 1)
    assert positions.at(1, 0) == 0
    assert [positions.at(3, 1), positions.at(3, 2)] == [1, 2]
    assert positions.at(5, 3) == 1
    assert positions.at(7, 2) == 3


def test_a_group_that_began_before_the_list_does_not_count() -> None:
    positions = ElementPositions(Alternatives(CONDITIONS), 3)
    assert [positions.at(3, 0), positions.at(5, 1)] == [0, 1]


def test_an_element_that_ends_in_another_branch_goes_on_in_it() -> None:
    positions = ElementPositions(Alternatives(CONDITIONS), 1)
    positions.ended(3, 0)
    assert positions.at(5, 1) == 0 and positions.at(7, 1) == 1
