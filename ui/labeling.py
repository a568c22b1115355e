"""What does the label screen remember of the form being filled, and what does each button do? Callbacks of pages/label.py.

The form of an item starts from the user's draft, else from what they said before, else from the proposal. Every change goes to the store
as a draft. A save is one service call; when it went well the next item comes at once.
"""
from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from curation.errors import NotFound, Reason, UserError
from curation.labeling import label, selection
from curation.labeling.selection import Selection
from curation.model import Action, Lang, Proposal
from curation.sourcing.explain import completeness
from curation.tasks import Task, get_task
from ui import parts
from ui.draft import text_of
from ui.session import Session, current
from ui.text import lang, named, t

DRAFTED = ("answer", "explanation", "lang", "reason")  # what of a form goes into the store's draft
PATHS_KEY = "_label_paths"  # in session_state: whether the ways of all candidates are shown
SEEN_MOST = 200  # items that "previous" can go back to


@dataclass(frozen=True)
class LabelForm:
    """key: the item's id. state: what is kept in session_state (and, but for places and counters, in the draft): answer, explanation by
    language (only what was edited), lang, reason, flagging, rev, paths (candidate's number -> whether its way was turned open or shut by
    hand), place {file, line, jump}. problem: why the answer cannot be saved."""

    key: str
    task: Task
    proposal: Proposal
    state: dict[str, Any]
    problem: UserError | None


def _states() -> dict[str, dict[str, Any]]:
    return st.session_state.setdefault("_label_forms", {})


def open_form(session: Session, view: label.LabelView) -> LabelForm:
    """The form of the item shown, made when it is not there yet."""
    key = view.item.id
    states = _states()
    if key not in states or states[key]["proposed"] != view.proposal.answer:  # proposed anew since the form was made
        states.clear()  # one form at a time; the others are drafts in the store
        states[key] = _fresh(session, view)
    task = get_task(view.item.task)
    problem = None
    try:
        task.check(states[key]["answer"])
    except UserError as err:
        problem = err
    states[key]["readers"] = []
    return LabelForm(key, task, view.proposal, states[key], problem)


def _fresh(session: Session, view: label.LabelView) -> dict[str, Any]:
    start = view.draft or {}
    answer = start.get("answer") or (view.mine.answer if view.mine else None) or view.proposal.answer
    said = view.mine.explanation if view.mine else {}
    return {
        "answer": copy.deepcopy(answer),
        "proposed": copy.deepcopy(view.proposal.answer),
        "explanation": dict(start.get("explanation") or said),
        "why_rev": {},
        "lang": start.get("lang") or session.lang,
        "reason": start.get("reason") or "",
        "flagging": bool(start.get("reason")),
        "rev": 0,
        "paths": {},
        "place": {"file": view.proposal.file, "line": view.proposal.line, "jump": 0},
    }


def changed_answer(form: LabelForm) -> bool:
    """Whether the answer differs from the proposal."""
    try:
        return form.task.check(form.state["answer"]) != form.task.check(form.proposal.answer)
    except UserError:
        return form.state["answer"] != form.proposal.answer


def explanation_of(form: LabelForm, lang: Lang) -> tuple[str, int]:
    """The text to show and its revision: what the user wrote, else the draft made from the answer as it stands."""
    if lang in form.state["explanation"]:
        return form.state["explanation"][lang], form.state["why_rev"].get(lang, 0)
    drafted = ""
    if form.task.draft is not None and form.problem is None:
        drafted = form.task.draft(form.task.check(form.state["answer"]), form.proposal, lang)
    return drafted, zlib.crc32(drafted.encode())


def meaning(form: LabelForm, field: str) -> str | None:
    """What a field's value means in words of the session's language (a knowledge row's trigger); None where the task has none."""
    if form.task.meaning is None:
        return None
    return form.task.meaning(field, form.state["answer"], form.proposal, lang())


def reasons(form: LabelForm, field: str) -> list[Reason]:
    """Why the proposal calls its targets complete or not; [] once the answer says otherwise."""
    if field != "completeness" or form.state["answer"].get(field) != form.proposal.answer.get(field):
        return []
    return completeness(form.proposal)


def is_open(form: LabelForm, number: int) -> bool:
    """Whether the way of a candidate to the call is shown: that of an only one, of all once P was pressed, or as turned by hand."""
    shown = bool(st.session_state.get(PATHS_KEY)) or len(form.proposal.candidates) == 1
    return bool(form.state["paths"].get(number, shown))


def turn(form: LabelForm, number: int) -> None:
    form.state["paths"][number] = not is_open(form, number)


def turn_all(key: str) -> None:
    """Shows the ways of all candidates, of this item and those to come; again: hides them."""
    st.session_state[PATHS_KEY] = not st.session_state.get(PATHS_KEY)
    _states()[key]["paths"].clear()


def keep(key: str) -> None:
    """Saves the form as a draft. A form that was saved for good meanwhile has none."""
    session = current()
    state = _states().get(key)
    if state is None:
        return
    fields = {name: state[name] for name in DRAFTED}
    parts.run_guarded(label.save_draft, session.store, session.actor, key, fields, keep_ops=True)


def say_why(key: str, lang: Lang | None = None, field: str | None = None, rev: int = 0) -> None:
    """The explanation (lang given) or the reason of a flag was typed."""
    _read_why(key, lang, field, rev)
    keep(key)


def _read_why(key: str, lang: Lang | None, field: str | None, rev: int) -> None:
    state = _states().get(key)
    text = text_of(field or f"reason:{key}", rev)
    if state is None or text is None:
        return
    if lang is None:
        state["reason"] = text
    else:
        state["explanation"][lang] = text
        state["why_rev"][lang] = rev


def watched(form: LabelForm, lang: Lang | None = None, field: str | None = None, rev: int = 0) -> Callable[[], None]:
    """The on_change of a text: the explanation in `lang`, or the reason of a flag (None)."""
    form.state["readers"].append(partial(_read_why, form.key, lang, field, rev))
    return partial(say_why, form.key, lang, field, rev)


def use_drafted(key: str, lang: Lang) -> None:
    """Gives up one's own explanation for the one drafted from the evidence."""
    state = _states()[key]
    state["explanation"].pop(lang, None)
    state["why_rev"].pop(lang, None)
    keep(key)


def propose_again(key: str) -> None:
    """Puts the form back to the proposal."""
    state = _states()[key]
    state["answer"] = copy.deepcopy(state["proposed"])
    state["rev"] += 1
    keep(key)


def toggle_flag(key: str) -> None:
    _states()[key]["flagging"] = not _states()[key]["flagging"]


def show_place(key: str, file: str, line: int) -> None:
    """Shows a place in the viewer, again when it was shown before."""
    state = _states()[key]
    state["place"] = {"file": file, "line": line, "jump": state["place"]["jump"] + 1}


def went(key: str, file: str, line: int) -> None:
    """The reader went to a place by the viewer itself, which shows it already or waits for its file."""
    place = _states()[key]["place"] if key in _states() else None
    if place is not None:
        _states()[key]["place"] = {**place, "file": file, "line": line}


def show_next_place(key: str, places: list[tuple[str, int]]) -> None:
    """Shows the place after the one shown, the first one after the last or after a place that is none of them."""
    now = _states()[key]["place"]
    at = places.index((now["file"], now["line"])) + 1 if (now["file"], now["line"]) in places else 0
    show_place(key, *places[at % len(places)])


def act(key: str, op: str, action: Action) -> None:
    """Saves what the button says, then goes to the next item."""
    session = current()
    state = _states().get(key)
    if state is None:
        return  # this form was saved by the first of two clicks
    for read in state["readers"]:
        read()
    if action == "confirm" and state["answer"] != state["proposed"]:
        action = "mend"  # an edit came along with the click
    answer = state["answer"] if action in ("mend", "incomplete") else None
    reason = state["reason"] or None if action == "flag" else None

    def save() -> None:
        label.save(
            session.store, session.actor, key, op, action, answer, state["explanation"], reason, elapsed_ms=parts.elapsed_ms(key),
            shown=state["proposed"],
        )

    if parts.run_guarded(save, op=op):
        st.session_state["_label_last"] = {key: copy.deepcopy({name: state[name] for name in DRAFTED})}
        st.session_state["_label_forget"] = [f"{session.actor.name}/{key}/{part}" for part in ("en", "zh", "reason", *state["answer"])]
        st.session_state["_label_said"] = t("label.said", action=named("label.action", action))
        go_next(key)


def selected(session: Session) -> Selection | None:
    """The selection in the URL, None without one or for one that is gone."""
    name = st.query_params.get("hits")
    try:
        return selection.kept(session.settings, name) if name else None
    except NotFound:
        return None


def go_next(key: str) -> None:
    """To the next item that wants this user's word."""
    session = current()
    seen = st.session_state.setdefault("_label_seen", [])
    seen.append(key)
    del seen[:-SEEN_MOST]
    chosen = selected(session)
    found = label.next_item(
        session.store, session.actor, st.query_params.get("task"), st.query_params.get("source"), after=key,
        among=chosen.items if chosen else None)
    _open(found.id if found else None)


def go_back() -> None:
    """To the item before this one."""
    seen = st.session_state.get("_label_seen") or []
    if seen:
        _open(seen.pop())


def take_back() -> None:
    """Undoes the user's last word, and shows that item with what had been filled in."""
    session = current()
    op = parts.op_id("label-undo")

    def undone(annotation: Any) -> None:
        if annotation is None:
            st.session_state["_label_said"] = t("common.nothing_to_undo")
            return
        st.session_state["_label_said"] = t("common.undone")
        last = st.session_state.pop("_label_last", {}).get(annotation.item_id)
        if last is not None:
            label.save_draft(session.store, session.actor, annotation.item_id, last)
        _open(annotation.item_id)

    parts.run_guarded(label.undo, session.store, session.actor, op, after=undone)


def _open(item_id: str | None) -> None:
    _states().clear()
    if item_id is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = item_id
