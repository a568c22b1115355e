"""Every answer of an evaluation, one row at a time: the source, what is right, and what each model said, with what differs marked.

Everything here comes from models or sources: it is shown by st.code alone, as text or as a diff, never as Markdown or HTML.
"""
from __future__ import annotations

import difflib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

from training import metrics, report
from ui import parts
from ui.report_view import who_word
from ui.text import named, t

LONG_LINES, LONG_PX = 14, 340  # a source longer than this scrolls, so that the answers stay in sight
RESULTS = ("all", "won", "lost", "same", "wrong")
ICONS = {"won": "▲", "lost": "▼", "same": "="}


@lru_cache(maxsize=4)
def _samples(run_dir: Path, changed_ns: int) -> list[dict[str, Any]]:
    """Every row with its answers and its result; `changed_ns` makes a run that was evaluated again be read again."""
    return [{**row, "result": result_of(row)} for row in report.samples(run_dir)]


def samples_of(run_dir: Path) -> list[dict[str, Any]]:
    return _samples(run_dir, report.evaluated_ns(run_dir))


def score_of(row: dict[str, Any], who: str) -> float | None:
    answer = row["answers"].get(who)
    return None if answer is None else metrics.row_score(answer["scores"])


def result_of(row: dict[str, Any]) -> str | None:
    """Whether the tuned model's answer is better (won), worse (lost) or as good as the base's; None where one of them has no score."""
    before, after = score_of(row, report.BEFORE), score_of(row, report.AFTER)
    if before is None or after is None:
        return None
    return "won" if after > before else "lost" if after < before else "same"


def chosen(rows: list[dict[str, Any]], task: str, result: str, failure: str, who: str) -> list[dict[str, Any]]:
    """The rows that fit. result "wrong": `who` did not get everything right. failure: a code that `who`'s answer has; "all": any."""

    def fits(row: dict[str, Any]) -> bool:
        score, failures = score_of(row, who), (row["answers"].get(who) or {}).get("failures", [])
        right = result == "all" or row["result"] == result or (result == "wrong" and score is not None and score < 1)
        return task in ("all", row["task"]) and right and (failure == "all" or failure in failures)

    return [row for row in rows if fits(row)]


def difference(right: Any, said: Any) -> str:
    """What is right against what was said as a diff: lines with - are missing, lines with + are too much. "" where they are equal."""
    wanted, given = (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).splitlines() for value in (right, said))
    if wanted == given:
        return ""
    return "\n".join(line for line in difflib.ndiff(wanted, given) if not line.startswith("?"))


def samples_view(rows: list[dict[str, Any]], models: list[str]) -> None:
    if not rows:
        st.caption(t("report.no_samples"))
        return
    others = [who for who in models if who not in (report.BEFORE, report.AFTER)]
    task_at, result_at, failure_at, third_at = st.columns(4)
    tasks = sorted({row["task"] for row in rows})
    task = task_at.selectbox(t("report.task"), ["all", *tasks], key="sample_task",
                             format_func=lambda each: t("report.all_tasks") if each == "all" else named("task", each))
    result = result_at.selectbox(t("report.result"), RESULTS, key="sample_result", format_func=lambda each: t(f"report.result_{each}"))
    codes = sorted({code for row in rows for code in (row["answers"].get(report.AFTER) or {}).get("failures", [])})
    failure = failure_at.selectbox(t("report.failure"), ["all", *codes], key="sample_failure",
                                   format_func=lambda each: t("report.failure_all") if each == "all" else named("report.failures", each))
    third = third_at.selectbox(t("report.beside"), others, key="sample_third", format_func=who_word) if others else None
    found = chosen(rows, task, result, failure, report.AFTER)
    if not found:
        st.caption(t("report.no_sample_fits"))
        return
    row = _picked(found)
    _one(row, [who for who in (report.BEFORE, report.AFTER, third) if who is not None and who in row["answers"]])


def _picked(found: list[dict[str, Any]]) -> dict[str, Any]:
    by_id = {row["id"]: row for row in found}
    ids = list(by_id)
    if st.session_state.get("sample_id") not in by_id:
        st.session_state["sample_id"] = ids[0]
    at = ids.index(st.session_state["sample_id"])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(t("report.sample", count=len(ids)), ids, key="sample_id", format_func=lambda each: _line(by_id[each]))
        st.button(t("common.previous"), key="sample_previous", icon=":material/chevron_left:", disabled=at == 0, on_click=_go,
                  args=(ids[max(0, at - 1)],))
        st.button(t("common.next"), key="sample_next", icon=":material/chevron_right:", disabled=at + 1 >= len(ids), on_click=_go,
                  args=(ids[min(len(ids) - 1, at + 1)],))
    return by_id[st.session_state["sample_id"]]


def _go(row_id: str) -> None:
    st.session_state["sample_id"] = row_id


def _line(row: dict[str, Any]) -> str:
    place = f"{row.get('file') or ''}:{row.get('line') or ''}".strip(":")
    return " · ".join(part for part in (f"{ICONS.get(row['result'] or '', '')} {named('task', row['task'])}".strip(), row["lang"], place,
                                        row["id"]) if part)


def _one(row: dict[str, Any], who: list[str]) -> None:
    source, right = st.columns([3, 2], gap="medium")
    with source:
        parts.plain(t("report.prompt"))
        long = sum(message["content"].count("\n") + len(message["content"]) // 80 for message in row["prompt"]) > LONG_LINES
        with st.container(height=LONG_PX if long else "content", border=False):
            for message in row["prompt"]:
                parts.code(message["content"], language="c" if message["role"] == "user" else None)
    with right:
        with st.container(horizontal=True, vertical_alignment="center"):
            parts.plain(t("report.right"))
            if row.get("item"):
                st.link_button(t("report.back_to_labeling"), f"/label?item={quote(row['item'], safe='')}", icon=":material/label:",
                               help=t("report.back_to_labeling_help"))
        gold = row["gold"] if row["gold"] is not None else row["completion"]
        text = gold if isinstance(gold, str) else json.dumps(gold, ensure_ascii=False, indent=1)
        with st.container(height=LONG_PX if text.count("\n") > LONG_LINES else "content", border=False):
            parts.code(text, language="json")
    for column, name in zip(st.columns(len(who), gap="medium"), who, strict=True):
        with column:
            _answer(row, name)


def _answer(row: dict[str, Any], who: str) -> None:
    answer, score = row["answers"][who], score_of(row, who)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        parts.plain(who_word(who))
        if score is not None:
            st.badge(f"{score:.2f}", color="green" if score == 1 else "orange" if score > 0 else "red", help=t("report.figures.score"))
        for code in answer.get("failures", []):
            st.badge(parts.escaped(named("report.failures", code)), color="gray")
    parts.code(answer["text"] or t("report.empty_answer"), language=None)
    if row["gold"] is not None and answer["parsed"] is not None:
        compared = {field: answer["parsed"].get(field) for field in row["gold"]}
        differs = difference(row["gold"], compared)
        if differs:
            st.caption(t("report.differs"))
            parts.code(differs, language="diff")
