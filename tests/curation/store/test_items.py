"""Items and annotations as both databases keep them."""
from __future__ import annotations

import multiprocessing
import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from curation.errors import BadValue, NotFound
from curation.labeling.resolve import resolve
from curation.model import Actor, Item
from curation.store import Store, items, open_store, queues
from curation.store.engine import StoreFailed
from curation.store.items import Entry
from tests.curation.conftest import MEI, WANG, pair, site


def status_of(store: Store, item_id: str) -> str:
    states = ("open", "answered", "skipped", "flagged", "unknown", "disputed", "accepted", "rejected")
    return next(s for s in states if list(items.find(store, ids=[item_id], statuses=[s])))


def test_an_item_comes_back_as_it_was_added(store: Store) -> None:
    sent = [site(1, score=0.5), pair(1, lang="zh", flags=("refusal",))]
    assert items.add(store, sent) == (2, 0)
    assert [items.get(store, i.id) for i in sent] == sent


def test_adding_again_changes_nothing(store: Store) -> None:
    items.add(store, [site(1), site(2)])
    assert items.add(store, [site(2), site(3), site(3)]) == (1, 1)
    assert [i.id for i in items.find(store)] == [site(n).id for n in (1, 2, 3)]


def test_what_nobody_has_touched_is_renewed_when_that_is_wanted(store: Store) -> None:
    old = [site(1, score=0.1), site(2, score=0.1), site(3, score=0.1)]
    items.add(store, old)
    items.annotate(store, item_id=old[1].id, actor=WANG, op_id=uuid.uuid4().hex, action="skip")
    items.save_draft(store, old[2].id, WANG.name, {"answer": {}})
    again = [item.model_copy(update={"payload": {**item.payload, "score": 0.9}, "excerpt": "other"}) for item in old]
    assert items.add(store, again, renew=True) == (0, 3)
    assert [items.get(store, item.id) for item in old] == [again[0], old[1], old[2]]


def test_text_that_no_database_can_hold_is_kept_with_replacement_characters(store: Store) -> None:
    odd = site(1, expression="a\0b\ud800c \\u0000 中").model_copy(update={"excerpt": "\0x"})
    items.add(store, [odd])
    found = items.get(store, odd.id)
    assert found.payload["expression"] == "a\ufffdb\ufffdc \\u0000 中"
    assert found.excerpt == "\ufffdx"


def test_items_are_found_by_what_they_are(store: Store) -> None:
    made = [site(1), site(2, source="other"), site(3, file="b.c"), site(4, task="async_pattern"), pair(1), pair(1, lang="zh")]
    items.add(store, made)
    ids = {i.id: n for n, i in enumerate(made)}

    def found(**by: Any) -> list[int]:
        return [ids[i.id] for i in items.find(store, page=2, **by)]

    assert found() == [0, 1, 2, 3, 4, 5]
    assert found(tasks=["async_pattern", "self_instruct"]) == [3, 4, 5]
    assert found(source="lib", file="a.c") == [0, 3]
    assert found(origin="generated", lang="zh") == [5]
    assert found(ids=[made[5].id, "not there", made[0].id]) == [0, 5]


def test_what_is_not_there_is_said_by_name(store: Store) -> None:
    with pytest.raises(NotFound, match="'gone'"):
        items.get(store, "gone")
    with pytest.raises(NotFound, match="'gone'"):
        items.annotate(store, item_id="gone", actor=WANG, op_id="o", action="skip")


def test_the_same_operation_again_returns_what_it_wrote_first(store: Store) -> None:
    items.add(store, [site(1)])
    first = items.annotate(store, item_id=site(1).id, actor=WANG, op_id="o", action="skip", reason="later")
    again = items.annotate(store, item_id=site(1).id, actor=WANG, op_id="o", action="flag")
    assert again == first
    assert items.annotations(store, [site(1).id]) == {site(1).id: [first]}


def test_nobody_can_use_the_operation_of_another(store: Store) -> None:
    items.add(store, [site(1)])
    items.annotate(store, item_id=site(1).id, actor=WANG, op_id="o", action="skip")
    with pytest.raises(BadValue):
        items.annotate(store, item_id=site(1).id, actor=MEI, op_id="o", action="flag")


def test_a_bulk_of_annotations_is_all_or_nothing(store: Store) -> None:
    items.add(store, [pair(n) for n in range(3)])
    entries = [Entry(pair(n).id, "reject", reason="wrong") for n in range(3)]
    with pytest.raises(NotFound):
        items.annotate_many(store, actor=WANG, op_id="o", entries=[*entries, Entry("gone", "reject")])
    assert queues.counts(store) == {("self_instruct", "open"): 3}
    items.annotate_many(store, actor=WANG, op_id="o", entries=entries)
    assert queues.counts(store) == {("self_instruct", "rejected"): 3}


def test_a_draft_is_kept_for_its_user_until_something_is_saved(store: Store) -> None:
    items.add(store, [site(1)])
    items.save_draft(store, site(1).id, "wang", {"explanation": "half a sent"})
    items.save_draft(store, site(1).id, "wang", {"explanation": "half a sentence"})
    assert items.draft(store, site(1).id, "wang") == {"explanation": "half a sentence"}
    assert items.draft(store, site(1).id, "mei") is None
    items.annotate(store, item_id=site(1).id, actor=WANG, op_id="o", action="skip")
    assert items.draft(store, site(1).id, "wang") is None


def test_two_people_who_save_at_the_same_instant_both_count(store: Store) -> None:
    """The last state written must have seen both: a lost update would leave "answered"."""
    people = [Actor(name=f"user{n}", role="annotator") for n in range(4)]
    items.add(store, [site(n) for n in range(15)])

    def answer(who: int, n: int) -> None:
        given = {"targets": [{"name": f"of_{who}"}]}
        items.annotate(store, item_id=site(n).id, actor=people[who], op_id=f"{who}-{n}", action="mend", answer=given)

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(answer, who, n) for n in range(15) for who in range(4)]:
            done.result()
    assert queues.counts(store) == {("function_pointer", "disputed"): 15}
    assert all(len(given) == 4 for given in items.annotations(store, [site(n).id for n in range(15)]).values())


def _annotate_in_process(url: str, who: int, ids: list[str]) -> None:
    own = open_store(url)
    order = random.Random(who).sample(ids, len(ids))
    for item_id in order:
        actor = Actor(name=f"user{who}", role="annotator")
        items.annotate(own, item_id=item_id, actor=actor, op_id=f"{who}-{item_id}", action="none")
    own.close()


def test_processes_that_save_at_the_same_time_lose_nothing(store: Store, store_url: str) -> None:
    items.add(store, [site(n) for n in range(20)])
    ids = [site(n).id for n in range(20)]
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_annotate_in_process, args=(store_url, who, ids)) for who in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [w.exitcode for w in workers] == [0, 0]
    assert {len(given) for given in items.annotations(store, ids).values()} == {2}
    assert queues.counts(store) == {("function_pointer", "answered"): 20}


def test_two_imports_at_once_give_every_item_its_own_place(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(items.add, store, [site(n, file=f"{part}.c") for n in range(30)]) for part in range(4)]
        assert sum(d.result()[0] for d in done) == 120
    assert len(list(items.find(store, page=7))) == 120


ACTIONS = st.sampled_from(["none", "external", "skip", "flag", "unknown", "undo"])
STEPS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([WANG, MEI]), ACTIONS), max_size=10)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_state_kept_in_sql_is_what_resolve_says(store: Store, steps: list[Any]) -> None:
    run = uuid.uuid4().hex  # not from `random`, which hypothesis seeds
    made: list[Item] = [site(n, file=run) for n in range(3)]
    items.add(store, made)
    for step, (n, actor, action) in enumerate(steps):
        given_so_far = items.annotations(store, [made[n].id])[made[n].id]
        undoes = given_so_far[-1].id if action == "undo" and given_so_far else None
        items.annotate(store, item_id=made[n].id, actor=actor, op_id=f"{run}-{step}", action=action, undoes=undoes)
    for item_id, given_annotations in items.annotations(store, [i.id for i in made]).items():
        assert status_of(store, item_id) == resolve(given_annotations).status


def test_the_state_kept_in_sql_knows_what_the_task_compares(store: Store) -> None:
    item = site(0, task="callback_timing")
    items.add(store, [item])
    for actor, trigger in ((WANG, "a packet came"), (MEI, None)):
        answer = {"context": "softirq", "may_sleep": False, "trigger": trigger, "chain": [], "registered_via": None}
        items.annotate(store, item_id=item.id, actor=actor, op_id=actor.name, action="mend", answer=answer)
    assert status_of(store, item.id) == "answered"


def test_a_store_that_cannot_be_written_says_so_and_keeps_what_it_had(sqlite_store: Store) -> None:
    items.add(sqlite_store, [site(1)])
    with pytest.raises(StoreFailed, match="readonly"), sqlite_store.write() as db:
        db.execute(text("PRAGMA query_only = ON"))
        db.execute(text("DELETE FROM items"))
    with sqlite_store.read() as db:
        db.execute(text("PRAGMA query_only = OFF"))
    assert [item.id for item in items.find(sqlite_store)] == [site(1).id]


def test_sqlite_is_new_enough_for_concurrent_writers(sqlite_store: Store) -> None:
    """Before 3.51.3 a WAL database can be corrupted by them."""
    with sqlite_store.read() as db:
        version = db.execute(text("SELECT sqlite_version()")).scalar_one()
        assert tuple(map(int, version.split("."))) >= (3, 51, 3)
        assert db.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
