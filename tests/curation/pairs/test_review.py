"""Reviewing pairs: the queue, decisions one by one and in bulk, undo of a whole decision."""
from __future__ import annotations

import pytest

from curation.errors import BadAnswer, BadValue, NotAllowed, NotFound
from curation.pairs import review
from curation.store import Store, items
from tests.curation.conftest import LEAD, REVA, WANG, ZOE, pair, site, two_answers


def shown(store: Store, **by: object) -> list[str]:
    return [row.item.id for row in review.queue(store, **by).rows]  # type: ignore[arg-type]


def test_the_queue_shows_open_pairs_only_page_by_page(store: Store) -> None:
    items.add(store, [site(1), two_answers(1), *(pair(n) for n in range(5))])
    assert shown(store) == [pair(n).id for n in range(5)]
    page = review.queue(store, limit=2, offset=4)
    assert ([row.item.id for row in page.rows], page.total) == ([pair(4).id], 5)


def test_the_queue_is_filtered_by_language_flag_state_and_text(store: Store) -> None:
    made = [pair(0), pair(1, lang="zh"), pair(2, flags=("refusal",)), pair(3, flags=("length", "refusal"))]
    made.append(pair(4, output='Say "hi"\n100%_\\n'))
    items.add(store, made)
    review.decide(store, REVA, made[0].id, "o", "accept")
    ids = [item.id for item in made]
    assert shown(store, lang="zh") == [ids[1]]
    assert shown(store, flag="refusal") == ids[2:4]
    assert shown(store, flag="length") == [ids[3]]
    assert shown(store, flag="") == [ids[1], ids[4]]
    assert shown(store, status="accepted") == [ids[0]]
    assert shown(store, status=None) == ids
    assert shown(store, search='SAY "HI"\n') == [ids[4]]
    assert shown(store, search="%_\\n") == [ids[4]]
    assert shown(store, search="instruction") == [], "a key of the JSON is no text of the pair"
    assert review.flags(store) == {"length": 1, "refusal": 2}
    assert review.matching(store, flag="refusal") == ids[2:4]


def test_accepting_takes_the_pair_as_stored(store: Store) -> None:
    items.add(store, [pair(1)])
    saved = review.decide(store, REVA, pair(1).id, "o", "accept", pair={"instruction": "x", "output": "forged"})
    assert saved.answer == pair(1).payload
    row = review.queue(store, status="accepted").rows[0]
    assert review.pair_of(row).output == pair(1).payload["output"]


def test_a_mended_pair_counts_and_a_broken_one_is_refused(store: Store) -> None:
    items.add(store, [pair(1)])
    for broken in (None, {"instruction": "x"}, {"instruction": "x", "output": ""}):
        with pytest.raises(BadAnswer):
            review.decide(store, REVA, pair(1).id, "o", "mend", pair=broken)
    review.decide(store, REVA, pair(1).id, "o", "mend", pair={**pair(1).payload, "output": "Better."})
    assert review.pair_of(review.queue(store, status="accepted").rows[0]).output == "Better."


def test_a_rejection_needs_a_reason(store: Store) -> None:
    items.add(store, [pair(1)])
    for reason in (None, "", "  "):
        with pytest.raises(review.ReasonMissing):
            review.decide(store, REVA, pair(1).id, "o", "reject", reason=reason)
    assert review.decide(store, REVA, pair(1).id, "o", "reject", reason=" refusal ").reason == "refusal"


def test_a_bulk_decision_is_one_operation_and_undone_as_one(store: Store) -> None:
    items.add(store, [pair(n) for n in range(1200)])
    everything = review.matching(store)
    review.decide(store, REVA, everything[0], "a", "reject", reason="wrong")
    assert review.decide_many(store, REVA, everything[1:], "b", "accept") == 1199
    assert review.queue(store, status="accepted").total == 1199
    assert review.decide_many(store, REVA, everything[1:], "b", "accept") == 1199, "sent twice"
    assert review.undo(store, REVA, "u1") == 1199
    assert review.undo(store, REVA, "u1") == 1199, "sent twice"
    assert (review.queue(store).total, review.queue(store, status="rejected").total) == (1199, 1)
    assert review.undo(store, REVA, "u2") == 1
    assert review.undo(store, REVA, "u3") == 0
    assert review.queue(store).total == 1200


@pytest.mark.usefixtures("toy_task")
def test_a_bulk_with_something_that_does_not_belong_writes_nothing(store: Store) -> None:
    items.add(store, [pair(1), site(1)])
    with pytest.raises(BadValue):
        review.decide_many(store, REVA, [pair(1).id, site(1).id], "o", "accept")
    with pytest.raises(NotFound):
        review.decide_many(store, REVA, [pair(1).id, "gone"], "o", "accept")
    with pytest.raises(BadValue):
        review.decide_many(store, REVA, [pair(1).id], "o", "mend")
    assert review.queue(store).total == 1
    assert review.decide_many(store, REVA, [], "o", "accept") == 0


def test_undo_leaves_the_decisions_of_others(store: Store) -> None:
    items.add(store, [pair(1)])
    review.decide(store, REVA, pair(1).id, "a", "accept")
    assert review.undo(store, ZOE, "u") == 0
    assert review.queue(store, status="accepted").total == 1


def test_reviewers_who_differ_dispute(store: Store) -> None:
    items.add(store, [pair(1)])
    review.decide(store, REVA, pair(1).id, "a", "accept")
    review.decide(store, ZOE, pair(1).id, "b", "reject", reason="wrong")
    assert shown(store, status="disputed") == [pair(1).id]


def test_an_annotator_does_not_review_and_a_lead_may(store: Store) -> None:
    items.add(store, [pair(1)])
    for forbidden in (
        lambda: review.decide(store, WANG, pair(1).id, "o", "accept"),
        lambda: review.decide_many(store, WANG, [pair(1).id], "o", "accept"),
        lambda: review.undo(store, WANG, "o"),
    ):
        with pytest.raises(NotAllowed):
            forbidden()
    assert review.decide(store, LEAD, pair(1).id, "o", "accept").role == "lead"
