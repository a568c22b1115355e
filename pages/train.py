"""Train: choose a frozen version and a preset, press one button, watch the runs. The work is done by a worker process of its own; this page
only writes the run's directory at the start and reads it afterwards, so it may be closed, killed and opened again at any time."""
from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from training import board
from training.board import Line
from ui import charts, new_run, parts
from ui.amounts import duration
from ui.run_view import best_word, run_view
from ui.session import Session, current
from ui.text import named, t

POLL_S = 2.0
CHOSEN = "run"  # the query parameter that names the run shown
TABLE_ROWS = 8  # shown at once; further ones are scrolled to
ROW_PX = 35


def main() -> None:
    session = current()
    parts.heading("train.title")
    if not session.may("lead"):
        st.info(t("train.leads_only"))
        return
    found = board.board(session.settings.runs_dir, time.time())
    new_run.card(session, choose, found)
    if not found:
        st.caption(t("train.no_run"))
        return
    active = any(line.run.active for line in found)
    st.fragment(_runs, run_every=POLL_S if active else None)(session, active)


def choose(name: str) -> None:
    """Shows this run."""
    st.query_params[CHOSEN] = name


def _runs(session: Session, was_active: bool) -> None:
    """The table and the run chosen in it, drawn anew while a run is active."""
    found = board.board(session.settings.runs_dir, time.time())
    if was_active != any(line.run.active for line in found):
        st.rerun()  # the poll starts or ends with the runs
    wanted = st.query_params.get(CHOSEN)
    shown = next((line for line in found if line.run.name == wanted), found[0])
    st.query_params[CHOSEN] = shown.run.name
    st.subheader(t("train.runs"), anchor=False)
    _table(found, shown)
    run_view(session, shown)


def _table(found: list[Line], shown: Line) -> None:
    names = [line.run.name for line in found]
    key = f"train_runs_{len(names)}"  # a choice is a position: it must not outlive the list it was made in
    rows = pd.DataFrame([_row(line) for line in found])
    at = names.index(shown.run.name)
    marked = rows.style.apply(lambda row: ["background-color: rgba(63, 176, 191, .2)" if row.name == at else ""] * len(row), axis=1)
    states = [line.run.state for line in found]
    marked = marked.apply(lambda column: [f"color: {charts.state_colour(state)}; font-weight: 600" for state in states],
                          subset=[t("train.state")])
    st.dataframe(
        marked, hide_index=True, key=key, selection_mode="single-cell", row_height=ROW_PX, on_select=lambda: _picked(key, names),
        height=38 + ROW_PX * min(TABLE_ROWS, len(names)), alt=t("train.runs"),
        column_config={t("train.created"): st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
                       t("train.run"): st.column_config.TextColumn(width=225)},
    )


def _picked(key: str, names: list[str]) -> None:
    cells = st.session_state[key]["selection"]["cells"]
    if cells and cells[0][0] < len(names):
        choose(names[cells[0][0]])


def _row(line: Line) -> dict[str, Any]:
    run = line.run
    stage = named("train.stage_name", run.stage) if run.stage and run.state != "done" else ""
    if stage and run.active and run.step is not None and run.total:
        stage = f"{stage} · {run.step:,}/{run.total:,}"
    return {
        t("train.state"): t(f"train.state_{run.state}"), t("train.run"): run.name, t("train.stage"): stage or "–",
        t("train.left"): "–" if line.left_s is None else duration(line.left_s), t("train.best"): best_word(line.best),
        t("train.dataset_short"): run.dataset or "–", t("train.preset"): run.preset or "–", t("train.created"): _time(run.created_at),
    }


def _time(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        return None


main()
