"""Freeze: choose what goes in, see what that gives against the goals, and write the next version of a dataset."""
from __future__ import annotations

import datetime
from typing import Any, get_args

import streamlit as st

from curation.freezing import freeze, lengths
from curation.freezing.freeze import FreezeOptions, FrozenVersion, Preview, TaskPreview, VersionRow
from curation.freezing.lengths import Lengths
from curation.freezing.split import SPLITS
from curation.model import Origin
from curation.sourcing import sources
from curation.tasks import all_tasks
from training import model_store
from ui import freezing, parts
from ui.session import Session, current
from ui.text import LANGS, named, t

SEEN = "_freeze_preview"  # (options, preview, lengths of the rows or None) last computed
MADE = "_freeze_made"
CHECKED = "_freeze_checked"
FORM = "freeze"
SHARES = {"class": 50, "source": 40, "file": 10, "answer": 10}  # percent of a task's items, the defaults of FreezeOptions
LIMITS = {"keep": 100, "most_targets": 12, "most_places": 3}


def main() -> None:
    session = current()
    parts.heading("freeze.title")
    if not session.may("lead"):
        st.info(t("freeze.leads_only"))
        return
    with st.container(border=True):
        _form(session)
        options = _options()
        st.button(
            t("freeze.preview"), key="freeze_preview", icon=":material/visibility:",
            on_click=parts.run_guarded, args=(_preview, session),
        )
    seen = st.session_state.get(SEEN)
    if seen is not None:
        _show_preview(session, options, *seen)
    made: FrozenVersion | None = st.session_state.get(MADE)
    if made is not None:
        st.success(parts.escaped(t("freeze.made", name=made.name, version=made.version, rows_hash=made.hash)), icon=":material/ac_unit:")
        parts.page_link("train")
    _versions(session)


def _form(session: Session) -> None:
    left, right = st.columns(2)
    with left:
        st.text_input(t("freeze.name"), value="flow", key="freeze_name", help=t("freeze.name_help"))
        st.multiselect(
            t("freeze.tasks"), list(all_tasks()), key="freeze_tasks", format_func=_task_name, placeholder=t("common.all"),
        )
        st.multiselect(
            t("freeze.langs"), LANGS, default=LANGS, key="freeze_langs", format_func=lambda lang: t(f"common.lang_{lang}"),
        )
        st.multiselect(
            t("freeze.origins"), get_args(Origin), key="freeze_origins", format_func=lambda o: t(f"freeze.origin_{o}"),
            placeholder=t("common.all"),
        )
        names = [source.name for source in sources.list_sources(session.store)]
        st.multiselect(t("freeze.sources"), names, key="freeze_sources", placeholder=t("common.all"))
    with right:
        st.number_input(t("freeze.seed"), value=0, min_value=0, max_value=2**31 - 1, key="freeze_seed", help=t("freeze.seed_help"))
        st.radio(
            t("freeze.by"), ["file", "source"], key="freeze_by", horizontal=True, format_func=lambda by: t(f"freeze.by_{by}"),
            help=t("freeze.by_help"),
        )
        st.number_input(t("freeze.validation"), value=10, min_value=0, max_value=50, key="freeze_validation")
        st.number_input(t("freeze.test"), value=10, min_value=0, max_value=50, key="freeze_test")
        st.text_input(t("freeze.license"), key="freeze_license", placeholder="cc-by-4.0", help=t("freeze.license_help"))
    _rows_form(session)


def _rows_form(session: Session) -> None:
    """What a row holds, and how much of a set one thing may be."""
    left, middle, right = st.columns([2, 1, 1])
    with left:
        st.radio(
            t("freeze.completion"), ["answer", "short", "full"], index=2, key="freeze_completion", horizontal=True,
            format_func=lambda kind: t(f"freeze.completion_{kind}"), help=t("freeze.completion_help"),
        )
    with middle:
        st.number_input(
            t("freeze.excerpt_tokens"), value=None, min_value=20, max_value=100_000, step=50, key="freeze_excerpt_tokens",
            placeholder=t("freeze.excerpt_whole"), help=t("freeze.excerpt_tokens_help"),
        )
    with right:
        st.selectbox(
            t("freeze.tokenizer"), _tokenizers(session), index=None, key="freeze_tokenizer", accept_new_options=True,
            placeholder=t("freeze.tokenizer_none"), help=t("freeze.tokenizer_help"),
        )
    with st.expander(t("freeze.balance_form")):
        st.caption(t("freeze.balance_help"))
        for column, (name, share) in zip(st.columns(4), SHARES.items(), strict=True):
            with column:
                st.number_input(t(f"freeze.{name}_share"), value=share, min_value=1, max_value=100, key=f"freeze_{name}_share")
        for column, (name, number) in zip(st.columns(4), LIMITS.items(), strict=False):
            with column:
                st.number_input(t(f"freeze.{name}"), value=number, min_value=1, max_value=100_000, key=f"freeze_{name}")


def _tokenizers(session: Session) -> list[str]:
    """The models at hand that have a tokenizer.json: those fetched, and those of the workspace."""
    return list(dict.fromkeys([*model_store.installed(), *lengths.tokenizers(session.settings)]))


def _options() -> dict[str, Any]:
    """What is chosen, as FreezeOptions takes it: an empty choice means all."""
    state = st.session_state
    return {
        "name": state["freeze_name"].strip(), "seed": int(state["freeze_seed"] or 0), "tasks": state["freeze_tasks"] or None,
        "langs": list(state["freeze_langs"]), "origins": state["freeze_origins"] or None, "sources": state["freeze_sources"] or None,
        "by": state["freeze_by"], "validation": (state["freeze_validation"] or 0) / 100, "test": (state["freeze_test"] or 0) / 100,
        "license": state["freeze_license"].strip() or None,
        "completion": state["freeze_completion"], "excerpt_tokens": state["freeze_excerpt_tokens"],
        "tokenizer": (state["freeze_tokenizer"] or "").strip() or None,
        **{f"{name}_share": (state[f"freeze_{name}_share"] or 100) / 100 for name in SHARES},
        **{name: state[f"freeze_{name}"] or number for name, number in LIMITS.items()},
    }


def _checked(session: Session, chosen: dict[str, Any]) -> FreezeOptions:
    """Raises BadValue for a tokenizer that is not there."""
    return FreezeOptions(**{**chosen, "tokenizer": lengths.tokenizer_of(session.settings, chosen["tokenizer"])})


def _preview(session: Session) -> None:
    chosen = _options()  # now: the fields may have changed in the very click that came here
    st.session_state.pop(SEEN, None)
    st.session_state.pop(MADE, None)
    options = _checked(session, chosen)
    plan = freeze.prepare(session.store, options, session.settings)
    found = freeze.preview(session.store, session.settings, options, plan)
    measured = lengths.lengths(plan.rows, options.tokenizer) if options.tokenizer is not None and plan.rows else None
    st.session_state[SEEN] = (chosen, found, measured)


def _freeze(session: Session, chosen: dict[str, Any]) -> FrozenVersion:
    return freeze.freeze(session.store, session.settings, session.actor, _checked(session, chosen))


def _frozen(made: FrozenVersion) -> None:
    st.session_state[MADE] = made
    st.session_state.pop(SEEN, None)  # and with it the button: one press, one version


def _show_preview(session: Session, options: dict[str, Any], chosen: dict[str, Any], seen: Preview, measured: Lengths | None) -> None:
    st.subheader(t("freeze.what_it_gives"), anchor=False)
    st.dataframe([_preview_row(task) for task in seen.tasks], hide_index=True, column_config={
        t("freeze.of_goal"): st.column_config.ProgressColumn(min_value=0, max_value=100, format="%d %%"),
    })
    st.caption(t("freeze.totals", rows=seen.rows, groups=seen.groups))
    for task in seen.tasks:
        if task.left_out:
            reasons = " · ".join(f"{named('freeze.left_out', why)}: {number}" for why, number in task.left_out.items())
            st.caption(parts.escaped(t("freeze.left_out_of", task=_task_name(task.task), reasons=reasons)))
    freezing.show_balance(seen.tasks)
    if measured is not None:
        freezing.show_lengths(measured, chosen["tokenizer"])
    else:
        st.caption(t("freeze.lengths_none"))
    for warning in seen.warnings:
        st.warning(parts.escaped(t(f"freeze.{warning.code}", **_in_words(warning.params))), icon=":material/warning:")
    if chosen != options:
        st.info(t("freeze.changed"))
    st.button(
        t("freeze.freeze", name=chosen["name"]), key="freeze_now", type="primary", icon=":material/ac_unit:",
        disabled=not seen.rows or chosen != options,
        on_click=parts.run_guarded, args=(_freeze, session, chosen), kwargs={"op": parts.op_id(FORM), "after": _frozen},
    )


def _in_words(params: dict[str, Any]) -> dict[str, Any]:
    """A warning's parameters with the names of tasks and splits as the user reads them."""
    words = dict(params)
    if "task" in words:
        words["task"] = _task_name(words["task"])
    if "splits" in words:
        words["splits"] = ", ".join(t(f"freeze.split_{split}") for split in words["splits"].split(", "))
    return words


def _preview_row(task: TaskPreview) -> dict[str, Any]:
    minimum, wanted = task.goal or (None, None)
    return {
        t("freeze.task"): _task_name(task.task), t("freeze.items"): task.items, t("freeze.rows"): task.rows,
        **{t(f"freeze.split_{split}"): task.splits.get(split, 0) for split in SPLITS},
        t("freeze.minimum"): _goal(minimum), t("freeze.wanted"): _goal(wanted),
        t("freeze.of_goal"): None if minimum is None else min(100, 100 * task.items // minimum),
    }


def _goal(number: int | None) -> str:
    """As text: Streamlit writes None into an empty cell, in every language."""
    return "–" if number is None else f"{number:,}"


def _versions(session: Session) -> None:
    known = freeze.versions(session.store)
    st.subheader(t("freeze.versions"), anchor=False)
    if not known:
        st.caption(t("freeze.no_versions"))
        return
    st.dataframe([_version_row(version) for version in known], hide_index=True)
    labels = {f"{v.name}/v{v.version:04d}": v for v in known}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(t("freeze.version"), list(labels), key="freeze_version")
        st.button(
            t("freeze.verify"), key="freeze_verify", icon=":material/verified:", on_click=parts.run_guarded,
            args=(_verify, session, labels[label]), kwargs={"keep_ops": True},
        )
    if st.session_state.get(CHECKED) == label:
        st.success(parts.escaped(t("freeze.untouched", version=label)), icon=":material/verified:")


def _verify(session: Session, version: VersionRow) -> None:
    st.session_state.pop(CHECKED, None)
    freeze.verify_version(session.settings, version)
    st.session_state[CHECKED] = f"{version.name}/v{version.version:04d}"


def _version_row(version: VersionRow) -> dict[str, Any]:
    splits = {split: sum(counts.get(split, 0) for counts in version.counts.values()) for split in SPLITS}
    return {
        t("freeze.version"): f"{version.name}/v{version.version:04d}",
        **{t(f"freeze.split_{split}"): number for split, number in splits.items()},
        t("freeze.seed"): version.options.get("seed"), t("freeze.hash"): version.hash[:16],
        t("freeze.when"): datetime.datetime.fromisoformat(version.created_at), t("freeze.who"): version.created_by,
    }


def _task_name(name: str) -> str:
    return named("task", name)


main()
