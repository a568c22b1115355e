"""The search screen in a browser: a pattern is typed, a hit is opened in the viewer, and the hits are labeled; in both languages."""
from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Server, settled

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("lang", "hits"), [("en", "Hits: 1"), ("zh", "找到 1 处")])
def test_a_pattern_is_searched_a_hit_opened_and_its_site_labeled(page: Any, shared_server: Server, lang: str, hits: str) -> None:
    page.context.add_cookies([{"name": "flowsight_lang", "value": lang, "url": shared_server.url}])
    page.goto(f"{shared_server.url}/search")
    settled(page)
    page.locator("textarea").click()
    page.keyboard.type("cmd->run($$$)")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(f"text={hits}")
    settled(page)
    page.locator(".st-key-label_these button >> visible=true").first.click()
    page.wait_for_url("**/label?*hits=*")
    page.wait_for_selector(".fs-frame[data-outline]")
    assert page.locator(".fs-mark.fs-current").inner_text() == "cmd->run"
    page.goto(f"{shared_server.url}/search?source=demo&what=cmd-%3Erun(%24%24%24)")  # as a colleague opens it
    page.locator("[data-testid='stPageLink'] a[href*='command.c']").first.click()
    page.wait_for_selector(".fs-frame[data-outline][data-line='59']")
    assert page.locator(".fs-crumb").all_inner_texts() == ["command_run"]
    assert page.problems == []
