"""Find code by its shape in a whole source, look at it, and label the sites that stand there.

Source, kind and pattern are in the URL, so a search can be sent to a colleague. Hits are drawn as they come; a click meanwhile breaks the
search off, and what was found stays.
"""
from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

import streamlit as st

from curation.csource import FactsProblem
from curation.csource.build import cores
from curation.csource.syntax.hits import Hit
from curation.errors import UserError
from curation.labeling import selection
from curation.sourcing import search, sources
from ui import parts
from ui.session import Session, current
from ui.text import t

KINDS = ("pattern", "query")
MOST = 2_000  # hits of one search that are kept
SHOWN = 50  # hits drawn at first, and more at each press
PROCESSES = 2  # of one search at most: others use the machine too
SAY_S = 0.3  # between two counts of a search that runs
HOLES_SHOWN = 8
EXAMPLES = (  # what it finds, kind, how it is written
    ("indirect", "pattern", "$x->ops->$f($$$)"),
    ("register", "pattern", "$_($$$, $callback, $context)"),
    ("check", "pattern", "if ($error) return $error;"),
    ("loop", "pattern", "while ($_) { $$$ $_->$callback($$$); $$$ }"),
    ("field", "query", "(field_declaration declarator: (function_declarator "
                       "(parenthesized_declarator (pointer_declarator (field_identifier) @name))))"),
)


@dataclass
class Search:
    """One search and what it found so far. done: it came to its end, or to MOST hits."""

    source: str
    kind: str
    what: str
    hits: list[Hit] = field(default_factory=list)
    problems: list[FactsProblem] = field(default_factory=list)
    done: bool = False
    shown: int = SHOWN

    def same(self, other: Search) -> bool:
        return (self.source, self.kind, self.what) == (other.source, other.kind, other.what)


def main() -> None:
    session = current()
    parts.heading("search.title")
    names = [source.name for source in sources.list_sources(session.store)]
    if not names:
        st.info(t("sources.none_yet"))
        parts.page_link("sources")
        return
    wanted = _asked(names)
    if wanted is None:
        return
    found: Search | None = st.session_state.get("_search")
    if found is None or not found.same(wanted):
        st.session_state["_search"] = wanted
        try:
            _run(session, wanted)
        except UserError as err:
            st.session_state.pop("_search")
            parts.show_error(err)
            return
        st.rerun()
    _results(session, found or wanted)


def _asked(names: list[str]) -> Search | None:
    """The form, and the search that the URL names; None before the first one."""
    asked = st.query_params
    source = asked["source"] if asked.get("source") in names else names[0]
    kind = asked["kind"] if asked.get("kind") in KINDS else KINDS[0]
    what = asked.get("what", "")

    def go() -> None:
        st.session_state.pop("_search", None)
        text = str(st.session_state[f"what:{what}"]).strip()
        st.query_params.from_dict({
            "source": st.session_state[f"in:{source}"], "kind": st.session_state[f"kind:{kind}"] or kind, "what": text})

    with st.form("search", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox(
                t("sources.source"), names, index=names.index(source), key=f"in:{source}", label_visibility="collapsed", width=240)
            st.segmented_control(
                t("search.kind"), KINDS, default=kind, key=f"kind:{kind}", format_func=lambda name: t(f"search.{name}"),
                label_visibility="collapsed", required=True,
            )
        st.text_area(
            t("search.what"), what, key=f"what:{what}", height=80, label_visibility="collapsed",
            placeholder=t(f"search.{kind}_placeholder"),
        )
        st.form_submit_button(t("search.go"), type="primary", icon=":material/manage_search:", on_click=go, shortcut="Ctrl+Enter")
    _help(source, open_first=not what)
    return Search(source, kind, what) if what else None


def _help(source: str, open_first: bool) -> None:
    with st.expander(t("search.help"), expanded=open_first, icon=":material/help:"):
        st.markdown(t("search.help_pattern"))
        st.markdown(t("search.help_query"))
        for name, kind, what in EXAMPLES:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    t(f"search.example_{name}"), key=f"example:{name}", type="tertiary", icon=":material/play_arrow:",
                    on_click=st.query_params.from_dict, args=({"source": source, "kind": kind, "what": what},),
                )
                st.markdown(parts.code_span(what, 140))


def _run(session: Session, wanted: Search) -> None:
    """Searches, and draws the first hits as they come. Raises BadPattern, NotFound."""
    said = st.empty()
    last = 0.0
    found = search.search_source(
        session.store, session.settings, wanted.source, wanted.what, as_query=wanted.kind == "query", jobs=min(PROCESSES, cores()))
    with closing(found) as coming:  # type: ignore[type-var]
        for one in coming:
            if isinstance(one, FactsProblem):
                wanted.problems.append(one)
                continue
            wanted.hits.append(one)
            if len(wanted.hits) <= SHOWN:
                _hit(wanted.source, one)
            if time.monotonic() - last > SAY_S:
                said.info(t("search.running", count=len(wanted.hits)), icon=":material/hourglass_top:")
                last = time.monotonic()
            if len(wanted.hits) >= MOST:
                break
    wanted.done = True
    wanted.hits.sort(key=lambda hit: (hit.file, hit.line, hit.column))


def _results(session: Session, found: Search) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_count(found)}**")
        if found.hits:
            st.button(
                t("search.label_these"), icon=":material/label:", help=t("search.label_these_help"), key="label_these",
                on_click=_label_these, args=(session, found),
            )
        st.button(
            t("search.again"), icon=":material/refresh:", key="again", type="tertiary", on_click=st.session_state.pop,
            args=("_search", None),
        )
    if chosen := st.session_state.pop("_label_hits", None):
        parts.go_to("label", hits=chosen)
    if found.problems:
        with st.expander(t("search.not_searched", count=len(found.problems)), icon=":material/warning:"):
            st.dataframe(
                {t("sources.problem_path"): [p.file for p in found.problems], t("sources.problem_why"): [p.why for p in found.problems]},
                hide_index=True,
            )
    for hit in islice(found.hits, found.shown):
        _hit(found.source, hit)
    if len(found.hits) > found.shown:
        more = min(SHOWN, len(found.hits) - found.shown)
        st.button(t("search.more", count=more), key="more", on_click=setattr, args=(found, "shown", found.shown + SHOWN))


def _count(found: Search) -> str:
    if not found.done:
        return t("search.broken_off", count=len(found.hits))
    if not found.hits:
        return t("search.none")
    if len(found.hits) >= MOST:
        return t("search.first", count=len(found.hits))
    return t("search.hits", count=len(found.hits), files=len({hit.file for hit in found.hits}))


def _label_these(session: Session, found: Search) -> None:
    sites = selection.sites_on(session.store, found.source, ((hit.file, hit.line, hit.end_line) for hit in found.hits))
    if not sites:
        parts.note(t("search.no_sites"))
        return
    st.session_state["_label_hits"] = selection.keep(session.settings, selection.Selection(found.source, found.what, sites))


def _hit(source: str, hit: Hit) -> None:
    with st.container(gap=None):
        where = f"{hit.file}:{hit.line}" + (f" · {hit.function}()" if hit.function else "")
        parts.page_link("sources", label=parts.escaped(where), source=source, file=hit.file, line=str(hit.line))
        numbered = [
            f"{'▸' if hit.line <= number <= hit.end_line else ' '}{number:>6}  {line}"
            for number, line in enumerate(hit.lines, hit.first_line)
        ]
        parts.code("\n".join(numbered))
        if hit.holes:
            st.caption(" · ".join(f"{parts.code_span(hole.name)} = {parts.code_span(hole.text)}" for hole in hit.holes[:HOLES_SHOWN]))


main()
