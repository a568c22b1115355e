from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.model import Actor
from curation.people import users
from curation.settings import load_settings
from curation.store import Store
from ui import session

PASSWORD = "a long enough one"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of an empty workspace with its local lead, the one that the gate and the routes open."""
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL", "FLOWSIGHT_LANG"):
        monkeypatch.delenv(name, raising=False)
    made = session.shared_store(load_settings())
    users.local_lead(made)
    yield made
    session._store.cache_clear()


@pytest.fixture
def team(store: Store) -> Store:
    """The same with a second user, wang (annotator): from now on everybody signs in."""
    lead = users.local_lead(store)
    users.set_password(store, lead, lead.name, PASSWORD)
    users.create_user(store, Actor(name=lead.name, role="lead"), "wang", "annotator", PASSWORD)
    return store
