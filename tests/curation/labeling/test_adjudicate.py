"""The last word on what people differ about."""
from __future__ import annotations

import pytest

from curation.errors import BadAnswer, NotAllowed
from curation.labeling import adjudicate, label
from curation.labeling.resolve import resolve
from curation.pairs import review
from curation.store import Store, items
from tests.curation.conftest import LEAD, MEI, REVA, WANG, pair, site

pytestmark = pytest.mark.usefixtures("toy_task")
F = {"targets": [{"name": "f"}]}


def test_only_what_people_differ_about_is_listed(store: Store) -> None:
    items.add(store, [site(0), site(1), pair(1)])
    for actor, n, action in ((WANG, 0, "confirm"), (MEI, 0, "none"), (WANG, 1, "none"), (MEI, 1, "none")):
        label.save(store, actor, site(n).id, f"{actor.name}{n}", action)  # type: ignore[arg-type]
    assert [i.id for i in adjudicate.disputed(store)] == [site(0).id]
    assert adjudicate.disputed(store, task="self_instruct") == []
    assert [w.user for w in adjudicate.words(store, site(0).id)] == ["wang", "mei"]


def test_the_last_word_settles_and_the_differing_words_stay(store: Store) -> None:
    items.add(store, [site(0)])
    label.save(store, WANG, site(0).id, "a", "confirm")
    label.save(store, MEI, site(0).id, "b", "none")
    with pytest.raises(NotAllowed):
        adjudicate.settle(store, MEI, site(0).id, "c", F)
    with pytest.raises(BadAnswer):
        adjudicate.settle(store, REVA, site(0).id, "c", {"targets": "f"})
    adjudicate.settle(store, REVA, site(0).id, "c", F, explanation={"en": "It is f."})
    given = items.annotations(store, [site(0).id])[site(0).id]
    resolved = resolve(given)
    assert resolved.status == "answered" and resolved.answer and resolved.answer["targets"][0]["name"] == "f"
    assert resolved.explanation == {"en": "It is f."}
    assert len(given) == 3 and adjudicate.disputed(store) == []


def test_the_last_word_can_be_that_there_is_none_or_nobody_can_tell(store: Store) -> None:
    items.add(store, [site(n) for n in range(3)])
    for n in range(3):
        label.save(store, WANG, site(n).id, f"a{n}", "confirm")
        label.save(store, MEI, site(n).id, f"b{n}", "none")
    adjudicate.settle(store, REVA, site(0).id, "c", None, says="none")
    adjudicate.settle(store, REVA, site(1).id, "d", None, says="external")
    adjudicate.settle(store, REVA, site(2).id, "e", None)
    given = items.annotations(store, [site(n).id for n in range(3)])
    settled = [resolve(given[site(n).id]) for n in range(3)]
    assert [(r.status, r.action) for r in settled] == [("answered", "none"), ("answered", "external"), ("unknown", "adjudicate")]


def test_a_pair_that_reviewers_differ_about_is_accepted_or_rejected_by_the_last_word(store: Store) -> None:
    items.add(store, [pair(1), pair(2)])
    for n in (1, 2):
        review.decide(store, REVA, pair(n).id, f"a{n}", "accept")
        review.decide(store, LEAD, pair(n).id, f"b{n}", "reject", reason="wrong")
    adjudicate.settle(store, LEAD, pair(1).id, "c", pair(1).payload)
    adjudicate.settle(store, LEAD, pair(2).id, "d", None)
    assert [r.item.id for r in review.queue(store, status="accepted").rows] == [pair(1).id]
    assert [r.item.id for r in review.queue(store, status="rejected").rows] == [pair(2).id]
