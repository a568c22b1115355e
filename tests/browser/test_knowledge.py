"""The knowledge screen as people use it: a click into the table opens a row, a form adds one, hostile text stays text."""
from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from curation.sourcing import catalog
from curation.store import open_store
from tests.browser.conftest import Server, settled

pytestmark = pytest.mark.browser


def opened(page: Any, server: Server, path: str) -> None:
    page.goto(f"{server.url}/{path}")
    settled(page)
    page.wait_for_selector("[data-testid='stDataFrame'] canvas")
    page.wait_for_timeout(800)


def typed(page: Any, label: str, text: str) -> None:
    page.get_by_label(label, exact=True).first.fill(text)
    page.keyboard.press("Tab")
    settled(page)


def test_a_click_into_the_table_opens_the_row(page: Any, server: Server) -> None:
    opened(page, server, "knowledge?subsystem=irq&q=chained")
    table = page.locator("[data-testid='stDataFrame'] canvas").first.bounding_box()
    page.mouse.click(table["x"] + 60, table["y"] + 52)  # the first row, below the head
    page.wait_for_selector(".st-key-knowledge_side pre")
    assert "irq_set_chained_handler(" in page.locator(".st-key-knowledge_side pre").inner_text()
    assert "row=linux.irq_set_chained_handler" in page.url
    assert page.problems == []


def test_a_row_is_added_in_the_form_and_its_hostile_words_stay_text(page: Any, server: Server) -> None:
    opened(page, server, "knowledge")
    page.locator(".st-key-knowledge_add button").click()
    page.wait_for_selector(".st-key-knowledge_save")
    settled(page)
    hostile = '<img src=x onerror="document.title=\'owned\'"> **bold** :smile:'
    typed(page, "Functions or macros", "my_register")
    typed(page, "Handler", "1")
    typed(page, "Trigger (English)", hostile)
    typed(page, "Source", "my driver's manual")
    page.wait_for_timeout(600)
    page.locator(".st-key-knowledge_save button").click()
    page.wait_for_selector("[data-testid='stAlert']")
    assert "trigger.zh" in page.locator("[data-testid='stAlert']").first.inner_text()
    typed(page, "Trigger (Chinese)", "设备触发时")
    subsystem = page.locator("[class*='-subsystem'] input").last
    subsystem.click()
    subsystem.press_sequentially("Interrupts")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    settled(page)
    page.wait_for_timeout(600)
    for _ in range(5):  # a press while the page still runs for what was typed is lost on a busy machine: a person presses again
        page.locator(".st-key-knowledge_save button").click()
        try:
            page.wait_for_selector(".st-key-knowledge_side pre", timeout=8000)
            break
        except TimeoutError:
            settled(page)
    page.locator(".st-key-knowledge_save").wait_for(state="detached")  # until then the form's last elements stand beside the row's first
    settled(page)
    shown = page.locator(".st-key-knowledge_side").inner_text()
    assert hostile in shown and page.title() != "owned"
    store = open_store(f"sqlite:///{server.home / 'store.sqlite'}")
    assert [(e.row.id, e.user) for e in catalog.entries(store, added=True)] == [("linux.my_register", "local")]
    store.close()
