"""Label one site: the source on the left, the proposed answer as a filled form on the right, a key for everything.

The item is in the URL (?item=ID), what is typed is a draft in the store: a reload loses nothing.
"""
from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from curation.errors import BadValue, NotFound, UserError
from curation.labeling import label, selection
from curation.labeling.progress import progress
from curation.labeling.selection import Selection
from curation.model import Action, Item
from curation.sourcing import sources
from curation.tasks import site_tasks
from ui import labeling, parts
from ui.code_view import code_view
from ui.draft import draft
from ui.forms import Form, answer_form, evidence_row
from ui.labeling import LabelForm
from ui.session import Session, current
from ui.text import LANGS, named, t

EVIDENCE_SHOWN, EVIDENCE_MOST = 5, 50
ROW_TWO: list[tuple[Action, str, str]] = [  # what else can be said about a site, its key, its icon
    ("none", "n", ":material/block:"),
    ("unknown", "u", ":material/question_mark:"),
    ("external", "x", ":material/output:"),
    ("incomplete", "i", ":material/more_horiz:"),
    ("skip", "s", ":material/skip_next:"),
]


def main() -> None:
    session = current()
    left, right = st.columns([0.56, 0.44], gap="medium")
    with left:
        task, source = _choose(session)
        shown = _open(session, task, source)
    if shown is None:
        return
    form, view = shown
    with right, st.container(key="side"):  # as high as the window: ui/style.css lets the answer scroll, the explanation stays in sight
        _site(session, form, view)
        _actions(session, form)
        with st.container(key="answer"):
            _evidence(form)
            _answer(session, form)
        with st.container(key="explanation"):
            _explanation(session, form)
    with left:
        _source(session, form, view.item)


def _open(session: Session, task: str | None, source: str | None) -> tuple[LabelForm, label.LabelView] | None:
    """The form of the item in the URL, else of the next one; None when there is nothing to show but a sentence."""
    item_id = st.query_params.get("item")
    if item_id is None:
        chosen = labeling.selected(session)
        found = label.next_item(session.store, session.actor, task, source, among=chosen.items if chosen else None)
        if found is None:
            _all_done()
            return None
        item_id = st.query_params["item"] = found.id
    try:
        view = label.view(session.store, session.actor, item_id)
    except (NotFound, BadValue) as err:
        parts.show_error(err)
        st.button(t("label.next_item"), on_click=labeling.go_next, args=(item_id,), type="primary")
        return None
    return labeling.open_form(session, view), view


def _choose(session: Session) -> tuple[str | None, str | None]:
    """What is labeled: a task, a source, and how far it is. Kept in the URL."""
    tasks = [task.name for task in site_tasks()]
    names = [source.name for source in sources.list_sources(session.store)]
    task, source = st.query_params.get("task"), st.query_params.get("source")

    def chosen(name: str) -> None:
        value = st.session_state[f"label_{name}:{st.query_params.get(name)}"]
        st.query_params.pop(name, None)
        if value:
            st.query_params[name] = value
        st.query_params.pop("item", None)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            t("label.task"), [None, *tasks], index=tasks.index(task) + 1 if task in tasks else 0, key=f"label_task:{task}", width=170,
            format_func=lambda name: named("task", name) or t("label.all_tasks"), label_visibility="collapsed",
            on_change=chosen, args=("task",), placeholder=t("label.all_tasks"),
        )
        st.selectbox(
            t("label.source"), [None, *names], index=names.index(source) + 1 if source in names else 0, width=170,
            key=f"label_source:{source}",
            format_func=lambda name: name or t("label.all_sources"), label_visibility="collapsed", on_change=chosen, args=("source",),
            placeholder=t("label.all_sources"),
        )
        said = st.session_state.pop("_label_said", None)
        selected = labeling.selected(session)
        if selected is not None:
            st.button(parts.code_span(selected.what, 34), icon=":material/filter_alt_off:", help=t("label.all_again"), on_click=_all_again)
        st.caption(_how_far(session, tasks, task, selected) + (f" · **{said}**" if said else ""))
    return task if task in tasks else None, source if source in names else None


def _how_far(session: Session, tasks: list[str], task: str | None, chosen: Selection | None) -> str:
    if chosen is not None:
        done, total = selection.progress(session.store, chosen)
        return t("label.progress_selected", done=done, total=total)
    counted = [p for p in progress(session.store) if p.task in tasks and task in (None, p.task)]
    return t(
        "label.progress", done=sum(p.total - p.open for p in counted), total=sum(p.total for p in counted),
        mine=sum(p.by_user.get(session.actor.name, 0) for p in counted))


def _all_again() -> None:
    st.query_params.pop("hits", None)


def _all_done() -> None:
    st.success(t("label.all_done"), icon=":material/done_all:")
    with st.container(horizontal=True):
        st.button(t("common.undo"), icon=":material/undo:", on_click=labeling.take_back, shortcut="z")
        parts.page_link("sources")


def _site(session: Session, form: LabelForm, view: label.LabelView) -> None:
    proposal = view.proposal
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(named("task", view.item.task), color="blue")
        if view.resolved.status != "open":
            st.badge(named("label.status", view.resolved.status), color="gray")
        if view.mine is not None:
            st.badge(t("label.mine", action=named("label.action", view.mine.action)), color="green")
        st.button(
            parts.escaped(f"{proposal.file.rsplit('/', 1)[-1]}:{proposal.line}"), key=f"site:{form.key}", type="tertiary",
            icon=":material/my_location:", on_click=labeling.show_place, args=(form.key, proposal.file, proposal.line), shortcut="g",
            help=t("label.to_site"),
        )
        if places := list(dict.fromkeys((e.file, e.line) for e in _all_evidence(form))):
            st.button(
                t("label.next_evidence", count=len(places)), key=f"evidence:{form.key}", type="tertiary", icon=":material/search:",
                on_click=labeling.show_next_place, args=(form.key, places), shortcut="v", help=t("label.next_evidence_help"),
            )
    inside = proposal.function if proposal.function != proposal.expression else None
    parts.code(proposal.expression + (f"    /* {t('label.in_function')} {inside} */" if inside else ""))


def _actions(session: Session, form: LabelForm) -> None:
    """Everything that can be said about this site. A save runs in the callback, with the operation id of this very form."""
    op = parts.op_id(form.key)
    problem = form.problem
    with st.container(horizontal=True, key="actions"):
        changed = labeling.changed_answer(form)
        st.button(
            t("label.action.mend") if changed else t("label.action.confirm"), key=f"main:{form.key}", type="primary", shortcut="a",
            icon=":material/edit:" if changed else ":material/check:", disabled=problem is not None,
            on_click=labeling.act, args=(form.key, op, "mend" if changed else "confirm"),
        )
        for action, key, icon in ROW_TWO:
            st.button(
                t(f"label.action.{action}"), key=f"{action}:{form.key}", icon=icon, shortcut=key, on_click=labeling.act,
                args=(form.key, op, action), help=t(f"label.help.{action}"), disabled=action == "incomplete" and problem is not None,
            )
        st.button(
            t("label.action.flag"), key=f"flag:{form.key}", icon=":material/flag:", shortcut="f", on_click=labeling.toggle_flag,
            args=(form.key,), help=t("label.help.flag"),
        )
        st.button(
            "", key=f"undo:{form.key}", icon=":material/undo:", shortcut="z", on_click=labeling.take_back, help=t("common.undo"),
        )
        st.button(
            "", key=f"prev:{form.key}", icon=":material/chevron_left:", shortcut="k", on_click=labeling.go_back,
            disabled=not st.session_state.get("_label_seen"), help=t("common.previous"),
        )
        st.button(
            "", key=f"next:{form.key}", icon=":material/chevron_right:", shortcut="j", on_click=labeling.go_next, args=(form.key,),
            help=t("common.next"),
        )
    if problem is not None:
        parts.show_error(problem)
    if form.state["flagging"]:
        draft(
            key=f"reason:{form.key}", value=form.state["reason"], storage=f"{session.actor.name}/{form.key}/reason", rev=0, height_px=60,
            label=t("label.flag_reason"), on_change=labeling.watched(form), autofocus=True,
        )
        st.button(
            t("label.flag_save"), key=f"flagged:{form.key}", shortcut="Ctrl+Enter", type="primary", on_click=labeling.act,
            args=(form.key, op, "flag"),
        )


def _answer(session: Session, form: LabelForm) -> None:
    answer_form(Form(
        task=form.task, key=form.key, rev=form.state["rev"], answer=form.state["answer"], candidates=form.proposal.candidates,
        keep=partial(labeling.keep, form.key), jump=partial(labeling.show_place, form.key), file=form.proposal.file,
        storage=f"{session.actor.name}/{form.key}", readers=form.state["readers"], meaning=partial(labeling.meaning, form),
        reasons=partial(labeling.reasons, form), is_open=partial(labeling.is_open, form), turn=partial(labeling.turn, form),
        turn_all=partial(labeling.turn_all, form.key) if sum(bool(c.steps) for c in form.proposal.candidates) > 1 else None,
    ))
    if labeling.changed_answer(form):
        st.button(t("label.propose_again"), key=f"again:{form.key}", type="tertiary", icon=":material/restart_alt:",
                  on_click=labeling.propose_again, args=(form.key,))


def _evidence(form: LabelForm) -> None:
    """What speaks for the proposal, but for the site and the places that the form itself shows."""
    in_form = {(step["file"], step["line"]) for value in form.proposal.answer.values() for step in _steps(value)}
    in_form |= {(step.file, step.line) for candidate in form.proposal.candidates[:1] for step in candidate.steps}
    in_form.add((form.proposal.file, form.proposal.line))
    evidence = [each for each in form.proposal.evidence if (each.file, each.line) not in in_form]
    jump = partial(labeling.show_place, form.key)
    for number, each in enumerate(evidence[:EVIDENCE_SHOWN]):
        evidence_row(jump, f"ev:{form.key}:{number}", each)
    if len(evidence) > EVIDENCE_SHOWN:
        with st.expander(t("label.more_evidence", count=len(evidence) - EVIDENCE_SHOWN)):
            for number, each in enumerate(evidence[EVIDENCE_SHOWN:EVIDENCE_MOST], EVIDENCE_SHOWN):
                evidence_row(jump, f"ev:{form.key}:{number}", each)


def _steps(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict) and "phase" in each] if isinstance(value, list) else []


def _explanation(session: Session, form: LabelForm) -> None:
    def language_chosen() -> None:
        form.state["lang"] = st.session_state[key] or form.state["lang"]
        labeling.keep(form.key)

    key = f"lang:{form.key}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{t('label.explanation')}**")
        st.segmented_control(
            t("label.explanation_language"), LANGS, default=form.state["lang"], key=key, on_change=language_chosen, required=True,
            format_func=lambda lang: t(f"common.lang_{lang}"), label_visibility="collapsed",
        )
        lang = form.state["lang"]
        if lang in form.state["explanation"]:
            st.button(
                t("label.use_drafted"), key=f"drafted:{form.key}", type="tertiary", on_click=labeling.use_drafted, args=(form.key, lang)
            )
    text, rev = labeling.explanation_of(form, lang)
    field = f"why:{form.key}:{lang}"
    draft(
        key=field, value=text, rev=rev, storage=f"{session.actor.name}/{form.key}/{lang}", label=t("label.explanation_help"),
        on_change=labeling.watched(form, lang, field, rev), focus_key="e", height_px=100,
        mend_key="m", mend_where=".st-key-answer",
        forget=st.session_state.pop("_label_forget", []),
    )


def _source(session: Session, form: LabelForm, item: Item) -> None:
    place = form.state["place"]
    if item.source is None or item.file is None:
        parts.code(item.excerpt)
        return
    file, line = place["file"], place["line"]
    try:
        text = sources.read_text(session.store, session.settings, item.source, file)
    except UserError as err:
        parts.show_error(err)
        parts.code(item.excerpt)
        return
    marks = label.sites_in_file(session.store, item.source, file)
    lines = [e.line for e in _all_evidence(form) if e.file == file]
    code_view(
        key="label_view", source=item.source, text=text, marks=marks, line=line, evidence=lines, current=item.id, jump=place["jump"],
        on_picked=_picked, on_went=partial(labeling.went, form.key), height="calc(100vh - 7.2rem)",
    )


def _all_evidence(form: LabelForm) -> list[Any]:
    """Every place that speaks for the proposal, candidate by candidate along its way."""
    return [*form.proposal.evidence, *(e for c in form.proposal.candidates for e in (*c.steps, *c.evidence))]


def _picked() -> None:
    picked = st.session_state["label_view"].picked
    if picked:
        st.query_params["item"] = picked


main()
