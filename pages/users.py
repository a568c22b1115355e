"""Who may come in, and as what: a lead makes users, gives roles and passwords, and disables."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import streamlit as st

from curation.model import Role
from curation.people import users
from curation.people.users import User
from ui import parts
from ui.session import Session, current
from ui.text import t


def main() -> None:
    session = current()
    parts.heading("users.title")
    if not session.may("lead"):
        _own_password(session)
        return
    everybody = users.list_users(session.store)
    me = next((user for user in everybody if user.name == session.actor.name), None)
    if me is not None and me.password_hash is None:
        st.info(t("users.set_own_first"), icon=":material/key:")
        _own_password(session)
    else:
        _new_user()
    for user in everybody:
        _user(session, user)


def _own_password(session: Session) -> None:
    with st.form("own_password", clear_on_submit=True):
        parts.plain(t("users.own_password", name=session.actor.name))
        _password_field("own_password_value")
        st.form_submit_button(
            t("users.set_password"), key="own_password_set", on_click=_set_password, args=(session.actor.name, "own_password_value")
        )


def _new_user() -> None:
    with st.form("new_user"), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(t("users.name"), key="new_name", max_chars=40, help=t("users.name_help"))
        st.selectbox(t("users.role"), get_args(Role), key="new_role", format_func=_role_words().__getitem__, width=180)
        _password_field("new_password")
        st.form_submit_button(t("users.create"), key="create", type="primary", on_click=_create)


def _password_field(key: str) -> None:
    st.text_input(
        t("app.password"), key=key, type="password", autocomplete="new-password",
        help=t("users.password_help", least=users.PASSWORD_MIN, most=users.PASSWORD_MAX),
    )


def _user(session: Session, user: User) -> None:
    mine = user.name == session.actor.name
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        with st.container(width=260, gap=None):
            parts.plain(user.name)
            st.caption(_state(user))
        roles = get_args(Role)
        st.selectbox(
            t("users.role"), roles, index=roles.index(user.role), key=_role_key(user), format_func=_role_words().__getitem__,
            on_change=_set_role, args=(user,), width=180,
        )
        with st.popover(t("users.new_password"), icon=":material/key:"):
            key = f"password:{user.name}"
            _password_field(key)
            st.button(t("users.set_password"), key=f"set:{user.name}", on_click=_set_password, args=(user.name, key))
        if user.disabled_at is None:
            st.button(t("users.disable"), key=f"disable:{user.name}", on_click=_disable, args=(user,), disabled=mine)
        else:
            st.button(t("users.enable"), key=f"enable:{user.name}", on_click=_enable, args=(user,))


def _role_words() -> dict[str, str]:
    return {role: t(f"app.role_{role}") for role in get_args(Role)}


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return t("users.disabled_since", date=user.disabled_at[:10])
    return t("users.since", date=user.created_at[:10]) if user.password_hash else t("users.no_password")


def _role_key(user: User) -> str:
    """Another key once the role is another: a refused change leaves the role as it is, and the choice must show that."""
    return f"role:{user.name}:{user.role}:{st.session_state.get('_users_tries', 0)}"


def _do(fn: Callable[..., Any], *args: Any, said: str) -> bool:
    if parts.run_guarded(fn, *args):
        parts.note(said)
        return True
    return False


def _create() -> None:
    session = current()
    name = str(st.session_state["new_name"])
    make = partial(users.create_user, session.store, session.actor, name, st.session_state["new_role"], st.session_state["new_password"])
    if _do(make, said=t("users.created", name=name.strip())):
        st.session_state["new_name"] = ""
        st.session_state["new_password"] = ""


def _set_password(name: str, key: str) -> None:
    session = current()
    password = str(st.session_state[key])
    _do(users.set_password, session.store, session.actor, name, password, said=t("users.password_set", name=name))
    st.session_state[key] = ""


def _set_role(user: User) -> None:
    session = current()
    role: Role = st.session_state[_role_key(user)]
    _do(users.set_role, session.store, session.actor, user.name, role, said=t("users.role_set", name=user.name, role=t(f"app.role_{role}")))
    st.session_state["_users_tries"] = st.session_state.get("_users_tries", 0) + 1


def _disable(user: User) -> None:
    session = current()
    _do(users.disable, session.store, session.actor, user.name, said=t("users.disabled", name=user.name))


def _enable(user: User) -> None:
    session = current()
    _do(users.enable, session.store, session.actor, user.name, said=t("users.enabled", name=user.name))


main()
