"""The card by which a run is started: dataset, preset or file, model, stages, settings, what it will cost, and the one button."""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from curation.errors import UserError
from training import app_actions, config, dataset_choice, exact_cost, own_configs
from training.board import Line
from training.cost import cost, with_counted
from training.stage import recipes
from ui import parts
from ui.amounts import duration, size
from ui.estimate_view import estimate_view
from ui.model_card import model_card
from ui.session import Session
from ui.settings_form import changes, overrides, settings_form
from ui.text import error_text, lang, named, t

PRESETS_FIRST = ("smollm2-135m", "tiny")
COUNT_S = 2.0  # between two looks at a dry run


@dataclass(frozen=True)
class Choice:
    """What the next press starts. source: a preset's name or a file. put: what goes over it. loaded: None where it is not valid."""

    dataset_dir: Path
    source: str | Path
    put: dict[str, Any]
    loaded: Any | None


def card(session: Session, shown: Callable[[str], None], known: list[Line]) -> None:
    """Draws the card. shown: called with the name of the run that was started. known: the runs there are, which tell what one took."""
    versions = dataset_choice.frozen_versions(session.settings.datasets_dir)
    if not versions:
        st.info(t("train.no_dataset"))
        parts.page_link("freeze")
        return
    with st.container(border=True, key="new_run"):
        left, middle, right = st.columns([4, 4, 2], vertical_alignment="bottom")
        version = left.selectbox(t("train.dataset"), list(versions), key="train_dataset")
        own = own_configs.own_configs(own_configs.folder(session.settings.home))
        names = [*preset_names(), *own]
        name = middle.selectbox(t("train.preset"), names, key="train_preset", help=t("train.preset_help"), format_func=_preset_word)
        source: str | Path = own.get(name, name)
        with right:
            _upload(session)
        base, problem = _loaded(source, {})
        if base is None:
            _problem(problem)
            return
        if note := named("train.preset_about", name):
            st.caption(note if note != name else "", width="stretch")
        model_card(session, base.teacher.path)
        put = _stages(name, base)
        with st.expander(t("train.settings"), icon=":material/tune:", key="train_settings"):
            settings_form(name, base, put.get("stages", base.stages))
        changes(name, base)
        put |= overrides(name)
        loaded, problem = _loaded(source, put)
        _problem(problem)
        choice = Choice(versions[version], source, put, loaded)
        if loaded is not None:
            estimate_view(loaded, choice.dataset_dir)
        with st.container(horizontal=True, vertical_alignment="center", key="train_row"):
            _button(session, choice, shown)
            if loaded is not None:
                _cost(session, choice, known)


def preset_names() -> list[str]:
    """Those that every machine can run come first."""
    known = list(config.presets())
    return [*(name for name in PRESETS_FIRST if name in known), *(name for name in known if name not in PRESETS_FIRST)]


def _preset_word(name: str) -> str:
    return t("train.own_file", name=name) if name.endswith((".yaml", ".yml")) else name


def _loaded(source: str | Path, put: dict[str, Any]) -> tuple[Any | None, UserError | None]:
    """(the configuration, None), or (None, every fault of it)."""
    try:
        return config.load(source, put), None
    except UserError as err:
        return None, err


def _problem(problem: UserError | None) -> None:
    if problem is not None:
        st.error(parts.escaped(error_text(problem)), icon=":material/error:")


def _upload(session: Session) -> None:
    with st.popover(t("train.own_yaml"), icon=":material/upload_file:", width="stretch"):
        st.caption(t("train.own_yaml_help"))
        count = st.session_state.get("_train_uploads", 0)
        file = st.file_uploader(t("train.own_yaml_file"), type=["yaml", "yml"], key=f"train_yaml_{count}", max_upload_size=1)
        if file is not None:
            st.button(t("train.own_yaml_keep", name=parts.escaped(file.name)), key="train_yaml_keep", type="primary",
                      on_click=_pressed_keep, args=(session, file.name, file.getvalue()))


def _pressed_keep(session: Session, name: str, data: bytes) -> None:
    def kept(path: Path) -> None:
        st.session_state["_train_uploads"] = st.session_state.get("_train_uploads", 0) + 1  # an empty chooser next time
        st.session_state["train_preset"] = path.name

    parts.run_guarded(app_actions.keep_config, session.actor, session.settings.home, name, data, after=kept)


def _stages(name: str, base: Any) -> dict[str, Any]:
    """{"stages": ...} where the choice differs from the preset."""
    order = [*config.STAGES, *(stage for stage in recipes() if stage not in config.STAGES and stage != config.FIRST)]
    chosen = st.pills(t("train.stages"), order, selection_mode="multi", default=base.stages, key=f"train_stages_{name}_{lang()}",
                      format_func=stage_name, help=t("train.stages_help"))
    picked = [stage for stage in [*base.stages, *(stage for stage in order if stage not in base.stages)] if stage in (chosen or [])]
    if set(picked) == set(base.stages):
        return {}
    return {"stages": sorted(picked, key=order.index) if set(picked) - set(base.stages) else picked}


def stage_name(stage: str) -> str:
    return named("train.stage_name", stage)


def _cost(session: Session, choice: Choice, known: list[Line]) -> None:
    """What the next press will cost: an estimate, until a dry run in the background has counted it."""
    _, counting = exact_cost.counted(choice.loaded, choice.dataset_dir, session.settings.cache_dir, session.settings.runs_dir)
    st.fragment(_costs, run_every=COUNT_S if counting else None)(session, choice, known, counting)


def _costs(session: Session, choice: Choice, known: list[Line], was_counting: bool) -> None:
    """Stage by stage, and what the last run of the preset took."""
    found, counting = exact_cost.counted(choice.loaded, choice.dataset_dir, session.settings.cache_dir, session.settings.runs_dir)
    if was_counting != counting:
        st.rerun()  # the poll ends with the counting
    try:
        costs = cost(choice.loaded, choice.dataset_dir, os.cpu_count() or 1)
    except UserError as err:
        _problem(err)
        return
    costs = with_counted(costs, found) if found is not None else costs
    said = []
    for of in costs:
        parts_of = [t("train.cost_rows", rows=f"{of.rows:,}"), t("train.cost_steps", steps=f"{of.steps:,}")]
        parts_of += [t("train.cost_about", duration=duration(of.seconds))] if of.seconds is not None else []
        parts_of += [t("train.cost_memory", size=size(of.bytes))] if of.bytes is not None else []
        too_long = "train.cost_left_out" if of.counted else "train.cost_too_long"
        parts_of += [t(too_long, rows=f"{of.too_long:,}")] if of.too_long else []
        parts_of += [t("train.cost_counted")] if of.counted else []
        parts_of += [t("train.cost_refused")] if of.refused else []
        said.append(f"{stage_name(of.stage)}: {' · '.join(parts_of)}")
    preset = getattr(choice.loaded, "preset", None)
    last = next((line.run for line in known if line.run.state == "done" and line.run.preset == preset), None)
    if last is not None:
        said.append(t("train.cost_last", duration=duration(sum(stage.seconds or 0.0 for stage in last.stages))))
    if said:
        with st.container(key="train_cost", gap=None):
            st.caption(parts.escaped(t("train.cost_counting" if counting else "train.cost")), help=t("train.cost_help"))
            for line in said:
                st.caption(parts.escaped(line))


def _button(session: Session, choice: Choice, shown: Callable[[str], None]) -> None:
    op = parts.op_id("train")
    st.button(t("train.start"), type="primary", icon=":material/play_arrow:", key="train_start", disabled=choice.loaded is None,
              on_click=parts.run_guarded, args=(_start, session, choice, op), kwargs={"op": op, "after": shown})


def _start(session: Session, choice: Choice, op: str) -> str:
    """The run's name. The same form pressed twice gives the run that the first press started."""
    started = st.session_state.setdefault("_train_started", {})
    if op not in started:
        started[op] = app_actions.start(session.actor, choice.source, choice.put, session.settings.runs_dir, choice.dataset_dir)
    return started[op]
