"""What a freeze would give, drawn: lengths of the rows, rows kept by max_length, and how even the set is."""
from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from curation.freezing.freeze import TaskPreview
from curation.freezing.lengths import LIMITS, Lengths
from ui import charts, parts
from ui.text import named, t

_CLASSES = 8  # shown without scrolling
_NAME = 60  # characters shown of a class or file


def show_lengths(found: Lengths, model: str) -> None:
    """The histogram of the rows' tokens by task, and how many rows each max_length keeps."""
    st.subheader(t("freeze.lengths"), anchor=False)
    st.caption(parts.escaped(t("freeze.lengths_help", model=model, median=found.median() or 0)))
    left, right = st.columns(2)
    with left:
        charts.show(_histogram(found), key="freeze_lengths", alt_text=t("freeze.lengths"))
    with right:
        st.dataframe(_kept(found), hide_index=True, height="content")


def _histogram(found: Lengths) -> Any:
    labels = [f"≤ {limit}" for limit in LIMITS] + [f"> {LIMITS[-1]}"]
    counts = found.histogram()
    tasks = [named("task", task) for task in counts]
    rows = [
        {"tokens": label, "task": name, "rows": number}
        for name, numbers in zip(tasks, counts.values(), strict=True) for label, number in zip(labels, numbers, strict=True)
    ]
    return alt.Chart(pd.DataFrame(rows, columns=["tokens", "task", "rows"])).mark_bar().encode(
        x=alt.X("tokens:N", sort=labels, title=t("freeze.tokens"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("rows:Q", title=t("freeze.rows"), axis=alt.Axis(tickMinStep=1)),
        color=alt.Color("task:N", scale=alt.Scale(domain=tasks, range=charts.colours()[: max(1, len(tasks))]),
                        legend=alt.Legend(title=None, orient="top", labelLimit=300)),
        tooltip=[alt.Tooltip("task:N", title=t("freeze.task")), alt.Tooltip("tokens:N", title=t("freeze.tokens")),
                 alt.Tooltip("rows:Q", title=t("freeze.rows"))],
    ).properties(height=charts.HEIGHT + 60)


def _kept(found: Lengths) -> list[dict[str, Any]]:
    """One row a max_length: the share of each task's rows that it keeps, and of all."""
    of_all, total = found.kept(), len(found.of(None))
    tasks = sorted(found.of_task)
    of_task = {task: found.kept(task) for task in tasks}
    return [
        {
            "max_length": str(limit), t("freeze.rows_kept"): f"{of_all[limit]} ({_percent(of_all[limit], total)})",
            **{named("task", task): _percent(of_task[task][limit], len(found.of(task))) for task in tasks},
        }
        for limit in LIMITS
    ]


def show_balance(tasks: list[TaskPreview]) -> None:
    """The classes of each task before and after the caps, what the largest project and file hold, and what is not shown."""
    chosen = [task for task in tasks if task.classes and task.answered]
    if not chosen:
        return
    st.subheader(t("freeze.balance"), anchor=False)
    for task, column in zip(chosen, st.columns(len(chosen)), strict=True):
        with column:
            st.markdown(f"**{parts.escaped(named('task', task.task))}**")
            st.dataframe(
                [
                    {t("freeze.class"): value[:_NAME], t("freeze.before"): before, t("freeze.after"): after,
                     t("freeze.share"): _percent(after, task.items)}
                    for value, (before, after) in task.classes.items()
                ],
                hide_index=True, height="content" if len(task.classes) <= _CLASSES else _CLASSES * 35 + 40,
            )
            hidden = task.left_out.get("not_shown", 0)
            told = [t("freeze.largest", what=t(f"freeze.largest_{cap}"), value=task.largest[cap][0][:_NAME],
                      share=_percent(task.largest[cap][2], task.items)) for cap in ("source", "file") if cap in task.largest]
            told.append(t("freeze.not_shown", trimmed=_percent(task.trimmed, task.answered), hidden=_percent(hidden, task.answered)))
            st.caption(parts.escaped(" · ".join(told)))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"
