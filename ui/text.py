"""Which words does a user see? t("label.confirm") in the language of the session; every word is in ui/locales/*.toml.

>>> t("label.progress", done=3, total=40)
'3 of 40 labeled'
"""
from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, get_args

import streamlit as st

from curation.errors import Reason, UserError
from curation.model import Lang

LOCALES = Path(__file__).resolve().parent / "locales"
LANGS: tuple[Lang, ...] = get_args(Lang)
LANG_KEY = "_lang"  # in session_state
NAMED = {  # params of errors that name a thing -> the table of their words
    "kind": "noun.", "field": "noun.", "action": "noun.", "tool": "noun.", "role": "app.role_", "task": "task.",
    "left_out": "freeze.left_out.", "run_state": "train.state_",
}

PUNCTUATION = {": ": "：", "; ": "；", ", ": "、", " (": "（", ")": "）"}  # of reasons without words of their own, in Chinese


@cache
def words(lang: Lang) -> dict[str, str]:
    """All words of one language, by dotted key (nested tables are joined with dots)."""
    flat: dict[str, str] = {}

    def walk(prefix: str, table: dict[str, Any]) -> None:
        for key, value in table.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict):
                walk(f"{name}.", value)
            else:
                flat[name] = str(value)

    walk("", tomllib.loads((LOCALES / f"{lang}.toml").read_text(encoding="utf-8")))
    return flat


def lang() -> Lang:
    """The session's language: what the user chose, else the first of the browser's and the workspace's that we speak."""
    chosen = st.session_state.get(LANG_KEY)
    return chosen if chosen in LANGS else "en"


def set_lang(value: Lang) -> None:
    st.session_state[LANG_KEY] = value


def say(language: Lang, key: str, **params: Any) -> str:
    """The words of `key` in a given language, outside of any session too (the sign-in page). Raises KeyError for a missing key."""
    text = words(language)[key]
    return text.format(**params) if params else text


def has(key: str) -> bool:
    """True when there are words for `key` (for codes that come from elsewhere, such as a kind of evidence)."""
    return key in words(lang())


def t(key: str, **params: Any) -> str:
    """The words of `key` in the session's language, placeholders filled. A missing key shows as the key itself: a screen with one
    odd word is better than none, and a test finds it."""
    text = words(lang()).get(key, words("en").get(key))
    if text is None:
        return key
    return text.format(**params) if params else text


def named(prefix: str, value: str | None) -> str:
    """The words for a code (an enum's value, a status), or the code as it stands when it has none."""
    if value is None:
        return ""
    key = f"{prefix}.{value}"
    return t(key) if has(key) else value


def error_text(err: BaseException, language: Lang | None = None) -> str:
    """A UserError's sentence in the session's language; for anything else the one sentence that says it is a defect of ours."""
    language = language or lang()
    if not isinstance(err, UserError):
        return say(language, "errors.internal")
    return _filled(words(language).get(f"errors.{err.code}", err.text), err.params, language) or str(err)


def reason_text(why: str, language: Lang | None = None) -> str:
    """A reason in the session's language; what is no Reason (the words of git, of the system) as it stands."""
    if not isinstance(why, Reason):
        return why
    language = language or lang()
    text = words(language).get(f"reason.{why.code}", why.text)
    if not why.code and language == "zh":
        for ours, theirs in PUNCTUATION.items():
            text = text.replace(ours, theirs)
    return _filled(text, why.params, language) or str(why)


def _filled(text: str, params: dict[str, Any], language: Lang) -> str | None:
    """The sentence with its params in the language; None when it wants others (kept by another version)."""
    try:
        return text.format(**{name: _said(name, value, language) for name, value in params.items()})
    except (KeyError, IndexError, ValueError):
        return None


def _said(name: str, value: Any, language: Lang) -> Any:
    """One param in the language: a Reason, or a word of the table that goes with the param's name."""
    if isinstance(value, Reason):
        return reason_text(value, language)
    return words(language).get(f"{NAMED[name]}{value}", value) if name in NAMED and isinstance(value, str) else value
