"""A file chooser that streams an archive to the server's disk (ui/upload.py), with its progress.

>>> uploaded = archive_upload(key="archive")   # {"upload": ID, "filename": "libuv.zip"} in the run after the upload, else None
"""
from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui.text import lang, t

ACCEPT = ".zip,.tar,.gz,.tgz,.xz,.txz,.bz2,.tbz2"
_component = st.components.v2.component(
    "flowsight_archive_upload", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"), isolate_styles=False
)


def archive_upload(*, key: str) -> dict[str, str] | None:
    """Draws the chooser; what was uploaded just now."""
    words = {"choose": t("sources.choose_archive"), "uploading": t("sources.uploading"), "failed": t("sources.upload_failed")}
    return _component(key=key, data={"words": words, "accept": ACCEPT, "lang": lang()}, on_uploaded_change=_nothing).uploaded


def _nothing() -> None:
    return None
