"""The source viewer: CodeMirror 6 as a Streamlit component, with sites marked and evidence lines highlighted.

The built asset in build/ is served by our own route under its content hash; the text of a source is fetched by the browser from
/source/<sha256>, so a click on a site sends only the marks. frontend/ holds the source; `make code-view` builds it.

>>> clicked = code_view(key="view", sha256=text.sha256, marks=marks, line=42)
"""
from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

BUILD = Path(__file__).resolve().parent / "build"


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
