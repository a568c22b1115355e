"""The users screen."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from curation.model import Actor, Role
from curation.people import users
from curation.store import Store
from tests.pages.conftest import page, press, texts
from ui.router import pages_for

Be = Callable[[str, str], Actor]
GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def lead(workspace: Store, be: Be) -> Actor:
    actor = users.local_lead(workspace)
    users.set_password(workspace, actor, actor.name, GOOD)
    return be(actor.name, actor.role)


def known(store: Store) -> dict[str, str]:
    return {user.name: user.role if user.disabled_at is None else "disabled" for user in users.list_users(store)}


def test_the_only_lead_sets_an_own_password_before_adding_others(workspace: Store, be: Be) -> None:
    users.local_lead(workspace)
    be("local", "lead")
    app = page("users")
    assert not [b for b in app.button if b.key == "create"]
    app.text_input(key="own_password_value").set_value(GOOD)
    press(app, "own_password_set")
    assert users.sign_in(workspace, "local", GOOD)
    assert app.button(key="create")


def test_a_lead_adds_a_user_who_can_sign_in(workspace: Store, lead: Actor) -> None:
    app = page("users")
    app.text_input(key="new_name").set_value("wang")
    app.selectbox(key="new_role").set_value("reviewer")
    app.text_input(key="new_password").set_value(GOOD)
    press(app, "create")
    assert known(workspace) == {"local": "lead", "wang": "reviewer"}
    assert users.sign_in(workspace, "wang", GOOD)
    assert app.text_input(key="new_password").value == "", "a password does not stay on the screen"


def test_a_refused_user_is_told_why_and_what_was_typed_stays(workspace: Store, lead: Actor) -> None:
    app = page("users", lang="zh")
    app.text_input(key="new_name").set_value("wang")
    app.text_input(key="new_password").set_value("short")
    press(app, "create")
    assert known(workspace) == {"local": "lead"}
    assert "密码有 5 个字符" in app.session_state["_errors"][0]
    assert app.text_input(key="new_name").value == "wang"


def test_roles_passwords_and_states_change(workspace: Store, lead: Actor) -> None:
    users.create_user(workspace, lead, "wang", "annotator", GOOD)
    app = page("users")
    app.selectbox(key="role:wang:annotator:0").set_value("lead").run()
    assert known(workspace)["wang"] == "lead"
    app.text_input(key="password:wang").set_value("another good one")
    press(app, "set:wang")
    assert users.sign_in(workspace, "wang", "another good one")
    press(app, "disable:wang")
    assert known(workspace)["wang"] == "disabled" and "disabled on" in texts(app)
    press(app, "enable:wang")
    assert known(workspace)["wang"] == "lead"


def test_the_last_lead_cannot_step_down(workspace: Store, lead: Actor) -> None:
    users.create_user(workspace, lead, "wang", "annotator", GOOD)
    app = page("users")
    app.selectbox(key="role:local:lead:0").set_value("annotator").run()
    assert not app.exception
    assert known(workspace)["local"] == "lead" and "last lead" in app.session_state["_errors"][0]
    assert app.selectbox(key="role:local:lead:1").value == "lead"
    assert app.button(key="disable:local").disabled


def test_others_can_only_change_their_own_password(workspace: Store, lead: Actor, be: Be) -> None:
    users.create_user(workspace, lead, "wang", "annotator", GOOD)
    be("wang", "annotator")
    app = page("users")
    assert [b.key for b in app.button] == ["own_password_set"] and not app.selectbox
    app.text_input(key="own_password_value").set_value("my very own words")
    press(app, "own_password_set")
    assert users.sign_in(workspace, "wang", "my very own words")


@pytest.mark.parametrize("role", ["annotator", "reviewer", "lead"])
def test_everybody_finds_the_screen_of_the_own_password(role: Role) -> None:
    assert "users" in pages_for(role)
