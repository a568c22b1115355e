"""The overview: figures of the store, steps of the role, and the last word on disputes."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from curation.labeling import label
from curation.labeling.resolve import resolve
from curation.model import Actor
from curation.pairs import prefer, review
from curation.store import Store, items
from tests.curation.conftest import MEI, REVA, WANG, ZOE, pair, site, two_answers
from tests.pages.conftest import page, press, texts

Be = Callable[[str, str], Actor]
F = {"targets": [{"name": "right_one", "file": "a.c", "line": 3}], "completeness": "complete"}


def plain(text: str) -> str:
    return text.replace("\\", "")


@pytest.fixture
def busy(workspace: Store) -> Store:
    items.add(workspace, [*(site(n) for n in range(4)), pair(0), pair(1), two_answers(0)])
    label.save(workspace, WANG, site(0).id, "a", "confirm")
    label.save(workspace, MEI, site(0).id, "b", "mend", answer=F, explanation={"en": "because of **x**"})
    label.save(workspace, WANG, site(1).id, "c", "confirm")
    review.decide(workspace, REVA, pair(0).id, "d", "accept")
    return workspace


def test_an_empty_workspace_says_what_to_do_first(workspace: Store, be: Be) -> None:
    be("local", "lead")
    assert "No code is here yet" in texts(page("home"))


def test_the_figures_are_those_of_the_store(busy: Store, be: Be) -> None:
    be("local", "lead")
    app = page("home")
    shown = plain(texts(app))
    assert "4 in all · 2 open · 1 disputed" in shown
    assert "Indirect call: 2 open" in shown
    assert "Waiting for review: 1" in shown and "Waiting for a choice: 1" in shown
    assert "Ready to be frozen into a dataset: 2" in shown
    people = app.dataframe[1].value.set_index("User name")
    assert people.loc["wang", "Indirect call"] == 2 and people.loc["reva", "Instruction pair"] == 1
    alphas = app.dataframe[0].value
    assert set(alphas["Items"]) == {1} and len(alphas) >= 1


def test_an_annotator_sees_labeling_only(busy: Store, be: Be) -> None:
    be("wang", "annotator")
    app = page("home", lang="zh")
    shown = plain(texts(app))
    assert "待标注 2 处" in shown and "待审核" not in shown and "冻结" not in shown
    assert not [b for b in app.button if (b.key or "").startswith("settle:")]


def test_the_last_word_is_one_of_the_words_given(busy: Store, be: Be) -> None:
    be("reva", "reviewer")
    app = page("home")
    word = next(a for a in items.annotations(busy, [site(0).id])[site(0).id] if a.user == "mei")
    assert any("right_one  a.c:3" in code.value for code in app.code)
    assert any(text.value == "because of **x**" for text in app.text)
    press(app, f"settle:{site(0).id}:{word.id}")
    resolved = resolve(items.annotations(busy, [site(0).id])[site(0).id])
    assert (resolved.status, resolved.action) == ("answered", "adjudicate")
    assert resolved.answer and resolved.answer["targets"][0]["name"] == "right_one"
    assert resolved.explanation == {"en": "because of **x**"}
    assert not [b for b in app.button if (b.key or "").startswith("settle:")]


def test_the_last_word_can_be_that_nobody_can_tell(busy: Store, be: Be) -> None:
    be("reva", "reviewer")
    press(page("home"), f"unknown:{site(0).id}")
    assert resolve(items.annotations(busy, [site(0).id])[site(0).id]).status == "unknown"


def test_differing_choices_are_settled_and_the_left_share_is_shown(workspace: Store, be: Be) -> None:
    items.add(workspace, [two_answers(0), two_answers(1)])
    prefer.choose(workspace, REVA, two_answers(0).id, "a", "a")
    prefer.choose(workspace, ZOE, two_answers(0).id, "b", "b")
    be("local", "lead")
    app = page("home")
    assert "chosen in 1 of 2 choices" in texts(app)
    word = items.annotations(workspace, [two_answers(0).id])[two_answers(0).id][1]
    press(app, f"settle:{two_answers(0).id}:{word.id}")
    assert resolve(items.annotations(workspace, [two_answers(0).id])[two_answers(0).id]).answer == {"choice": "b", "reason": None}
