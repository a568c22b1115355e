"""What does the review screen remember, and what does each button do? Callbacks of pages/review.py.

The filter, the page and the pair are in the URL. A pair being mended is a draft in the store. A decision is one service call, with the
operation id of the form that was drawn; then the next pair of the filter comes.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from curation.labeling import adjudicate
from curation.model import Action, Lang
from curation.pairs import review
from curation.pairs.review import ReviewView
from ui import parts
from ui.draft import text_of
from ui.session import Session, current
from ui.text import LANGS, t

STATUSES = ("open", "accepted", "rejected", "flagged", "disputed", "skipped", "all")
FIELDS = ("instruction", "input", "output")
PAGE_SIZE = 25


@dataclass(frozen=True)
class Filter:
    """As it stands in the URL. None: any; flag "" (URL: "none"): pairs without flags. page: 0-based."""

    status: str | None
    flag: str | None
    lang: Lang | None
    search: str | None
    page: int

    def query(self) -> dict[str, Any]:
        """Arguments for review.queue and review.matching."""
        return {"status": self.status, "flag": self.flag, "lang": self.lang, "search": self.search}


def filter_of_url() -> Filter:
    status = st.query_params.get("status", "open")
    lang = st.query_params.get("lang")
    flag = st.query_params.get("flag")
    page = st.query_params.get("page", "0")
    return Filter(
        status=None if status == "all" or status not in STATUSES else status,
        flag="" if flag == "none" else flag,
        lang=next((each for each in LANGS if each == lang), None),
        search=st.query_params.get("q") or None,
        page=int(page) if page.isdecimal() and len(page) < 6 else 0,
    )


def choose(name: str, value: str | None) -> None:
    """Sets one part of the filter (None: not restricted); the list starts again."""
    for gone in ("item", "page", name):
        st.query_params.pop(gone, None)
    if value:
        st.query_params[name] = value
    st.session_state.pop("_review_bulk", None)


def go_to_page(page: int) -> None:
    st.query_params["page"] = str(page)
    st.query_params.pop("item", None)


def open_item(item_id: str | None) -> None:
    """Shows this pair next; None: the first of the list."""
    if item_id is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = item_id


def mode(view: ReviewView) -> str:
    """read, mend or reject. A pair with a draft is being mended."""
    kept = st.session_state.get("_review_mode", {})
    if kept.get("item") == view.item.id:
        return str(kept["mode"])
    return "mend" if view.draft else "read"


def set_mode(item_id: str, value: str) -> None:
    st.session_state.pop("_review_decided", None)
    st.session_state["_review_mode"] = {"item": item_id, "mode": value}


def stop_mending(item_id: str) -> None:
    """Gives up what was typed."""
    session = current()
    parts.run_guarded(review.drop_draft, session.store, session.actor, item_id, keep_ops=True)
    st.session_state["_review_forget"] = [storage(session, item_id, name) for name in FIELDS]
    set_mode(item_id, "read")


def fields(view: ReviewView) -> dict[str, str]:
    """What stands in the fields of the pair being mended: the draft, else the pair as it counts now."""
    start = {**review.pair_of(view).model_dump(), **(view.draft or {})}
    return {name: str(start[name]) for name in FIELDS}


def field_key(item_id: str, name: str) -> str:
    return f"mend:{item_id}:{name}"


def keep_fields(item_id: str, shown: dict[str, str]) -> dict[str, str]:
    """The fields with what has been typed into them; saved as the draft."""
    typed = {name: text_of(field_key(item_id, name)) for name in FIELDS}
    merged = {name: shown[name] if typed[name] is None else str(typed[name]) for name in FIELDS}
    session = current()
    parts.run_guarded(review.save_draft, session.store, session.actor, item_id, merged, keep_ops=True)
    return merged


def watched(item_id: str, shown: dict[str, str]) -> Callable[[], None]:
    """The on_change of a field."""

    def keep() -> None:
        if st.session_state.get("_review_decided") != item_id:  # the last keystrokes may arrive after the click that saved them
            keep_fields(item_id, shown)

    return keep


def decide(view: ReviewView, op: str, action: Action, following: str | None, reason: str | None = None) -> None:
    """Saves one decision and goes to the `following` pair. On a pair that people differ about it is the last word."""
    session = current()
    item_id = view.item.id
    pair = keep_fields(item_id, fields(view)) if action == "mend" else None
    save = partial(_settle if view.resolved.status == "disputed" else _decide, session, view, op, action, pair, reason)
    if parts.run_guarded(save, op=op):
        st.session_state.pop("_review_mode", None)
        st.session_state["_review_decided"] = item_id
        st.session_state["_review_forget"] = [storage(session, item_id, name) for name in FIELDS]
        parts.note(t(f"review.said.{action}"))
        open_item(following)


def decide_with_text(view: ReviewView, op: str, following: str | None, key: str) -> None:
    """Rejects with the reason typed into the field `key`."""
    decide(view, op, "reject", following, str(st.session_state.get(key) or ""))


def storage(session: Session, item_id: str, name: str) -> str:
    """Names a field's text in the browser's own storage."""
    return f"{session.actor.name}/{item_id}/{name}"


def take_back() -> None:
    """Undoes the user's whole last decision; a single pair is shown again, and one that was mended with the text it had."""
    session = current()
    last = review.last_decision(session.store, session.actor)

    def undone(count: int) -> None:
        parts.note(t("review.undone", count=count) if count else t("common.nothing_to_undo"))
        for gone in ("_review_mode", "_review_decided"):
            st.session_state.pop(gone, None)
        if len(last) == 1:
            open_item(last[0].item_id)
            if last[0].action == "mend" and last[0].answer:
                review.save_draft(session.store, session.actor, last[0].item_id, last[0].answer)

    parts.run_guarded(review.undo, session.store, session.actor, parts.op_id("review-undo"), after=undone)


def ask_bulk(action: Action) -> None:
    """Notes which pairs the filter shows at this moment; nothing is decided before the count has been confirmed."""
    session = current()
    chosen = filter_of_url()
    ids = review.matching(session.store, **chosen.query())
    st.session_state["_review_bulk"] = {"action": action, "ids": ids, "key": f"bulk:{action}:{len(ids)}"}


def drop_bulk() -> None:
    st.session_state.pop("_review_bulk", None)


def do_bulk(op: str, count_key: str, reason_key: str | None) -> None:
    """Decides on all pairs noted, if the number typed is theirs."""
    session = current()
    bulk = st.session_state.get("_review_bulk")
    if bulk is None:
        return
    if st.session_state.get(count_key) != len(bulk["ids"]):
        parts.note(t("review.bulk_wrong_count", count=len(bulk["ids"])))
        return
    reason = st.session_state.get(reason_key) if reason_key else None

    def done(count: int) -> None:
        drop_bulk()
        open_item(None)
        parts.note(t("review.bulk_done", count=count))

    decide_all = partial(review.decide_many, session.store, session.actor, bulk["ids"], op, bulk["action"], reason=reason)
    parts.run_guarded(decide_all, op=op, after=done)


def _decide(session: Session, view: ReviewView, op: str, action: Action, pair: dict[str, str] | None, reason: str | None) -> None:
    review.decide(session.store, session.actor, view.item.id, op, action, pair, reason)


def _settle(session: Session, view: ReviewView, op: str, action: Action, pair: dict[str, str] | None, reason: str | None) -> None:
    if action in ("flag", "skip"):
        _decide(session, view, op, action, pair, reason)
        return
    answer = pair if action == "mend" else view.item.payload if action == "accept" else None
    adjudicate.settle(session.store, session.actor, view.item.id, op, answer)
