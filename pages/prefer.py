"""Choose the better of two answers: side by side as the pair was drawn, one digit each, a reason if there is one to give."""
from __future__ import annotations

from functools import partial
from typing import Literal

import streamlit as st

from curation.errors import BadValue, NotFound
from curation.labeling.progress import progress
from curation.model import Annotation
from curation.pairs import prefer
from curation.pairs.prefer import Choice, PreferView
from ui import pairs, parts
from ui.draft import draft, text_of
from ui.session import Session, current
from ui.text import t


def main() -> None:
    session = current()
    _how_far(session)
    item_id = st.query_params.get("item")
    if item_id is None:
        found = prefer.next_pair(session.store, session.actor)
        if found is None:
            _all_done()
            return
        item_id = st.query_params["item"] = found.id
    try:
        view = prefer.view(session.store, session.actor, item_id)
    except (NotFound, BadValue) as err:
        parts.show_error(err)
        st.button(t("prefer.go_on"), on_click=_go_next, args=(item_id,), type="primary")
        return
    _choices(view)
    st.caption(t("prefer.prompt"))
    with st.container(border=True):
        pairs.show(view.pair.prompt)
    for column, side, place in zip(st.columns(2, gap="medium"), view.sides(), ("left", "right"), strict=True):
        with column, st.container(border=True):
            st.caption(t(f"prefer.{place}"))
            pairs.show(view.pair.a if side == "a" else view.pair.b)
    _reason(session, view)


def _how_far(session: Session) -> None:
    for task in progress(session.store):
        if task.task == "preference" and task.total:
            done, mine = task.total - task.open, task.by_user.get(session.actor.name, 0)
            st.caption(t("prefer.progress", done=done, total=task.total, mine=mine))


def _all_done() -> None:
    st.success(t("prefer.all_done"), icon=":material/done_all:")
    st.button(t("common.undo"), key="undo", icon=":material/undo:", shortcut="z", on_click=_take_back)
    parts.page_link("generate")
    parts.page_link("rows")


def _choices(view: PreferView) -> None:
    item_id = view.item.id
    op = parts.op_id(item_id)
    left, right = view.sides()
    choices: list[tuple[str, Choice]] = [("left", left), ("right", right), ("tie", "tie"), ("both_bad", "both_bad")]
    with st.container(horizontal=True, vertical_alignment="center", key="choices"):
        for key, (place, choice) in enumerate(choices, start=1):
            mine = view.mine is not None and view.mine.action == "choose" and (view.mine.answer or {}).get("choice") == choice
            st.button(
                t(f"prefer.choose_{place}"), key=f"{place}:{item_id}", shortcut=str(key), type="primary" if mine else "secondary",
                on_click=_choose, args=(view, op, choice),
            )
        st.button(t("review.do.skip"), key=f"skip:{item_id}", shortcut="s", on_click=_set_aside, args=(view, op, "skip"), type="tertiary")
        st.button(t("review.do.flag"), key=f"flag:{item_id}", shortcut="f", on_click=_set_aside, args=(view, op, "flag"), type="tertiary")
        st.button(t("common.undo"), key="undo", shortcut="z", on_click=_take_back, type="tertiary")
        st.button(t("common.next"), key=f"next:{item_id}", shortcut="j", on_click=_go_next, args=(item_id,), type="tertiary")


def _reason(session: Session, view: PreferView) -> None:
    draft(
        key=_reason_key(view), value=_kept_reason(view), storage=_storage(session, view.item.id), label=t("prefer.reason"), focus_key="e",
        on_change=partial(_keep_reason, view), height_px=70, forget=st.session_state.pop("_prefer_forget", []),
    )


def _reason_key(view: PreferView) -> str:
    return f"reason:{view.item.id}"


def _kept_reason(view: PreferView) -> str:
    """What was typed and not saved, else the reason of the user's own word."""
    return str((view.draft or {}).get("reason") or (view.mine.reason if view.mine else "") or "")


def _storage(session: Session, item_id: str) -> str:
    return f"{session.actor.name}/{item_id}/reason"


def _typed_reason(view: PreferView) -> str:
    typed = text_of(_reason_key(view))
    return _kept_reason(view) if typed is None else str(typed)


def _keep_reason(view: PreferView) -> None:
    session = current()
    parts.run_guarded(prefer.save_draft, session.store, session.actor, view.item.id, _typed_reason(view), keep_ops=True)


def _choose(view: PreferView, op: str, choice: Choice) -> None:
    session = current()
    took = parts.elapsed_ms(view.item.id)
    save = partial(prefer.choose, session.store, session.actor, view.item.id, op, choice, _typed_reason(view), took)
    if parts.run_guarded(save, op=op):
        _saved(session, view)


def _set_aside(view: PreferView, op: str, action: Literal["skip", "flag"]) -> None:
    session = current()
    save = partial(prefer.set_aside, session.store, session.actor, view.item.id, op, action, _typed_reason(view))
    if parts.run_guarded(save, op=op):
        _saved(session, view)


def _saved(session: Session, view: PreferView) -> None:
    st.session_state["_prefer_forget"] = [_storage(session, view.item.id)]
    parts.note(t("common.saved"))
    _go_next(view.item.id)


def _go_next(item_id: str) -> None:
    session = current()
    found = prefer.next_pair(session.store, session.actor, after=item_id)
    if found is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = found.id


def _take_back() -> None:
    """Undoes the user's latest choice and shows that pair again."""
    session = current()

    def undone(annotation: Annotation | None) -> None:
        parts.note(t("common.undone") if annotation else t("common.nothing_to_undo"))
        if annotation:
            st.query_params["item"] = annotation.item_id

    parts.run_guarded(prefer.undo, session.store, session.actor, parts.op_id("prefer-undo"), after=undone)


main()
