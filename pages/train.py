"""Train: choose a frozen version and a preset, press one button, watch the run. The work is done by a worker process of its own; this page
only writes the run's directory at the start and reads it afterwards, so it may be closed, killed and opened again at any time."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from curation.access import require
from curation.errors import remade
from training import config, runs
from training.runs import Curve, RunStatus
from training.stage import read_result
from ui import parts
from ui.session import Session, current
from ui.text import error_text, lang, named, t

POLL_S = 2.0
CHOSEN = "run"  # the query parameter that names the run shown
ICONS = {
    "waiting": ":material/radio_button_unchecked:", "running": ":material/autorenew:", "done": ":material/check_circle:",
    "skipped": ":material/skip_next:", "stopped": ":material/stop_circle:", "failed": ":material/error:",
}


def main() -> None:
    session = current()
    parts.heading("train.title")
    if not session.may("lead"):
        st.info(t("train.leads_only"))
        return
    _new_run(session)
    found = runs.list_runs(session.settings.runs_dir)
    if not found:
        st.caption(t("train.no_run"))
        return
    names = [run.name for run in found]
    wanted = st.query_params.get(CHOSEN)
    by_name = {run.name: run for run in found}
    shown = st.selectbox(t("train.run"), names, index=names.index(wanted) if wanted in names else 0, key="train_run")
    st.query_params[CHOSEN] = shown
    active = by_name[shown].active
    st.fragment(_run_panel, run_every=POLL_S if active else None)(session, by_name[shown].run_dir, active)


# ---- a new run ----


def _new_run(session: Session) -> None:
    versions = _frozen_versions(session.settings.datasets_dir)
    if not versions:
        st.info(t("train.no_dataset"))
        parts.page_link("freeze")
        return
    with st.container(border=True):
        left, right = st.columns(2)
        version = left.selectbox(t("train.dataset"), list(versions), key="train_dataset")
        preset = right.selectbox(t("train.preset"), _preset_names(), key="train_preset", help=t("train.preset_help"))
        overrides = _overrides(preset)
        op = parts.op_id("train")
        st.button(
            t("train.start"), type="primary", icon=":material/play_arrow:", key="train_start",
            on_click=_pressed, args=(op, _show, _start, session, preset, overrides, versions[version], op),
        )


def _frozen_versions(datasets_dir: Path) -> dict[str, Path]:
    """NAME/vNNNN -> its folder, the newest first."""
    found = sorted(datasets_dir.glob("*/v[0-9][0-9][0-9][0-9]/manifest.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    return {f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in found}


def _preset_names() -> list[str]:
    return sorted(config.presets(), key=lambda name: (name != "tiny", name))


def _overrides(preset: str) -> dict[str, Any]:
    """What the form puts over the preset: dotted key -> value; only what was filled in."""
    with st.expander(t("train.settings")):
        base = config.load(preset)
        sft = config.settings_of(base, "sft")
        first, second, third = st.columns(3)
        given: dict[str, Any] = {
            "sft.max_steps": first.number_input(
                t("train.max_steps"), min_value=1, value=None, step=1, key=f"train_steps_{preset}", placeholder=_shown(sft.max_steps)),
            "sft.epochs": second.number_input(
                t("train.epochs"), min_value=0.1, value=None, step=0.5, key=f"train_epochs_{preset}", placeholder=_shown(sft.epochs)),
            "sft.learning_rate": third.number_input(
                t("train.learning_rate"), min_value=0.0, value=None, step=0.00001, format="%.6f", key=f"train_rate_{preset}",
                placeholder=_shown(sft.learning_rate)),
            "sft.adapter.rank": first.number_input(
                t("train.rank"), min_value=1, value=None, step=1, key=f"train_rank_{preset}", placeholder=_shown(sft.adapter.rank)),
            "sft.max_length": second.number_input(
                t("train.max_length"), min_value=16, value=None, step=64, key=f"train_length_{preset}", placeholder=_shown(sft.max_length)),
            "seed": third.number_input(
                t("train.seed"), min_value=0, value=None, step=1, key=f"train_seed_{preset}", placeholder=_shown(base.seed)),
        }
        for role, choice in (("teacher", base.teacher), ("student", base.student)):
            if choice is not None and choice.path is not None:
                given[f"{role}.path"] = st.text_input(
                    t(f"train.{role}"), key=f"train_{role}_{preset}", placeholder=choice.path, help=t("train.model_help")) or None
        stages = st.multiselect(
            t("train.stages"), base.stages, default=base.stages, key=f"train_stages_{preset}_{lang()}",
            format_func=_stage_name)
        given["stages"] = [stage for stage in base.stages if stage in stages] if stages != base.stages else None
    return {key: value for key, value in given.items() if value is not None}


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def _start(session: Session, preset: str, overrides: dict[str, Any], dataset_dir: Path, op: str) -> str:
    """The run's name. The same form pressed twice gives the run that the first press started."""
    require(session.actor, "lead", action="train a model")
    started = st.session_state.setdefault("_train_started", {})
    if op not in started:
        loaded = config.load(preset, overrides)
        started[op] = runs.start(loaded, session.settings.runs_dir, dataset_dir=dataset_dir).name
    return started[op]


def _pressed(op: str, after: Callable[[Any], None] | None, act: Callable[..., Any], *args: Any) -> None:
    parts.run_guarded(act, *args, op=op, after=after)


def _show(name: str) -> None:
    st.query_params[CHOSEN] = name
    st.session_state.pop("train_run", None)


# ---- the run ----


def _run_panel(session: Session, run_dir: Path, was_active: bool) -> None:
    run = runs.poll(run_dir)
    if was_active != run.active:
        st.rerun()  # the poll starts or ends with the run
    _headline(run)
    _buttons(session, run)
    left, right = st.columns([2, 5])
    with left:
        _stages(run)
    with right:
        _curve(run)
    _results(run)
    with st.expander(t("train.log"), expanded=run.state in ("failed", "died")):
        parts.code(runs.read_log(run_dir) or t("train.log_empty"), language=None)
    with st.expander(t("train.config")):
        parts.code((run_dir / "config.yaml").read_text(encoding="utf-8"), language="yaml")


def _headline(run: RunStatus) -> None:
    state, stage, step, loss = st.columns(4)
    state.metric(t("train.state"), t(f"train.state_{run.state}"))
    in_stage = run.stage is not None and run.state != "done"
    stage.metric(t("train.stage"), _stage_name(run.stage) if run.stage and in_stage else "–")
    step.metric(t("train.step"), f"{run.step} / {run.total}" if in_stage and run.step is not None else "–")
    loss.metric(t("train.loss"), f"{run.loss:.4f}" if run.loss is not None else "–")
    if run.active and run.step is not None and run.total:
        st.progress(min(1.0, run.step / run.total))
    if run.heartbeat_age_s is not None and run.heartbeat_age_s > 30:
        st.warning(t("train.silent", seconds=int(run.heartbeat_age_s)))
    if run.state == "died":
        st.warning(t("train.died"))
    if run.error:
        st.error(parts.escaped(_failure(run.error)), icon=":material/error:")


def _failure(error: dict[str, Any]) -> str:
    """The error in the session's language where its sentence is known, else as the worker wrote it."""
    known = remade(error) if error.get("code") else None
    return error["text"] if known is None else error_text(known)


def _buttons(session: Session, run: RunStatus) -> None:
    stop, resume, kill, _ = st.columns([1, 1, 1, 3])
    op = parts.op_id(f"train-{run.name}")
    stop.button(
        t("train.stop"), icon=":material/stop:", key="train_stop", help=t("train.stop_help"),
        disabled=run.state not in ("starting", "running"), on_click=_pressed, args=(op, None, _act, session, runs.stop, run.run_dir))
    resume.button(
        t("train.resume"), icon=":material/resume:", key="train_resume", disabled=not run.resumable, help=t("train.resume_help"),
        on_click=_pressed, args=(op, None, _act, session, runs.resume, run.run_dir))
    if run.state == "stopping":
        kill.button(
            t("train.kill"), icon=":material/dangerous:", key="train_kill", help=t("train.kill_help"),
            on_click=_pressed, args=(op, None, _act, session, runs.kill, run.run_dir))


def _act(session: Session, act: Any, run_dir: Path) -> None:
    require(session.actor, "lead", action="stop or resume a run")
    act(run_dir)


def _stage_name(stage: str) -> str:
    return named("train.stage_name", stage)


def _stages(run: RunStatus) -> None:
    for stage in run.stages:
        line = f"{ICONS[stage.state]} {parts.escaped(_stage_name(stage.name))} · {t(f'train.stage_{stage.state}')}"
        if stage.seconds is not None and stage.state == "done":
            line += f" · {t('train.seconds', seconds=stage.seconds)}"
        st.markdown(line)
        if stage.skipped:
            st.caption(parts.escaped(named("train.skipped", stage.skipped)))


def _curve(run: RunStatus) -> None:
    curves = {name: curve for name, curve in _curves(run).items() if curve.points}
    if not curves:
        st.caption(t("train.no_curve"))
        return
    names = list(curves)
    stage = st.segmented_control(
        t("train.curve_of"), names, default=run.stage if run.stage in names else names[-1], key=f"train_curve_{run.name}_{len(names)}",
        format_func=_stage_name, required=True,
    )
    kind = t("train.kind")
    words = {"loss": t("train.loss"), "validation_loss": t("train.validation_loss")}
    points = [  # a row a point: a column a loss would leave gaps that break the line of the rarer one
        {"step": step, "loss": value, kind: words[name]}
        for step, losses in sorted(curves[stage or names[-1]].points.items()) for name, value in losses.items()
    ]
    st.line_chart(pd.DataFrame(points), x="step", y="loss", color=kind, x_label=t("train.step"), y_label=t("train.loss"), height=320)


def _curves(run: RunStatus) -> dict[str, Curve]:
    """The run's curves so far; only the new part of events.jsonl is read at each poll."""
    kept = st.session_state.get("_train_curves")
    if kept is None or kept["run"] != str(run.run_dir):
        kept = st.session_state["_train_curves"] = {"run": str(run.run_dir), "offset": 0, "curves": {}}
    events, kept["offset"] = runs.read_events(run.run_dir, kept["offset"])
    runs.add_to_curves(kept["curves"], events)
    return kept["curves"]


def _results(run: RunStatus) -> None:
    done = {stage.name for stage in run.stages if stage.state == "done"}
    if "evaluate" in done:
        st.link_button(t("train.open_report"), f"/report?run={run.name}", icon=":material/assessment:")
    bundle = read_result(runs.stage_folders(run.run_dir, [stage.name for stage in run.stages])["package"]) if "package" in done else None
    if bundle is not None:
        st.caption(t("train.bundle"))
        files = [f"{file['bytes']:>14,}  {file['name']}" for file in bundle["files"]]
        parts.code("\n".join([str(run.run_dir / bundle["folder"]), *files]), language=None)


main()
