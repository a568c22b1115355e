"""The preference screen: sides as recorded, choices as stored."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from curation.model import Actor
from curation.pairs import prefer
from curation.store import Store, items
from tests.curation.conftest import two_answers
from tests.pages.conftest import page, press, texts
from ui import parts

Be = Callable[[str, str], Actor]


@pytest.fixture
def reva(workspace: Store, be: Be) -> Actor:
    items.add(workspace, [two_answers(0, shown_first="b"), two_answers(1, shown_first="a"), two_answers(2)])
    return be("reva", "reviewer")


def chosen(store: Store, n: int) -> list[object]:
    item_id = two_answers(n).id
    return [(a.action, (a.answer or {}).get("choice")) for a in items.annotations(store, [item_id])[item_id]]


def test_the_answers_stand_where_they_were_drawn_and_left_means_the_left_one(workspace: Store, reva: Actor) -> None:
    app = page("prefer")
    shown = [text.value for text in app.text]
    assert shown.index("second answer 0") < shown.index("first answer 0")
    press(app, f"left:{two_answers(0).id}")
    assert chosen(workspace, 0) == [("choose", "b")]
    shown = [text.value for text in app.text]
    assert shown.index("first answer 1") < shown.index("second answer 1")
    press(app, f"left:{two_answers(1).id}")
    assert chosen(workspace, 1) == [("choose", "a")]


@pytest.mark.parametrize(("place", "choice"), [("right", "a"), ("tie", "tie"), ("both_bad", "both_bad")])
def test_every_choice_is_saved_with_the_reason_that_was_typed(workspace: Store, reva: Actor, place: str, choice: str) -> None:
    prefer.save_draft(workspace, reva, two_answers(0).id, "the left one invents a function")
    press(page("prefer"), f"{place}:{two_answers(0).id}")
    (saved,) = items.annotations(workspace, [two_answers(0).id])[two_answers(0).id]
    assert saved.answer and saved.answer["choice"] == choice
    assert saved.reason == "the left one invents a function" and saved.elapsed_ms is not None


def test_with_nothing_left_the_screens_that_bring_more_are_linked(
    workspace: Store, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("reva", "reviewer")
    links: list[str] = []
    monkeypatch.setattr(parts, "page_link", links.append)
    page("prefer")
    assert links == ["generate", "rows"]


def test_undo_shows_the_pair_again(workspace: Store, reva: Actor) -> None:
    app = page("prefer")
    for n in range(3):
        press(app, f"left:{two_answers(n).id}")
    assert "No pair is left" in texts(app)
    press(app, "undo")
    assert app.query_params["item"] in (two_answers(2).id, [two_answers(2).id])
    assert chosen(workspace, 2) == [("choose", "a"), ("undo", None)]


def test_a_press_too_soon_after_the_drawing_is_no_choice(workspace: Store, reva: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "DWELL_S", 60.0)
    press(page("prefer"), f"left:{two_answers(0).id}")
    assert chosen(workspace, 0) == []


def test_a_pair_can_be_set_aside_with_a_reason(workspace: Store, reva: Actor) -> None:
    app = press(page("prefer"), f"flag:{two_answers(0).id}")
    press(app, f"skip:{two_answers(1).id}")
    assert (chosen(workspace, 0), chosen(workspace, 1)) == ([("flag", None)], [("skip", None)])


def test_an_annotator_cannot_choose(workspace: Store, reva: Actor, be: Be) -> None:
    be("wang", "annotator")
    app = page("prefer", item=two_answers(0).id)
    press(app, f"left:{two_answers(0).id}")
    assert chosen(workspace, 0) == [] and "may not" in app.session_state["_errors"][0]


def test_an_item_that_is_not_there_is_said(workspace: Store, reva: Actor) -> None:
    app = page("prefer", item="gone", lang="zh")
    assert "gone" in app.error[0].value
    press(app, app.button[0].key)
    assert app.query_params["item"] in (two_answers(0).id, [two_answers(0).id])
