"""The source viewer as a person reads code with it: outline, definition, references, back and forth, folding, selection, by real keys."""
from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Server, settled

pytestmark = pytest.mark.browser

MAIN = "server/main.c"


def opened(page: Any, server: Server, file: str, line: int | None = None) -> None:
    page.goto(f"{server.url}/sources?source=demo&file={file}" + (f"&line={line}" if line else ""))
    settled(page)
    page.wait_for_selector(".fs-frame[data-outline]")


def put_cursor(page: Any, line: int, name: str) -> None:
    """Clicks into the first mention of the name in a line that is in sight."""
    box = place_of(page, line, name)
    page.mouse.click(box["x"], box["y"])


def place_of(page: Any, line: int, name: str) -> Any:
    """Where on the screen the name stands."""
    return page.evaluate(
        """([line, name]) => {
          const root = [...document.querySelectorAll("*")].find((e) => e.shadowRoot && e.shadowRoot.querySelector(".fs-frame")).shadowRoot;
          const numbers = [...root.querySelectorAll(".cm-lineNumbers .cm-gutterElement")];
          const number = numbers.find((e) => e.textContent === String(line) && e.getBoundingClientRect().height > 0);
          const y = number.getBoundingClientRect().top + 3;
          const holds = (box) => box.top <= y && y < box.bottom;
          const row = [...root.querySelectorAll(".cm-line")].find((e) => holds(e.getBoundingClientRect()));
          const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
          let at = row.textContent.search(new RegExp(`\\\\b${name}\\\\b`));
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (at < node.length) {
              const range = document.createRange();
              range.setStart(node, at);
              range.setEnd(node, at + 1);
              const box = range.getBoundingClientRect();
              return { x: box.left + box.width / 2 + 1, y: box.top + box.height / 2 };
            }
            at -= node.length;
          }
          return null;
        }""",
        [line, name],
    )


def at(page: Any, file: str, line: int) -> None:
    """Waits until the viewer shows the file at the line, and the address says so."""
    page.wait_for_selector(f".fs-frame[data-line='{line}']")
    page.wait_for_function(
        "([file, line]) => { const q = new URL(location.href).searchParams; return q.get('file') === file && q.get('line') === line; }",
        arg=[file, str(line)],
    )
    settled(page)
    page.wait_for_selector(".fs-frame[data-outline]")


def pressed(page: Any, keys: str, selector: str) -> None:
    page.keyboard.press(keys)
    page.wait_for_selector(selector)


def selected(page: Any) -> str:
    return str(page.evaluate(
        """() => [...document.querySelectorAll("*")].find((e) => e.shadowRoot && e.shadowRoot.querySelector(".fs-frame"))
             .shadowRoot.getSelection().toString()"""))


def test_the_outline_is_opened_filtered_and_followed_by_keys_and_clicks(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, "server/command.c", 47)
    assert page.locator(".fs-crumb").all_inner_texts() == ["command_run"]
    page.locator(".cm-content").click()
    pressed(page, "Control+Shift+O", ".fs-outline")
    rows = page.locator(".fs-row")
    names = page.locator(".fs-row .fs-name")
    assert "command_run" in names.all_inner_texts()
    assert [r.get_attribute("aria-level") for r in rows.filter(has_text="cmd->run").all()] == ["2"]  # a site within its function
    page.locator(".fs-outline input").fill("by_w")
    page.keyboard.press("Enter")
    at(page, "server/command.c", 40)
    assert page.locator(".fs-crumb").all_inner_texts() == ["by_word"]
    page.locator(".fs-outline input").fill("")
    rows.filter(has_text="cmd_set").first.click()
    at(page, "server/command.c", 28)
    assert page.problems == []


def test_a_definition_in_another_file_is_reached_by_f12_and_left_by_alt_left(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, MAIN, 48)
    put_cursor(page, 48, "conn_tick")
    page.keyboard.press("F12")
    page.wait_for_function("() => new URL(location.href).searchParams.get('file') === 'server/conn.c'", timeout=60_000)
    settled(page)
    page.wait_for_selector(".fs-frame[data-outline]")
    assert page.locator(".fs-crumb").all_inner_texts() == ["conn_tick"]
    page.keyboard.press("Alt+ArrowLeft")
    at(page, MAIN, 48)
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_function("() => new URL(location.href).searchParams.get('file') === 'server/conn.c'")
    assert page.problems == []


def test_places_of_a_name_are_listed_by_shift_f12_and_gone_to_by_enter(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, "server/command.c", 20)
    put_cursor(page, 20, "stored")
    pressed(page, "Shift+F12", ".fs-places .fs-place")
    assert page.locator(".fs-place .fs-at").all_inner_texts() == ["15", "20", "30", "30"]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    at(page, "server/command.c", 30)
    assert page.locator(".fs-places").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_selector(".fs-places", state="hidden")
    page.keyboard.press("Alt+ArrowLeft")
    at(page, "server/command.c", 20)


def test_ctrl_and_a_click_go_to_the_definition_and_label_nothing(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, "server/command.c", 59)
    box = place_of(page, 59, "run")
    page.keyboard.down("Control")
    page.mouse.click(box["x"], box["y"])
    page.keyboard.up("Control")
    at(page, "server/command.c", 12)
    assert "/sources" in page.url


def test_a_block_is_folded_and_the_selection_widened_by_keys(page: Any, shared_server: Server) -> None:
    opened(page, shared_server, "server/command.c", 30)
    put_cursor(page, 30, "sizeof")
    for wanted in ("sizeof", "sizeof(stored)", '(stored, sizeof(stored), "%s", arg)'):
        page.keyboard.press("Alt+Shift+ArrowRight")
        page.wait_for_timeout(300)
        assert selected(page) == wanted
    page.keyboard.press("Alt+Shift+ArrowLeft")
    page.wait_for_timeout(100)
    assert selected(page) == "sizeof(stored)"
    put_cursor(page, 28, "cmd_set")
    page.keyboard.press("ArrowDown")
    pressed(page, "Control+Shift+BracketLeft", ".cm-foldPlaceholder")
    page.keyboard.press("Control+Shift+BracketRight")
    page.wait_for_selector(".cm-foldPlaceholder", state="detached")
