"""Report: what did a run bring? Before and after on the frozen test split, the quantized files, won and lost answers, and where the
bundle lies. Everything is read from the run's directory; nothing is computed here."""
from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from training import report
from ui import parts
from ui.session import current
from ui.text import named, t

CHOSEN = "run"  # the query parameter that names the run shown
NO_CHANGE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}


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
    shown = st.selectbox(t("report.run"), names, index=names.index(wanted) if wanted in names else 0, key="report_run")
    st.query_params[CHOSEN] = shown
    found = report.read(session.settings.runs_dir / shown)
    st.text(t("report.dataset", label=found["dataset"]["label"], hash=found["dataset"]["hash"]))
    _downloads(found)
    if found["evaluation"]["rows"] < found["evaluation"]["test_rows"]:
        st.caption(t("report.part", rows=found["evaluation"]["rows"], total=found["evaluation"]["test_rows"]))
    for task in found["evaluation"]["tasks"]:
        _task(found["evaluation"], task)
    _quantized(found["quantized"])
    _examples(found["evaluation"]["examples"])
    _bundle(found["bundle"])


def _downloads(found: dict[str, Any]) -> None:
    left, right, _ = st.columns([1, 1, 3])
    texts = (
        (left, "markdown", report.markdown(found["evaluation"], found["quantized"], found), f"{found['run']}.md", "text/markdown"),
        (right, "csv", report.csv_text(found["evaluation"], found["quantized"]), f"{found['run']}.csv", "text/csv"),
    )
    for column, kind, text, name, mime in texts:
        column.download_button(t(f"report.download_{kind}"), text, name, mime, key=f"report_{kind}", icon=":material/download:",
                               on_click="ignore", width="stretch")


def _task(evaluation: dict[str, Any], task: str) -> None:
    about = evaluation["tasks"][task]
    st.subheader(parts.escaped(named("task", task)), anchor=False)
    if about["answered"]:
        _headline(about)
    who = list(evaluation["models"])
    rows = [{t("report.field"): named(f"task.{task}_field", row["field"]) or t("report.whole_answer"),
             t("report.figure"): named("report.figures", row["figure"]),
             **{named("report.who", name): report.shown(row[name]) for name in who}} for row in report.table(evaluation, task)]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    ended = about["figures"][report.AFTER]["ended"]
    notes = [t("report.rows", rows=about["rows"], answered=about["answered"])]
    notes += [t(f"report.ended_{how}", count=ended[how]) for how in ("length", "prompt") if ended[how]]
    st.caption(parts.escaped(" ".join(notes)))


def _headline(about: dict[str, Any]) -> None:
    before, after, won, lost = st.columns(4)
    figures = about["figures"]
    before.metric(t("report.before"), f"{figures[report.BEFORE]['score']['value']:.3f}" if figures[report.BEFORE]["score"] else "–")
    if figures[report.AFTER]["score"]:
        change = about["change"]
        interval = None if change["low"] is None else t("report.change_help", low=f"{change['low']:+.3f}", high=f"{change['high']:+.3f}")
        after.metric(t("report.after"), f"{figures[report.AFTER]['score']['value']:.3f}", delta=f"{change['value']:+.3f}",
                     **NO_CHANGE if f"{change['value']:.3f}" in ("0.000", "-0.000") else {}, help=interval)
    won.metric(t("report.won"), about["won"])
    lost.metric(t("report.lost"), about["lost"])


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


def size(count: int) -> str:
    """Bytes as people read them: 1,006,880 → 1.0 MB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def _examples(examples: list[dict[str, Any]]) -> None:
    st.subheader(t("report.examples"), anchor=False)
    if not examples:
        st.caption(t("report.no_examples"))
        return
    kinds = [kind for kind in ("won", "lost") if any(e["result"] == kind for e in examples)]
    left, right = st.columns([1, 3])
    kind = left.segmented_control(t("report.kind"), kinds, default=kinds[0], key="report_kind", required=True,
                                  format_func=lambda name: t(f"report.{name}"))
    listed = [e for e in examples if e["result"] == (kind or kinds[0])]
    number = right.selectbox(t("report.example"), range(len(listed)), key=f"report_example_{kind}",
                             format_func=lambda i: f"{named('task', listed[i]['task'])} · {listed[i]['lang']} · {listed[i]['id']}")
    chosen = listed[number or 0]
    st.text(t("report.right"))
    parts.code(json.dumps(chosen["gold"], ensure_ascii=False, indent=1), language="json")
    for column, who in zip(st.columns(2), (report.BEFORE, report.AFTER), strict=True):
        with column:
            st.text(f"{named('report.who', who)} · {chosen[who]['score']:.2f}")
            parts.code(chosen[who]["text"] or t("report.empty_answer"), language=None)


def _bundle(bundle: dict[str, Any] | None) -> None:
    st.subheader(t("report.bundle"), anchor=False)
    if bundle is None:
        st.caption(t("report.no_bundle"))
        return
    parts.code(bundle["folder"], language=None)
    rows = [{t("report.file"): file["name"], t("report.size"): size(file["bytes"]), "SHA-256": file["sha256"]} for file in bundle["files"]]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    if bundle["modelfile_problem"]:
        st.warning(t("report.no_modelfile") + " " + parts.escaped(bundle["modelfile_problem"]))
    st.caption(t("report.licence"))


main()
