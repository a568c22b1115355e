"""The real app in a real browser: `server` starts it on a free port with a workspace of its own, `page` is a Chromium page.

Without Chromium these tests are skipped loudly on a developer's machine, and fail where CI is set.
"""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.patience import PATIENCE_S

APPEARS_MS = 180_000  # what a page waits for appears within; at a load of 20 a page is drawn in some ten seconds
PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """The app as users start it. stop() and start() keep the workspace and the port; kill() is kill -9."""

    home: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self, wait_s: float = PATIENCE_S) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "FLOWSIGHT_HOME": str(self.home), "OMP_NUM_THREADS": "1", **self.env}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urlopen(f"{self.url}/healthz", timeout=60) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"the app did not start:\n{self.log.read_text(errors='replace')[-4000:]}")

    def _end(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A launched Chromium (playwright's Browser)."""
    if not shutil.which(CHROMIUM):
        message = f"Chromium is not at {CHROMIUM}: install it, or name it in CHROMIUM. NOTHING WAS TESTED IN A BROWSER."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running app with an empty workspace (the demo corpus is imported at its first start)."""
    running = Server(home=tmp_path / "home")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One running app for all tests of a module that do not mind what the others did."""
    running = Server(home=tmp_path_factory.mktemp("shared") / "home")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a fresh browser profile, 1280 by 800, English. page.problems collects errors of the page's own scripts."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    made = context.new_page()
    made.set_default_timeout(APPEARS_MS)
    made.problems = []
    made.on("pageerror", lambda error: made.problems.append(str(error)))
    yield made
    context.close()


def settled(page: Any) -> None:
    """Waits until Streamlit has run the script for the last event."""
    page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']")
