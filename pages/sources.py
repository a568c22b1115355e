"""Bring C code in, look around in it, propose its sites, and go to one to label it.

Source, folder, file and line are in the URL, so a place can be sent to a colleague.
"""
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import streamlit as st

from curation import jobs
from curation.errors import UserError
from curation.labeling import label
from curation.sourcing import indexing, propose, sources
from curation.sourcing.sources import FileEntry, ImportReport, SourceRow
from ui import parts, upload
from ui.archive_upload import archive_upload
from ui.code_view import code_view
from ui.session import Session, current
from ui.text import named, reason_text, t

MOST_SHOWN = 200  # entries of one list; the filter finds the others
HITS = 100
SHOWN_S = 600  # how long after its end a job is still spoken of


def main() -> None:
    session = current()
    parts.heading("sources.title")
    known = sources.list_sources(session.store)
    if session.may("lead"):
        with st.expander(t("sources.import"), expanded=not known, icon=":material/add:"):
            _import(session)
    _report()
    if not known:
        st.info(t("sources.none_yet"))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        source = _chosen([each.name for each in known])
        _summary(session, next(each for each in known if each.name == source))
    _proposing(session)
    files = sources.tree(session.store, source)
    left, right = st.columns([0.3, 0.7], gap="medium")
    with right:
        _viewer(session, source, st.query_params.get("file"))
    with left:
        _browse(session, source, files)


def _import(session: Session) -> None:
    folder, archive, git = st.tabs([t("sources.from_folder"), t("sources.from_archive"), t("sources.from_git")])
    with folder, st.form("import_folder", border=False):
        path = st.text_input(t("sources.folder"), key="import_path")
        name = st.text_input(t("sources.name"), key="import_folder_name")
        if st.form_submit_button(t("sources.do_import"), type="primary") and path.strip():
            _run(lambda: sources.import_folder(session.store, session.settings, session.actor, path.strip(), name.strip() or None))
    with archive:
        name = st.text_input(t("sources.name"), key="import_archive_name")
        if uploaded := archive_upload(key="import_archive"):
            _run(lambda: _import_upload(session, uploaded["upload"], uploaded["filename"], name.strip() or None))
    with git, st.form("import_git", border=False):
        url = st.text_input(t("sources.git_url"), key="import_url")
        revision = st.text_input(t("sources.git_revision"), key="import_revision")
        name = st.text_input(t("sources.name"), key="import_git_name")
        if st.form_submit_button(t("sources.do_import"), type="primary") and url.strip():
            _run(lambda: sources.import_git(
                session.store, session.settings, session.actor, url.strip(), name.strip() or None, revision.strip() or None
            ))


def _import_upload(session: Session, upload_id: str, filename: str, name: str | None) -> ImportReport:
    with upload.taken(session.settings, upload_id) as path:
        return sources.import_archive(session.store, session.settings, session.actor, path, filename, name)


def _run(fn: Callable[[], ImportReport]) -> None:
    """Imports, keeps the report for the next run and opens the source. Nothing of Streamlit is called inside the import."""
    st.session_state.pop("_import_report", None)
    try:
        with st.spinner(t("sources.import")):
            report = fn()
    except UserError as err:
        parts.show_error(err)
        return
    st.session_state["_import_report"] = report
    st.query_params.from_dict({"source": report.source})
    st.rerun()


def _report() -> None:
    report: ImportReport | None = st.session_state.get("_import_report")
    if report is None:
        return
    text = t("sources.imported", source=report.source, added=report.added, unchanged=report.unchanged, size=_size(report.bytes))
    st.success(parts.escaped(text), icon=":material/check:")
    if report.problems:
        with st.expander(t("sources.problems", count=len(report.problems)), icon=":material/warning:", expanded=True):
            st.dataframe(
                {
                    t("sources.problem_path"): [p.path for p in report.problems],
                    t("sources.problem_code"): [named("sources.problem", p.code) for p in report.problems],
                    t("sources.problem_why"): [reason_text(p.why) for p in report.problems],
                },
                hide_index=True,
            )
    _not_found(report)


def _not_found(report: ImportReport) -> None:
    """What the import did not find: files that #include lines name, and files passed over by their names."""
    if report.unanswered:
        told = indexing.by_path(report.unanswered)
        with st.expander(t("sources.unanswered", count=len(told)), icon=":material/link_off:"):
            st.caption(t("sources.unanswered_help"))
            st.dataframe(
                {
                    t("sources.unanswered_path"): [one.path for one, _ in told],
                    t("sources.unanswered_first"): [f"{one.file}:{one.line}" for one, _ in told],
                    t("sources.unanswered_files"): [files for _, files in told],
                    t("sources.unanswered_lost"): [t("sources.lost_code" if one.in_place else "sources.lost_names") for one, _ in told],
                },
                hide_index=True,
            )
    if report.passed_over:
        with st.expander(t("sources.passed_over", count=len(report.passed_over)), icon=":material/block:"):
            st.dataframe({t("sources.problem_path"): report.passed_over}, hide_index=True)


def _chosen(names: list[str]) -> str:
    """The source named in the URL, else the first. The widget is made anew when the URL changes otherwise (an import opens its source)."""
    wanted = st.query_params.get("source")
    here = wanted if wanted in names else names[0]
    key = f"source_choice:{here}"

    def chosen() -> None:
        st.query_params.from_dict({"source": st.session_state[key]})
        st.session_state.pop("_import_report", None)

    st.selectbox(
        t("sources.source"), names, index=names.index(here), key=key, on_change=chosen, label_visibility="collapsed", width=240
    )
    return here


def _summary(session: Session, source: SourceRow) -> None:
    st.caption(parts.escaped(t("sources.summary", files=source.files, size=_size(source.bytes), origin=source.origin)))
    if source.revision:
        st.caption(parts.escaped(t("sources.revision", revision=source.revision[:12])))
    if session.may("lead"):
        st.button(
            t("sources.propose"), icon=":material/search_insights:", help=t("sources.propose_help"), on_click=parts.run_guarded,
            args=(propose.start, session.settings, session.actor, source.name),
        )


def _proposing(session: Session) -> None:
    """The newest job that proposes sites, as long as it runs and until the user has seen how it ended."""
    job = jobs.latest(session.settings, propose.JOB)
    if job is None or job == st.session_state.get("_job_seen"):
        return
    now = jobs.status(session.settings, job)
    running = now.runs
    if now.ended_at and datetime.now(UTC) - datetime.fromisoformat(now.ended_at) > timedelta(seconds=SHOWN_S):
        return
    st.fragment(_job, run_every=1.5 if running else None)(session, job, running)


def _job(session: Session, job: str, drawn_running: bool) -> None:
    now = jobs.status(session.settings, job)
    if drawn_running and not now.runs:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center"):
        name = now.argv[2] if len(now.argv) > 2 else ""
        if now.runs:
            since = datetime.now(UTC) - datetime.fromisoformat(now.started_at)
            st.info(parts.escaped(t("sources.job_running", source=name, elapsed_s=int(since.total_seconds()))), icon=":material/sync:")
            if session.may("lead"):
                st.button(t("sources.stop"), on_click=parts.run_guarded, args=(propose.stop, session.settings, session.actor, job))
            return
        last = jobs.log_tail(session.settings, job, 12)
        if now.state == "done":
            st.success(parts.escaped(t("sources.job_done", source=name)), icon=":material/check:")
        else:
            st.error(parts.escaped(t("sources.job_failed", source=name, state=named("generate.state", now.state))), icon=":material/error:")
        st.button(t("common.close"), key="job_seen", on_click=st.session_state.__setitem__, args=("_job_seen", job))
    with st.expander(t("sources.log"), expanded=now.state != "done"):
        parts.code(last, None)


def _viewer(session: Session, source: str, path: str | None) -> None:
    if path is None:
        return
    try:
        text = sources.read_text(session.store, session.settings, source, path)
    except UserError as err:
        parts.show_error(err)
        return
    marks = label.sites_in_file(session.store, source, path)
    said = t("sources.sites_none")
    if marks:
        said = t("sources.sites", count=len(marks), open=sum(m.status == "open" for m in marks)) + " · " + t("sources.click_a_site")
    line = st.query_params.get("line", "")
    picked = code_view(
        key="source_view", source=source, text=text, marks=marks, line=int(line) if line.isdigit() and int(line) else None,
        jump=st.session_state.get("_source_jump", 0), height="calc(100vh - 15.6rem)", on_went=_went,
    )
    st.caption(parts.escaped(said))
    if picked:
        parts.go_to("label", item=picked)


def _browse(session: Session, source: str, files: list[FileEntry]) -> None:
    in_files, in_search = st.tabs([t("sources.files"), t("common.search")])
    with in_files:
        _files(files)
    with in_search:
        _search(session, source)


def _went(path: str, line: int) -> None:
    """The reader went to another place by the viewer: it is shown already, or comes with its file."""
    st.query_params["file"] = path
    st.query_params["line"] = str(line)
    st.query_params.pop("folder", None)


def _show(path: str, line: int | None = None) -> None:
    st.query_params["file"] = path
    st.query_params.pop("line", None)
    if line is not None:
        st.query_params["line"] = str(line)
    st.session_state["_source_jump"] = st.session_state.get("_source_jump", 0) + 1


def _enter(folder: str) -> None:
    st.query_params["folder"] = folder


def _files(files: list[FileEntry]) -> None:
    """One folder at a time, or all files whose path holds the filter's text."""
    wanted = st.text_input(t("sources.filter"), key="file_filter", placeholder=t("sources.filter"), label_visibility="collapsed").lower()
    folder = st.query_params.get("folder", st.query_params.get("file", "").rpartition("/")[0])
    prefix = f"{folder}/" if folder else ""
    if wanted:
        shown = [file for file in files if wanted in file.path.lower()]
        folders: list[str] = []
    else:
        inside = [file for file in files if file.path.startswith(prefix)]
        folders = sorted({file.path[len(prefix):].split("/", 1)[0] for file in inside if "/" in file.path[len(prefix):]})
        shown = [file for file in inside if "/" not in file.path[len(prefix):]]
        if folder:
            up = folder.rpartition("/")[0]
            st.button(parts.escaped(f"{folder}/"), icon=":material/arrow_upward:", key="up", type="tertiary", on_click=_enter, args=(up,))
    with st.container(height=440, border=False, key="files_list", gap=None):
        for name in folders[:MOST_SHOWN]:
            st.button(
                parts.escaped(name), icon=":material/folder:", key=f"folder:{prefix}{name}", type="tertiary", on_click=_enter,
                args=(prefix + name,),
            )
        for file in shown[:MOST_SHOWN]:
            here = file.path == st.query_params.get("file")
            icon = ":material/error:" if file.problem else ":material/arrow_right:" if here else ":material/description:"
            st.button(
                parts.escaped(file.path if wanted else file.path[len(prefix):]), icon=icon, key=f"file:{file.path}", type="tertiary",
                on_click=_show, args=(file.path,), help=parts.escaped(reason_text(file.problem.why)) if file.problem else None,
            )
    if len(shown) + len(folders) > MOST_SHOWN:
        st.caption(t("sources.files_shown", shown=min(MOST_SHOWN, len(shown)), total=len(files)))


def _search(session: Session, source: str) -> None:
    query = st.text_input(t("sources.search"), key="source_query", placeholder=t("sources.search"), label_visibility="collapsed")
    if not query.strip():
        return
    hits = sources.search(session.store, session.settings, source, query, HITS)
    if not hits:
        st.caption(t("sources.no_hits"))
        return
    st.caption(t("sources.hits_more" if len(hits) == HITS else "sources.hits", count=len(hits)))
    with st.container(height=440, border=False, key="hits_list", gap=None):
        for number, hit in enumerate(hits):
            st.button(
                parts.escaped(f"{hit.path}:{hit.line}"), key=f"hit:{number}", type="tertiary", on_click=_show, args=(hit.path, hit.line)
            )
            st.text(hit.text)


def _size(count: int) -> str:
    """Bytes as a person reads them: 1 decimal of KiB or MiB."""
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


main()
