"""The card of a model of the catalog: name, size, licence, and whether it is here; a button fetches it, with its real progress."""
from __future__ import annotations

import streamlit as st

from training import app_actions, model_store
from training.model_store import Card
from ui import parts
from ui.amounts import size
from ui.session import Session
from ui.text import error_text, t

POLL_S = 1.0


def model_card(session: Session, path: str | None) -> None:
    """Draws the card of the model named by `path`, if it is one of the catalog."""
    card = _card(path)
    if card is not None:
        running = (card.progress or {}).get("state") == "running"
        st.fragment(_drawn, run_every=POLL_S if running else None)(session, card.entry.name, running)


def _card(name: str | None) -> Card | None:
    return next((card for card in model_store.cards() if card.entry.name == name), None)


def _drawn(session: Session, name: str, was_running: bool) -> None:
    card = _card(name)
    if card is None:
        return
    now = card.progress or {}
    if was_running != (now.get("state") == "running"):
        st.rerun()  # the poll starts or ends with the fetch
    entry = card.entry
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="model_card"):
        st.markdown(f"**{parts.escaped(entry.title)}**", width="content")
        st.caption(parts.escaped(t("train.model_about", parameters=f"{entry.parameters / 1e6:.0f}", context=f"{entry.context:,}",
                                   size=size(entry.gguf.bytes), licence=entry.license)), width="content")
        if card.stored is not None:
            st.badge(t("train.model_here"), icon=":material/check:", color="green")
        elif now.get("state") != "running":
            st.button(t("train.model_get"), key="model_get", icon=":material/download:", on_click=parts.run_guarded,
                      args=(app_actions.fetch_model, session.actor, name), help=t("train.model_get_help"))
    if now.get("state") == "running":
        st.progress(min(1.0, float(now["share"])), text=t("train.model_getting", doing=t(f"train.getting.{now['doing']}"),
                                                          percent=round(100 * now["share"])))
    elif now.get("state") == "failed":
        error = now.get("error")
        st.error(parts.escaped(t("train.model_failed") if error is None else error_text(error)), icon=":material/error:")
    elif now.get("state") == "died":
        st.warning(t("train.model_failed"), icon=":material/warning:")
