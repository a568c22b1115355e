"""The sources screen in a browser: an archive is streamed in, its sites are proposed by a job, and a click leads to labeling one."""
from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Server, settled
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.browser

CODE = """struct ops { int (*open)(int); };
static int disk_open(int n) { return n; }
static const struct ops disk = { .open = disk_open };
int start(const struct ops *ops, int n) { return ops->open(n); }
"""


def test_an_archive_is_uploaded_proposed_and_labeled_from_its_source(page: Any, server: Server, tmp_path: Path) -> None:
    archive = tmp_path / "disk-1.0.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("src/disk.c", CODE)
        packed.writestr("../outside.c", "int x;")
    page.goto(f"{server.url}/sources")
    settled(page)
    page.locator("summary").filter(has_text="Import").click()
    page.get_by_role("tab", name="Archive").click()
    page.locator("input[type='file']").set_input_files(str(archive))
    page.wait_for_selector("text=1 new files")
    page.wait_for_selector("text=1 files with a problem")
    assert not list((server.home / "uploads").iterdir())
    page.get_by_role("button", name="Propose sites").click()
    page.wait_for_selector("text=are proposed", timeout=1000 * PATIENCE_S)
    page.get_by_role("button", name="src").click()
    page.get_by_role("button", name="disk.c").click()
    page.wait_for_selector(".fs-frame[data-ready^='/source/']")
    page.locator(".fs-mark.fs-task-function_pointer").first.click()
    page.wait_for_url("**/label?item=*")
    page.wait_for_selector("button:has-text('Confirm')")
    assert page.problems == []
