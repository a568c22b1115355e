"""Whoever presses a button of the app is asked for their right by the service, whatever the page showed."""
from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.errors import NotAllowed
from curation.model import Actor
from training import app_actions, chat, model_store, own_configs, runs, served

ACTIONS = {name: act for name, act in inspect.getmembers(app_actions, inspect.isfunction) if act.__module__ == app_actions.__name__}
ENOUGH = {"ask": "reviewer"}  # what is not named here needs a lead
LOWER = {"reviewer": "annotator", "lead": "reviewer"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was really begun. Nothing is: the doers are replaced."""
    begun: list[str] = []
    for module, name in (
        (runs, "start"), (runs, "stop"), (runs, "resume"), (runs, "kill"), (runs, "extend"), (model_store, "begin_get"),
        (own_configs, "keep"), (chat, "Asked"), (chat, "lend"), (chat, "take_back"),
    ):
        monkeypatch.setattr(module, name, lambda *_args, _name=name, **_keys: begun.append(_name) or Path(_name))
    monkeypatch.setattr(served, "find", lambda name, **_: SimpleNamespace(name=name))
    return begun


def _arguments(name: str) -> list[Any]:
    wanted: dict[str, Any] = {
        "put": {}, "source": "tiny", "stages": [], "models": {}, "messages": {}, "sampling": chat.Sampling(), "data": b"", "why": "so",
    }
    return [wanted.get(each, Path(each)) for each in list(inspect.signature(ACTIONS[name]).parameters)[1:]]


@pytest.mark.parametrize("name", ACTIONS)
def test_the_role_below_is_refused_before_anything_is_done(name: str, done: list[str]) -> None:
    enough = ENOUGH.get(name, "lead")
    with pytest.raises(NotAllowed):
        ACTIONS[name](Actor(name="wang", role=LOWER[enough]), *_arguments(name))
    assert done == []


@pytest.mark.parametrize("name", ACTIONS)
def test_the_role_that_is_enough_gets_it_done(name: str, done: list[str]) -> None:
    ACTIONS[name](Actor(name="li", role=ENOUGH.get(name, "lead")), *_arguments(name))
    assert len(done) == 1


def test_a_refused_model_is_shipped_with_the_name_of_who_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(runs, "extend", lambda *args: asked.append(args))
    app_actions.package_refused(Actor(name="li", role="lead"), Path("first"), "only to look at")
    assert asked == [(Path("first"), ["package"], {"package.override": "li: only to look at"})]
