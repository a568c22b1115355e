"""Where do we stand, and what is there to do for me? Next steps, progress by task, people, agreement, and what people differ about."""
from __future__ import annotations

from functools import partial
from typing import Any, Literal

import streamlit as st

from curation.labeling import adjudicate
from curation.labeling.progress import TaskProgress, agreement, progress
from curation.model import Annotation, Item, canonical_json
from curation.pairs import prefer
from curation.sourcing import sources
from curation.tasks import get_task, site_tasks
from ui import pairs, parts
from ui.session import Session, current
from ui.text import has, named, t

Step = tuple[str, str, dict[str, str]]  # what to do, the screen to do it on, what goes into its URL


def main() -> None:
    session = current()
    tasks = progress(session.store)
    parts.heading("home.title")
    left, right = st.columns([0.6, 0.4], gap="large")
    with left:
        _next_steps(session, tasks)
        _tasks(tasks)
    with right:
        if session.may("reviewer", "lead"):
            _agreement(session)
    _people(tasks)
    if session.may("reviewer", "lead"):
        _disputed(session)


def _next_steps(session: Session, tasks: list[TaskProgress]) -> None:
    st.subheader(t("home.next"), anchor=False)
    steps = next_steps(session, tasks)
    if not steps:
        st.success(t("home.nothing_to_do"), icon=":material/done_all:")
    for text, page, query in steps:
        with st.container(horizontal=True, vertical_alignment="center"):
            parts.page_link(page, **query)
            st.caption(parts.escaped(text))


def next_steps(session: Session, tasks: list[TaskProgress]) -> list[Step]:
    """What this user can do now, the most urgent first."""
    by_name = {task.task: task for task in tasks}
    steps: list[Step] = []
    if session.may("reviewer", "lead") and not sources.list_sources(session.store):
        steps.append((t("home.step.no_sources"), "sources", {}))
    kinds = {name: get_task(name).kind for name in by_name}
    for task in tasks:
        if kinds[task.task] == "site" and task.open:
            text = t("home.step.label", count=task.open, task=named("task", task.task))
            steps.append((text, "label", {"task": task.task}))
    if session.may("reviewer", "lead"):
        for task in tasks:
            if kinds[task.task] == "pair" and task.open:
                steps.append((t("home.step.review", count=task.open), "review", {}))
            if kinds[task.task] == "pair" and task.disputed:
                steps.append((t("home.step.disputed_pairs", count=task.disputed), "review", {"status": "disputed"}))
            if kinds[task.task] == "preference" and task.open:
                steps.append((t("home.step.prefer", count=task.open), "prefer", {}))
    if session.may("lead"):
        ready = sum(task.answered for task in tasks)
        if ready:
            steps.append((t("home.step.freeze", count=ready), "freeze", {}))
        if not any(task.total for task in tasks if kinds[task.task] == "pair"):
            steps.append((t("home.step.generate"), "generate", {}))
    return steps


def _tasks(tasks: list[TaskProgress]) -> None:
    st.subheader(t("home.progress"), anchor=False)
    for task in tasks:
        with st.container(border=True):
            title = named("task", task.task)
            if task.goal_min:
                done = t("home.of_goal", done=task.answered, goal=task.goal_min, wanted=task.goal_wanted)
                st.progress(min(1.0, task.answered / task.goal_min), text=parts.escaped(f"{title} · {done}"))
            else:
                parts.plain(f"{title} · {t('home.done', done=task.answered)}")
            counts = {
                "total": task.total, "open": task.open, "disputed": task.disputed, "flagged": task.flagged, "skipped": task.skipped,
                "unknown": task.unknown, "rejected": task.rejected,
            }
            shown = [t(f"home.count.{name}", n=n) for name, n in counts.items() if n or name in ("total", "open")]
            st.caption(parts.escaped(" · ".join(shown)))


def _people(tasks: list[TaskProgress]) -> None:
    st.subheader(t("home.people"), anchor=False)
    names = sorted({user for task in tasks for user in task.by_user})
    if not names:
        st.caption(t("home.nobody_yet"))
        return
    columns = {task.task: named("task", task.task) for task in tasks if task.by_user}
    rows = []
    for name in names:
        done = {columns[task.task]: task.by_user.get(name, 0) for task in tasks if task.task in columns}
        rows.append({t("app.user_name"): name, **done})
    st.dataframe(rows, hide_index=True)


def _agreement(session: Session) -> None:
    st.subheader(t("home.agreement"), anchor=False, help=t("home.agreement_help"))
    found = agreement(session.store)
    if not found:
        st.caption(t("home.no_agreement"))
    else:
        rows = [_agreement_row(of.task, field, of.items, alpha) for of in found for field, alpha in of.alphas.items()]
        st.dataframe(rows, hide_index=True)
    left, decided = prefer.left_share(session.store)
    if decided:
        st.caption(t("home.left_share", left=left, decided=decided))


def _agreement_row(task: str, field: str, items: int, alpha: float | None) -> dict[str, Any]:
    return {
        t("home.task"): named("task", task), t("home.field"): _field_word(task, field), t("home.items"): items,
        t("home.alpha"): None if alpha is None else round(alpha, 3),
    }


def _field_word(task: str, field: str) -> str:
    own = f"home.field_name.{field}"
    return t(own) if has(own) else named(f"task.{task}_field", field)


def _disputed(session: Session) -> None:
    """One item that people differ about, with each one's words; a pair is settled on the review screen."""
    names = [task.name for task in site_tasks()] + ["preference"]
    found = [item for item in adjudicate.disputed(session.store) if item.task in names]
    if not found:
        return
    st.subheader(t("home.disputed", count=len(found)), anchor=False, help=t("home.disputed_help"))
    at = min(st.session_state.get("_home_disputed", 0), len(found) - 1)
    item = found[at]
    with st.container(border=True):
        _about(item)
        op = parts.op_id(f"settle:{item.id}")
        for column, word in zip(st.columns(max(2, len(words := adjudicate.words(session.store, item.id)))), words, strict=False):
            with column:
                _word(item, word, op)
        with st.container(horizontal=True):
            if item.task != "preference":
                st.button(t("home.nobody_can_tell"), key=f"unknown:{item.id}", on_click=_settle, args=(item.id, op, None, None, "unknown"))
            st.button(t("common.previous"), key="disputed_previous", on_click=_show, args=(at - 1,), disabled=at == 0)
            st.button(t("common.next"), key="disputed_next", on_click=_show, args=(at + 1,), disabled=at + 1 >= len(found))


def _about(item: Item) -> None:
    if item.task == "preference":
        pairs.show(str(item.payload["prompt"]))
        for side in ("a", "b"):
            with st.container(border=True):
                st.caption(side.upper())
                pairs.show(str(item.payload[side]))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(parts.escaped(named("task", item.task)), color="blue")
        parts.plain(f"{item.source or ''} / {item.file or ''}:{item.line or ''}")
        parts.page_link("label", item=item.id)
    parts.code(str(item.payload.get("expression") or ""))
    if item.excerpt:
        with st.expander(t("home.excerpt")):
            parts.code(item.excerpt)


def _word(item: Item, word: Annotation, op: str) -> None:
    parts.plain(f"{word.user} · {named('label.action', word.action)}")
    if word.answer is not None:
        for name, value in word.answer.items():
            if value not in (None, [], ""):
                st.caption(parts.escaped(named(f"task.{item.task}_field", name)))
                parts.code(_value_word(item.task, name, value), None)
    for text in word.explanation.values():
        parts.plain(text)
    if word.reason:
        parts.plain(word.reason)
    if word.answer is not None or word.action in ("none", "external"):
        says = word.action if word.answer is None else None
        st.button(
            t("home.this_is_right"), key=f"settle:{item.id}:{word.id}", on_click=_settle,
            args=(item.id, op, word.answer, dict(word.explanation), says or "unknown"),
        )


def _value_word(task: str, field: str, value: Any) -> str:
    """The locale's word for a code (as the answer form shows it), else the value readable."""
    keys = (f"task.{task}_{field}.{value}", f"task.{field}.{value}") if isinstance(value, str | bool) else ()
    return next((t(key) for key in keys if has(key)), _readable(value))


def _readable(value: Any) -> str:
    """One thing a line; a target as its name and place, anything else as JSON."""
    if isinstance(value, list):
        return "\n".join(_readable(each) for each in value)
    if isinstance(value, dict) and "name" in value:
        return f"{value['name']}  {value.get('file') or ''}:{value.get('line') or ''}".rstrip(": ")
    return value if isinstance(value, str) else canonical_json(value)


def _show(at: int) -> None:
    st.session_state["_home_disputed"] = max(0, at)


def _settle(
    item_id: str, op: str, answer: dict[str, Any] | None, explanation: Any, says: Literal["none", "external", "unknown"]
) -> None:
    session = current()
    settle = partial(adjudicate.settle, session.store, session.actor, item_id, op, answer, explanation, says)
    if parts.run_guarded(settle, op=op):
        parts.note(t("home.settled"))


main()
