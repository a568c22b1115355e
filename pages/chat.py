"""Chat: ask a trained model, its untuned base beside it, a test row with its right answer as the question. Servers and answers are
training/chat.py's; what a model writes is shown as it stands, never as Markdown."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from curation.errors import UserError
from training import app_actions, chat, served
from training.served import Servable
from ui import parts
from ui.session import Session, current
from ui.text import error_text, named, t

CHOSEN = "run"  # the query parameter that names the run talked to
TURNS = "_chat_turns"  # in session_state: [{"question", "messages", "gold", "answers": {who: {"text", "seconds", "halted", "error"}}}]
WAITING = "_chat_waiting"  # the turn that was asked and is not answered yet
TUNED, BASE = "tuned", "base"
SHOWN_ROWS = 200


def main() -> None:
    session = current()
    parts.heading("chat.title")
    if not session.may("reviewer", "lead"):
        st.info(t("chat.reviewers_only"))
        return
    runs, installed = chat.runs_to_ask(session.settings.runs_dir), chat.installed()
    if not runs and not installed:
        st.info(t("chat.none"))
        parts.page_link("train")
        return
    with st.container(border=True):
        find, row = _model(session, runs, installed)
        sampling = _sampling()
        _question(row)
    _turns(session, find, sampling)


# ---- the form ----


def _model(session: Session, runs: list[str], installed: list[str]) -> tuple[Callable[[], dict[str, Servable]], dict[str, Any] | None]:
    """What finds the models that are asked (a conversion may be due), and the test row chosen as the question."""
    names = [("run", name) for name in runs] + [("installed", name) for name in installed]
    labels = {(kind, name): t(f"chat.model_{kind}", name=name) for kind, name in names}
    wanted = ("run", st.query_params.get(CHOSEN))
    first, second, third = st.columns([4, 2, 3], vertical_alignment="bottom")
    kind, name = first.selectbox(
        t("chat.model"), names, index=names.index(wanted) if wanted in names else 0, key="chat_model",
        format_func=labels.__getitem__, on_change=_clear)
    if kind != "run":
        return lambda: {TUNED: served.find(name, runs_dir=session.settings.runs_dir)}, None
    st.query_params[CHOSEN] = name
    run_dir = session.settings.runs_dir / name
    file = second.selectbox(t("chat.file"), served.file_types(run_dir), key=f"chat_file_{name}", help=t("chat.file_help"), on_change=_clear)
    beside = third.toggle(t("chat.beside"), key="chat_beside", help=t("chat.beside_help"), on_change=_clear)

    def find() -> dict[str, Servable]:
        tuned = served.of_run(run_dir, file, _quiet)
        base = served.base_of_run(run_dir, _quiet) if beside else None
        return {TUNED: tuned} if base is None else {TUNED: tuned, BASE: base}

    return find, _row(chat.test_rows(run_dir)[:SHOWN_ROWS], name)


def _quiet(_: str) -> None:
    """What a conversion says is for a shell."""


def _row(rows: list[dict[str, Any]], run: str) -> dict[str, Any] | None:
    if not rows:
        return None
    by_id = {row["id"]: row for row in rows}
    key = f"chat_row_{run}"
    labels: dict[str | None, str] = {None: t("chat.row_none")}
    labels |= {at: f"{named('task', row['task'])} · {row['lang']} · {at}" for at, row in by_id.items()}

    def taken() -> None:
        row = by_id.get(st.session_state[key])
        st.session_state["chat_prompt"] = _asked(row) if row else ""
        _clear()

    chosen = st.selectbox(t("chat.row"), list(labels), key=key, help=t("chat.row_help"), on_change=taken, format_func=labels.__getitem__)
    return by_id.get(chosen)


def _asked(row: dict[str, Any]) -> str:
    """The row's question: its last message by the user."""
    return str(next(message["content"] for message in reversed(row["prompt"]) if message["role"] == "user"))


def _sampling() -> chat.Sampling:
    first, second, third = st.columns([3, 2, 4])
    temperature = first.slider(t("chat.temperature"), 0.0, 2.0, 0.0, 0.05, key="chat_temperature", help=t("chat.temperature_help"))
    longest = second.number_input(t("chat.max_tokens"), 1, chat.CONTEXT, 256, 32, key="chat_max_tokens")
    stop = third.text_area(t("chat.stop"), key="chat_stop", help=t("chat.stop_help"), height=68)
    return chat.Sampling(temperature, longest, tuple(line for line in (stop or "").splitlines() if line))


def _question(row: dict[str, Any] | None) -> None:
    st.text_area(t("chat.prompt"), key="chat_prompt", height=150, placeholder=t("chat.prompt_placeholder"))
    with st.container(horizontal=True):
        st.button(t("chat.ask"), key="chat_ask", type="primary", icon=":material/send:", on_click=parts.run_guarded,
                  args=(_ask, row), kwargs={"op": parts.op_id("chat")})
        st.button(t("chat.halt"), key="chat_halt", icon=":material/stop:", on_click=_halt, disabled=WAITING not in st.session_state)
        turns = st.session_state.get(TURNS)
        st.button(t("chat.clear"), key="chat_clear", icon=":material/restart_alt:", on_click=_clear, disabled=not turns)
    if turns:
        st.caption(t("chat.goes_on", count=len(turns)))


def _ask(row: dict[str, Any] | None) -> None:
    """Puts the question where the run that follows answers it."""
    _halt()
    text = (st.session_state.get("chat_prompt") or "").strip("\n")
    if not text.strip():
        return
    mine = row is not None and text == _asked(row).strip("\n")
    system = [dict(m) for m in row["prompt"] if m["role"] == "system"] if mine and row else []
    st.session_state[WAITING] = {"question": text, "system": system, "gold": row["completion"][-1]["content"] if mine and row else None,
                                 "answers": {}}


def _halt() -> None:
    """The answers stay as far as they came."""
    if (turn := st.session_state.pop(WAITING, None)) is not None and turn["answers"]:
        st.session_state.setdefault(TURNS, []).append(turn)


def _clear() -> None:
    st.session_state.pop(WAITING, None)
    st.session_state[TURNS] = []


# ---- the answers ----


def _turns(session: Session, find: Callable[[], dict[str, Servable]], sampling: chat.Sampling) -> None:
    waiting = st.session_state.get(WAITING)
    earlier = list(st.session_state.get(TURNS, []))
    if waiting is not None:
        _answer(session, waiting, earlier, find, sampling)
    for turn in reversed(earlier):
        _show(turn)


def _answer(session: Session, turn: dict[str, Any], earlier: list[dict[str, Any]], find: Callable[[], dict[str, Servable]],
            sampling: chat.Sampling) -> None:
    """Draws the answers as they are written. A press of any button ends this run, and with it the answers; they stay as they are."""
    with st.container(border=True):
        _said(turn)
        status = st.empty()
        status.caption(t("chat.starting"))
        try:
            models = find()
            asked = app_actions.ask(session.actor, models, {who: _history(turn, earlier, who) for who in models}, sampling)
        except UserError as err:
            st.session_state.pop(WAITING, None)
            status.empty()
            parts.show_error(err)
            return
        places = dict(zip(models, _columns(turn, list(models)), strict=True))
        turn["answers"] = {who: {"text": "", "seconds": None, "halted": True, "error": None} for who in models}
        for who in asked.run():
            answer = asked.answers[who]
            turn["answers"][who] = {"text": answer.text, "seconds": answer.seconds, "halted": not answer.done,
                                    "error": answer.error}
            status.caption(t("chat.writing"))
            with places[who].container():
                _written(turn["answers"][who])
    st.session_state.pop(WAITING, None)
    st.session_state.setdefault(TURNS, []).append(turn)
    st.rerun()


def _history(turn: dict[str, Any], earlier: list[dict[str, Any]], who: str) -> list[dict[str, str]]:
    """The conversation as this model has it: its own answers, not the other's."""
    messages = list((earlier[0] if earlier else turn)["system"])
    for old in earlier:
        if (answer := old["answers"].get(who)) is not None:
            messages += [{"role": "user", "content": old["question"]}, {"role": "assistant", "content": answer["text"]}]
    return [*messages, {"role": "user", "content": turn["question"]}]


def _show(turn: dict[str, Any]) -> None:
    with st.container(border=True):
        _said(turn)
        for who, place in zip(turn["answers"], _columns(turn, list(turn["answers"])), strict=True):
            with place.container():
                _written(turn["answers"][who])


def _said(turn: dict[str, Any]) -> None:
    with st.expander(parts.code_span(turn["question"]), icon=":material/help:"):
        parts.code(turn["question"], language=None)


def _columns(turn: dict[str, Any], who: list[str]) -> list[Any]:
    """A place for each model's answer, under its name; the right answer beside them where it is known."""
    columns = st.columns(len(who) + (turn["gold"] is not None))
    places = []
    for name, column in zip(who, columns, strict=False):
        with column:
            st.markdown(f"**{t(f'chat.{name}')}**")
            places.append(st.empty())
    if turn["gold"] is not None:
        with columns[-1]:
            st.markdown(f"**{t('chat.gold')}**")
            parts.code(turn["gold"], language=None)
    return places


def _written(answer: dict[str, Any]) -> None:
    parts.code(answer["text"] or t("chat.empty"), language=None)
    notes = [t("chat.seconds", seconds=answer["seconds"])] if answer["seconds"] is not None else []
    if answer["error"] is not None:
        st.error(parts.escaped(error_text(answer["error"])), icon=":material/error:")
    elif answer["halted"]:
        notes.append(t("chat.halted"))
    st.caption(" · ".join(notes))


main()
