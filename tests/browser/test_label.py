"""The label screen as a person uses it: five sites by keyboard, a reload in mid-edit, clicks in the source."""
from __future__ import annotations

import json
from typing import Any

import pytest

from curation.store import Store, items, open_store
from tests.browser.conftest import Server, settled

pytestmark = pytest.mark.browser

FIELD = "textarea[data-ready*='/en']"  # the explanation


def opened(page: Any, server: Server, task: str) -> Store:
    """The label screen, ready, at a site of the task that no other test has touched; and the store behind it."""
    store = open_store(f"sqlite:///{server.home / 'store.sqlite'}")
    found = items.find(store, tasks=[task])
    fresh = next(i.id for i in found if not said(store, i.id) and items.draft(store, i.id, "local") is None)
    page.goto(f"{server.url}/label?task={task}&item={fresh}")
    ready(page)
    return store


def ready(page: Any) -> None:
    settled(page)
    page.wait_for_selector(".fs-frame[data-ready^='/source/']")
    page.wait_for_selector(FIELD)
    page.wait_for_timeout(500)  # the dwell: sooner, a key is taken for key repeat


def item_of(page: Any) -> str:
    return str(page.url.split("item=")[1].split("&")[0])


def key_to_the_next(page: Any, key: str) -> str:
    """Presses a key that saves; the id of the item that was left."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_function("before => location.href !== before", arg=before)
    ready(page)
    return str(before.split("item=")[1].split("&")[0])


def said(store: Store, item_id: str) -> list[str]:
    return [a.action for a in items.annotations(store, [item_id])[item_id]]


def test_five_sites_are_labeled_by_keyboard_alone(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "function_pointer")
    left = [key_to_the_next(page, "a") for _ in range(3)]
    page.keyboard.press("1")  # drops or takes the first candidate: the answer is no longer the proposal
    page.wait_for_selector("button:has-text('Save changes')")
    left.append(key_to_the_next(page, "a"))
    left.append(key_to_the_next(page, "u"))
    assert [said(store, i) for i in left] == [["confirm"], ["confirm"], ["confirm"], ["mend"], ["unknown"]]
    assert len(set(left)) == 5
    key_to_the_next(page, "z")
    assert said(store, left[-1]) == ["unknown", "undo"]
    assert item_of(page) == left[-1]
    assert page.problems == []


def test_a_target_that_was_not_proposed_is_typed(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "function_pointer")
    item = item_of(page)
    page.locator(".st-key-answer input[role='combobox']").first.click()
    page.keyboard.type("found_by_hand")
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('found_by_hand'), code:has-text('found_by_hand')")
    page.keyboard.press("Escape")  # leaves the field: letters are keys again
    key_to_the_next(page, "a")
    given = items.annotations(store, [item])[item]
    assert [a.action for a in given] == ["mend"]
    assert "found_by_hand" in [t["name"] for t in (given[0].answer or {})["targets"]]


def test_a_reload_in_mid_edit_loses_no_keystroke(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "callback_timing")
    item = item_of(page)
    page.keyboard.press("e")
    page.keyboard.type(" ending typed at once: a n u x s f z 1")
    page.reload()  # before the pause after which a draft is sent
    ready(page)
    assert item_of(page) == item
    assert page.input_value(FIELD).endswith(" ending typed at once: a n u x s f z 1")
    page.keyboard.press("e")
    page.keyboard.type("!")
    page.keyboard.press("Escape")
    key_to_the_next(page, "a")
    given = items.annotations(store, [item])[item]
    assert [a.action for a in given] == ["confirm"]  # the letters typed into the field were no shortcuts
    assert given[0].explanation["en"].endswith("f z 1!")


def test_a_draft_reaches_the_store_so_that_another_browser_has_it(page: Any, shared_server: Server, chromium: Any) -> None:
    store = opened(page, shared_server, "callback_timing")
    item = item_of(page)
    page.keyboard.press("e")
    page.keyboard.type(" kept")
    page.wait_for_selector("text=Draft kept")
    draft = items.draft(store, item, "local")
    assert draft is not None and draft["explanation"]["en"].endswith(" kept")
    other = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    elsewhere = other.new_page()
    elsewhere.goto(f"{shared_server.url}/label?item={item}")
    ready(elsewhere)
    assert elsewhere.input_value(FIELD).endswith(" kept")
    other.close()


def test_chinese_composed_by_an_input_method_is_sent_when_it_is_whole(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "callback_timing")
    item = item_of(page)
    page.keyboard.press("e")
    input_method = page.context.new_cdp_session(page)
    for step in ("h", "hu", "hui"):
        input_method.send("Input.imeSetComposition", {"text": step, "selectionStart": len(step), "selectionEnd": len(step)})
        page.wait_for_timeout(300)
    page.wait_for_timeout(800)  # longer than the pause after which a draft is sent
    assert items.draft(store, item, "local") is None
    input_method.send("Input.insertText", {"text": "回调"})
    page.wait_for_selector("text=Draft kept")
    draft = items.draft(store, item, "local")
    assert draft is not None and draft["explanation"]["en"].endswith("回调") and "hui" not in json.dumps(draft)


def test_a_site_clicked_in_the_source_is_opened_and_evidence_jumps(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, "function_pointer")
    item = item_of(page)
    assert page.locator(".fs-mark.fs-current").first.get_attribute("data-item") == item  # nothing was clicked during mount
    other = page.locator(".fs-mark:not(.fs-current)").first
    wanted = other.get_attribute("data-item")
    other.click()
    page.wait_for_function("wanted => location.href.includes(wanted)", arg=wanted)
    ready(page)
    frame = page.locator(".fs-frame")
    site = frame.get_attribute("data-line")
    evidence = page.locator(".st-key-answer button[kind='tertiary']").filter(has_text=":").first
    line = evidence.inner_text().split(":")[1].split()[0]
    evidence.click()
    page.wait_for_selector(f".fs-frame[data-line='{line}']")
    assert line != site
    assert page.locator(".cm-line.fs-jump").count() == 1
    assert page.problems == []


def test_typing_into_the_search_of_the_source_saves_nothing(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "callback_timing")
    item = item_of(page)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+f")
    page.wait_for_selector(".cm-search input:focus")
    page.wait_for_timeout(500)  # the dwell again: a key that got through would save
    page.keyboard.type("aunxs")
    assert page.locator(".cm-search input[name='search']").input_value() == "aunxs"
    page.wait_for_timeout(700)
    assert item_of(page) == item
    assert said(store, item) == []


@pytest.mark.parametrize("task", ["function_pointer", "callback_timing", "async_pattern"])
def test_the_explanation_is_in_sight_without_scrolling(page: Any, shared_server: Server, task: str) -> None:
    opened(page, shared_server, task)
    box = page.locator(FIELD).last.bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] <= page.viewport_size["height"]
    assert page.locator(".st-key-actions").bounding_box()["height"] < 90  # two rows of buttons


def test_an_answer_is_mended_by_keyboard_and_its_evidence_looked_at(page: Any, shared_server: Server) -> None:
    store = opened(page, shared_server, "callback_timing")
    item = item_of(page)
    seen = set()
    for _ in range(2):
        before = page.locator(".fs-frame").get_attribute("data-line")
        page.keyboard.press("v")
        page.wait_for_selector(f".fs-frame:not([data-line='{before}'])")
        ready(page)
        seen.add(page.locator(".fs-frame").get_attribute("data-line"))
    assert len(seen) == 2
    page.keyboard.press("m")
    assert page.evaluate("document.activeElement.closest('.st-key-answer') !== null")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Save changes')")
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement === document.body")
    key_to_the_next(page, "a")
    given = items.annotations(store, [item])[item]
    assert [a.action for a in given] == ["mend"]


def test_a_step_of_a_path_shows_its_place_and_p_opens_all_paths(page: Any, shared_server: Server) -> None:
    store = open_store(f"sqlite:///{shared_server.home / 'store.sqlite'}")
    several = next(i for i in items.find(store, tasks=["function_pointer"], source="demo")
                   if len(i.payload["candidates"]) > 1 and all(len(c["steps"]) > 1 for c in i.payload["candidates"][:2]))
    page.goto(f"{shared_server.url}/label?task=function_pointer&item={several.id}")
    ready(page)
    rows = page.locator("[class*='st-key-path-'] button")
    assert rows.count() == 0
    page.keyboard.press("p")
    page.wait_for_selector("[class*='st-key-path-'] button")
    ready(page)
    first = several.payload["candidates"][0]["steps"][0]
    assert f":{first['line']}" in rows.first.inner_text()
    assert page.locator("[class*='st-key-path-'] [data-testid='stCaptionContainer'] code").count() > 1
    rows.first.click()
    page.wait_for_selector(f".fs-frame[data-line='{first['line']}']")
    page.keyboard.press("p")
    page.wait_for_selector("[class*='st-key-path-'] button", state="detached")
    assert page.problems == []
