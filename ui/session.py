"""Who is here, with which store, in which language? current() answers for the running script.

A session's user is read from the cookie that the sign-in route sets (ui/gate.py), and again for every script run: a user who was
disabled or lost a role is stopped at the next click. Without a cookie it is the local lead, as long as the connection comes from
this very machine (the gate says so in LOCAL_HEADER) and no second user exists.

>>> session = current()
>>> session.may("lead", "reviewer")
True
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from curation.errors import UserError
from curation.model import Actor, Lang, Role
from curation.people import users
from curation.settings import Settings, load_settings
from curation.store import Store, open_store
from ui.text import LANG_KEY, LANGS, lang

COOKIE = "flowsight_session"
LANG_COOKIE = "flowsight_lang"
LOCAL_HEADER = "x-flowsight-local"  # set by the gate alone; what a client sends under this name is dropped there


class SignInNeeded(UserError):
    code = "sign_in_needed"
    text = "You are not signed in, or your session has ended. Sign in again; drafts are kept."


@dataclass(frozen=True)
class Session:
    store: Store
    settings: Settings
    actor: Actor
    lang: Lang

    def may(self, *roles: Role) -> bool:
        """True when the actor has one of the roles. Pages hide buttons with it; the services check again."""
        return self.actor.role in roles


@lru_cache(maxsize=8)
def _store(url: str) -> Store:
    return open_store(url)


def shared_store(settings: Settings) -> Store:
    """The process's one store for these settings."""
    return _store(settings.store_url)


def current() -> Session:
    """The session of the running script. Raises SignInNeeded, or BadConfig when the workspace's settings are wrong."""
    settings = load_settings()
    store = shared_store(settings)
    _choose_language(settings)
    actor = actor_of(store, dict(st.context.cookies).get(COOKIE), _is_local())
    return Session(store, settings, actor, lang())


def actor_of(store: Store, token: str | None, local: bool) -> Actor:
    """The user of a cookie's token, else the local lead where no sign-in is needed. Raises SignInNeeded."""
    actor = users.session_actor(store, token) if token else None
    if actor is not None:
        return actor
    if users.needs_sign_in(store, local):
        raise SignInNeeded()
    return users.local_lead(store)


def _is_local() -> bool:
    """A real connection always carries headers, and the gate's mark among them when it is local. None at all: no browser is
    behind this run (Streamlit's AppTest)."""
    headers = st.context.headers
    return not headers or headers.get(LOCAL_HEADER) == "1"


def _choose_language(settings: Settings) -> None:
    if st.session_state.get(LANG_KEY) in LANGS:
        return
    wishes = [dict(st.context.cookies).get(LANG_COOKIE), (st.context.locale or "")[:2] if settings.lang == "en" else None, settings.lang]
    st.session_state[LANG_KEY] = next((w for w in wishes if w in LANGS), "en")
