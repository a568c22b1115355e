"""The source viewer: CodeMirror 6 as a Streamlit component, with sites marked and evidence lines highlighted.

The bundle in build/ is served by our own route under its content hash, and the browser fetches the text of a source from
/source/<sha256>; so a click on a site sends only the marks. frontend/ holds the source; `make viewer` builds it.

>>> picked = code_view(key="view", sha256=text.sha256, marks=sites, line=42, evidence=[12, 42])   # the id of a site clicked, or None
"""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

import streamlit as st

from ui.text import named, t

BUILD = Path(__file__).resolve().parent / "build"
MAIN = "code_view"
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
    *, key: str, sha256: str, marks: Sequence[Mark] = (), line: int | None = None, evidence: Sequence[int] = (), current: str | None = None,
    jump: int = 0, height: str = "calc(100vh - 14rem)", on_picked: Callable[[], None] | None = None,
) -> str | None:
    """Shows the source whose bytes have this hash; gives the item id of a mark that was clicked just now, else None.

    marks: sites to underline. line: 1-based line to scroll to, once for each (line, jump): raise `jump` to scroll there again.
    evidence: lines to highlight. current: item id of the mark that is being answered. height: a CSS length. on_picked: callback; the id
    is then in st.session_state[key].picked. key: stable for the place on the page, or the editor is built anew."""
    data = {
        "url": f"/source/{sha256}",
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
    }
    result = _component(key=key, data=data, on_picked_change=on_picked or _nothing)
    return result.picked


def _nothing() -> None:
    return None
