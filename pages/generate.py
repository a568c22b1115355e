"""Generate: ask a model for pairs to review, watch a campaign's progress and cost, stop it and go on later."""
from __future__ import annotations

import os
from typing import Any

import streamlit as st
from pydantic import ValidationError

from curation import command, jobs
from curation.errors import BadConfig, Reason, invalid, joined
from curation.pairs import generate, seeds
from curation.pairs.generate import Counts, EndpointCheck, GenerateOptions
from curation.sourcing import sources
from training import app_actions, chat
from ui import parts
from ui.session import Session, current
from ui.text import LANGS, error_text, named, t

CHECKED = "_generate_checked"
FORM = "generate"
REFRESH_S = 2.0
_FIELDS = GenerateOptions.model_fields


def main() -> None:
    session = current()
    parts.heading("generate.title")
    if not session.may("lead"):
        st.info(t("generate.leads_only"))
        return
    job = jobs.latest(session.settings, generate.JOB)
    runs = job is not None and jobs.status(session.settings, job).runs
    with st.container(border=True):
        _form(session)
        _buttons(session, job if runs else None)
        _check_result()
    if job is not None:
        st.fragment(_progress, run_every=REFRESH_S if runs else None)(session, job, runs)
    _campaigns(session)


def _form(session: Session) -> None:
    llm = session.settings.llm
    left, right = st.columns(2)
    with left:
        st.text_input(t("generate.campaign"), value="first", key="generate_campaign", help=t("generate.campaign_help"))
        tasks = {name: named("task", name) for name in seeds.topics()}
        st.selectbox(t("generate.task"), list(tasks), key="generate_task", format_func=tasks.__getitem__)
        st.number_input(t("generate.count"), 1, 1_000_000, 50, key="generate_count", help=t("generate.count_help"))
        st.segmented_control(
            t("common.language"), LANGS, default=session.lang, required=True, key="generate_lang",
            format_func={lang: t(f"common.lang_{lang}") for lang in LANGS}.__getitem__,
        )
    with right:
        serve = command("training serve RUN")
        st.text_input(t("generate.base_url"), value=llm.base_url, key="generate_base_url", help=t("generate.base_url_help", command=serve))
        st.text_input(t("generate.model"), value=llm.model, key="generate_model")
        has_key = os.environ.get("FLOWSIGHT_LLM_KEY") or os.environ.get("OPENAI_API_KEY")
        st.caption(t("generate.key_there") if has_key else t("generate.no_key"))
        _local_model(session)
        code: dict[str | None, str] = {None: t("generate.no_source")}
        code |= {source.name: source.name for source in sources.list_sources(session.store)}
        st.selectbox(
            t("generate.source"), list(code), key="generate_source", help=t("generate.source_help"), format_func=code.__getitem__,
        )
    with st.expander(t("generate.more")), st.container(horizontal=True):
        _number("per_request", 1, 20)
        _number("examples", 1, 10)
        _number("concurrency", 1, 16)
        _number("max_tokens", 64, 131_072)
        st.number_input(t("generate.temperature"), 0.0, 2.0, _FIELDS["temperature"].default, 0.1, key="generate_temperature")
        st.number_input(t("generate.timeout_s"), 1.0, 3600.0, llm.timeout_s, key="generate_timeout_s")
        st.number_input(
            t("generate.most_requests"), min_value=1, value=None, key="generate_most_requests", help=t("generate.most_requests_help"),
            placeholder=t("generate.by_itself"),
        )
        st.number_input(t("generate.seed"), min_value=0, value=None, key="generate_seed", placeholder=t("generate.by_itself"))


def _local_model(session: Session) -> None:
    """A button that serves a model of this machine and fills in where it answers."""
    with st.popover(t("generate.local"), icon=":material/memory:", help=t("generate.local_help")):
        names = [*chat.runs_to_ask(session.settings.runs_dir), *chat.installed()]
        if not names:
            st.caption(t("generate.local_none"))
            return
        st.selectbox(t("generate.local_model"), names, key="generate_local_model")
        st.button(t("generate.local_start"), key="generate_local_start", icon=":material/play_arrow:", on_click=parts.run_guarded,
                  args=(_serve, session))
        for name, url in chat.lent().items():
            st.caption(parts.escaped(t("generate.local_served", name=name, url=url)))
            st.button(parts.escaped(t("generate.local_end", name=name)), key=f"generate_local_end_{name}", icon=":material/stop:",
                      on_click=parts.run_guarded, args=(app_actions.take_back, session.actor, url))


def _serve(session: Session) -> None:
    name, url = app_actions.lend(session.actor, st.session_state["generate_local_model"], session.settings.runs_dir)
    st.session_state["generate_base_url"] = f"{url}/v1"
    st.session_state["generate_model"] = name


def _number(name: str, least: int, most: int) -> None:
    st.number_input(t(f"generate.{name}"), least, most, _FIELDS[name].default, key=f"generate_{name}")


def _buttons(session: Session, running: str | None) -> None:
    with st.container(horizontal=True):
        st.button(
            t("generate.start"), key="generate_start", type="primary", icon=":material/play_arrow:", disabled=running is not None,
            on_click=parts.run_guarded, args=(_start, session), kwargs={"op": parts.op_id(FORM)},
        )
        st.button(
            t("generate.stop"), key="generate_stop", icon=":material/stop:", disabled=running is None, help=t("generate.stop_help"),
            on_click=parts.run_guarded, args=(generate.stop, session.settings, session.actor, running),
        )
        st.button(
            t("generate.check"), key="generate_check", icon=":material/network_check:", on_click=parts.run_guarded, args=(_check, session),
        )


def _options() -> GenerateOptions:
    """What the form says. Raises BadConfig naming every wrong field."""
    given: dict[str, Any] = {name: st.session_state.get(f"generate_{name}") for name in _FIELDS}
    for name in ("campaign", "base_url", "model"):
        given[name] = (given[name] or "").strip()
    try:
        return GenerateOptions.model_validate({name: value for name, value in given.items() if value is not None})
    except ValidationError as err:
        faults = [Reason("", "- {at}: {why}", at=t(f"generate.{e['loc'][0]}"), why=invalid(e)) for e in err.errors()]
        raise BadConfig(where=t("generate.title"), problems=joined(faults)) from err


def _start(session: Session) -> None:
    st.session_state.pop(CHECKED, None)
    generate.start(session.settings, session.actor, _options())


def _check(session: Session) -> None:
    st.session_state.pop(CHECKED, None)
    state = st.session_state
    st.session_state[CHECKED] = generate.check_endpoint(session.actor, state["generate_base_url"] or "", state["generate_model"] or "")


def _check_result() -> None:
    found: EndpointCheck | None = st.session_state.get(CHECKED)
    if found is None:
        return
    st.success(parts.escaped(t("generate.answers", said=found.said)), icon=":material/check:")
    if found.models and st.session_state["generate_model"] not in found.models:
        st.warning(parts.escaped(t("generate.other_models", models=", ".join(found.models[:20]))))


def _progress(session: Session, job: str, ran: bool) -> None:
    """The newest job: how far its campaign is and what it cost. Redrawn by itself while it runs."""
    found = jobs.status(session.settings, job)
    if ran and not found.runs:
        st.rerun()  # the whole page: Start is possible again
    asked = generate.asked_of(found)
    campaign = asked.get("campaign", "")
    counts = generate.status(session.store, campaign)
    wanted = int(asked.get("count", 1))
    st.subheader(parts.escaped(t("generate.of_campaign", campaign=campaign)), anchor=False)
    state = t(f"generate.state.{found.state}")
    st.progress(min(1.0, counts.rows / wanted), text=t("generate.progress", rows=counts.rows, wanted=wanted, state=state))
    _figures(counts, found.runs)
    problem = generate.problem_of(counts.last_problem)
    if problem is not None:
        st.warning(parts.escaped(error_text(problem)), icon=":material/warning:")
    if counts.rows:
        parts.page_link("prefer" if asked.get("task") == "preference" else "review")
    with st.expander(t("generate.log"), expanded=found.state in ("failed", "died")):
        parts.code(jobs.log_tail(session.settings, job) or t("common.nothing_here"), language=None)


def _figures(counts: Counts, runs: bool) -> None:
    lost = counts.lost + (0 if runs else counts.sent)
    with st.container(horizontal=True):
        for name, value in (
            ("answered", counts.answered), ("under_way", counts.sent if runs else 0), ("failed", counts.failed), ("lost", lost),
            ("unread", counts.unread), ("rows", counts.rows), ("flagged", counts.flagged),
            ("prompt_tokens", counts.prompt_tokens), ("completion_tokens", counts.completion_tokens),
        ):
            told = t(f"generate.figure.{name}_help") if name in ("lost", "unread") else None
            st.metric(t(f"generate.figure.{name}"), f"{value:,}", help=told)


def _campaigns(session: Session) -> None:
    names = generate.campaigns(session.store)
    if not names:
        return
    st.subheader(t("generate.campaigns"), anchor=False)
    all_counts = [generate.status(session.store, name) for name in names]
    columns: dict[str, list[Any]] = {t("generate.campaign"): names}
    for name in ("rows", "flagged", "answered", "failed", "unread", "prompt_tokens", "completion_tokens"):
        columns[t(f"generate.figure.{name}")] = [getattr(counts, name) for counts in all_counts]
    st.dataframe(columns, hide_index=True)


main()
