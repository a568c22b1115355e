"""What the annotations of one item say together."""
from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from curation.labeling.resolve import latest_by_user, live, resolve
from curation.model import Annotation
from curation.tasks import get_task

F = {"targets": [{"name": "f", "file": "a.c", "line": 3}]}
F_ELSEWHERE = {"targets": [{"name": "f", "file": None, "line": None}]}
G = {"targets": [{"name": "g", "file": None, "line": None}]}
PAIR = {"instruction": "Why?", "input": "", "output": "Because."}


def said(
    user: str, action: str, answer: dict[str, Any] | None = None, *, number: int = 0, undoes: int | None = None, **more: Any
) -> Annotation:
    return Annotation(
        id=number, item_id="i", user=user, role="annotator", op_id=f"op{number}", action=action, answer=answer, undoes=undoes,
        created_at="2026-01-01T00:00:00.000Z", **more,
    )


def history(*words: Annotation) -> list[Annotation]:
    return [word.model_copy(update={"id": n}) for n, word in enumerate(words, start=1)]


def test_an_item_that_nobody_touched_is_open() -> None:
    assert resolve([]).status == "open"


def test_people_who_give_the_same_answer_agree() -> None:
    resolved = resolve(history(said("a", "confirm", F), said("b", "mend", F)))
    assert (resolved.status, resolved.answer, resolved.users) == ("answered", F, ["a", "b"])


def test_targets_are_the_same_when_their_names_are() -> None:
    assert resolve(history(said("a", "confirm", F), said("b", "mend", F_ELSEWHERE))).status == "answered"


def test_targets_in_another_order_are_the_same_but_a_call_chain_is_not() -> None:
    fg, gf = [{"name": "f"}, {"name": "g"}], [{"name": "g"}, {"name": "f"}]
    assert resolve(history(said("a", "mend", {"targets": fg}), said("b", "mend", {"targets": gf}))).status == "answered"
    assert resolve(history(said("a", "mend", {"chain": ["f", "g"]}), said("b", "mend", {"chain": ["g", "f"]}))).status == "disputed"


def test_people_who_differ_dispute() -> None:
    resolved = resolve(history(said("a", "confirm", F), said("b", "mend", G)))
    assert (resolved.status, resolved.answer) == ("disputed", None)


def test_none_and_external_are_answers_that_differ_from_each_other() -> None:
    assert resolve(history(said("a", "none"), said("b", "none"))).status == "answered"
    assert resolve(history(said("a", "none"), said("b", "external"))).status == "disputed"


def test_the_latest_word_of_a_person_counts() -> None:
    assert resolve(history(said("a", "confirm", F), said("a", "mend", G))).answer == G


def test_an_undone_word_gives_way_to_the_one_before_it() -> None:
    words = history(said("a", "confirm", F), said("a", "mend", G), said("a", "undo", undoes=2))
    assert resolve(words).answer == F


def test_nobody_can_undo_the_word_of_another() -> None:
    assert resolve(history(said("a", "confirm", F), said("b", "undo", undoes=1))).answer == F


def test_an_adjudication_ends_a_dispute_and_its_undo_opens_it_again() -> None:
    words = history(said("a", "confirm", F), said("b", "mend", G), said("r", "adjudicate", G))
    assert (resolve(words).status, resolve(words).answer, resolve(words).users) == ("answered", G, ["b", "r"])
    assert resolve([*words, said("r", "undo", number=4, undoes=3)]).status == "disputed"


def test_an_adjudication_without_answer_is_unknown_for_a_site_and_rejects_a_pair() -> None:
    assert resolve(history(said("a", "mend", F), said("b", "mend", G), said("r", "adjudicate"))).status == "unknown"
    assert resolve(history(said("a", "accept", PAIR), said("b", "reject"), said("r", "adjudicate"))).status == "rejected"


def test_a_flag_holds_an_answered_item_back_until_it_is_taken_back() -> None:
    words = history(said("a", "confirm", F), said("b", "flag"))
    assert resolve(words).status == "flagged"
    assert resolve([*words, said("b", "undo", number=3, undoes=2)]).status == "answered"


def test_an_answer_counts_more_than_somebody_elses_not_knowing_or_skipping() -> None:
    assert resolve(history(said("a", "unknown"), said("b", "skip"))).status == "unknown"
    assert resolve(history(said("a", "unknown"), said("b", "skip"), said("c", "confirm", F))).status == "answered"
    assert resolve(history(said("b", "skip"))).status == "skipped"


def test_a_pair_is_accepted_or_rejected() -> None:
    mended = {**PAIR, "output": "Since."}
    assert resolve(history(said("a", "accept", PAIR))).status == "accepted"
    assert resolve(history(said("a", "reject", reason="wrong"))).status == "rejected"
    assert (resolve(history(said("a", "mend", mended))).status, resolve(history(said("a", "mend", mended))).answer) == ("accepted", mended)
    assert resolve(history(said("a", "accept", PAIR), said("b", "reject"))).status == "disputed"


def test_explanations_come_from_those_who_agree_the_latest_first() -> None:
    words = history(
        said("a", "confirm", F, explanation={"en": "early", "zh": "早"}),
        said("b", "confirm", F, explanation={"en": "late"}),
    )
    assert resolve(words).explanation == {"en": "late", "zh": "早"}


def test_an_answer_that_somebody_calls_incomplete_stays_so() -> None:
    assert resolve(history(said("a", "incomplete", F), said("b", "confirm", F))).action == "incomplete"


ACTIONS = st.sampled_from(["confirm", "mend", "none", "external", "incomplete", "unknown", "skip", "flag", "adjudicate", "undo"])
STEPS = st.lists(st.tuples(st.sampled_from("abc"), ACTIONS, st.sampled_from([F, F_ELSEWHERE, G]), st.integers(1, 12)), max_size=12)


def _made(steps: list[tuple[str, str, dict[str, Any], int]]) -> list[Annotation]:
    with_answer = ("confirm", "mend", "incomplete", "adjudicate")
    words = []
    for user, action, answer, of in steps:
        words.append(said(user, action, answer if action in with_answer else None, undoes=of if action == "undo" else None))
    return history(*words)


@given(STEPS, st.integers())
def test_the_order_in_which_annotations_are_read_does_not_matter(steps: list[Any], seed: int) -> None:
    words = _made(steps)
    shuffled = random.Random(seed).sample(words, len(words))
    assert resolve(shuffled) == resolve(words)


@given(STEPS)
def test_undoing_everything_gives_an_open_item(steps: list[Any]) -> None:
    words = _made(steps)
    undone = [said(a.user, "undo", number=len(words) + n, undoes=a.id) for n, a in enumerate(words, start=1)]
    assert resolve(words + undone).status == "open"


@given(STEPS)
def test_there_is_an_answer_only_where_it_was_given(steps: list[Any]) -> None:
    words = _made(steps)
    resolved = resolve(words)
    assert resolved.answer is None or any(a.answer == resolved.answer for a in live(words))
    assert (resolved.status == "disputed") <= (len(latest_by_user(words)) > 1)


UNSCORED = {
    "callback_timing": st.fixed_dictionaries({
        "trigger": st.sampled_from([None, "linux.request_irq", "own words"]), "registered_via": st.sampled_from([None, "request_irq"]),
        "chain": st.lists(st.sampled_from("fgh"), max_size=3),
    }),
    "async_pattern": st.fixed_dictionaries({"phases": st.permutations([
        {"phase": "bind", "file": "a.c", "line": 4, "text": "x"}, {"phase": "trigger", "file": "a.c", "line": 9, "function": "go"}])}),
    "function_pointer": st.fixed_dictionaries({"targets": st.permutations([{"name": "f", "line": 3, "file": "a.c"}, {"name": "g"}])}),
}
SCORED: dict[str, list[dict[str, Any]]] = {
    "callback_timing": [{"context": "hardirq", "may_sleep": False}, {"context": "softirq", "may_sleep": False}],
    "async_pattern": [{"mechanism": "workqueue", "handler": "f"}, {"mechanism": "workqueue", "handler": "g"}],
    "function_pointer": [{"completeness": "complete"}, {"completeness": "incomplete"}],
}


@given(st.sampled_from(sorted(SCORED)), st.data())
def test_people_dispute_if_and_only_if_a_scored_field_differs(name: str, data: Any) -> None:
    task = get_task(name)
    first, second = (task.check({**data.draw(st.sampled_from(SCORED[name])), **data.draw(UNSCORED[name])}) for _ in range(2))
    resolved = resolve(history(said("a", "mend", first), said("b", "mend", second)), task)
    differ = any(first[field] != second[field] for field in SCORED[name][0])
    assert resolved.status == ("disputed" if differ else "answered")
    assert resolved.answer == (None if differ else second), "what is not scored is that of the latest word"


def test_a_choice_is_the_same_whatever_its_reason() -> None:
    words = history(said("a", "choose", {"choice": "a", "reason": "short"}), said("b", "choose", {"choice": "a", "reason": None}))
    assert resolve(words, get_task("preference")).status == "answered"


def test_none_is_the_same_as_the_empty_answer_it_stands_for() -> None:
    task = get_task("async_pattern")
    words = history(said("a", "none"), said("b", "mend", task.check({})))
    assert resolve(words, task).status == "answered"


def test_two_people_who_name_another_phase_of_the_same_line_differ() -> None:
    step = {"phase": "bind", "file": "a.c", "line": 4}
    compared = get_task("async_pattern").compared()
    assert compared is not None and get_task("async_pattern").metrics()["phases"]["key"] == ["phase", "line"]
    metric = compared["phases"]
    assert metric["key"] == ["phase", "file", "line"]
    words = [
        _said("wang", {"mechanism": "workqueue", "handler": "w", "phases": [step]}),
        _said("li", {"mechanism": "workqueue", "handler": "w", "phases": [{**step, "phase": "trigger"}]}),
    ]
    assert resolve(words, get_task("async_pattern")).status == "disputed"


def _said(user: str, answer: dict) -> Annotation:
    return Annotation(
        id=len(user), item_id="x", user=user, role="annotator", op_id=user, action="mend", answer=answer, created_at="2026-11-22T00:00:00Z"
    )
