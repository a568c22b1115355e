"""Choosing between two answers."""
from __future__ import annotations

import pytest

from curation.errors import BadValue, NotAllowed
from curation.labeling.resolve import resolve
from curation.pairs import prefer
from curation.store import Store, items
from tests.curation.conftest import LEAD, REVA, WANG, pair, two_answers


def test_pairs_come_in_their_order_until_all_are_chosen(store: Store) -> None:
    items.add(store, [pair(1), *(two_answers(n) for n in range(3))])
    seen = []
    while (item := prefer.next_pair(store, REVA, after=seen[-1] if seen else None)) is not None:
        seen.append(item.id)
        prefer.choose(store, REVA, item.id, f"o{item.id}", "a")
    assert seen == [two_answers(n).id for n in range(3)]


@pytest.mark.parametrize("choice", ["a", "b", "tie", "both_bad"])
def test_a_choice_is_kept_with_its_reason_and_time(store: Store, choice: prefer.Choice) -> None:
    items.add(store, [two_answers(1)])
    saved = prefer.choose(store, REVA, two_answers(1).id, "o", choice, reason=" A invents a function ", elapsed_ms=900)
    assert saved.answer is not None
    assert (saved.answer["choice"], saved.reason, saved.elapsed_ms) == (choice, "A invents a function", 900)
    assert prefer.choose(store, REVA, two_answers(1).id, "o", "b") == saved


def test_what_is_no_choice_or_no_pair_of_answers_is_refused(store: Store) -> None:
    items.add(store, [two_answers(1), pair(1)])
    with pytest.raises(BadValue):
        prefer.choose(store, REVA, two_answers(1).id, "o", "left")  # type: ignore[arg-type]
    with pytest.raises(BadValue):
        prefer.choose(store, REVA, pair(1).id, "o", "a")
    with pytest.raises(NotAllowed):
        prefer.choose(store, WANG, two_answers(1).id, "o", "a")


def test_people_who_choose_differently_dispute(store: Store) -> None:
    items.add(store, [two_answers(1)])
    prefer.choose(store, REVA, two_answers(1).id, "a", "a", reason="clear")
    prefer.choose(store, LEAD, two_answers(1).id, "b", "a", reason="right")
    given = items.annotations(store, [two_answers(1).id])[two_answers(1).id]
    assert resolve(given).status == "answered"
    prefer.choose(store, LEAD, two_answers(1).id, "c", "tie")
    given = items.annotations(store, [two_answers(1).id])[two_answers(1).id]
    assert resolve(given).status == "disputed"


def test_undo_takes_back_a_choice_and_offers_the_pair_again(store: Store) -> None:
    items.add(store, [two_answers(1)])
    prefer.choose(store, REVA, two_answers(1).id, "o", "a")
    assert prefer.next_pair(store, REVA) is None
    assert (undone := prefer.undo(store, REVA, "u")) and undone.item_id == two_answers(1).id
    assert prefer.next_pair(store, REVA) is not None


def test_a_pair_set_aside_is_offered_to_somebody_else(store: Store) -> None:
    items.add(store, [two_answers(1), two_answers(2)])
    prefer.set_aside(store, REVA, two_answers(1).id, "a", "skip")
    prefer.set_aside(store, REVA, two_answers(2).id, "b", "flag", reason="both empty")
    assert prefer.next_pair(store, REVA) is None
    assert (item := prefer.next_pair(store, LEAD)) and item.id == two_answers(1).id


def test_a_liking_for_the_left_side_can_be_seen(store: Store) -> None:
    made = [two_answers(n, shown_first="ab"[n % 2]) for n in range(6)]
    items.add(store, made)
    for n, item in enumerate(made):
        prefer.choose(store, REVA, item.id, f"o{n}", "ab"[n % 2] if n < 5 else "tie")  # type: ignore[arg-type]
    assert prefer.left_share(store) == (5, 5)
