"""The charts of the train and the report screen: Altair, in the app's own colours for light and dark, every axis with its words.

Colours: teal is the app's own and stands for what was trained, amber for what it is compared with or validated on; the others tell
further models and files apart. They differ in lightness too, for those who see few colours. An interval is always drawn, as a bar or rule.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from ui.text import named, t

LIGHT = ["#0f6b78", "#c2660c", "#5b4fa3", "#2f855a", "#b83b5e", "#4a5568", "#8a6d1d", "#2b6cb0"]
DARK = ["#3fb0bf", "#f0a04b", "#a99bf0", "#68c993", "#f27f9d", "#a8b3c2", "#d9b84a", "#7cb4f0"]
LOSSES = ("loss", "validation_loss")
HEIGHT = 250  # px of a chart
SMALL_HEIGHT = 160


def is_dark() -> bool:
    return st.context.theme.get("type") == "dark"


def colours() -> list[str]:
    return DARK if is_dark() else LIGHT


def faint() -> str:
    return "#8b949e" if is_dark() else "#6b7280"


def state_colour(state: str) -> str:
    """Of a run's state, as text in a table."""
    teal, amber, _, green, red = colours()[:5]
    return {"done": green, "failed": red, "died": red, "damaged": red, "stopped": amber, "stopping": amber}.get(state, teal)


def show(chart: Any, *, key: str, alt_text: str) -> None:
    """One chart over the whole width of its place. alt_text: what a screen reader says."""
    st.altair_chart(chart, key=key, width="stretch", alt=alt_text)


# ---- curves of a run ----


def losses(points: Mapping[int, Mapping[str, float]], key: str, stage: str) -> None:
    """Loss and validation loss of one stage over its steps, in one chart with one scale."""
    rows = [{"step": step, "name": named("train.figure", name), "value": figures[name]}
            for step, figures in sorted(points.items()) for name in LOSSES if name in figures]
    order = [named("train.figure", name) for name in LOSSES if any(name in figures for figures in points.values())]
    show(_lines(rows, order, t("train.loss"), 2 * SMALL_HEIGHT + 16), key=key, alt_text=t("train.chart_losses", stage=stage))


def others(points: Mapping[int, Mapping[str, float]]) -> list[str]:
    """Names of what was logged besides the losses, the learning rate first."""
    found = {name for figures in points.values() for name in figures} - set(LOSSES)
    return sorted(found, key=lambda name: (name != "learning_rate", name != "grad_norm", name))


def small(points: Mapping[int, Mapping[str, float]], name: str, key: str, stage: str) -> None:
    """One other figure of a stage: a small chart with a scale of its own, its name above it."""
    word = named("train.figure", name)
    rows = [{"step": step, "name": word, "value": figures[name]} for step, figures in sorted(points.items()) if name in figures]
    chart = _lines(rows, [word], word, SMALL_HEIGHT, small=True)
    show(chart, key=key, alt_text=t("train.chart_figure", figure=word, stage=stage))


def compared_curves(series: Mapping[str, Mapping[int, float]], title: str, key: str) -> None:
    """One figure of several runs in one chart. series: run -> step -> value."""
    rows = [{"step": step, "name": run, "value": value} for run, points in series.items() for step, value in sorted(points.items())]
    show(_lines(rows, list(series), title, HEIGHT), key=key, alt_text=title)


def _lines(rows: Sequence[Mapping[str, Any]], order: list[str], title: str, height: int, small: bool = False) -> Any:
    legend = None if small else alt.Legend(title=None, orient="top", direction="horizontal", labelLimit=420, symbolType="stroke", offset=4)
    base = alt.Chart(pd.DataFrame(rows, columns=["step", "name", "value"])).encode(
        x=alt.X("step:Q", title=t("train.step"), scale=alt.Scale(nice=False),
                axis=alt.Axis(tickMinStep=1, format="d", grid=False, titlePadding=3, tickCount=4 if small else 8)),
        y=alt.Y("value:Q", title=None if small else title, scale=alt.Scale(zero=False, nice=True),
                axis=alt.Axis(tickCount=3 if small else 5, format="~g")),
        color=alt.Color("name:N", scale=alt.Scale(domain=order, range=colours()[: max(1, len(order))]), legend=legend, title=None),
        tooltip=[alt.Tooltip("name:N", title=t("train.figure_name")), alt.Tooltip("step:Q", title=t("train.step")),
                 alt.Tooltip("value:Q", title=title, format=".5~g")],
    )
    chart = (base.mark_line(strokeWidth=2) + base.mark_circle(size=18, opacity=0.85)).properties(height=height)
    return chart.properties(title=alt.Title(title, anchor="start", fontSize=13, fontWeight="normal", offset=4)) if small else chart


# ---- a report ----


def gains(rows: Sequence[Mapping[str, Any]], key: str, title: str) -> None:
    """Changes with their intervals, a line each, the zero marked. rows: {"name", "value", "low", "high"}; low None: too few rows to say."""
    up, down, unsure = t("report.gain_up"), t("report.gain_down"), t("report.gain_unsure")
    said = [{**row, "sure": unsure if row["low"] is None or row["low"] <= 0 <= row["high"] else up if row["low"] > 0 else down}
            for row in rows]
    frame = pd.DataFrame(said, columns=["name", "value", "low", "high", "sure"])
    teal, _, _, _, red = colours()[:5]
    order = [row["name"] for row in rows]
    spread = [number for row in rows for number in (row["low"], row["high"], row["value"], 0.0) if number is not None]
    scale = alt.Scale(domain=[min(spread) - 0.03, max(spread) + 0.03], nice=True)
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(labelLimit=260, labelOverlap=False)),
        color=alt.Color("sure:N", title=None, scale=alt.Scale(domain=[up, unsure, down], range=[teal, faint(), red]),
                        legend=alt.Legend(orient="top", offset=4)),
        tooltip=[alt.Tooltip("name:N", title=t("report.which")), *(alt.Tooltip(f"{n}:Q", title=t(f"report.{n}"), format="+.3f")
                                                                  for n in ("value", "low", "high"))],
    )
    zero = alt.Chart(pd.DataFrame({"at": [0]})).mark_rule(strokeDash=[4, 3], color=faint()).encode(x="at:Q")
    axis = alt.Axis(format="+.2f", tickCount=8, labelFlush=True)
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=title, scale=scale, axis=axis), x2="high:Q")
    points = base.mark_circle(size=90, opacity=1).encode(x=alt.X("value:Q", title=title, scale=scale))
    show((zero + bars + points).properties(height=110 + 34 * len(rows)), key=key, alt_text=title)


def confusion(found: Mapping[str, Any], words: Mapping[str, str], key: str, title: str) -> None:
    """What was right against what was said, as shares of each right class; the counts stand in the cells. words: class -> its words."""
    said = [words[str(each)] for each in found["said"]]
    rows = [{"gold": words[str(gold)], "said": said[j], "count": count, "share": count / max(1, sum(counts))}
            for gold, counts in zip(found["gold"], found["counts"], strict=True) for j, count in enumerate(counts)]
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("said:N", sort=said, title=t("report.said"), axis=alt.Axis(labelAngle=-30, labelLimit=150)),
        y=alt.Y("gold:N", sort=[words[str(each)] for each in found["gold"]], title=t("report.gold"), axis=alt.Axis(labelLimit=170)),
    )
    low, high, on_low, on_high = (("#16222a", "#3fb0bf", "#d9e2e8", "#0b1215") if is_dark() else
                                  ("#f1f7f8", "#0f6b78", "#1f2933", "#ffffff"))
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color("share:Q", title=t("report.share"), scale=alt.Scale(domain=[0, 1], range=[low, high]), legend=None),
        tooltip=[alt.Tooltip("gold:N", title=t("report.gold")), alt.Tooltip("said:N", title=t("report.said")),
                 alt.Tooltip("count:Q", title=t("report.count")), alt.Tooltip("share:Q", title=t("report.share"), format=".0%")])
    text = base.mark_text(fontSize=12).encode(
        text=alt.Text("count:Q"), color=alt.condition("datum.share > 0.55", alt.value(on_high), alt.value(on_low)))
    show((cells + text).properties(height=140 + 34 * len(found["gold"])), key=key, alt_text=title)


def sizes(rows: Sequence[Mapping[str, Any]], key: str) -> None:
    """The score of each file against its size, with intervals. rows: {"name", "mb", "value", "low", "high", "ships": words}."""
    frame = pd.DataFrame(rows)
    domain = list(dict.fromkeys(row["ships"] for row in rows))
    teal, _, _, _, red = colours()[:5]
    tints = {t("report.ships"): teal, t("report.ships_not"): red}
    spread = [number for row in rows for number in (row["low"], row["high"], row["value"]) if number is not None]
    scale = alt.Scale(domain=[max(0.0, min(spread) - 0.05), min(1.0, max(spread) + 0.05)])
    base = alt.Chart(frame).encode(
        x=alt.X("mb:Q", title=t("report.size_mb"), scale=alt.Scale(zero=False, padding=28), axis=alt.Axis(tickCount=8)),
        color=alt.Color("ships:N", title=None, scale=alt.Scale(domain=domain, range=[tints.get(each, faint()) for each in domain]),
                        legend=alt.Legend(orient="top", offset=4)),
        tooltip=[alt.Tooltip("name:N", title=t("report.type")), alt.Tooltip("mb:Q", title=t("report.size_mb"), format=".1f"),
                 *(alt.Tooltip(f"{n}:Q", title=t(f"report.{n}"), format=".3f") for n in ("value", "low", "high"))],
    )
    y_title = t("report.score_axis")
    bars = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=y_title, scale=scale), y2="high:Q")
    points = base.mark_circle(size=90, opacity=1).encode(y=alt.Y("value:Q", title=y_title, scale=scale))
    names = base.mark_text(dy=-12, dx=6, align="left", fontSize=12).encode(y=alt.Y("value:Q", title=y_title, scale=scale), text="name:N")
    show((bars + points + names).properties(height=HEIGHT + 40), key=key, alt_text=t("report.sizes"))
