"""Reviewing and choosing as a person does: by keyboard, with a reload in mid-sentence and keys pressed too fast."""
from __future__ import annotations

from typing import Any

import pytest

from curation.model import Actor, Flag
from curation.pairs import prefer, review
from curation.store import Store, items, open_store
from tests.browser.conftest import Server, settled
from tests.curation.conftest import pair, two_answers

pytestmark = pytest.mark.browser
LEAD = Actor(name="local", role="lead")
HOSTILE = 'Answer: <img src=x onerror="document.title=\'owned\'"> ![x](http://127.0.0.1:9/x.png)\n```c\nint *p = &a[0]; /* :smile: */\n```'


def opened(page: Any, server: Server, path: str) -> None:
    page.goto(f"{server.url}/{path}")
    settled(page)
    page.wait_for_selector(".st-key-actions, .st-key-choices, [data-testid='stAlert']")
    page.wait_for_timeout(1500)  # the dwell: sooner, a key is taken for key repeat; a fresh server draws its first page twice


def press(page: Any, key: str, until: str) -> None:
    """Presses a key and waits for a selector, then as long as a person reads."""
    page.keyboard.press(key)
    page.wait_for_selector(until)
    settled(page)
    page.wait_for_timeout(600)


def store_of(server: Server) -> Store:
    return open_store(f"sqlite:///{server.home / 'store.sqlite'}")


def words(store: Store, item_id: str) -> list[tuple[str, str | None]]:
    return [(a.action, a.reason) for a in items.annotations(store, [item_id])[item_id]]


def test_pairs_are_reviewed_by_keyboard_alone(page: Any, server: Server) -> None:
    store = store_of(server)
    hostile = pair(0, output=HOSTILE).model_copy(update={"flags": [Flag(filter="refusal", params={"phrase": "<b>I cannot</b>"})]})
    items.add(store, [hostile, *(pair(n) for n in range(1, 5))])
    opened(page, server, "review")
    assert page.title() != "owned" and not page.locator("img[src*='127.0.0.1:9']").count()
    assert page.get_by_text('<img src=x onerror=', exact=False).count()

    page.keyboard.press("a")
    page.keyboard.press("a")  # at once again: key repeat, no second decision
    page.wait_for_selector(f".st-key-accept-{pair(1).id}")
    settled(page)
    page.wait_for_timeout(600)
    assert words(store, pair(0).id) == [("accept", None)] and words(store, pair(1).id) == []

    press(page, "x", ".st-key-why-wrong-" + pair(1).id)
    press(page, "2", f".st-key-accept-{pair(2).id}")
    assert words(store, pair(1).id) == [("reject", "wrong")]

    press(page, "e", f"textarea[data-ready*='{pair(2).id}/output']")
    area = page.locator(f"textarea[data-ready*='{pair(2).id}/output']")
    area.fill("It reaches exactly one function,")
    page.wait_for_timeout(1500)
    page.reload()
    settled(page)
    area.wait_for()
    assert area.input_value() == "It reaches exactly one function,"
    page.wait_for_timeout(600)
    area.press("End")
    area.press_sequentially(" area 2.")  # letters that are shortcuts elsewhere
    area.press("Control+Enter")
    page.wait_for_selector(f".st-key-accept-{pair(3).id}")
    settled(page)
    page.wait_for_timeout(600)
    assert words(store, pair(2).id) == [("mend", None)]
    assert review.pair_of(review.view(store, LEAD, pair(2).id)).output == "It reaches exactly one function, area 2."

    press(page, "z", f"textarea[data-ready*='{pair(2).id}/output']")
    assert review.view(store, LEAD, pair(2).id).resolved.status == "open"
    assert area.input_value() == "It reaches exactly one function, area 2."
    assert page.problems == []
    store.close()


def test_answers_are_chosen_by_one_digit_each(page: Any, server: Server) -> None:
    store = store_of(server)
    made = [two_answers(0, shown_first="b"), two_answers(1), two_answers(2)]
    items.add(store, made)
    opened(page, server, "prefer")
    left, right = page.get_by_text("second answer 0"), page.get_by_text("first answer 0")
    assert left.bounding_box()["x"] < right.bounding_box()["x"]
    page.keyboard.press("e")
    page.locator("textarea").press_sequentially("because 1 is clear")
    assert words(store, made[0].id) == []
    page.keyboard.press("Escape")
    press(page, "1", f".st-key-left-{made[1].id}")
    assert prefer.view(store, LEAD, made[0].id).resolved.answer == {"choice": "b", "reason": None}
    assert words(store, made[0].id) == [("choose", "because 1 is clear")]
    press(page, "4", f".st-key-left-{made[2].id}")
    press(page, "z", f".st-key-left-{made[1].id}")
    assert [action for action, _ in words(store, made[1].id)] == ["choose", "undo"]
    assert page.problems == []
    store.close()
