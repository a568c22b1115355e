"""What every screen does the same way: headings, safe text, errors, and a save that cannot happen twice.

A save is a plain function with one transaction, called from `on_click` with the operation id made when the form was drawn:

>>> op = op_id(item.id)
>>> args = (save, session.store, session.actor, item.id, op, "confirm")
>>> st.button(t("label.confirm"), on_click=run_guarded, args=args, kwargs={"op": op})
"""
from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from curation.csource.targets.witness import around
from curation.errors import UserError
from curation.model import Actor
from ui.session import Session, SignInNeeded, current
from ui.text import error_text, t

log = logging.getLogger("flowsight")
DWELL_S = 0.4  # a save sooner than this after the form was drawn is key repeat or a double click, not a decision
PAGES_KEY = "_pages"  # in session_state: name -> st.Page, set by the router
MOST_SPENT = 100  # operation ids kept: a press that waits in the line is of one of the last forms
_OPS = "_ops"
_SPENT = "_spent_ops"
_ERRORS = "_errors"
_NOTES = "_notes"


def heading(key: str, **params: Any) -> None:
    """The screen's title and, where the locale has `<key>_help`, one line below it that says what the screen is for."""
    st.header(t(key, **params), anchor=False)
    if t(f"{key}_help") != f"{key}_help":
        st.caption(t(f"{key}_help"))


def escaped(text: str) -> str:
    """Text from files, users or models for a place where Streamlit reads Markdown (labels, alerts): shown as it stands."""
    text = re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>$:&^=\"'])", r"\\\1", text)
    text = text.replace(r"\:\/\/", "\\:\u2060//").replace(r"\:material", "\\:\u2060material")  # icons are found after escapes are gone
    return text.replace("\n", "  \n")


def code_span(text: str, most: int = 76, name: str = "") -> str:
    """Code of any origin as a span in a label: on one line, cut to `most` characters (those around `name`, where it stands in the line),
    nothing in it read as Markdown."""
    line = around(" ".join(text.split()), name, most)
    fence = "`" * (max((len(run) for run in re.findall(r"`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if line else ""


def plain(text: str) -> None:
    """Shows text of any origin as it stands, wrapped."""
    st.text(text)


def code(text: str, language: str | None = "c") -> None:
    """Shows code of any origin as it stands. language None: no colours."""
    st.code(text, language=language, wrap_lines=True)


def op_id(item_key: str) -> str:
    """The operation id of the form for `item_key`: the same for every rerun of this form, a new one after a save that succeeded."""
    ops = st.session_state.setdefault(_OPS, {})
    if item_key not in ops:
        ops[item_key] = (uuid.uuid4().hex, time.monotonic())
    return ops[item_key][0]


def elapsed_ms(item_key: str) -> int | None:
    """Milliseconds since the form of `item_key` was drawn first; None when it has not been drawn."""
    made = st.session_state.get(_OPS, {}).get(item_key)
    return None if made is None else int((time.monotonic() - made[1]) * 1000)


def _too_soon(op: str) -> bool:
    for made, at in st.session_state.get(_OPS, {}).values():
        if made == op:
            return time.monotonic() - at < DWELL_S
    return False


def run_guarded(
    fn: Callable[..., Any], *args: Any, op: str | None = None, after: Callable[[Any], None] | None = None, keep_ops: bool = False
) -> Any:  # a bool; Streamlit's types want callbacks to return nothing
    """For `on_click`: calls fn(*args), a Session or Actor among them as it is now; True when it went well. A UserError is shown at the
    top of the next run and nothing else happens.

    op: the operation id of the form; a call within DWELL_S of its drawing is ignored, and so is one after a call that went well (a second
    press while the first one worked: not every write is told by its op). after: gets fn's result (may set
    session_state). After a success every form gets new operation ids when it is drawn again (keep_ops: not so; for what saves no word)."""
    spent = st.session_state.setdefault(_SPENT, [])
    if op is not None and (op in spent or _too_soon(op)):
        return False
    try:
        result = fn(*_as_of_now(args))
    except UserError as err:
        st.session_state.setdefault(_ERRORS, []).append(error_text(err))
        return False
    if op is not None:
        st.session_state[_SPENT] = [*spent, op][-MOST_SPENT:]
    if not keep_ops:
        st.session_state[_OPS] = {}
    if after is not None:
        after(result)
    return True


def _as_of_now(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with the session and actor of this moment. They were bound when the form was drawn; who has lost a role, was disabled
    or signed out since then must not write by a button that is still on the screen."""
    if not any(isinstance(arg, (Session, Actor)) for arg in args):
        return args
    now = current()
    return tuple(now if isinstance(arg, Session) else now.actor if isinstance(arg, Actor) else arg for arg in args)


def note(text: str) -> None:
    """Says something short at the top right on the next run (what was saved, taken back). `text` is shown as it stands."""
    st.session_state.setdefault(_NOTES, []).append(text)


def page_link(name: str, /, label: str | None = None, **query: str) -> None:
    """A link to another screen, if this user has it; else the label alone. label: Markdown; None: the screen's title. query: what the
    screen reads from its URL."""
    page = st.session_state.get(PAGES_KEY, {}).get(name)
    if page is not None:
        st.page_link(page, label=label, query_params=query or None)
    elif label is not None:
        st.markdown(label)


def go_to(name: str, **query: str) -> None:
    """Opens another screen now (not in a callback), if this user has it."""
    page = st.session_state.get(PAGES_KEY, {}).get(name)
    if page is not None:
        st.switch_page(page, query_params=query)


def show_error(err: BaseException) -> None:
    """Shows an error here and now: its sentence if it is a user's, else one plain sentence; the details go to the log. Who must
    sign in gets the link to it, wherever that was noticed."""
    if not isinstance(err, UserError):
        log.error("unexpected error", exc_info=err)
    st.error(escaped(error_text(err)), icon=":material/error:")
    if isinstance(err, SignInNeeded):
        leave_for("/sign-in", t("nav.sign_in"))


def leave_for(path: str, words: str) -> None:
    """A plain link in this tab to a plain HTTP page. A link button opens a second tab and leaves this one as it was; and its script is
    fetched when it is first drawn, which the gate refuses to the very person who has to sign in."""
    st.html(f"<a class='fs-leave' href='{path}'>{escape(words)}</a>")


def show_pending() -> None:
    """What callbacks left to be said. The router calls it once a run, above the page."""
    for text in st.session_state.pop(_ERRORS, []):
        st.error(escaped(text), icon=":material/error:")
    for text in st.session_state.pop(_NOTES, []):
        st.toast(escaped(text))


def on_script_error(err: Exception) -> bool:
    """st.App's boundary: logs the error with its trace and shows one sentence. True: Streamlit shows nothing of its own."""
    show_error(err)
    return True
