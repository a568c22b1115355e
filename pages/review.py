"""Accept, mend or reject pairs: the queue on the left, one pair with what the filters noticed on the right, a key for everything."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from curation.errors import BadValue, NotFound
from curation.pairs import review
from curation.pairs.review import ReviewPage, ReviewView
from ui import pairs, parts, reviewing
from ui.draft import draft
from ui.reviewing import FIELDS, PAGE_SIZE, STATUSES, Filter
from ui.session import Session, current
from ui.text import LANGS, named, t


def main() -> None:
    session = current()
    chosen = reviewing.filter_of_url()
    _filters(session, chosen)
    page = review.queue(session.store, **chosen.query(), limit=PAGE_SIZE, offset=chosen.page * PAGE_SIZE)
    if not page.rows and chosen.page:
        st.query_params["page"] = str(max(0, (page.total - 1) // PAGE_SIZE))
        st.rerun()
    _bulk(page, chosen)
    left, right = st.columns([0.28, 0.72], gap="medium")
    current_id = st.query_params.get("item") or (page.rows[0].item.id if page.rows else None)
    with left:
        _list(page, chosen, current_id)
    with right:
        if current_id is None:
            _empty(chosen)
            return
        try:
            view = review.view(session.store, session.actor, current_id)
        except (NotFound, BadValue) as err:
            parts.show_error(err)
            st.button(t("review.to_first"), on_click=reviewing.open_item, args=(None,))
            return
        _card(session, view, page)


def _filters(session: Session, chosen: Filter) -> None:
    flags = review.flags(session.store, status=chosen.status)
    status = chosen.status or "all"

    def picked(name: str) -> None:
        value = st.session_state[f"review_{name}"]
        reviewing.choose(name, None if value in (None, "any") else str(value))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            t("review.status"), STATUSES, default=status, key="review_status", on_change=picked, args=("status",), required=True,
            format_func=lambda value: t(f"review.state.{value}"), label_visibility="collapsed",
        )
        names = ["any", "none", *flags]
        here = "none" if chosen.flag == "" else chosen.flag or "any"
        if here not in names:
            names.append(here)
        st.selectbox(
            t("review.flag"), names, index=names.index(here), key="review_flag", on_change=picked, args=("flag",), width=230,
            format_func=lambda name: _flag_choice(name, flags),
        )
        langs = ["any", *LANGS]
        st.selectbox(
            t("common.language"), langs, index=langs.index(chosen.lang or "any"), key="review_lang", on_change=picked, args=("lang",),
            width=130, format_func=lambda lang: t("common.all") if lang == "any" else t(f"common.lang_{lang}"),
        )


def _flag_choice(name: str, flags: dict[str, int]) -> str:
    if name in ("any", "none"):
        return t(f"review.flag_{name}")
    return f"{named('review.flag_name', name)} ({flags.get(name, 0)})"


def _search() -> None:
    reviewing.choose("q", st.session_state["review_q"])


def _bulk(page: ReviewPage, chosen: Filter) -> None:
    """The search, how many there are, and what can be done with all of them."""
    asked = st.session_state.get("_review_bulk")
    if asked is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text_input(
                t("common.search"), value=chosen.search or "", key="review_q", on_change=_search, width=280, label_visibility="collapsed",
                placeholder=t("common.search"),
            )
            st.caption(t("review.total", count=page.total))
            for action, icon in (("accept", ":material/done_all:"), ("reject", ":material/delete_sweep:")):
                st.button(
                    t(f"review.bulk_{action}"), key=f"bulk_{action}", icon=icon, on_click=reviewing.ask_bulk, args=(action,),
                    disabled=not page.total, type="tertiary",
                )
            st.button(t("common.undo"), key="undo", icon=":material/undo:", shortcut="z", on_click=reviewing.take_back, type="tertiary")
        return
    op = parts.op_id(asked["key"])
    with st.container(border=True):
        parts.plain(t(f"review.bulk_ask_{asked['action']}", count=len(asked["ids"])))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count_key = f"count:{asked['key']}"
            st.number_input(t("review.bulk_count"), value=None, min_value=0, step=1, key=count_key, width=200)
            reason_key = None
            if asked["action"] == "reject":
                reason_key = f"reason:{asked['key']}"
                st.selectbox(
                    t("common.reason"), review.REASONS, index=None, key=reason_key, width=240, format_func=lambda r: t(f"review.reason.{r}")
                )
            st.button(
                t(f"review.bulk_{asked['action']}"), key="bulk_do", type="primary", on_click=reviewing.do_bulk,
                args=(op, count_key, reason_key),
            )
            st.button(t("common.cancel"), key="bulk_cancel", on_click=reviewing.drop_bulk)


def _list(page: ReviewPage, chosen: Filter, current_id: str | None) -> None:
    with st.container(key="review_list", gap=None):
        for row in page.rows:
            label = parts.escaped(pairs.first_line(review.pair_of(row).instruction, 120))
            icon = ":material/flag:" if row.item.flags else None
            st.button(
                label, key=f"row:{row.item.id}", icon=icon, width="stretch", type="primary" if row.item.id == current_id else "tertiary",
                on_click=reviewing.open_item, args=(row.item.id,),
            )
    pages = -(-page.total // PAGE_SIZE)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            for step, name, off in ((-1, "previous", chosen.page == 0), (1, "next", chosen.page >= pages - 1)):
                st.button(
                    t(f"review.page_{name}"), key=f"page_{name}", on_click=reviewing.go_to_page, args=(chosen.page + step,), disabled=off
                )
            st.caption(t("review.page_of", page=chosen.page + 1, pages=pages))


def _empty(chosen: Filter) -> None:
    if chosen == Filter("open", None, None, None, 0):
        st.success(t("review.all_done"), icon=":material/done_all:")
        parts.page_link("generate")
        parts.page_link("rows")
    else:
        st.info(t("review.none_match"))


def _card(session: Session, view: ReviewView, page: ReviewPage) -> None:
    ids = [row.item.id for row in page.rows]
    at = ids.index(view.item.id) if view.item.id in ids else -1
    following = ids[at + 1] if at + 1 < len(ids) else None
    before = ids[at - 1] if at > 0 else None
    _about(view)
    mode = reviewing.mode(view)
    _actions(view, mode, before, following)
    for each in view.item.flags:
        st.warning(parts.escaped(pairs.flag_text(each)), icon=":material/flag:")
    if mode == "mend":
        _fields(session, view)
    else:
        _reading(view)


def _about(view: ReviewView) -> None:
    item = view.item
    with st.container(horizontal=True, gap="small"):
        st.badge(t(f"review.state.{view.resolved.status}"), color="blue")
        st.badge(t(f"review.origin.{item.origin}"), color="gray")
        if item.lang:
            st.badge(t(f"common.lang_{item.lang}"), color="gray")
        if topic := item.meta.get("topic"):
            st.badge(parts.escaped(named("task", str(topic))), color="gray")
        if item.meta.get("file"):
            st.badge(parts.escaped(f"{item.meta['file']}:{item.meta.get('line') or ''}"), color="gray")
    for word in view.words:
        said = named("review.said", word.action)
        why = f": {named('review.reason', word.reason)}" if word.reason else ""
        st.caption(parts.escaped(f"{word.user} · {said}{why}"))
    if view.resolved.status == "disputed":
        st.caption(t("review.disputed_help"))


def _actions(view: ReviewView, mode: str, before: str | None, following: str | None) -> None:
    item_id = view.item.id
    op = parts.op_id(item_id)
    act = partial(_button, item_id)
    with st.container(horizontal=True, key="actions"):
        if mode == "mend":
            act("save", "Ctrl+Enter", ":material/save:", reviewing.decide, (view, op, "mend", following), primary=True)
            act("cancel", None, ":material/close:", reviewing.stop_mending, (item_id,))
        else:
            act("accept", "a", ":material/check:", reviewing.decide, (view, op, "accept", following), primary=True)
            act("mend", "e", ":material/edit:", reviewing.set_mode, (item_id, "mend"))
            act("reject", "x", ":material/close:", reviewing.set_mode, (item_id, "read" if mode == "reject" else "reject"))
            act("flag", "f", ":material/flag:", reviewing.decide, (view, op, "flag", following))
            act("skip", "s", ":material/skip_next:", reviewing.decide, (view, op, "skip", following))
        act("previous", "k", ":material/chevron_left:", reviewing.open_item, (before,), off=before is None)
        act("next", "j", ":material/chevron_right:", reviewing.open_item, (following,), off=following is None)
    if mode == "reject":
        _reasons(view, op, following)


def _button(
    item_id: str, word: str, shortcut: str | None, icon: str, do: Callable[..., None], args: tuple[object, ...], *,
    primary: bool = False, off: bool = False,
) -> None:
    st.button(
        t(f"review.do.{word}"), key=f"{word}:{item_id}", icon=icon, shortcut=shortcut, type="primary" if primary else "secondary",
        on_click=do, args=args, disabled=off,
    )


def _reasons(view: ReviewView, op: str, following: str | None) -> None:
    with st.container(border=True):
        st.caption(t("review.why_reject"))
        with st.container(horizontal=True):
            for number, reason in enumerate(review.REASONS, start=1):
                st.button(
                    t(f"review.reason.{reason}"), key=f"why:{reason}:{view.item.id}", shortcut=str(number), on_click=reviewing.decide,
                    args=(view, op, "reject", following, reason),
                )
        key = f"why_text:{view.item.id}"
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(t("review.own_reason"), key=key, max_chars=500)
            st.button(
                t("review.reject_with_it"), key=f"why_own:{view.item.id}", on_click=reviewing.decide_with_text,
                args=(view, op, following, key),
            )


def _reading(view: ReviewView) -> None:
    pair = review.pair_of(view)
    st.caption(t("review.field.instruction"))
    with st.container(border=True):
        pairs.show(pair.instruction)
    if pair.input.strip():
        st.caption(t("review.field.input"))
        parts.code(pair.input)
    st.caption(t("review.field.output"))
    with st.container(border=True):
        pairs.show(pair.output)


def _fields(session: Session, view: ReviewView) -> None:
    shown = reviewing.fields(view)
    forget = st.session_state.pop("_review_forget", [])
    for name in FIELDS:
        draft(
            key=reviewing.field_key(view.item.id, name), value=shown[name], storage=reviewing.storage(session, view.item.id, name),
            label=t(f"review.field.{name}"), on_change=reviewing.watched(view.item.id, shown), forget=forget,
            height_px=90 if name == "instruction" else 200, autofocus=name == "output",
        )


main()
