"""Report: what did a run bring, and may its model be shipped? The verdict first, then charts, tables and every answer beside what is
right; and any runs beside each other. Everything is read from the run's directory; nothing is computed here."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from training import report, runs
from training.runs import Curve
from ui import parts
from ui.amounts import size
from ui.compare_view import compare_view
from ui.report_view import charts_of, tables_of, task_table, verdict
from ui.run_view import draw_curves
from ui.samples_view import samples_of, samples_view
from ui.session import Session, current
from ui.text import t

CHOSEN = "run"  # the query parameter that names the run shown


def main() -> None:
    session = current()
    parts.heading("report.title")
    if not session.may("lead"):
        st.info(t("report.leads_only"))
        return
    names = report.reported_runs(session.settings.runs_dir)
    if not names:
        st.caption(t("report.none"))
        parts.page_link("train")
        return
    wanted = st.query_params.get(CHOSEN)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    shown = left.selectbox(t("report.run"), names, index=names.index(wanted) if wanted in names else 0, key="report_run")
    st.query_params[CHOSEN] = shown
    with right:
        mode = st.segmented_control(t("report.mode"), ["one", "compare"], default="one", key="report_mode", required=True,
                                    format_func=lambda each: t(f"report.mode_{each}"), label_visibility="collapsed")
    if mode == "compare":
        compare_view(runs.list_runs(session.settings.runs_dir), shown)
    else:
        _report(session, session.settings.runs_dir / shown)


def _report(session: Session, run_dir: Path) -> None:
    found = report.read(run_dir)
    evaluation = found["evaluation"]
    _about(found)
    if report.older(evaluation):
        st.info(t("report.older"), icon=":material/history:")
        for task in evaluation["tasks"]:
            task_table(evaluation, task)
    else:
        verdict(session, found, run_dir)
        charts_of(found, lambda: _curves(run_dir))
        tables_of(evaluation)
        st.subheader(t("report.samples"), anchor=False)
        samples_view(samples_of(run_dir), list(evaluation["models"]))
    _quantized(found["quantized"])
    _bundle(found["bundle"])


def _about(found: dict[str, Any]) -> None:
    evaluation = found["evaluation"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(t("report.dataset", label=found["dataset"]["label"], hash=found["dataset"]["hash"][:16]))
        st.text(t("report.tested", rows=evaluation["rows"], total=evaluation["test_rows"]))
        texts = (
            ("markdown", report.markdown(evaluation, found["quantized"], found), "md", "text/markdown"),
            ("csv", report.csv_text(evaluation, found["quantized"]), "csv", "text/csv"),
            ("json", json.dumps(evaluation, ensure_ascii=False, indent=1), "json", "application/json"),
        )
        for kind, text, ending, mime in texts:
            st.download_button(t(f"report.download_{kind}"), text, f"{found['run']}.{ending}", mime, key=f"report_{kind}",
                               icon=":material/download:", on_click="ignore")


def _curves(run_dir: Path) -> None:
    curves: dict[str, Curve] = {}
    runs.add_to_curves(curves, runs.read_events(run_dir)[0])
    draw_curves({stage: curve.points for stage, curve in curves.items() if curve.points}, key=f"report_curves_{run_dir.name}")


def _quantized(quantized: dict[str, Any] | None) -> None:
    st.subheader(t("report.quantized"), anchor=False)
    if quantized is None:
        st.caption(t("report.no_quantized"))
        return
    rows = [{
        t("report.type"): file["type"], t("report.size"): size(file["bytes"]), t("report.kl_mean"): f"{file['kl_mean']:.2e}",
        t("report.kl_max"): f"{file['kl_max']:.2e}", t("report.same_best"): f"{file['same_best']:.1%}",
        t("report.same_answers"): f"{file['same_answers']} / {file['prompts']}",
        t("report.stored"): ", ".join(f"{kind} × {count}" for kind, count in file["tensors"].items()),
        t("report.fallbacks"): len(file["fallbacks"]),
    } for file in quantized["files"]]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    st.caption(t("report.quantized_help", positions=quantized["positions"], prompts=quantized["prompts"]))


def _bundle(bundle: dict[str, Any] | None) -> None:
    st.subheader(t("report.bundle"), anchor=False)
    if bundle is None:
        st.caption(t("report.no_bundle"))
        return
    if bundle["folder"] is None:
        st.caption(t("report.refused_bundle"))
        return
    parts.code(bundle["folder"], language=None)
    rows = [{t("report.file"): file["name"], t("report.size"): size(file["bytes"]), "SHA-256": file["sha256"]} for file in bundle["files"]]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    if bundle.get("modelfile_problem"):
        st.warning(t("report.no_modelfile") + " " + parts.escaped(bundle["modelfile_problem"]))
    st.caption(t("report.licence"))


main()
