"""Makes docs/label-page.png, the picture in the README, anew: `python -m tests.browser.screenshot_for_readme` (Chromium is needed).

The label page in English at 1280 by 860, on an indirect call of the demo corpus that can reach several functions.
"""
from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from curation.store import items, open_store
from tests.browser.conftest import CHROMIUM, FLAGS, PROJECT, Server, settled

PICTURE = PROJECT / "docs" / "label-page.png"
FILE, CANDIDATES = "sensor/filter.c", 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(home=Path(folder) / "home")
        server.start()
        try:
            take(playwright, server)
        finally:
            server.stop()


def take(playwright, server: Server) -> None:  # type: ignore[no-untyped-def]
    store = open_store(f"sqlite:///{server.home / 'store.sqlite'}")
    sites = items.find(store, tasks=["function_pointer"], source="demo", file=FILE)
    item = next(site for site in sites if len(site.payload["candidates"]) >= CANDIDATES)
    store.close()
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="en-US")
    page.goto(f"{server.url}/label?task=function_pointer&source=demo&item={item.id}")
    settled(page)
    page.wait_for_selector(".fs-frame[data-ready^='/source/']")
    page.wait_for_selector("textarea[data-ready$='/en']")
    page.wait_for_timeout(1000)
    page.screenshot(path=PICTURE)
    browser.close()


if __name__ == "__main__":
    main()
