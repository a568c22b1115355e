"""A workspace of its own for a page run by AppTest, and presses that wait as long as a person does."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from curation.model import Actor
from curation.settings import load_settings
from curation.store import Store
from tests.patience import PATIENCE_S
from training import exact_cost
from ui import parts, session

PAGES = Path(__file__).resolve().parent.parent.parent / "pages"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of an empty workspace that pages use too."""
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL", "FLOWSIGHT_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parts, "DWELL_S", 0.0)  # AppTest presses at once; one test sets it back
    yield session.shared_store(load_settings())
    session._store.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_is_counted_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_cost, "counted", lambda *_: (None, False))


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Actor]:
    """Whom the pages take the user for."""

    def set_actor(name: str, role: str) -> Actor:
        actor = Actor(name=name, role=role)  # type: ignore[arg-type]
        monkeypatch.setattr(session, "actor_of", lambda *_: actor)
        return actor

    return set_actor


def page(name: str, lang: str = "en", **query: str) -> AppTest:
    app = AppTest.from_file(str(PAGES / f"{name}.py"), default_timeout=PATIENCE_S)
    app.session_state["_lang"] = lang
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    """Every text on the screen, in order."""
    found: list[Any] = [*app.text, *app.code, *app.markdown, *app.caption, *app.warning, *app.info, *app.success, *app.error]
    return "\n".join(str(element.value) for element in found)


def wait(seconds: float) -> None:
    time.sleep(seconds)
