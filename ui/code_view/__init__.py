"""The source viewer: CodeMirror 6 as a Streamlit component, with sites marked and evidence lines highlighted.

The bundle in build/ is served by our own route under its content hash, and the browser fetches the text of a source from
/source/<sha256>; so a click on a site sends only the marks. The outline, definitions and references come by routes of their own too
(ui/browsing.py), and a jump within a file waits for no run of the page. frontend/ holds the source; `make viewer` builds it.

>>> picked = code_view(key="view", source="demo", text=text, marks=sites, line=42, on_went=show)   # the id of a site clicked, or None
"""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import streamlit as st

from curation.sourcing.sources import SourceText
from ui.text import lang, named, t

BUILD = Path(__file__).resolve().parent / "build"
MAIN = "code_view"
KINDS = (  # what an outline or a list of places can hold
    "function", "prototype", "struct", "union", "enum", "enumerator", "field", "macro", "typedef", "variable", "site", "local", "parameter",
    "declaration", "call", "write", "use",
)
WORDS = (
    "outline", "filter", "no_match", "nothing", "more", "unnamed", "crumbs", "outline_button", "back_button", "forth_button",
    "keys_button", "keys_title", "close", "no_name", "looking", "indexing", "unreachable", "is_here", "no_definitions", "no_references",
    "found_definitions", "found_references", "cut", "inside",
)
KEYS = {  # what can be done -> the keys for it
    "definition": "F12 / Ctrl+click", "references": "Shift+F12", "back": "Alt+← / Alt+→", "outline": "Ctrl+Shift+O",
    "widen": "Alt+Shift+→ / Ctrl+I", "narrow": "Alt+Shift+←", "fold": "Ctrl+Shift+[ / Ctrl+Shift+]", "fold_all": "Ctrl+Alt+[ / Ctrl+Alt+]",
    "find": "Ctrl+F", "find_next": "F3 / Shift+F3", "go_to_line": "Ctrl+Alt+G", "lists": "↑ / ↓ / Enter", "close": "Esc", "keys": "?",
}
PHRASES = ("Find", "next", "previous", "all", "match case", "regexp", "by word", "close", "Go to line", "go")


class Mark(Protocol):
    """A site in the text: line and column 1-based. curation.labeling.label.SiteMark is one."""

    @property
    def item_id(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int | None: ...
    @property
    def status(self) -> str: ...


@cache
def _assets() -> dict[str, bytes]:
    """Served name -> bytes; the name carries the content's hash."""
    found = {}
    for path in sorted(BUILD.glob("*.js")):
        data = path.read_bytes()
        found[f"{path.stem}-{hashlib.sha256(data).hexdigest()[:16]}.js"] = data
    return found


def asset(name: str) -> bytes | None:
    """The built file served as `name`, or None."""
    return _assets().get(name)


@cache
def _loader() -> str:
    """The component's inline script: loads the bundle once, then hands every call to it. Calls that come before it is there are kept."""
    name = next(name for name in _assets() if name.startswith(f"{MAIN}-"))
    return f"""
const bundle = import(new URL("/code-view/{name}", window.location.origin).href);
export default function (component) {{
  let close = null;
  let closed = false;
  bundle.then((module) => {{ if (!closed) close = module.render(component); }});
  return () => {{ closed = true; if (close) close(); }};
}}
"""


_component = st.components.v2.component("flowsight_code_view", js=_loader())


def code_view(
    *, key: str, source: str, text: SourceText, marks: Sequence[Mark] = (), line: int | None = None, evidence: Sequence[int] = (),
    current: str | None = None, jump: int = 0, height: str = "calc(100vh - 14rem)", on_picked: Callable[[], None] | None = None,
    on_went: Callable[[str, int], None],
) -> str | None:
    """Shows a file of a source; gives the item id of a mark that was clicked just now, else None.

    marks: sites to underline. line: 1-based line to scroll to, once for each (file, line, jump): raise `jump` to scroll there again.
    evidence: lines to highlight. current: item id of the mark that is being answered. height: a CSS length. on_picked: callback; the id
    is then in st.session_state[key].picked. on_went: callback with the file and the line that the reader went to (a definition, a
    symbol of the outline, back): the page shows that file at its next run, with the same `jump`. key: stable for the place on the page,
    or the editor is built anew."""

    def went() -> None:
        place = st.session_state[key].went
        if place:
            on_went(str(place["file"]), int(place["line"]))

    data = {
        "url": f"/source/{text.sha256}",
        "outline": f"/source/{text.sha256}/outline",
        "enclosing": f"/source/{text.sha256}/enclosing",
        "browse": f"/browse/{quote(source, safe='')}",
        "source": source,
        "file": text.path,
        "lang": lang(),
        "marks": [
            {
                "id": m.item_id, "line": m.line, "column": m.column, "task": m.task, "status": m.status,
                "label": f"{named('task', m.task)} · {named('label.status', m.status)}",
            }
            for m in marks
        ],
        "line": line, "evidence": sorted(set(evidence)), "current": current, "jump": jump, "height": height,
        "failed": t("sources.cannot_load"),
        "phrases": {phrase: t(f"sources.find.{phrase.replace(' ', '_').lower()}") for phrase in PHRASES},
        "words": _words(),
    }
    result = _component(key=key, data=data, on_picked_change=on_picked or _nothing, on_went_change=went)
    return result.picked


def _words() -> dict[str, Any]:
    """What the viewer says itself, in the session's language."""
    return {
        **{word: t(f"viewer.{word}") for word in WORDS},
        "kinds": {kind: t(f"viewer.kind.{kind}") for kind in KINDS},
        "keys": [[keys.replace("click", t("viewer.click")), t(f"viewer.key.{what}")] for what, keys in KEYS.items()],
    }


def _nothing() -> None:
    return None
