"""One run, as the train screen shows it: how far it is, what can be done with it, its stages, curves, log and configuration."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from curation.errors import UserError, remade
from curation.model import Actor
from training import app_actions, config, runs
from training.board import Line
from training.runs import Curve, RunStatus
from training.stage import read_result, recipes, stage_folders
from ui import charts, parts
from ui.amounts import duration, size
from ui.session import Session
from ui.text import error_text, named, t

SILENT_S = 30
ICONS = {
    "starting": ":material/hourglass_top:", "running": ":material/autorenew:", "stopping": ":material/hourglass_bottom:",
    "done": ":material/check_circle:", "stopped": ":material/stop_circle:", "failed": ":material/error:", "died": ":material/bolt:",
    "damaged": ":material/broken_image:", "waiting": ":material/radio_button_unchecked:", "skipped": ":material/skip_next:",
}
COLOURS: dict[str, Any] = {"done": "green", "failed": "red", "died": "red", "damaged": "red", "stopped": "orange", "stopping": "orange"}


def run_view(session: Session, line: Line) -> None:
    run = line.run
    _headline(run)
    if run.state == "damaged":
        return
    _progress(line)
    _buttons(session, run)
    left, right = st.columns([2, 7], gap="medium")
    with left:
        _stages(run)
    with right:
        curves, bundle, log, configuration = st.tabs(
            [t("train.curves"), t("train.results"), t("train.log"), t("train.config")],
            default=t("train.log") if run.state in ("failed", "died") else None, key=f"train_tabs_{run.name}")
        with curves:
            _curves_of(run)
        with bundle:
            _results(run)
        with log:
            parts.code(runs.read_log(run.run_dir) or t("train.log_empty"), language=None)
        with configuration:
            _configuration(run)


def best_word(best: tuple[str, float] | None) -> str:
    return "–" if best is None else t("train.best_figure", figure=named("train.figure", best[0]), value=f"{best[1]:.3f}")


def _configuration(run: RunStatus) -> None:
    """config.yaml as it stands, under what is wrong with it; no run can go on with a wrong one."""
    try:
        text, problem = runs.config_text(run.run_dir)
    except UserError as err:
        st.error(parts.escaped(error_text(err)), icon=":material/error:")
        return
    if problem is not None:
        st.warning(parts.escaped(error_text(problem)), icon=":material/warning:")
    parts.code(text, language="yaml")


def _headline(run: RunStatus) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(key="run_state", width="content"):
            st.badge(t(f"train.state_{run.state}"), icon=ICONS[run.state], color=COLOURS.get(run.state, "primary"))
        st.subheader(parts.escaped(run.name), anchor=False, width="content")
        st.caption(parts.escaped(" · ".join(part for part in (run.dataset, run.preset, _when(run.created_at)) if part)), width="content")
    if run.state == "died":
        st.warning(t("train.died"))
    if run.error:
        st.error(parts.escaped(_failure(run.error)), icon=":material/error:")


def _when(created_at: str) -> str:
    try:
        return datetime.fromisoformat(created_at).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return created_at


def _failure(error: dict[str, Any]) -> str:
    """The error in the session's language where its sentence is known, else as the worker wrote it."""
    known = remade(error) if error.get("code") else None
    return str(error.get("text", "")) if known is None else error_text(known)


def _progress(line: Line) -> None:
    run = line.run
    if run.active and run.stage is not None:
        said = [named("train.stage_name", run.stage)]
        if run.step is not None and run.total:
            said.append(t("train.step_of", step=f"{run.step:,}", total=f"{run.total:,}"))
        if line.left_s is not None:
            said.append(t("train.left_about", duration=duration(line.left_s)))
        if run.loss is not None:
            said.append(t("train.loss_now", value=f"{run.loss:.4f}"))
        share = min(1.0, run.step / run.total) if run.step is not None and run.total else 0.0
        st.progress(share, text=parts.escaped(" · ".join(said)))
    if run.heartbeat_age_s is not None and run.heartbeat_age_s > SILENT_S:
        st.warning(t("train.silent", seconds=int(run.heartbeat_age_s)))


def _buttons(session: Session, run: RunStatus) -> None:
    op = parts.op_id(f"train-{run.name}")

    def press(act: Callable[[Actor, Path], Any]) -> dict[str, Any]:
        return {"on_click": parts.run_guarded, "args": (act, session.actor, run.run_dir), "kwargs": {"op": op}}

    with st.container(horizontal=True, key="run_buttons"):
        if run.active:
            st.button(t("train.stop"), icon=":material/stop:", key="train_stop", help=t("train.stop_help"),
                      disabled=run.state == "stopping", **press(app_actions.stop))
        if run.resumable:
            st.button(t("train.resume"), icon=":material/resume:", key="train_resume", type="primary", help=t("train.resume_help"),
                      **press(app_actions.resume))
        if run.state == "stopping":
            st.button(t("train.kill"), icon=":material/dangerous:", key="train_kill", help=t("train.kill_help"), **press(app_actions.kill))
        if not run.active:
            _continue(session, run)
        if any(stage.name == "evaluate" and stage.state == "done" for stage in run.stages):
            st.link_button(t("train.open_report"), f"/report?run={run.name}", icon=":material/assessment:")
        if "chat" in st.session_state.get(parts.PAGES_KEY, {}) and any(
                stage.name in ("merge", "quantize") and stage.state == "done" for stage in run.stages):
            st.link_button(t("train.open_chat"), f"/chat?run={run.name}", icon=":material/forum:")


def _continue(session: Session, run: RunStatus) -> None:
    """A run that is not active goes on with more stages, or does some again (evaluate, quantize, package ...)."""
    there = [stage.name for stage in run.stages if stage.name != config.FIRST]
    with st.popover(t("train.go_on"), icon=":material/add_task:", key="train_go_on"):
        st.caption(t("train.go_on_help"))
        chosen = st.pills(t("train.go_on_stages"), [stage for stage in config.STAGES if stage in recipes()], selection_mode="multi",
                          key=f"go_on_{run.name}", format_func=lambda stage: named("train.stage_name", stage) + (
                              f" ({t('train.again')})" if stage in there else ""))
        st.button(t("train.go_on_do"), key="train_go_on_do", type="primary", disabled=not chosen, on_click=parts.run_guarded,
                  args=(app_actions.extend, session.actor, run.run_dir, list(chosen or [])),
                  kwargs={"op": parts.op_id(f"go-on-{run.name}")})


def _stages(run: RunStatus) -> None:
    with st.container(key="run_stages", gap=None):
        for stage in run.stages:
            line = f"{ICONS[stage.state]} {parts.escaped(named('train.stage_name', stage.name))}"
            took = duration(stage.seconds) if stage.seconds is not None and stage.state == "done" else None
            st.markdown(f"{line} · {parts.escaped(took or t(f'train.stage_{stage.state}'))}")
            if stage.skipped:
                st.caption(parts.escaped(named("train.skipped", stage.skipped)))


# ---- curves ----


def curves_of(run_dir: Path) -> dict[str, Curve]:
    """The run's curves so far; only the new part of events.jsonl is read at each poll."""
    kept = st.session_state.get("_train_curves")
    if kept is None or kept["run"] != str(run_dir):
        kept = st.session_state["_train_curves"] = {"run": str(run_dir), "offset": 0, "curves": {}}
    events, kept["offset"] = runs.read_events(run_dir, kept["offset"])
    runs.add_to_curves(kept["curves"], events)
    return kept["curves"]


def _curves_of(run: RunStatus) -> None:
    draw_curves({name: curve.points for name, curve in curves_of(run.run_dir).items() if curve.points}, key=f"curves_{run.name}")


def draw_curves(points: dict[str, dict[int, dict[str, float]]], key: str) -> None:
    """Every stage that learned: its losses wide, the other figures small beside them."""
    if not points:
        st.caption(t("train.no_curve"))
    for stage, of in points.items():
        word = named("train.stage_name", stage)
        st.markdown(f"**{parts.escaped(word)}**")
        small = charts.others(of)
        wide, narrow = st.columns([3, 2], gap="medium") if small else (st.container(), None)
        with wide:
            charts.losses(of, f"{key}_{stage}_losses", word)
        if narrow is not None:
            with narrow:
                for name in small[:2]:
                    charts.small(of, name, f"{key}_{stage}_{name}", word)
        rest = small[2:]
        if rest:
            with st.expander(t("train.more_figures", count=len(rest))):
                for start in range(0, len(rest), 3):
                    for column, name in zip(st.columns(3), rest[start : start + 3], strict=False):
                        with column:
                            charts.small(of, name, f"{key}_{stage}_{name}", word)


# ---- what came out ----


def _results(run: RunStatus) -> None:
    done = {stage.name for stage in run.stages if stage.state == "done"}
    folders = stage_folders(run.run_dir, [stage.name for stage in run.stages])
    bundle = read_result(folders["package"]) if "package" in done else None
    if bundle is None:
        st.caption(t("train.no_bundle_yet"))
        return
    if bundle.get("folder") is None:
        st.warning(t("report.refused_bundle"), icon=":material/block:")
        return
    st.caption(t("train.bundle"))
    parts.code(str(run.run_dir / bundle["folder"]), language=None)
    st.dataframe([{t("report.file"): file["name"], t("report.size"): size(file["bytes"]), "SHA-256": file["sha256"]}
                  for file in bundle["files"]], hide_index=True)

