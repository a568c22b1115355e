"""Import pairs: rows that others made go into the review queue; the bad ones are listed with their line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from curation import formats
from curation.pairs import rows
from curation.pairs.rows import RowsReport
from ui import parts
from ui.session import Session, current
from ui.text import LANGS, named, reason_text, t

REPORT = "_rows_report"
MOST_SHOWN = 500  # problems listed
ENDINGS = ["jsonl", "json", "csv", "tsv", "txt", "parquet", "gz", "zst"]
FORM = "rows"


def main() -> None:
    session = current()
    parts.heading("rows.title")
    if not session.may("reviewer", "lead"):
        st.info(t("rows.reviewers_only"))
        return
    with st.container(border=True):
        with st.container(horizontal=True):
            st.selectbox(t("rows.format"), [None, *formats.all_formats()], key="rows_format", format_func=_format_name)
            st.selectbox(t("common.language"), [None, *LANGS], key="rows_lang", format_func=_lang_name)
            st.number_input(t("rows.seed"), value=0, min_value=0, max_value=2**31 - 1, key="rows_seed", help=t("rows.seed_help"))
        st.checkbox(t("rows.skip_bad"), key="rows_skip_bad", help=t("rows.skip_bad_help"))
        upload, path = st.tabs([t("rows.from_computer"), t("rows.from_server")])
        with upload:
            _words_of_chooser()
            st.file_uploader(t("rows.file"), type=ENDINGS, key="rows_file")
            _button(session, "rows_upload", st.session_state.get("rows_file") is not None, _import_upload)
        with path:
            st.text_input(t("rows.path"), key="rows_path")
            _button(session, "rows_import", bool((st.session_state.get("rows_path") or "").strip()), _import_path)
    report = st.session_state.get(REPORT)
    if report is not None:
        _show(*report)


def _words_of_chooser() -> None:
    """Streamlit writes its file chooser in English alone: our words stand in their place."""
    button = ".st-key-rows_file [data-testid='stFileUploaderDropzone'] > span button p"
    st.html(f"""<style>.st-key-rows_file [data-testid="stFileUploaderDropzoneInstructions"] {{ display: none; }}
{button} {{ font-size: 0; }} {button}::after {{ content: "{t('rows.choose_file')}"; font-size: .875rem; }}</style>""")


def _button(session: Session, key: str, ready: bool, fn: Callable[[Session], None]) -> None:
    st.button(
        t("rows.import"), key=key, type="primary", disabled=not ready, icon=":material/upload_file:",
        on_click=parts.run_guarded, args=(fn, session), kwargs={"op": parts.op_id(FORM)},
    )


def _choices() -> dict[str, Any]:
    state = st.session_state
    return {"format": state.get("rows_format"), "lang": state.get("rows_lang"), "seed": int(state.get("rows_seed") or 0),
            "skip_bad": bool(state.get("rows_skip_bad"))}


def _import_upload(session: Session) -> None:
    file = st.session_state["rows_file"]
    name, data, choices = file.name, file.getvalue(), _choices()
    _keep(name, rows.import_data(session.store, session.settings, session.actor, data, name, **choices))


def _import_path(session: Session) -> None:
    path, choices = st.session_state["rows_path"].strip(), _choices()
    _keep(path, rows.import_rows(session.store, session.settings, session.actor, path, **choices))


def _keep(name: str, report: RowsReport) -> None:
    st.session_state[REPORT] = (name, report)


def _show(name: str, report: RowsReport) -> None:
    kind = t("common.none") if report.format is None else _format_name(report.format)
    text = t("rows.imported", file=name, added=report.added, known=report.known, format=kind)
    show = st.success if report.added or not report.problems else st.warning
    show(parts.escaped(text))
    if report.held:
        st.info(t("rows.held", good=report.held, bad=len(report.problems)))
    if report.unread:
        st.info(parts.escaped(t("rows.unread", keys=", ".join(f"{key} ({count})" for key, count in report.unread.items()))))
    if report.added:
        parts.page_link("prefer" if formats.get_format(str(report.format)).TASK == "preference" else "review")
    if report.problems:
        with st.expander(t("rows.problems", count=len(report.problems)), expanded=True, icon=":material/warning:"):
            shown = report.problems[:MOST_SHOWN]
            st.dataframe(
                {t("rows.line"): [p.params["line"] for p in shown], t("rows.why"): [reason_text(p.params["why"]) for p in shown]},
                hide_index=True,
            )


def _format_name(name: str | None) -> str:
    return t("rows.by_itself") if name is None else named("rows.format_name", name)


def _lang_name(lang: str | None) -> str:
    return t("rows.by_itself") if lang is None else t(f"common.lang_{lang}")


main()
