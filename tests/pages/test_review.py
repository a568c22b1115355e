"""The review screen: what it shows, and that each button does what its service does, once."""
from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from curation.model import Actor, Flag
from curation.pairs import review
from curation.store import Store, items
from tests.curation.conftest import pair
from tests.pages.conftest import page, press, texts
from ui import pairs, parts

Be = Callable[[str, str], Actor]
HOSTILE = "![x](http://evil.example/x.png) <script>alert(1)</script> **b** :material/home:\n```c\nint *p = &a[0];\n```\nafter"


@pytest.fixture
def reva(workspace: Store, be: Be) -> Actor:
    items.add(workspace, [pair(0), pair(1, flags=()), pair(2)])
    return be("reva", "reviewer")


def states(store: Store) -> list[str]:
    return [row.resolved.status for row in review.queue(store, status=None).rows]


def test_accepting_goes_to_the_next_pair(workspace: Store, reva: Actor) -> None:
    app = page("review")
    press(app, f"accept:{pair(0).id}")
    assert states(workspace) == ["accepted", "open", "open"]
    assert app.query_params["item"] in (pair(1).id, [pair(1).id])
    press(app, f"accept:{pair(1).id}")
    press(app, f"accept:{pair(2).id}")
    assert states(workspace) == ["accepted"] * 3
    assert "Every pair has been reviewed" in texts(app)


def test_rejecting_asks_for_a_reason_and_a_digit_saves_it(workspace: Store, reva: Actor) -> None:
    app = press(page("review"), f"reject:{pair(0).id}")
    assert states(workspace)[0] == "open"
    press(app, f"why:code_broken:{pair(0).id}")
    assert states(workspace)[0] == "rejected"
    assert items.annotations(workspace, [pair(0).id])[pair(0).id][0].reason == "code_broken"


def test_an_own_reason_must_not_be_empty(workspace: Store, reva: Actor) -> None:
    app = press(page("review"), f"reject:{pair(0).id}")
    press(app, f"why_own:{pair(0).id}")
    assert states(workspace)[0] == "open" and "needs a reason" in app.session_state["_errors"][0]
    app.text_input(key=f"why_text:{pair(0).id}").set_value("names a macro as a function")
    press(app, f"why_own:{pair(0).id}")
    assert states(workspace)[0] == "rejected"


def test_a_draft_of_a_mended_pair_is_there_again_and_saved_as_it_stands(workspace: Store, reva: Actor) -> None:
    review.save_draft(workspace, reva, pair(0).id, {**pair(0).payload, "output": "Half a sentence"})
    app = page("review")
    press(app, f"save:{pair(0).id}")
    row = review.queue(workspace, status="accepted").rows[0]
    assert review.pair_of(row).output == "Half a sentence"
    press(app, "undo")
    assert states(workspace)[0] == "open"
    view = review.view(workspace, reva, pair(0).id)
    assert view.draft and view.draft["output"] == "Half a sentence", "an undone mending gives its text back"
    press(app, f"cancel:{pair(0).id}")
    assert review.view(workspace, reva, pair(0).id).draft is None


def test_all_that_fit_a_filter_are_accepted_only_when_their_number_is_typed(workspace: Store, reva: Actor) -> None:
    items.add(workspace, [pair(9).model_copy(update={"id": "flagged", "flags": [Flag(filter="echo", params={"part": "input"})]})])
    app = page("review", flag="none")
    press(app, "bulk_accept")
    key = app.number_input[0].key
    app.number_input(key=key).set_value(2)
    press(app, "bulk_do")
    assert states(workspace) == ["open"] * 4
    app.number_input(key=key).set_value(3)
    press(app, "bulk_do")
    assert states(workspace) == ["accepted"] * 3 + ["open"]
    press(app, "undo")
    assert states(workspace) == ["open"] * 4


def test_what_was_added_after_the_question_is_not_decided(workspace: Store, reva: Actor) -> None:
    app = press(page("review"), "bulk_accept")
    items.add(workspace, [pair(7)])
    app.number_input[0].set_value(3)
    press(app, "bulk_do")
    assert states(workspace) == ["accepted"] * 3 + ["open"]


def test_a_bulk_rejection_without_reason_does_nothing(workspace: Store, reva: Actor) -> None:
    app = press(page("review"), "bulk_reject")
    app.number_input[0].set_value(3)
    press(app, "bulk_do")
    assert states(workspace) == ["open"] * 3
    app.selectbox[-1].set_value("wrong")
    press(app, "bulk_do")
    assert states(workspace) == ["rejected"] * 3


def test_a_second_press_of_the_same_form_changes_nothing(workspace: Store, reva: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "DWELL_S", 60.0)
    app = page("review")
    press(app, f"accept:{pair(0).id}")
    assert states(workspace) == ["open"] * 3, "sooner than the dwell: key repeat, not a decision"
    monkeypatch.setattr(parts, "DWELL_S", 0.0)
    press(app, f"accept:{pair(0).id}")
    assert len(items.annotations(workspace, [pair(0).id])[pair(0).id]) == 1


def test_flags_are_said_in_words_of_the_users_language(workspace: Store, be: Be) -> None:
    be("reva", "reviewer")
    noticed = [Flag(filter="refusal", params={"phrase": "**I cannot**"}), Flag(filter="echo", params={"part": "input"})]
    items.add(workspace, [pair(0).model_copy(update={"flags": noticed})])
    assert "opens like a refusal" in texts(page("review")) and "**I cannot**" not in texts(page("review"))
    shown = texts(page("review", lang="zh"))
    assert "回答以拒答的口吻开头" in shown and "输入" in shown


def test_hostile_text_is_shown_as_it_stands(workspace: Store, be: Be) -> None:
    be("reva", "reviewer")
    items.add(workspace, [pair(0).model_copy(update={"payload": dict.fromkeys(("instruction", "input", "output"), HOSTILE)})])
    app = page("review")
    assert any("<script>" in text.value for text in app.text)
    assert any(code.value == "int *p = &a[0];" for code in app.code)
    read_as_markdown = [e.value for e in [*app.markdown, *app.caption, *app.warning]] + [button.label for button in app.button]
    assert any("script" in text for text in read_as_markdown)
    assert [text for text in read_as_markdown if re.search(r"(?<!\\)(?<!-badge)[<*\[]|:material", text)] == []


def test_the_filter_and_the_pair_are_in_the_url(workspace: Store, reva: Actor) -> None:
    review.decide(workspace, reva, pair(1).id, "o", "reject", reason="wrong")
    app = page("review", status="rejected")
    assert [b.key for b in app.button if b.key and b.key.startswith("row:")] == [f"row:{pair(1).id}"]
    assert "reva · Rejected: Says something false" in texts(app).replace("\\", "")
    app = page("review", item=pair(2).id, q="call 1")
    assert app.button(key=f"accept:{pair(2).id}") is not None


def test_what_is_not_there_is_said_and_the_list_goes_on(workspace: Store, reva: Actor) -> None:
    app = page("review", item="gone", page="99")
    assert app.error and app.button(key=f"row:{pair(0).id}")


def test_the_last_word_on_a_dispute_is_given_here(workspace: Store, reva: Actor) -> None:
    review.decide(workspace, reva, pair(0).id, "a", "accept")
    review.decide(workspace, Actor(name="zoe", role="reviewer"), pair(0).id, "b", "reject", reason="wrong")
    app = page("review", status="disputed")
    press(app, f"accept:{pair(0).id}")
    assert states(workspace)[0] == "accepted"
    press(app, "undo")
    assert states(workspace)[0] == "disputed"


def test_an_annotator_is_told_that_reviewing_is_not_theirs(workspace: Store, reva: Actor, be: Be) -> None:
    be("wang", "annotator")
    app = page("review")
    press(app, f"accept:{pair(0).id}")
    assert states(workspace)[0] == "open" and "may not" in app.session_state["_errors"][0]


def test_fenced_code_is_told_from_prose() -> None:
    assert [(b.code, b.text, b.language) for b in pairs.blocks("a\n```C\nx;\n```\nb\n~~~\n```\nopen to the end")] == [
        (False, "a", None), (True, "x;", "c"), (False, "b\n~~~", None), (True, "open to the end", None),
    ]  # fmt: skip
    assert pairs.blocks("") == []
