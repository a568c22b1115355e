"""A text area whose text is kept while it is typed: in the browser at once, in the store after a pause, through F5 and lost connections.

Streamlit's own text area sends its text on blur only. on_change is called in the callback phase of a run; it reads the text by `text_of`
and saves it as a draft.

>>> draft(key="why-42-zh", value=drafted, storage="wang/42/zh", label=t("label.explanation"), on_change=keep, focus_key="e")
>>> text_of("why-42-zh", drafted)
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.text import t

PAUSE_MS = 600  # after the last keystroke
_component = st.components.v2.component(
    "flowsight_draft", js=(Path(__file__).resolve().parent / "draft.js").read_text(encoding="utf-8"), isolate_styles=False
)


def draft(
    *, key: str, value: str, storage: str, label: str, on_change: Callable[[], None], rev: int = 0, height_px: int = 140,
    placeholder: str = "", focus_key: str | None = None, mend_key: str | None = None, mend_where: str = "", autofocus: bool = False,
    forget: Sequence[str] = (),
) -> None:
    """Shows the text area.

    value: the text as the server knows it. rev: raise it to replace what stands in the field by `value`. storage: names this text in the
    browser's localStorage (user, item, language). focus_key: a letter that puts the cursor here. mend_key: a letter that puts it into the
    first field inside mend_where (a CSS selector). forget: storage names whose text is saved for good."""
    words = {name: t(f"common.draft_{name}") for name in ("typing", "kept", "restored")}
    data = {
        "value": value, "rev": rev, "storage": f"flowsight/{storage}", "label": label, "placeholder": placeholder, "height": height_px,
        "focus_key": focus_key, "mend_key": mend_key, "mend_where": mend_where, "autofocus": autofocus, "pause_ms": PAUSE_MS,
        "forget": [f"flowsight/{name}" for name in forget], "words": words,
    }
    _component(key=key, data=data, on_typed_change=on_change)


def text_of(key: str, rev: int = 0) -> str | None:
    """What the user typed into the field `key` since it had this `rev`; None: nothing."""
    state = st.session_state.get(key)
    sent = state.get("typed") if state else None
    return sent["text"] if sent and sent.get("rev") == rev else None
