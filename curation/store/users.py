"""People who may come in, their sessions, and failed sign-ins.

>>> users.add(store, "wang", "annotator", password_hash=None)
True
"""
from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, text, update

from curation.model import Role
from curation.store.engine import Store, now
from curation.store.tables import sessions, sign_in_failures
from curation.store.tables import users as users_table


@dataclass(frozen=True)
class User:
    """password_hash: argon2id; None: this user cannot sign in. disabled_at: None while the user is active. Times: UTC ISO 8601, `Z`."""

    name: str
    role: Role
    password_hash: str | None
    created_at: str
    disabled_at: str | None


def add(store: Store, name: str, role: Role, password_hash: str | None, *, only_first: bool = False) -> bool:
    """False (and nothing written) if a user of this name, in any letter case, is there already, or with only_first: if any user is."""
    with store.write() as db:
        _lock_users(db)
        there = db.execute(select(users_table.c.name)).scalars().all()
        if there if only_first else any(_same_name(name, other) for other in there):
            return False
        db.execute(insert(users_table).values(name=name, role=role, password_hash=password_hash, created_at=now()))
    return True


def get(store: Store, name: str) -> User | None:
    """By name in any letter case."""
    return next((user for user in all_users(store) if _same_name(name, user.name)), None)


def all_users(store: Store) -> list[User]:
    """Everybody, disabled or not, in the order in which they were made."""
    with store.read() as db:
        query = select(users_table).order_by(users_table.c.created_at, users_table.c.name)
        return [_user(row) for row in db.execute(query).mappings()]


def change(store: Store, name: str, *, role: Role | None = None, disabled: bool | None = None) -> bool:
    """Changes role or state; None leaves it. False (and nothing written) if no active lead who can sign in, or who is the only
    user, would remain. Disabling ends the user's sessions."""
    values: dict[str, object] = {}
    if role is not None:
        values["role"] = role
    if disabled is not None:
        values["disabled_at"] = now() if disabled else None
    with store.write() as db:
        _lock_users(db)
        db.execute(update(users_table).where(users_table.c.name == name).values(values))
        if not _leads_remain(db):
            db.rollback()
            return False
        if disabled:
            db.execute(delete(sessions).where(sessions.c.user == name))
    return True


def set_password_hash(store: Store, name: str, password_hash: str) -> None:
    """Ends every session of the user."""
    with store.write() as db:
        db.execute(update(users_table).where(users_table.c.name == name).values(password_hash=password_hash))
        db.execute(delete(sessions).where(sessions.c.user == name))


def replace_password_hash(store: Store, name: str, password_hash: str) -> None:
    """The same password under new parameters: sessions go on."""
    with store.write() as db:
        db.execute(update(users_table).where(users_table.c.name == name).values(password_hash=password_hash))


def open_session(store: Store, token_hash: str, user: str, expires_at: str) -> None:
    """Also clears away what has expired."""
    with store.write() as db:
        at = now()
        db.execute(delete(sessions).where(sessions.c.expires_at <= at))
        db.execute(insert(sessions).values(token_hash=token_hash, user=user, created_at=at, expires_at=expires_at))


def session_user(store: Store, token_hash: str) -> User | None:
    """The active user of a session that has not expired."""
    query = (
        select(users_table)
        .join(sessions, sessions.c.user == users_table.c.name)
        .where(sessions.c.token_hash == token_hash, sessions.c.expires_at > now(), users_table.c.disabled_at.is_(None))
    )
    with store.read() as db:
        row = db.execute(query).mappings().first()
    return _user(row) if row else None


def close_session(store: Store, token_hash: str) -> None:
    with store.write() as db:
        db.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def add_failure(store: Store, name: str, forget_before: str) -> None:
    """Notes a failed sign-in, and forgets those of anybody before the given time."""
    with store.write() as db:
        db.execute(delete(sign_in_failures).where(sign_in_failures.c.failed_at < forget_before))
        db.execute(insert(sign_in_failures).values(name=name.lower()[:80], failed_at=now()))


def failures(store: Store, name: str, since: str) -> list[str]:
    """Times of the failed sign-ins under this name since then, oldest first."""
    f = sign_in_failures
    query = select(f.c.failed_at).where(f.c.name == name.lower()[:80], f.c.failed_at >= since).order_by(f.c.failed_at)
    with store.read() as db:
        return list(db.execute(query).scalars())


def clear_failures(store: Store, name: str) -> None:
    with store.write() as db:
        db.execute(delete(sign_in_failures).where(sign_in_failures.c.name == name.lower()[:80]))


def _same_name(one: str, other: str) -> bool:
    """In any letter case. Not the database's lower(): SQLite's knows A to Z alone, so that nobody called Élise could ever come in."""
    return one.casefold() == other.casefold()


def _leads_remain(db: Connection) -> bool:
    """An active lead with a password, or one without where nobody else is: the others could not come in without a sign-in."""
    rows = db.execute(select(users_table)).mappings().all()
    leads = [r for r in rows if r["role"] == "lead" and r["disabled_at"] is None]
    return any(r["password_hash"] for r in leads) or (len(rows) == 1 and len(leads) == 1)


def _lock_users(db: Connection) -> None:
    """One change at a time (SQLite's write lock does it by itself): two leads must not take each other's role at the same instant."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(730119)"))  # any constant of our own


def _user(row: RowMapping) -> User:
    return User(row["name"], row["role"], row["password_hash"], row["created_at"], row["disabled_at"])
