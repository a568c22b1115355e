"""What does the knowledge screen remember, and what does each of its buttons do? Callbacks and the form of pages/knowledge.py.

The filter and the row shown are in the URL. A form is one for adding, for replacing a shipped row, or for changing an added one; its values
become the keys of a row, and catalog.check says what is wrong with them.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import streamlit as st

from curation.knowledge import Row
from curation.knowledge.mechanisms import MECHANISMS
from curation.knowledge.subsystems import SUBSYSTEMS
from curation.model import Context, Phase
from curation.sourcing import catalog
from curation.sourcing.catalog import Entry
from ui import parts
from ui.session import Session, current
from ui.text import named, t

CONTEXTS: tuple[str, ...] = get_args(Context)
KINDS = ("function", "macro", "field")
HANDLERS = ("arg", "name", "field", "nothing")
ORIGINS = ("all", "shipped", "added")
FILTERS = ("q", "subsystem", "runs_in", "mechanism", "origin")
_FORM = "_knowledge_form"
_TRIES = "_knowledge_forms_made"


@dataclass(frozen=True)
class Filter:
    """As it stands in the URL. None: any."""

    search: str | None
    subsystem: str | None
    runs_in: str | None
    mechanism: str | None
    added: bool | None

    def query(self) -> dict[str, Any]:
        """Arguments for catalog.entries."""
        return dict(self.__dict__)


def filter_of_url() -> Filter:
    def of(name: str, known: tuple[str, ...]) -> str | None:
        value = st.query_params.get(name)
        return value if value in known else None

    origin = of("origin", ORIGINS)
    return Filter(
        search=st.query_params.get("q") or None,
        subsystem=of("subsystem", SUBSYSTEMS),
        runs_in=of("runs_in", (*CONTEXTS, "unknown")),
        mechanism=of("mechanism", MECHANISMS),
        added=None if origin in (None, "all") else origin == "added",
    )


def choose(name: str) -> None:
    """Takes one part of the filter from its widget into the URL; "any" and an empty text drop it."""
    value = st.session_state.get(f"knowledge_{name}")
    st.query_params.pop(name, None)
    if value not in (None, "", "any", "all"):
        st.query_params[name] = str(value)


def clear_filters() -> None:
    for name in FILTERS:
        st.query_params.pop(name, None)
        st.session_state.pop(f"knowledge_{name}", None)


def open_row(row_id: str | None) -> None:
    """Shows this row; None: no row. A form that is open is left."""
    st.session_state.pop(_FORM, None)
    if row_id is None:
        st.query_params.pop("row", None)
    else:
        st.query_params["row"] = row_id


def picked(key: str, ids: list[str]) -> None:
    """A cell of the table was clicked."""
    cells = st.session_state[key]["selection"]["cells"]
    if cells and cells[0][0] < len(ids):
        open_row(ids[cells[0][0]])


# -- the form ----------------------------------------------------------------------------------------------------------------


def form() -> dict[str, Any] | None:
    """The open form: {"mode": add, edit or override, "row": id or None, "key"}; None: there is none."""
    found: dict[str, Any] | None = st.session_state.get(_FORM)
    return found


def open_form(mode: str, row: Row | None) -> None:
    """Every opening makes new widgets, so that nothing of the form before stands in them."""
    number = st.session_state[_TRIES] = st.session_state.get(_TRIES, 0) + 1
    kept = None if row is None else row.model_dump(mode="json")
    st.session_state[_FORM] = {"mode": mode, "row": None if row is None else row.id, "key": f"row_form_{number}", "start": kept}


def close_form() -> None:
    st.session_state.pop(_FORM, None)


def key(name: str) -> str:
    """The widget of one field of the open form."""
    opened = form()
    return f"{opened['key'] if opened else 'row_form'}:{name}"


def start(opened: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the fields when the form opens."""
    row = opened["start"] or {}
    trigger = row.get("trigger") or {}
    handler = next((how for how in ("arg", "name", "field") if row.get(f"handler_{how}") is not None), None)
    return {
        **row, "trigger_en": trigger.get("en"), "trigger_zh": trigger.get("zh"), "kind": row.get("kind") or "function",
        "handler": handler or ("nothing" if row else "arg"),
    }


def keys_of_form(opened: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the row as the fields say them. Fields of another kind of row or handler are left out; variants stay."""

    def value(name: str) -> Any:
        found = st.session_state.get(key(name))
        return found.strip() if isinstance(found, str) else found

    kind = value("kind") or "function"
    handler = value("handler") if kind != "field" else "nothing"
    lists = ("fields",) if kind == "field" else ("names",)
    keys: dict[str, Any] = {name: value(name) for name in ("id", "subsystem", "platform", "runs_in", "mechanism", "versions", "header",
                                                            "source", "notes", "context_arg", "event_arg", "phases")}
    keys |= {name: _split(value(name)) for name in (*lists, "chain")}
    keys |= {"kind": kind, "may_sleep": {"yes": True, "no": False}.get(str(value("may_sleep")))}
    keys["object_arg"] = _position(value("object_arg"))
    if kind == "field":
        keys["struct"] = value("struct")
    if handler != "nothing":
        keys[f"handler_{handler}"] = value(f"handler_{handler}")
    if value("trigger_en") or value("trigger_zh"):
        keys["trigger"] = {"en": value("trigger_en") or "", "zh": value("trigger_zh") or ""}
    keys["variants"] = (opened["start"] or {}).get("variants")
    return keys


def _split(text: Any) -> list[str]:
    return [part.strip() for part in str(text or "").replace("，", ",").replace("→", ",").split(",") if part.strip()]


def _position(text: Any) -> int | str | None:
    """A number, "result", or what was typed, for the check to refuse."""
    written = str(text or "").strip()
    return int(written) if written.isdecimal() and len(written) < 4 else written or None


def save(op: str) -> None:
    """Adds or changes the row of the open form and shows it."""
    opened = form()
    if opened is None:
        return
    keys = keys_of_form(opened)
    session = current()
    made: list[Row] = []
    write = partial(_write, opened, keys, op, made)
    if parts.run_guarded(write, session, op=op):
        parts.note(t("knowledge.changed_note" if opened["mode"] == "edit" else "knowledge.added_note", id=made[0].id))
        open_row(made[0].id)


def _write(opened: Mapping[str, Any], keys: Mapping[str, Any], op: str, made: list[Row], session: Session) -> None:
    if opened["mode"] == "edit":
        made.append(catalog.change(session.store, session.actor, str(opened["row"]), keys, op))
    else:
        replaced = {"id": opened["row"]} if opened["mode"] == "override" else {}
        made.append(catalog.add(session.store, session.actor, {**keys, **replaced}, op))


def withdraw(row_id: str, op: str) -> None:
    session = current()
    if parts.run_guarded(catalog.withdraw, session.store, session.actor, row_id, op, op=op):
        parts.note(t("knowledge.withdrawn_note", id=row_id))
        open_row(row_id if any(e.row.id == row_id for e in catalog.entries(session.store)) else None)


# -- words -------------------------------------------------------------------------------------------------------------------


def sleeps(row: Row) -> str:
    if not row.takes_handler:
        return ""
    return t("knowledge.unknown") if row.may_sleep is None else t("knowledge.sleeps_yes" if row.may_sleep else "knowledge.sleeps_no")


def runs_in(row: Row) -> str:
    if not row.takes_handler:
        return ""
    return named("task.context", row.runs_in) if row.runs_in else t("knowledge.unknown")


def api(row: Row) -> str:
    """The first name, or struct.field, how many more there are, and the last word of the id where it tells rows of one API apart."""
    names = row.names or [f"{row.struct}.{field}" for field in row.fields]
    shown = names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"
    word = row.id.rpartition(".")[2]
    return f"{shown} · {word}" if row.names and word not in row.names else shown


def origin(entry: Entry) -> str:
    return entry.user if entry.user is not None else t("knowledge.origin_shipped")


def phases_of(row: Row) -> str:
    return " · ".join(named("task.phase", phase) for phase in row.phases)


PHASES: tuple[str, ...] = get_args(Phase)
