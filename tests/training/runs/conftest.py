"""A frozen version, and a launcher that starts nothing in the worker's place."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.training.frozen_fixture import write_frozen
from training.runs import process


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    return write_frozen(tmp_path / "made" / "v0001", rows=20, pairs=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A launcher whose process lives as long as `living` says; `calls` are what was asked of it."""
    state = SimpleNamespace(living=True, calls=[])

    def launch(run_dir: Path, environment: dict[str, str]) -> dict[str, Any]:
        state.calls.append(("launch", environment))
        state.living = True
        return {"pid": 1}

    def kill(handle: dict[str, Any]) -> None:
        state.calls.append(("kill", handle))
        state.living = False

    launcher = SimpleNamespace(launch=launch, alive=lambda handle: bool(handle) and state.living,
                               terminate=lambda handle: state.calls.append(("terminate", handle)), kill=kill)
    monkeypatch.setattr(process, "launchers", lambda: {"local": launcher})
    return state
