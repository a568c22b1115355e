"""Knowledge: what is known of callback and asynchronous APIs; everybody browses, reviewers add rows of their own."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from curation.errors import NotFound
from curation.knowledge import Row, Variant
from curation.knowledge.example import call_of
from curation.knowledge.mechanisms import MECHANISMS
from curation.knowledge.subsystems import SUBSYSTEMS
from curation.sourcing import catalog
from curation.sourcing.catalog import Entry, RowView
from ui import cataloguing, parts
from ui.cataloguing import CONTEXTS, HANDLERS, KINDS, ORIGINS, PHASES, Filter
from ui.session import Session, current
from ui.text import named, t

TABLE_HEIGHT = 510  # px
SHOWN_AS_TEXT = ("versions", "header", "source", "notes")


def main() -> None:
    session = current()
    parts.heading("knowledge.title")
    chosen = cataloguing.filter_of_url()
    everything = catalog.entries(session.store)
    _filters(chosen, everything)
    if broken := catalog.unusable(session.store):
        st.warning(parts.escaped(t("knowledge.unusable", ids=", ".join(c.row_id for c in broken))), icon=":material/warning:")
    found = catalog.entries(session.store, **chosen.query())
    left, right = st.columns([0.52, 0.48], gap="medium")
    with left:
        _table(session, found, len(everything), chosen)
    with right, st.container(key="knowledge_side"):
        opened = cataloguing.form()
        if opened is not None and session.may("reviewer", "lead"):
            _form(opened)
        elif row_id := st.query_params.get("row"):
            _shown(session, row_id)
        else:
            st.info(t("knowledge.choose"))


def _filters(chosen: Filter, everything: list[Entry]) -> None:
    counts = Counter(str(entry.row.subsystem) for entry in everything)
    subsystems = ["any", *(s for s in SUBSYSTEMS if s in counts)]
    used = {str(entry.row.mechanism) for entry in everything}
    choices: list[tuple[str, list[str], str | None, int]] = [
        ("subsystem", subsystems, chosen.subsystem, 196),
        ("runs_in", ["any", *CONTEXTS, "unknown"], chosen.runs_in, 156),
        ("mechanism", ["any", *(m for m in MECHANISMS if m in used)], chosen.mechanism, 164),
        ("origin", list(ORIGINS), {None: None, True: "added", False: "shipped"}[chosen.added], 128),
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            t("knowledge.search"), value=chosen.search or "", key="knowledge_q", on_change=cataloguing.choose, args=("q",), width=190,
            placeholder=t("knowledge.search_hint"),
        )
        for name, values, here, width in choices:
            words = {value: _choice(counts, name, value) for value in values}
            st.selectbox(
                t(f"knowledge.key.{name}"), values, index=values.index(here) if here in values else 0, key=f"knowledge_{name}", width=width,
                on_change=cataloguing.choose, args=(name,), format_func=words.__getitem__,
            )


def _choice(counts: Counter[str], name: str, value: str) -> str:
    if value == "any" or name == "origin" or (name, value) == ("runs_in", "unknown"):
        return t(f"knowledge.{name}_{value}")
    if name == "subsystem":
        return t("knowledge.subsystem_count", name=named("knowledge.subsystem", value), count=counts[value])
    return named("task.context" if name == "runs_in" else "task.mechanism", value)


def _table(session: Session, found: list[Entry], total: int, chosen: Filter) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(t("knowledge.count", count=len(found), total=total))
        if chosen != Filter(None, None, None, None, None):
            st.button(t("knowledge.clear"), key="knowledge_clear", type="tertiary", on_click=cataloguing.clear_filters)
        if session.may("reviewer", "lead"):
            st.button(
                t("knowledge.add"), key="knowledge_add", icon=":material/add:", on_click=cataloguing.open_form, args=("add", None)
            )
    if not found:
        st.info(t("knowledge.none_match"))
        return
    rows = [entry.row for entry in found]
    key = f"knowledge_table:{hash((chosen, len(found)))}"  # a choice is a position: it must not outlive the list it was made in
    st.dataframe(
        {
            t("knowledge.api"): [cataloguing.api(row) for row in rows],
            t("knowledge.key.runs_in"): [cataloguing.runs_in(row) or cataloguing.phases_of(row) for row in rows],
            t("knowledge.sleeps"): [cataloguing.sleeps(row) for row in rows],
            t("knowledge.key.mechanism"): [named("task.mechanism", row.mechanism) for row in rows],
            t("knowledge.key.subsystem"): [named("knowledge.subsystem", row.subsystem) for row in rows],
            t("knowledge.key.origin"): [cataloguing.origin(entry) for entry in found],
        },
        hide_index=True, height=min(TABLE_HEIGHT, 38 + 35 * len(found)), key=key, selection_mode="single-cell", row_height=35,
        on_select=lambda: cataloguing.picked(key, [row.id for row in rows]),
    )


# -- one row -----------------------------------------------------------------------------------------------------------------


def _shown(session: Session, row_id: str) -> None:
    try:
        view = catalog.view(session.store, session.actor, row_id)
    except NotFound as err:
        parts.show_error(err)
        return
    row = view.entry.row
    _about(view.entry)
    parts.code(call_of(row) + ";")
    if not row.takes_handler:
        st.caption(t("knowledge.only_trigger"))
    _keys(row)
    _buttons(session, view)
    if view.entry.shipped is not None:
        with st.expander(t("knowledge.replaces")):
            _keys(view.entry.shipped)
    _uses(view)
    if view.siblings:
        st.caption(t("knowledge.siblings"))
        for other in view.siblings:
            label = parts.code_span(f"{other.id}: {cataloguing.runs_in(other) or cataloguing.phases_of(other)}")
            st.button(label, key=f"sibling:{other.id}", type="tertiary", on_click=cataloguing.open_row, args=(other.id,))
    if view.history:
        with st.expander(t("knowledge.history")):
            for one in view.history:
                said = "knowledge.withdrawn_entry" if one.row is None else "knowledge.changed"
                parts.plain(t(said, user=one.user, date=one.created_at[:16].replace("T", " ")))


def _about(entry: Entry) -> None:
    with st.container(horizontal=True, gap="small"):
        st.badge(parts.escaped(named("knowledge.subsystem", entry.row.subsystem)), color="blue")
        st.badge(t(f"knowledge.kind.{entry.row.kind}"), color="gray")
        if entry.user is None:
            st.badge(t("knowledge.origin_shipped"), color="gray")
        else:
            st.badge(parts.escaped(t("knowledge.added_by", user=entry.user, date=(entry.added_at or "")[:10])), color="violet")


def _keys(row: Row) -> None:
    for name, value in _said(row):
        with st.container(horizontal=True, gap="small"):
            with st.container(width=132):
                st.caption(t(f"knowledge.key.{name}"))
            with st.container(width="stretch"):
                parts.plain(value)


def _said(row: Row) -> list[tuple[str, str]]:
    """(key, value in words) of every key that the row states; with a handler also that its context or sleeping is unknown."""
    said = [("id", row.id)]
    said += [("names", ", ".join(row.names))] if row.names else [("struct", row.struct or ""), ("fields", ", ".join(row.fields))]
    if row.handler_name is not None:
        said.append(("handler_arg", t("knowledge.pasted", pattern=row.handler_name)))
    if row.handler_field is not None:
        said.append(("handler_arg", t("knowledge.in_object", field=row.handler_field)))
    for name in ("handler_arg", "context_arg", "object_arg", "event_arg"):
        if (position := getattr(row, name)) is not None:
            said.append((name, t("knowledge.result") if position == "result" else t("knowledge.argument", number=position)))
    if row.takes_handler:
        said += [("runs_in", cataloguing.runs_in(row)), ("may_sleep", cataloguing.sleeps(row))]
    if row.trigger is not None:
        said += [("trigger_en", row.trigger.en), ("trigger_zh", row.trigger.zh)]
    if row.chain:
        said.append(("chain", " → ".join(row.chain)))
    if row.mechanism is not None:
        said.append(("mechanism", named("task.mechanism", row.mechanism)))
    if row.phases:
        said.append(("phases", cataloguing.phases_of(row)))
    said += [("variants", _variant(variant)) for variant in row.variants]
    return said + [(name, str(getattr(row, name))) for name in SHOWN_AS_TEXT if getattr(row, name)] + [("platform", row.platform)]


def _variant(variant: Variant) -> str:
    changed = []
    if variant.runs_in is not None:
        changed.append(f"{t('knowledge.key.runs_in')} = {named('task.context', variant.runs_in)}")
    if variant.may_sleep is not None:
        changed.append(f"{t('knowledge.key.may_sleep')} = {t('knowledge.sleeps_yes' if variant.may_sleep else 'knowledge.sleeps_no')}")
    if variant.mechanism is not None:
        changed.append(f"{t('knowledge.key.mechanism')} = {named('task.mechanism', variant.mechanism)}")
    if variant.chain is not None:
        changed.append(f"{t('knowledge.key.chain')} = {' → '.join(variant.chain)}")
    keys = "; ".join(changed)
    if variant.file_matches is not None:
        return t("knowledge.variant_file", keys=keys, matches=variant.file_matches)
    if variant.api is not None:
        return t("knowledge.variant_of", keys=keys, arg=variant.arg, matches=variant.matches, api=variant.api)
    return t("knowledge.variant", keys=keys, arg=variant.arg, matches=variant.matches)


def _buttons(session: Session, view: RowView) -> None:
    if not session.may("reviewer", "lead"):
        return
    row = view.entry.row
    with st.container(horizontal=True):
        if view.entry.user is None:
            st.button(
                t("knowledge.override"), key=f"override:{row.id}", icon=":material/edit:", on_click=cataloguing.open_form,
                args=("override", row),
            )
        elif view.may_change:
            st.button(
                t("knowledge.edit"), key=f"edit:{row.id}", icon=":material/edit:", on_click=cataloguing.open_form, args=("edit", row)
            )
            with st.popover(t("knowledge.withdraw"), icon=":material/undo:"):
                parts.plain(t("knowledge.withdraw_ask"))
                op = parts.op_id(f"withdraw:{row.id}")
                st.button(t("knowledge.withdraw"), key=f"withdraw:{row.id}", on_click=cataloguing.withdraw, args=(row.id, op))


def _uses(view: RowView) -> None:
    if not view.entry.row.takes_handler:
        return
    st.caption(t("knowledge.use"))
    if not view.counts:
        parts.plain(t("knowledge.use_none"))
        return
    parts.plain(" · ".join(t("knowledge.use_count", count=count, source=source) for source, count in view.counts.items()))
    for use in view.places:
        label = parts.code_span(f"{use.file}:{use.line}")
        if st.button(label, key=f"use:{use.item_id}", type="tertiary", help=t("knowledge.use_open")):
            parts.go_to("label", task=use.task, source=use.source, item=use.item_id)


# -- the form ----------------------------------------------------------------------------------------------------------------


def _form(opened: dict[str, Any]) -> None:
    begin, key = cataloguing.start(opened), cataloguing.key
    st.subheader(t(f"knowledge.form_{opened['mode']}", **({"id": opened["row"]} if opened["row"] else {})), anchor=False)
    st.caption(t("knowledge.form_help"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            t("knowledge.key.kind"), KINDS, default=begin["kind"], key=key("kind"), required=True,
            format_func=lambda value: t(f"knowledge.kind.{value}"),
        )
        handler = "nothing"
        if kind != "field":
            handler = st.selectbox(
                t("knowledge.handler_by"), HANDLERS, index=HANDLERS.index(begin["handler"]), key=key("handler"), width=230,
                format_func={how: t(f"knowledge.handler_by_{how}") for how in HANDLERS}.__getitem__,
            )
    _where_it_is(begin, str(kind), str(handler))
    _what_happens(begin)
    _where_to_read(begin, opened)
    op = parts.op_id(opened["key"])
    with st.container(horizontal=True):
        st.button(t("knowledge.save"), key="knowledge_save", type="primary", shortcut="Ctrl+Enter", on_click=cataloguing.save, args=(op,))
        st.button(t("common.cancel"), key="knowledge_cancel", on_click=cataloguing.close_form)


def _words(prefix: str, values: Sequence[str]) -> Callable[[str], str]:
    return {value: named(prefix, value) for value in values}.__getitem__


def _text(name: str, begin: dict[str, Any], hint: str | None = None) -> None:
    value = begin.get(name)
    st.text_input(
        t(f"knowledge.key.{name}"), value=", ".join(value) if isinstance(value, list) else "" if value is None else str(value),
        key=cataloguing.key(name), help=t(f"knowledge.hint.{hint}") if hint else None,
    )


def _number(name: str, begin: dict[str, Any]) -> None:
    st.number_input(
        t(f"knowledge.key.{name}"), value=begin.get(name), min_value=0, max_value=99, step=1, key=cataloguing.key(name),
        help=t("knowledge.hint.argument"),
    )


def _where_it_is(begin: dict[str, Any], kind: str, handler: str) -> None:
    if kind == "field":
        for column, name in zip(st.columns([0.4, 0.6]), ("struct", "fields"), strict=True):
            with column:
                _text(name, begin, name)
        return
    _text("names", begin, "names")
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        if handler == "arg":
            _number("handler_arg", begin)
        elif handler != "nothing":
            _text(f"handler_{handler}", begin, f"handler_{handler}")
    with columns[1]:
        _number("context_arg", begin)
    with columns[2]:
        _text("object_arg", begin, "object_arg")
    with columns[3]:
        _number("event_arg", begin)


def _what_happens(begin: dict[str, Any]) -> None:
    left, right = st.columns(2)
    with left:
        contexts = list(CONTEXTS)
        st.selectbox(
            t("knowledge.key.runs_in"), contexts, index=contexts.index(begin["runs_in"]) if begin.get("runs_in") else None,
            key=cataloguing.key("runs_in"), format_func=_words("task.context", contexts), placeholder=t("common.unknown"),
        )
        _text("trigger_en", begin, "trigger")
    with right:
        sleeps = {True: "yes", False: "no", None: "unknown"}[begin.get("may_sleep")]
        st.segmented_control(
            t("knowledge.key.may_sleep"), ("yes", "no", "unknown"), default=sleeps, key=cataloguing.key("may_sleep"), required=True,
            format_func=lambda value: t("common.unknown" if value == "unknown" else f"knowledge.sleeps_{value}"),
        )
        _text("trigger_zh", begin, "trigger")
    _text("chain", begin, "chain")
    left, right = st.columns(2)
    with left:
        mechanisms = list(MECHANISMS)
        st.selectbox(
            t("knowledge.key.mechanism"), mechanisms, index=mechanisms.index(begin["mechanism"]) if begin.get("mechanism") else None,
            key=cataloguing.key("mechanism"), format_func=_words("task.mechanism", mechanisms), placeholder=t("common.none"),
        )
    with right:
        st.multiselect(
            t("knowledge.key.phases"), PHASES, default=begin.get("phases") or [], key=cataloguing.key("phases"),
            placeholder=t("common.none"), format_func=_words("task.phase", PHASES),
        )


def _where_to_read(begin: dict[str, Any], opened: dict[str, Any]) -> None:
    subsystems = list(SUBSYSTEMS)
    left, right = st.columns(2)
    with left:
        _text("source", begin, "source")
        _text("header", begin)
        st.selectbox(
            t("knowledge.key.subsystem"), subsystems, index=subsystems.index(begin["subsystem"]) if begin.get("subsystem") else None,
            key=cataloguing.key("subsystem"), format_func=_words("knowledge.subsystem", subsystems), placeholder="",
        )
    with right:
        _text("versions", begin, "versions")
        _text("notes", begin)
        _text("platform", {**begin, "platform": begin.get("platform") or "linux"}, "platform")
    if opened["mode"] == "add":
        _text("id", begin, "id")
    if begin.get("variants"):
        st.caption(t("knowledge.variants_kept"))


main()
