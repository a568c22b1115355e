"""The sign-in as a person meets it, on the real app: the first deep link of an anonymous browser, both languages, sign-out."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from curation.model import Actor
from curation.people import users
from curation.store import open_store
from tests.browser.conftest import PROJECT, Server, free_port, settled
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.browser
PASSWORD = "a long enough one"


def test_with_a_second_user_a_deep_link_leads_through_the_sign_in(page: Any, server: Server) -> None:
    store = open_store(f"sqlite:///{server.home / 'store.sqlite'}")
    lead = users.local_lead(store)
    users.set_password(store, lead, lead.name, PASSWORD)
    users.create_user(store, Actor(name=lead.name, role="lead"), "wang", "annotator", PASSWORD)
    page.goto(f"{server.url}/label?task=function_pointer")
    assert "/sign-in" in page.url
    page.get_by_role("link", name="中文").click()
    page.get_by_label("用户名").fill("wang")
    page.get_by_label("密码").fill("not the password")
    page.get_by_role("button", name="登录").click()
    assert page.get_by_role("alert").inner_text()
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url("**/label?task=function_pointer**")
    settled(page)
    page.wait_for_selector("button:has-text('确认')")
    side = page.locator("[data-testid='stSidebar']")
    assert "wang" in side.inner_text()
    assert "训练" not in side.inner_text()  # an annotator has no such screen
    users.disable(store, Actor(name=lead.name, role="lead"), "wang")
    page.wait_for_timeout(500)
    page.keyboard.press("a")
    page.locator("[data-testid='stMain']").get_by_role("link", name="登录").click()  # at the next click, not at the next sign-in
    page.wait_for_url("**/sign-in**")
    page.goto(f"{server.url}/label")
    assert "/sign-in" in page.url


def test_adding_the_second_user_leads_to_the_sign_in_and_signing_out_ends_the_session_in_this_tab(page: Any, server: Server) -> None:
    page.goto(f"{server.url}/home")
    settled(page)
    store = open_store(f"sqlite:///{server.home / 'store.sqlite'}")
    lead = users.local_lead(store)
    users.set_password(store, lead, lead.name, PASSWORD)
    users.create_user(store, Actor(name=lead.name, role="lead"), "li", "annotator", PASSWORD)
    page.locator("[data-testid='stSidebar'] a").filter(has_text="Users").click()
    page.locator("[data-testid='stMain']").get_by_role("link", name="Sign in").click()
    page.get_by_label("User name").fill(lead.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    settled(page)
    page.locator("[data-testid='stSidebar']").get_by_role("link", name="Sign out").click()
    page.wait_for_url("**/sign-out")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{server.url}/label")
    assert "/sign-in" in page.url
    assert len(page.context.pages) == 1


def test_uvicorn_serves_the_app_too_and_other_names_must_sign_in(tmp_path: Path) -> None:
    port = free_port()
    env = {**os.environ, "FLOWSIGHT_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            try:
                assert urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60).read() == b"ok\n"
                break
            except OSError:
                time.sleep(0.2)
        assert b"<title>" in urlopen(f"http://127.0.0.1:{port}/label", timeout=PATIENCE_S).read()
        elsewhere = Request(f"http://127.0.0.1:{port}/label", headers={"host": "evil.example", "sec-fetch-dest": "empty"})
        with pytest.raises(HTTPError, match="401"):
            urlopen(elsewhere, timeout=PATIENCE_S)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
