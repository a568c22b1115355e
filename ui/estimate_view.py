"""What would this configuration need, and what fits where? An expander on the Train page: a card, a price, stages, the table of cards."""
from __future__ import annotations

from typing import Any

import streamlit as st

from curation.errors import UserError
from training import estimate as reckon
from training.cost import tokens_of
from ui import parts
from ui.amounts import size
from ui.text import error_text, named, t


def estimate_view(loaded: Any, dataset_dir: Any) -> None:
    """Reckoned only when it is opened: the table asks a hundred configurations."""
    with st.expander(t("estimate.title"), icon=":material/memory:", key="estimate", on_change="rerun") as opened:
        if not opened.open:
            return
        left, right = st.columns(2)
        known = reckon.cards()
        name = left.selectbox(t("estimate.card"), list(known), index=list(known).index("rtx-4090"), key="estimate_card",
                              format_func=lambda each: f"{known[each].title} · {known[each].gb:g} GB")
        price = right.number_input(t("estimate.price"), min_value=0.0, value=None, key="estimate_price", help=t("estimate.price_help"))
        try:
            found = reckon.estimate(loaded, lengths=tokens_of(dataset_dir, "sft"), card=known[name], price=price)
            fits = reckon.table(loaded, found.longest)
        except UserError as err:
            st.caption(parts.escaped(error_text(err)))
            return
        _stages(found)
        st.dataframe(
            [{t("estimate.card"): card.title, "GB": f"{card.gb:g}", t("estimate.fits"): _fits(plan)} for card, plan in fits],
            hide_index=True, key="estimate_cards", height=38 + 35 * len(fits), alt=t("estimate.title"),
            column_config={t("estimate.fits"): st.column_config.TextColumn(width="large")})
        st.caption(t("estimate.basis"))


def _stages(found: reckon.Estimate) -> None:
    for of in found.stages:
        memory = ", ".join(f"{named('estimate.part', part)} {size(number)}" for part, number in of.memory.parts.items())
        too_large = f" · {t('estimate.too_large')}" if of.fits is False else ""
        st.caption(parts.escaped(f"{named('train.stage_name', of.stage)}: {size(of.memory.total)} ({memory}){too_large}"))
    if found.hours is not None:
        said = t("estimate.hours", hours=f"{found.hours:.1f}")
        st.caption(said + (f" · {t('estimate.cost', cost=f'{found.cost:,.2f}')}" if found.cost is not None else ""))


def _fits(plan: reckon.Plan | None) -> str:
    if plan is None:
        return t("estimate.nothing")
    return " ".join(f"{key}={plain_value(value)}" for key, value in plan.change.items()) or t("estimate.as_it_is")


def plain_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
