"""Who may come in, and as what."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from curation.errors import NotAllowed, NotFound
from curation.people import users
from curation.store import Store
from tests.curation.conftest import WANG

GOOD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The algorithm as it is, with little memory: a test signs in dozens of times."""
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    users._nobodys_hash.cache_clear()
    yield
    users._nobodys_hash.cache_clear()


@pytest.fixture
def lead(store: Store) -> users.Actor:
    actor = users.local_lead(store)
    users.set_password(store, actor, actor.name, GOOD)
    return actor


def test_a_fresh_workspace_has_one_local_lead_without_sign_in(store: Store) -> None:
    assert users.local_lead(store) == users.local_lead(store) == users.Actor(name="local", role="lead")
    assert len(users.list_users(store)) == 1
    assert not users.needs_sign_in(store, loopback=True)
    assert users.needs_sign_in(store, loopback=False)


def test_a_second_user_makes_everybody_sign_in(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    assert users.needs_sign_in(store, loopback=True)


def test_a_lead_without_password_cannot_lock_herself_out(store: Store) -> None:
    with pytest.raises(users.NoWayBack):
        users.create_user(store, users.local_lead(store), "wang", "annotator", GOOD)
    assert len(users.list_users(store)) == 1


def test_a_user_signs_in_acts_and_signs_out(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "小王", "annotator", GOOD)
    token = users.sign_in(store, " 小王 ", GOOD)
    assert users.session_actor(store, token) == users.Actor(name="小王", role="annotator")
    users.sign_out(store, token)
    assert users.session_actor(store, token) is None
    assert users.session_actor(store, "made up") is None


def test_the_store_holds_neither_password_nor_token(store: Store, lead: users.Actor) -> None:
    token = users.sign_in(store, "local", GOOD)
    with store.read() as db:
        kept = str(db.execute(text("SELECT * FROM users")).all()) + str(db.execute(text("SELECT * FROM sessions")).all())
    assert GOOD not in kept and token not in kept and "$argon2id$" in kept


def test_wrong_name_wrong_password_and_disabled_user_get_the_same_sentence(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    users.disable(store, lead, "wang")
    said = set()
    for name, password in (("nobody", GOOD), ("local", "not the password"), ("wang", GOOD)):
        with pytest.raises(users.WrongPassword) as err:
            users.sign_in(store, name, password)
        said.add(str(err.value))
    assert len(said) == 1


def test_after_many_failures_even_the_right_password_has_to_wait(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    for _ in range(users.FAILURES_ALLOWED):
        with pytest.raises(users.WrongPassword):
            users.sign_in(store, "Wang", "guess guess guess")
    with pytest.raises(users.TooManyFailures):
        users.sign_in(store, "wang", GOOD)
    users.sign_in(store, "local", GOOD)  # others are not held up
    with store.write() as db:
        db.execute(text("UPDATE sign_in_failures SET failed_at = '2026-01-01T00:00:00.000Z'"))
    users.sign_in(store, "wang", GOOD)


def test_a_session_ends_at_its_time(store: Store, lead: users.Actor) -> None:
    token = users.sign_in(store, "local", GOOD)
    with store.write() as db:
        db.execute(text("UPDATE sessions SET expires_at = '2026-01-01T00:00:00.000Z'"))
    assert users.session_actor(store, token) is None


def test_a_disabled_user_is_out_at_the_next_click(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    token = users.sign_in(store, "wang", GOOD)
    users.disable(store, lead, "wang")
    assert users.session_actor(store, token) is None
    users.enable(store, lead, "wang")
    assert users.session_actor(store, token) is None
    assert users.session_actor(store, users.sign_in(store, "wang", GOOD)) is not None


def test_a_role_counts_from_the_next_click(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    token = users.sign_in(store, "wang", GOOD)
    users.set_role(store, lead, "wang", "reviewer")
    assert users.session_actor(store, token) == users.Actor(name="wang", role="reviewer")


def test_a_new_password_ends_the_sessions_under_the_one_before(store: Store, lead: users.Actor) -> None:
    token = users.sign_in(store, "local", GOOD)
    users.set_password(store, lead, "local", "another good one")
    assert users.session_actor(store, token) is None
    with pytest.raises(users.WrongPassword):
        users.sign_in(store, "local", GOOD)


def test_a_lead_who_can_come_in_always_remains(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    with pytest.raises(users.LastLead):
        users.set_role(store, lead, "local", "reviewer")
    with pytest.raises(users.LastLead):
        users.disable(store, lead, "local")
    users.set_role(store, lead, "wang", "lead")
    users.disable(store, lead, "local")
    with pytest.raises(users.LastLead):
        users.disable(store, lead, "wang")


def test_two_leads_who_disable_each_other_at_once_leave_one(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "lead", GOOD)

    def try_to(name: str) -> bool:
        try:
            users.disable(store, lead, name)
        except users.LastLead:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(try_to, ["local", "wang"])) == [False, True]


def test_only_a_lead_manages_users_and_anybody_may_change_the_own_password(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "wang", "annotator", GOOD)
    for forbidden in (
        lambda: users.create_user(store, WANG, "mei", "lead", GOOD),
        lambda: users.set_role(store, WANG, "wang", "lead"),
        lambda: users.disable(store, WANG, "local"),
        lambda: users.enable(store, WANG, "wang"),
        lambda: users.set_password(store, WANG, "local", GOOD),
    ):
        with pytest.raises(NotAllowed):
            forbidden()
    users.set_password(store, WANG, "wang", "my very own words")
    assert users.sign_in(store, "wang", "my very own words")


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "a" * 41, "a/b", "<b>", "a\nb", "a\0"])
def test_a_malformed_name_is_refused(store: Store, lead: users.Actor, name: str) -> None:
    with pytest.raises(users.BadUserName):
        users.create_user(store, lead, name, "annotator", GOOD)


def test_a_name_is_taken_in_any_letter_case(store: Store, lead: users.Actor) -> None:
    users.create_user(store, lead, "Wang", "annotator", GOOD)
    with pytest.raises(users.NameTaken):
        users.create_user(store, lead, "wANG", "annotator", GOOD)


@pytest.mark.parametrize(
    ("password", "error"),
    [
        ("short", users.PasswordLength),
        ("x" * 201, users.PasswordLength),
        ("wangWANGwang12", users.PasswordGuessable),
        ("1212121212", users.PasswordGuessable),
    ],
)
def test_a_weak_password_is_refused_and_not_repeated(store: Store, lead: users.Actor, password: str, error: type[Exception]) -> None:
    with pytest.raises(error) as err:
        users.create_user(store, lead, "wang", "annotator", password)
    assert password not in str(err.value)


def test_an_unknown_user_is_named(store: Store, lead: users.Actor) -> None:
    with pytest.raises(NotFound, match="'gone'"):
        users.set_role(store, lead, "gone", "lead")


@pytest.mark.parametrize("name", ["Élise", "Ärger", "Жанна", "李"])
def test_a_name_in_any_script_and_letter_case_is_one_user(store: Store, lead: users.Actor, name: str) -> None:
    assert users.create_user(store, lead, name, "annotator", GOOD).name == name
    token = users.sign_in(store, name.lower(), GOOD)
    assert users.session_actor(store, token) == users.Actor(name=name, role="annotator")
    with pytest.raises(users.NameTaken):
        users.create_user(store, lead, name.lower(), "annotator", GOOD)


def test_nobody_waits_for_a_writer_to_be_let_in_as_the_local_lead(sqlite_store: Store) -> None:
    users.local_lead(sqlite_store)
    with sqlite_store.write(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(users.local_lead, sqlite_store).result().name == "local"
