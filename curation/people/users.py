"""Who may come in, and as what? Users, passwords, sessions.

A fresh workspace has one local lead without a password, who needs no sign-in from the machine itself. Everybody else signs in:
argon2id hashes (RFC 9106, argon2-cffi's defaults), session tokens of 32 random bytes of which the store holds the SHA-256, valid for
SESSION_DAYS. Failed sign-ins are counted in the store, by the name that was typed: after FAILURES_ALLOWED within
FAILURE_WINDOW_S that name has to wait, whether the password is right or not. At least one lead who can come in always remains.

Not covered: counting by address (the store never sees one), second factors, password recovery by mail (a lead sets a new one).

>>> create_user(store, lead, "wang", "annotator", "correct horse")
>>> token = sign_in(store, "wang", "correct horse")
>>> session_actor(store, token)
Actor(name='wang', role='annotator')
"""
from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from curation.errors import BadValue, NotFound, Reason, UserError
from curation.model import Actor, Role
from curation.people.access import require
from curation.store import Store
from curation.store import users as stored
from curation.store.users import User

LOCAL_NAME = "local"
SESSION_DAYS = 7
FAILURES_ALLOWED = 10
FAILURE_WINDOW_S = 300
PASSWORD_MIN = 10
PASSWORD_MAX = 200  # argon2 would take more; a megabyte sent as a password must not cost a hash
_NAME = re.compile(r"[\w][\w.@-]{0,39}")
_hasher = PasswordHasher()


class WrongPassword(UserError):
    """One sentence for an unknown name, a wrong password and a disabled user: nobody learns which names exist."""

    code = "wrong_password"
    text = "This name and password do not match an active user. Try again, or ask a lead for a new password."


class TooManyFailures(UserError):
    code = "too_many_failures"
    text = "Too many failed sign-ins as {name!r}. Wait {wait_s} seconds and try again."


class BadUserName(UserError):
    code = "bad_user_name"
    text = "{name!r} cannot be a user name. Give 1 to 40 letters, digits or . _ - @, beginning with a letter or digit."


class NameTaken(UserError):
    code = "name_taken"
    text = "There is a user {name!r} already. Give another name, or set a new password for that user."


class PasswordLength(UserError):
    code = "password_length"
    text = "The password has {length} characters. Give {least} to {most}; several words are good."


class PasswordGuessable(UserError):
    code = "password_guessable"
    text = "The password is easy to guess. Do not use the user name or a few repeated characters."


class LastLead(UserError):
    code = "last_lead"
    text = "{name} is the last lead who can come in. Give another active user with a password the role of lead first."


class NoWayBack(UserError):
    code = "no_way_back"
    text = "As soon as there is a second user everybody signs in, and {name} has no password yet. Set one for yourself first."


def local_lead(store: Store) -> Actor:
    """The workspace's first user, a lead without a password; made if there is no user at all.

    Raises NotFound when there are only other users: then a sign-in is needed."""
    everybody = stored.all_users(store)
    if not everybody:  # asked for by every request: it must not wait for whoever is writing
        stored.add(store, LOCAL_NAME, "lead", None, only_first=True)
        everybody = stored.all_users(store)
    if len(everybody) == 1 and everybody[0].disabled_at is None:
        return Actor(name=everybody[0].name, role=everybody[0].role)
    lead = next((u for u in everybody if u.name == LOCAL_NAME and u.role == "lead" and u.disabled_at is None), None)
    if lead is None:
        raise NotFound(kind="user", name=LOCAL_NAME)
    return Actor(name=lead.name, role=lead.role)


def needs_sign_in(store: Store, loopback: bool) -> bool:
    """False only for a connection of this machine while there is no second user."""
    return not loopback or len(stored.all_users(store)) > 1


def create_user(store: Store, actor: Actor, name: str, role: Role, password: str) -> User:
    """Raises NotAllowed, BadUserName, NameTaken, BadValue (role), PasswordLength, PasswordGuessable, and NoWayBack if the acting lead could
    not come in any more."""
    require(actor, "lead", action="manage users")
    name = unicodedata.normalize("NFC", name).strip()
    if not _NAME.fullmatch(name):
        raise BadUserName(name=name)
    _check_role(role)
    check_password(password, name)
    me = stored.get(store, actor.name)
    if me is not None and me.password_hash is None:
        raise NoWayBack(name=actor.name)
    if not stored.add(store, name, role, _hasher.hash(password)):
        raise NameTaken(name=name)
    return _get(store, name)


def set_password(store: Store, actor: Actor, name: str, password: str) -> None:
    """One's own, or anybody's for a lead. Ends all sessions of that user."""
    if name != actor.name:
        require(actor, "lead", action="set the password of another user")
    user = _get(store, name)
    check_password(password, user.name)
    stored.set_password_hash(store, user.name, _hasher.hash(password))
    stored.clear_failures(store, user.name)


def set_role(store: Store, actor: Actor, name: str, role: Role) -> None:
    """Counts from the user's next click. Raises LastLead."""
    require(actor, "lead", action="manage users")
    _check_role(role)
    _change(store, _get(store, name), role=role)


def disable(store: Store, actor: Actor, name: str) -> None:
    """The user cannot come in any more, from the next click on; what they did stays. Raises LastLead."""
    require(actor, "lead", action="manage users")
    _change(store, _get(store, name), disabled=True)


def enable(store: Store, actor: Actor, name: str) -> None:
    require(actor, "lead", action="manage users")
    _change(store, _get(store, name), disabled=False)


def list_users(store: Store) -> list[User]:
    """Everybody, disabled or not, oldest first."""
    return stored.all_users(store)


def check_password(password: str, name: str) -> None:
    """Length, and not the name: no rules of character kinds (NIST SP 800-63B 5.1.1.2). No error shows the password."""
    length = len(password)
    if not PASSWORD_MIN <= length <= PASSWORD_MAX:
        raise PasswordLength(length=length, least=PASSWORD_MIN, most=PASSWORD_MAX)
    bare = password.casefold()
    beside_the_name = bare.replace(name.casefold(), "") if len(name) > 2 else bare
    if len(beside_the_name) < 6 or len(set(bare)) < 4:
        raise PasswordGuessable()


def sign_in(store: Store, name: str, password: str) -> str:
    """A new session's token, for a cookie. Raises WrongPassword, TooManyFailures."""
    name = unicodedata.normalize("NFC", name).strip()
    _refuse_after_failures(store, name)
    user = stored.get(store, name)
    usable = user is not None and user.password_hash is not None and user.disabled_at is None
    given = password[: PASSWORD_MAX + 1]
    matches = _verify(user.password_hash if usable and user else None, given)
    if user is None or not usable or not matches:
        stored.add_failure(store, name, _time(-FAILURE_WINDOW_S))
        raise WrongPassword()
    if user.password_hash and _hasher.check_needs_rehash(user.password_hash):
        stored.replace_password_hash(store, user.name, _hasher.hash(given))
    token = secrets.token_urlsafe(32)
    stored.open_session(store, _token_hash(token), user.name, _time(SESSION_DAYS * 86400))
    stored.clear_failures(store, name)
    return token


def session_actor(store: Store, token: str) -> Actor | None:
    """Who has this token, with the role of this moment; None: nobody, expired, signed out or disabled."""
    user = stored.session_user(store, _token_hash(token))
    return None if user is None else Actor(name=user.name, role=user.role)


def sign_out(store: Store, token: str) -> None:
    stored.close_session(store, _token_hash(token))


def _change(store: Store, user: User, *, role: Role | None = None, disabled: bool | None = None) -> None:
    if not stored.change(store, user.name, role=role, disabled=disabled):
        raise LastLead(name=user.name)


def _get(store: Store, name: str) -> User:
    user = stored.get(store, name)
    if user is None:
        raise NotFound(kind="user", name=name)
    return user


def _check_role(role: str) -> None:
    roles = get_args(Role)
    if role not in roles:
        raise BadValue(
            field="role", value=role, why=Reason("no_role", "is not a role"),
            todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(roles)),
        )


def _refuse_after_failures(store: Store, name: str) -> None:
    failed = stored.failures(store, name, _time(-FAILURE_WINDOW_S))
    if len(failed) >= FAILURES_ALLOWED:
        oldest_counting = datetime.fromisoformat(failed[-FAILURES_ALLOWED])
        wait_s = FAILURE_WINDOW_S - (datetime.now(UTC) - oldest_counting).total_seconds()
        raise TooManyFailures(name=name, wait_s=max(1, int(wait_s) + 1))


def _verify(password_hash: str | None, password: str) -> bool:
    """Takes as long for a name that does not exist."""
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _time(offset_s: float) -> str:
    at = datetime.now(UTC) + timedelta(seconds=offset_s)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
