"""Labeling sites: what comes next, what is saved, what is taken back."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from curation.errors import BadAnswer, BadValue, NotAllowed, NotFound
from curation.labeling import label
from curation.labeling.progress import agreement, progress
from curation.model import Actor
from curation.store import Store, items
from tests.curation.conftest import MEI, REVA, WANG, pair, site

pytestmark = pytest.mark.usefixtures("toy_task")
F = {"targets": [{"name": "f", "file": None, "line": None}], "may_sleep": None, "completeness": "complete"}


def test_confirming_takes_the_stored_proposal_and_never_the_clients(store: Store) -> None:
    items.add(store, [site(1)])
    saved = label.save(store, WANG, site(1).id, "o", "confirm", answer=F)
    assert saved.answer is not None and saved.answer["targets"][0]["name"] == "target_1"


def test_a_proposal_made_anew_since_the_form_was_drawn_is_not_confirmed_unseen(store: Store) -> None:
    item = site(1)
    items.add(store, [item])
    shown = item.payload["answer"]
    renewed = item.model_copy(update={"payload": {**item.payload, "answer": {**shown, "completeness": "external"}}})
    items.add(store, [renewed], renew=True)
    with pytest.raises(BadAnswer, match="anew"):
        label.save(store, WANG, item.id, "op", "confirm", shown=shown)
    assert label.save(store, WANG, item.id, "op", "confirm", shown=renewed.payload["answer"]).answer is not None


def test_mending_checks_the_answer_and_writes_nothing_when_it_is_wrong(store: Store) -> None:
    items.add(store, [site(1)])
    for answer in (None, {"targets": [{"name": ""}]}, {"targets": [], "colour": "red"}):
        with pytest.raises(BadAnswer):
            label.save(store, WANG, site(1).id, "o", "mend", answer=answer)
    assert label.view(store, WANG, site(1).id).mine is None
    assert label.save(store, WANG, site(1).id, "o", "mend", answer=F).answer == F


def test_none_and_the_same_said_by_hand_are_one_answer(store: Store) -> None:
    items.add(store, [site(0), site(1), site(2)])
    label.save(store, WANG, site(0).id, "a", "none")
    label.save(store, MEI, site(0).id, "b", "mend", answer={"targets": [], "completeness": "none"})
    label.save(store, WANG, site(1).id, "c", "incomplete", answer=F)
    label.save(store, MEI, site(1).id, "d", "mend", answer={**F, "completeness": "incomplete"})
    label.save(store, WANG, site(2).id, "e", "incomplete", answer=F)
    label.save(store, MEI, site(2).id, "f", "mend", answer=F)
    states = [mark.status for mark in label.sites_in_file(store, "lib", "a.c")]
    assert states == ["answered", "answered", "disputed"]


def test_a_save_sent_twice_is_one_annotation(store: Store) -> None:
    items.add(store, [site(1)])
    first = label.save(store, WANG, site(1).id, "o", "confirm")
    assert label.save(store, WANG, site(1).id, "o", "none") == first
    assert len(items.annotations(store, [site(1).id])[site(1).id]) == 1


def test_only_what_labels_a_site_is_taken(store: Store) -> None:
    items.add(store, [site(1), pair(1)])
    for action in ("accept", "choose", "undo", "adjudicate", "shout"):
        with pytest.raises(BadValue):
            label.save(store, WANG, site(1).id, "o", action)  # type: ignore[arg-type]
    with pytest.raises(BadValue):
        label.save(store, WANG, pair(1).id, "o", "skip")
    with pytest.raises(NotFound):
        label.save(store, WANG, "gone", "o", "skip")


def test_a_role_that_may_not_label_is_refused(store: Store) -> None:
    items.add(store, [site(1)])
    nobody = Actor.model_construct(name="guest", role="guest")
    for forbidden in (
        lambda: label.save(store, nobody, site(1).id, "o", "confirm"),
        lambda: label.next_item(store, nobody),
        lambda: label.save_draft(store, nobody, site(1).id, {}),
    ):
        with pytest.raises(NotAllowed):
            forbidden()


def test_an_explanation_is_kept_by_language_and_checked(store: Store) -> None:
    items.add(store, [site(1)])
    with pytest.raises(BadAnswer):
        label.save(store, WANG, site(1).id, "o", "confirm", explanation={"fr": "..."})  # type: ignore[dict-item]
    with pytest.raises(BadAnswer):
        label.save(store, WANG, site(1).id, "o", "confirm", explanation={"en": "x" * 20_001})
    saved = label.save(store, WANG, site(1).id, "o", "confirm", explanation={"en": " It calls f. ", "zh": " "})
    assert saved.explanation == {"en": "It calls f."}


def test_the_next_item_is_the_first_open_one_behind_the_last_then_from_the_start(store: Store) -> None:
    items.add(store, [site(n) for n in range(4)])
    ids = [site(n).id for n in range(4)]

    def after(n: int | None) -> str | None:
        found = label.next_item(store, WANG, after=None if n is None else ids[n])
        return found.id if found else None

    assert after(None) == ids[0]
    assert after(1) == ids[2]
    label.save(store, WANG, ids[2], "a", "confirm")
    assert after(1) == ids[3]
    label.save(store, WANG, ids[3], "b", "confirm")
    assert after(3) == ids[0]


def test_two_people_at_once_never_get_the_same_item_until_one_of_them_has_gone(store: Store) -> None:
    items.add(store, [site(0), site(1)])
    assert (first := label.next_item(store, WANG)) and (second := label.next_item(store, MEI)) and first.id != second.id
    assert label.next_item(store, REVA) is None
    label.save_draft(store, MEI, second.id, {"reason": "half a sent"})  # lives still
    with store.write() as db:
        db.execute(text("UPDATE claims SET expires_at = '2026-01-01T00:00:00.000Z' WHERE \"user\" = 'wang'"))
    assert (found := label.next_item(store, REVA)) and found.id == first.id


def test_the_next_item_can_be_the_least_certain_of_a_task_or_source(store: Store) -> None:
    items.add(store, [site(0, score=0.9), site(1, score=0.2), site(2, score=0.1, source="other")])
    assert (found := label.next_item(store, WANG, order="uncertain")) and found.id == site(2, source="other").id
    assert (found := label.next_item(store, WANG, source="lib", order="uncertain")) and found.id == site(1).id
    with pytest.raises(NotFound):
        label.next_item(store, WANG, task="no_such_task")


def test_what_one_skipped_is_offered_to_others_after_the_open_ones_but_not_to_the_one_again(store: Store) -> None:
    items.add(store, [site(0), site(1)])
    label.save(store, WANG, site(0).id, "a", "skip")
    assert (found := label.next_item(store, MEI)) and found.id == site(1).id
    label.save(store, WANG, site(1).id, "b", "confirm")
    assert (found := label.next_item(store, MEI)) and found.id == site(0).id
    assert label.next_item(store, WANG) is None


def test_about_a_tenth_of_the_answered_items_is_offered_to_a_second_person_only(store: Store) -> None:
    made = [site(n) for n in range(60)]
    items.add(store, made)
    for item in made:
        label.save(store, WANG, item.id, f"a{item.id}", "confirm")
    sample = {item.id for item in made if item.id < label.SECOND_OPINION_BELOW}
    offered = set()
    while (item := label.next_item(store, MEI)) is not None:
        offered.add(item.id)
        label.save(store, MEI, item.id, f"b{item.id}", "confirm")
    assert offered == sample and sample
    assert label.next_item(store, REVA) is None
    assert [(a.task, a.items) for a in agreement(store)] == [("function_pointer", len(sample))]


def test_undo_takes_back_my_latest_and_then_the_one_before(store: Store) -> None:
    items.add(store, [site(0), site(1)])
    label.save(store, WANG, site(0).id, "a", "confirm")
    label.save(store, WANG, site(1).id, "b", "none")
    label.save(store, MEI, site(1).id, "c", "none")
    first = label.undo(store, WANG, "u1")
    assert first and first.item_id == site(1).id
    assert label.undo(store, WANG, "u1") == first, "a repeated undo must not take back more"
    assert (second := label.undo(store, WANG, "u2")) and second.item_id == site(0).id
    assert label.undo(store, WANG, "u3") is None
    assert label.view(store, MEI, site(1).id).mine is not None


def test_the_view_shows_my_word_and_my_draft(store: Store) -> None:
    items.add(store, [site(1)])
    label.save_draft(store, WANG, site(1).id, {"explanation": "ha"})
    view = label.view(store, WANG, site(1).id)
    assert (view.draft, view.mine, view.resolved.status) == ({"explanation": "ha"}, None, "open")
    assert view.proposal.expression == "ops->call1"
    label.save(store, WANG, site(1).id, "o", "mend", answer=F)
    view = label.view(store, WANG, site(1).id)
    assert view.draft is None and view.mine is not None and view.mine.answer == F


def test_a_draft_beyond_reason_is_refused(store: Store) -> None:
    items.add(store, [site(1)])
    with pytest.raises(BadValue):
        label.save_draft(store, WANG, site(1).id, {"explanation": "x" * label.DRAFT_MAX})


def test_the_sites_of_a_file_come_with_place_and_state(store: Store) -> None:
    items.add(store, [site(5), site(2), site(1, file="b.c")])
    label.save(store, WANG, site(5).id, "o", "confirm")
    marks = [(m.item_id, m.line, m.column, m.status) for m in label.sites_in_file(store, "lib", "a.c")]
    assert marks == [(site(2).id, 3, 3, "open"), (site(5).id, 6, 3, "answered")]


def test_progress_counts_states_and_people(store: Store, op: Callable[[], str]) -> None:
    items.add(store, [site(n) for n in range(6)])
    for n, action in enumerate(["confirm", "flag", "skip", "unknown"]):
        label.save(store, WANG, site(n).id, op(), action)  # type: ignore[arg-type]
    label.save(store, MEI, site(0).id, op(), "external")
    label.save(store, MEI, site(4).id, op(), "none")
    label.undo(store, MEI, op())
    p = next(p for p in progress(store) if p.task == "function_pointer")
    assert (p.total, p.open, p.answered, p.flagged, p.disputed, p.skipped, p.unknown) == (6, 2, 0, 1, 1, 1, 1)
    assert p.by_user == {"wang": 4, "mei": 1}
    assert (p.goal_min, p.goal_wanted) == (2000, 5000)
