"""Never two people on one item, whoever dies."""
from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from curation.model import Actor
from curation.store import Store, claims, items, open_store
from tests.curation.conftest import MEI, WANG, site

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
OPEN: dict[str, Any] = {"tasks": ["function_pointer"], "status": "open"}


def claimed(store: Store, user: str, after_s: float = 0.0, **asked: Any) -> str | None:
    return claims.claim_next(store, user=user, now=AT + timedelta(seconds=after_s), lease_s=60, **{**OPEN, **asked})


def test_two_people_get_two_items_and_each_gets_the_own_one_again(store: Store) -> None:
    items.add(store, [site(n) for n in range(2)])
    assert [claimed(store, who) for who in ("wang", "mei", "wang", "mei")] == [site(0).id, site(1).id, site(0).id, site(1).id]
    assert claimed(store, "reva") is None


def test_an_item_whose_claim_ran_out_goes_to_the_next_who_asks(store: Store) -> None:
    items.add(store, [site(0)])
    assert claimed(store, "wang") == site(0).id
    assert claimed(store, "mei", after_s=59) is None
    assert claimed(store, "mei", after_s=60) == site(0).id
    assert claimed(store, "wang", after_s=61) is None


def test_who_goes_on_typing_keeps_the_item(store: Store) -> None:
    items.add(store, [site(0)])
    claimed(store, "wang")
    claims.renew(store, site(0).id, "wang", now=AT + timedelta(seconds=50), lease_s=60)
    claims.renew(store, site(0).id, "mei", now=AT + timedelta(seconds=500), lease_s=60)  # has none to renew
    assert claimed(store, "mei", after_s=109) is None
    assert claimed(store, "mei", after_s=110) == site(0).id


def test_a_save_ends_the_claim_and_a_second_opinion_is_a_claim_of_its_own(store: Store) -> None:
    items.add(store, [site(0)])
    claimed(store, "wang")
    items.annotate(store, item_id=site(0).id, actor=WANG, op_id="a", action="none")
    second = {"status": "answered", "answers": 1}
    assert claimed(store, "wang", **second) is None
    assert claimed(store, "mei", **second) == site(0).id
    assert claimed(store, "reva", **second) is None


def test_late_work_is_kept(store: Store) -> None:
    items.add(store, [site(0)])
    claimed(store, "wang")
    assert claimed(store, "mei", after_s=100) == site(0).id
    items.annotate(store, item_id=site(0).id, actor=WANG, op_id="late", action="none")
    items.annotate(store, item_id=site(0).id, actor=MEI, op_id="in time", action="none")
    assert [a.user for a in items.annotations(store, [site(0).id])[site(0).id]] == ["wang", "mei"]


def test_many_who_ask_at_the_same_instant_get_an_item_each(store: Store) -> None:
    items.add(store, [site(n) for n in range(24)])
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda who: claimed(store, f"user{who}"), range(24)))
    assert sorted(filter(None, given)) == sorted(site(n).id for n in range(24))


def _labels_and_dies(url: str, who: int, dies_after: int | None, told: Any) -> None:
    own, actor = open_store(url), Actor(name=f"user{who}", role="annotator")
    while item_id := claims.claim_next(own, user=actor.name, now=AT + timedelta(seconds=100 * (dies_after is None)), lease_s=60, **OPEN):
        if dies_after == 0:
            os._exit(9)
        dies_after = None if dies_after is None else dies_after - 1
        items.annotate(own, item_id=item_id, actor=actor, op_id=f"{who}-{item_id}", action="none")
        told.put((who, item_id))
    own.close()


def test_what_a_process_that_died_had_before_it_is_labeled_by_another(store: Store, store_url: str) -> None:
    items.add(store, [site(n) for n in range(6)])
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    for who, dies_after in ((0, 2), (1, None)):  # the second asks when the first one's lease is over
        one = spawn.Process(target=_labels_and_dies, args=(store_url, who, dies_after, told))
        one.start()
        one.join()
    labeled = [told.get() for _ in range(6)]
    assert sorted(item_id for _, item_id in labeled) == sorted(site(n).id for n in range(6))
    assert [who for who, _ in labeled] == [0, 0, 1, 1, 1, 1]
