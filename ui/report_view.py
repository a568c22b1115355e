"""One evaluation (a report of format 2) as the report screen shows it: the verdict first, then charts, then tables."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from curation.errors import remade_reason
from curation.model import Actor
from training import app_actions, report
from ui import charts, parts
from ui.amounts import figure_word, size
from ui.session import Session
from ui.text import has, named, reason_text, t

RATES = ("score", "score_rows", "parse_rate", "stop_rate", "hallucinated", "repeated")
PASSED = {True: "✓", False: "✗", None: "–"}


def who_word(who: str) -> str:
    return named("report.who", who)


# ---- the verdict ----


def verdict(session: Session, found: dict[str, Any], run_dir: Path) -> None:
    evaluation, judged = found["evaluation"], found["evaluation"].get("verdict")
    if judged is None:
        st.info(t("report.no_verdict"))
        return
    change = evaluation.get("change") or {}
    with st.container(border=True, key="verdict"):
        if judged["ship"]:
            st.success(f"**{t('report.ship')}** · {_gain_words(change)}", icon=":material/verified:")
        else:
            st.error(f"**{t('report.ship_not')}** · {_gain_words(change)}", icon=":material/block:")
        columns = st.columns(5)
        overall = evaluation["overall"]
        if "base" in overall:
            columns[0].metric(t("report.before"), _number(overall["base"]["score"]))
        columns[1].metric(t("report.after"), _number(overall["tuned"]["score"]), delta=_delta(change.get("score")))
        columns[2].metric(t("report.figures.parse_rate"), _percent(overall["tuned"]["parse_rate"]))
        columns[3].metric(t("report.figures.stop_rate"), _percent(overall["tuned"]["stop_rate"]))
        if change:
            same = t("report.won_lost_help", same=change["same"])
            columns[4].metric(t("report.won_lost"), f"{change['won']} : {change['lost']}", help=same)
        _gates(judged["gates"])
        if not judged["ship"]:
            _override(session, found, run_dir)


def _gain_words(change: dict[str, Any]) -> str:
    gain = change.get("score")
    if not gain:
        return t("report.no_gain")
    if gain["low"] is None:
        return parts.escaped(t("report.gain_few", value=f"{gain['value']:+.3f}"))
    return parts.escaped(t("report.gain_said", value=f"{gain['value']:+.3f}", low=f"{gain['low']:+.3f}", high=f"{gain['high']:+.3f}"))


def _number(figure: dict[str, Any] | None) -> str:
    return "–" if figure is None else f"{figure['value']:.3f}"


def _percent(figure: dict[str, Any] | None) -> str:
    return "–" if figure is None else f"{figure['value']:.1%}"


def _delta(figure: dict[str, Any] | None) -> str | None:
    return None if figure is None or abs(figure["value"]) < 0.0005 else f"{figure['value']:+.3f}"


def _gates(gates: list[dict[str, Any]]) -> None:
    rows = [{
        t("report.passed"): PASSED[gate["passed"]], t("report.gate"): named("report.gates", gate["name"]), t("report.of"): _gate_of(gate),
        t("report.value"): _plain(gate["value"]), t("report.limit"): _plain(gate["limit"]), t("report.reason"): _reason(gate["reason"]),
    } for gate in gates]
    rows.sort(key=lambda row: "✗–✓".index(row[t("report.passed")]))
    tints = {"✓": charts.state_colour("done"), "✗": charts.state_colour("failed"), "–": charts.faint()}
    shown = pd.DataFrame(rows)
    if not any(shown[t("report.reason")]):
        shown = shown.drop(columns=t("report.reason"))
    marked = shown.style.map(lambda mark: f"color: {tints[mark]}; font-weight: 700", subset=[t("report.passed")])
    st.dataframe(marked, hide_index=True, key="report_gates", height=38 + 35 * min(12, len(rows)), alt=t("report.gate"),
                 column_config={t("report.passed"): st.column_config.TextColumn(width=60),
                                t("report.reason"): st.column_config.TextColumn(width="large")})


def _gate_of(gate: dict[str, Any]) -> str:
    subject = gate["subject"] or ""
    if gate["name"] == "slice" and subject:  # "length >353"
        by, _, value = subject.partition(" ")
        return f"{named('report.slices', by)}: {value}"
    if gate["name"] == "baseline":
        return named("report.baselines", subject)
    return who_word(subject) if subject else ""


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _reason(record: dict[str, Any] | None) -> str:
    return "" if record is None else reason_text(remade_reason(record))


def _override(session: Session, found: dict[str, Any], run_dir: Path) -> None:
    done = (found["bundle"] or {}).get("override")
    if done:
        st.warning(parts.escaped(t("report.overridden", reason=done)), icon=":material/gavel:")
        return
    with st.popover(t("report.override"), icon=":material/gavel:", key="report_override"):
        st.caption(t("report.override_help"))
        why = st.text_area(t("report.override_reason"), key="report_override_reason", max_chars=2000)
        st.button(t("report.override_do"), key="report_override_do", type="primary", disabled=len(why.strip()) < 10,
                  on_click=_pressed_override, args=(session.actor, run_dir, why.strip(), parts.op_id(f"override-{run_dir.name}")))


def _pressed_override(actor: Actor, run_dir: Path, why: str, op: str) -> None:
    if parts.run_guarded(app_actions.package_refused, actor, run_dir, why, op=op):
        parts.note(t("report.override_started"))


# ---- charts ----


def charts_of(found: dict[str, Any], curves: Callable[[], None]) -> None:
    evaluation = found["evaluation"]
    gain, files, mistakes, learned = st.tabs(
        [t("report.tab_gain"), t("report.tab_sizes"), t("report.tab_confusion"), t("report.tab_curves")], key="report_charts")
    with gain:
        _gain_chart(evaluation)
    with files:
        _sizes(evaluation)
    with mistakes:
        _confusion(evaluation)
    with learned:
        curves()


def _gain_chart(evaluation: dict[str, Any]) -> None:
    rows = [{"name": t("report.all_tasks"), **_interval((evaluation.get("change") or {}).get("score"))}] if evaluation.get("change") else []
    rows += [{"name": named("task", task), **_interval(about["change"])} for task, about in evaluation["tasks"].items() if about["change"]]
    if not rows:
        st.caption(t("report.no_gain"))
        return
    charts.gains(rows, "report_gain", t("report.gain_axis"))


def _interval(figure: dict[str, Any] | None) -> dict[str, Any]:
    return {name: (figure or {}).get(name) for name in ("value", "low", "high")}


def _sizes(evaluation: dict[str, Any]) -> None:
    types = (evaluation.get("verdict") or {}).get("types", {})
    rows = []
    for who, about in evaluation["models"].items():
        score = evaluation["overall"][who]["score"]
        if about.get("bytes") and score and about["role"] in ("tuned", "quantized"):
            ships = t("report.ships") if types.get(who, who == "tuned") else t("report.ships_not")
            name = about["type"] if about["role"] == "quantized" else f"{about['type']} ({who_word(who)})"
            rows.append({"name": name, "mb": about["bytes"] / 1e6, "ships": ships, **_interval(score)})
    if not rows:
        st.caption(t("report.no_quantized"))
        return
    charts.sizes(rows, "report_sizes")
    if left_out := evaluation.get("asked", {}).get("not_asked"):
        st.caption(parts.escaped(t("report.not_asked", types=", ".join(left_out))))


def _confusion(evaluation: dict[str, Any]) -> None:
    """One table at a time: a task's field that has classes, for one model."""
    fields = [(task, field) for task, about in evaluation["tasks"].items()
              for field, of in about["figures"]["tuned"].get("fields", {}).items() if of.get("confusion")]
    if not fields:
        st.caption(t("report.no_confusion"))
        return
    left, right = st.columns([3, 2])
    task, field = left.selectbox(t("report.field"), fields, key="report_confusion_field",
                                 format_func=lambda each: f"{named('task', each[0])} · {field_word(*each)}")
    who = right.selectbox(t("report.model"), list(evaluation["models"]), key="report_confusion_who", format_func=who_word,
                          index=list(evaluation["models"]).index("tuned"))
    found = evaluation["tasks"][task]["figures"][who]["fields"][field]["confusion"]
    words = {str(value): class_word(task, field, value) for value in {*found["gold"], *found["said"]}}
    charts.confusion(found, words, f"report_confusion_{task}_{field}_{who}", t("report.tab_confusion"))


def field_word(task: str, field: str) -> str:
    return named(f"task.{task}_field", field) or t("report.whole_answer")


def class_word(task: str, field: str, value: str | None) -> str:
    """The words for a class, which is JSON text; None: the answer could not be parsed."""
    if value is None:
        return t("report.not_parsed")
    code = value.strip('"')
    keys = (f"task.{task}_{field}.{code}", f"task.{field}.{code}")
    plain = {"true": t("common.yes"), "false": t("common.no"), "null": t("common.unknown")}
    return next((t(key) for key in keys if has(key)), plain.get(code, code))


# ---- tables ----


def tables_of(evaluation: dict[str, Any]) -> None:
    overall, tasks, slices, baselines = st.tabs(
        [t("report.tab_models"), t("report.tab_tasks"), t("report.tab_slices"), t("report.tab_baselines")], key="report_tables")
    with overall:
        _models(evaluation)
    with tasks:
        for task in evaluation["tasks"]:
            task_table(evaluation, task)
    with slices:
        _slices(evaluation)
    with baselines:
        _baselines(evaluation)


def _models(evaluation: dict[str, Any]) -> None:
    rows = []
    for who, about in evaluation["models"].items():
        of = evaluation["overall"][who]
        rows.append({
            t("report.model"): who_word(who), **{named("report.figures", name): figure_word(of.get(name)) for name in RATES},
            t("report.size"): size(about["bytes"]) if about.get("bytes") else "–",
            t("report.rows_per_s"): f"{about['rows_per_s']:.2f}" if about.get("rows_per_s") else "–",
        })
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=t("report.tab_models"))
    failures = evaluation.get("failures", {})
    codes = sorted({code for of in failures.values() for code in of})
    if codes:
        st.caption(t("report.failures_help"))
        st.dataframe(pd.DataFrame([{t("report.model"): who_word(who), **{named("report.failures", code): of.get(code, 0) for code in codes}}
                                   for who, of in failures.items()]), hide_index=True, alt=t("report.failures_help"))


def task_table(evaluation: dict[str, Any], task: str) -> None:
    about = evaluation["tasks"][task]
    st.markdown(f"**{parts.escaped(named('task', task))}**")
    who = list(evaluation["models"])
    rows = [{t("report.field"): field_word(task, row["field"]) if row["field"] else t("report.whole_answer"),
             t("report.figure"): named("report.figures", row["figure"]),
             **{who_word(name): figure_word(row[name]) for name in who}} for row in report.table(evaluation, task)]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=named("task", task))
    ended = about["figures"]["tuned"]["ended"]
    notes = [t("report.rows", rows=about["rows"], answered=about["answered"])]
    notes += [t(f"report.ended_{how}", count=ended[how]) for how in ("length", "prompt") if ended[how]]
    st.caption(parts.escaped(" ".join(notes)))


def _slices(evaluation: dict[str, Any]) -> None:
    slices = evaluation.get("slices", [])
    if not slices:
        st.caption(t("report.no_slices"))
        return
    by = list(dict.fromkeys(of["by"] for of in slices))
    chosen = st.segmented_control(t("report.slices_by"), by, default=by[0], key="report_slices_by", required=True,
                                  format_func=partial(named, "report.slices")) or by[0]
    shown = [of for of in slices if of["by"] == chosen]
    drawn = [{"name": of["value"], **_interval(of["change"])} for of in shown if of["change"]]
    left, right = st.columns([1, 1], gap="medium")
    with left:
        if drawn:
            charts.gains(drawn, f"report_slices_{chosen}", t("report.gain_axis"))
    with right:
        st.dataframe(pd.DataFrame([{
            named("report.slices", chosen): of["value"], t("report.count"): of["rows"], t("report.groups"): of["groups"],
            **{who_word(who): figure_word(score) for who, score in of["scores"].items() if who in ("base", "tuned")},
        } for of in shown]), hide_index=True, alt=t("report.tab_slices"))


def _baselines(evaluation: dict[str, Any]) -> None:
    rows = [{
        t("report.baseline"): named("report.baselines", name), t("report.reads_code"): t("common.yes" if of["reads_code"] else "common.no"),
        t("report.figures.score"): figure_word(of.get("score")) if not of["skipped"] else "–",
        t("report.above_by"): figure_word(of.get("change")) if not of["skipped"] else "–",
        t("report.note"): named("report.skipped", of["skipped"]) if of["skipped"] else "",
    } for name, of in evaluation.get("baselines", {}).items()]
    if not rows:
        st.caption(t("report.no_baselines"))
        return
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=t("report.tab_baselines"))
    st.caption(t("report.baselines_help"))
