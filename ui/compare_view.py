"""Several runs on one page: their figures, the settings that differ, their curves."""
from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from curation.errors import UserError
from training import report, runs
from training.run_settings import differing, settings_in
from training.runs import Curve, RunStatus
from ui import charts, parts
from ui.amounts import figure_word
from ui.text import named, t

MOST = 6  # runs beside each other; as many colours can be told apart
FIGURES = ("loss", "validation_loss", "learning_rate")


def compare_view(known: list[RunStatus], first: str | None) -> None:
    by_name = {run.name: run for run in known}
    names = list(by_name)
    start = [*([first] if first in by_name else []), *(name for name in names if name != first)][:2]
    chosen = st.multiselect(t("report.compared"), names, default=start, max_selections=MOST, key="report_compared")
    if len(chosen) < 2:
        st.info(t("report.choose_two"))
        return
    found = [by_name[name] for name in chosen]
    _figures(found)
    _settings(found)
    _curves(found)


def _figures(found: list[RunStatus]) -> None:
    st.subheader(t("report.tab_models"), anchor=False)
    rows = []
    for run in found:
        evaluation = _evaluation(run)
        overall: dict[str, Any] = (evaluation or {}).get("overall", {})
        tuned, judged = overall.get("tuned", {}), (evaluation or {}).get("verdict")
        rows.append({
            t("report.run"): run.name, t("train.state"): t(f"train.state_{run.state}"), t("train.dataset_short"): run.dataset,
            t("report.verdict"): "–" if judged is None else t("report.ship" if judged["ship"] else "report.ship_not"),
            t("report.before"): figure_word((overall.get("base") or {}).get("score")), t("report.after"): figure_word(tuned.get("score")),
            t("report.gain_axis"): figure_word(((evaluation or {}).get("change") or {}).get("score")),
            t("report.figures.parse_rate"): figure_word(tuned.get("parse_rate")),
            t("report.figures.stop_rate"): figure_word(tuned.get("stop_rate")),
            **{named("task", task): figure_word(about["figures"]["tuned"]["score"])
               for task, about in (evaluation or {}).get("tasks", {}).items()},
        })
    beside = pd.DataFrame(rows).set_index(t("report.run")).T.fillna("–").astype(str)
    st.dataframe(beside, key="report_compare_figures", height=38 + 35 * len(beside), alt=t("report.tab_models"))
    if len({run.dataset for run in found}) > 1:
        st.warning(t("report.other_data"), icon=":material/warning:")


def _evaluation(run: RunStatus) -> dict[str, Any] | None:
    """None while it has none that can be read; the run's own page says why."""
    try:
        return report.read(run.run_dir)["evaluation"]
    except UserError:
        return None


def _settings(found: list[RunStatus]) -> None:
    st.subheader(t("report.settings_differ"), anchor=False)
    unlike = differing({run.name: settings_in(run.run_dir) for run in found})
    if not unlike:
        st.caption(t("report.settings_same"))
        return
    rows = [{t("report.setting"): key, **{run: "–" if value is None else str(value) for run, value in row.items()}}
            for key, row in unlike.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="report_compare_settings", alt=t("report.settings_differ"))


def _curves(found: list[RunStatus]) -> None:
    st.subheader(t("train.curves"), anchor=False)
    curves: dict[str, dict[str, Curve]] = {}
    for run in found:
        curves[run.name] = {}
        runs.add_to_curves(curves[run.name], runs.read_events(run.run_dir)[0])
    stages = list(dict.fromkeys(stage for of in curves.values() for stage, curve in of.items() if curve.points))
    if not stages:
        st.caption(t("train.no_curve"))
        return
    stage = st.segmented_control(t("train.stage"), stages, default=stages[0], key=f"report_compare_stage_{'_'.join(stages)}", required=True,
                                 format_func=lambda each: named("train.stage_name", each), label_visibility="collapsed") or stages[0]
    shown = []
    for figure in FIGURES:
        series = {name: {step: point[figure] for step, point in of[stage].points.items() if figure in point}
                  for name, of in curves.items() if stage in of}
        shown += [(figure, {name: points for name, points in series.items() if points})]
    for column, (figure, series) in zip([*st.columns(2), st.container()], [each for each in shown if each[1]], strict=False):
        with column:
            parts.plain(named("train.figure", figure))
            charts.compared_curves(series, named("train.figure", figure), f"compare_{stage}_{figure}")
