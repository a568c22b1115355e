"""How does a person set anything that a run's configuration has? A form drawn from the schema: one widget for each kind of field.

Every key of training/config.py's schema is there, by section or found by its name; nothing is listed here but which ones come first. What
differs from the preset is kept by dotted path in session_state (a widget that is not drawn forgets), and that alone is put over it.

| type                        | drawn as                                                      |
|-----------------------------|---------------------------------------------------------------|
| Literal, bool, either None  | a choice                                                      |
| int, int or None            | a number; empty: None                                         |
| float                       | a text, because 2e-4 is how people write a learning rate      |
| list of Literal             | several choices                                               |
| other lists, text           | a text, a list's entries with commas between                  |

What is typed is checked by the schema alone, which tells every fault at once.
"""
from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic import BaseModel

from ui import parts
from ui.text import has, named, t

FIRST = (  # what people set most; the rest is in the sections
    "sft.method", "sft.epochs", "sft.max_steps", "sft.learning_rate", "sft.max_length", "sft.batch_size", "sft.gradient_accumulation",
    "sft.adapter.rank", "evaluate.rows_per_task", "threads", "device", "seed",
)
GENERAL = ("seed", "device", "dtype", "threads", "teacher", "student")
ELSEWHERE = ("preset", "stages")  # the page has widgets of its own for them
COLUMNS = 4
_SET = "_settings_set"


@dataclass(frozen=True)
class Field:
    """One key. path: dotted. kind: choice, choices, int, float, text or list. options: of a choice, None among them where it may be.
    base: what the preset has. bounds: as words like "≥ 1". about: the schema's description, "" for none."""

    path: str
    kind: str
    base: Any
    options: tuple[Any, ...] = ()
    bounds: str = ""
    about: str = ""

    @property
    def section(self) -> str:
        first = self.path.split(".")[0]
        return "general" if first in GENERAL else first


def fields_of(base: Any) -> list[Field]:
    """Every field of a loaded configuration, in the schema's order."""
    return [field for field in _walk(base, type(base), "") if field.path not in ELSEWHERE]


def _walk(value: Any, model: type[BaseModel], prefix: str) -> Iterator[Field]:
    for name, field in model.model_fields.items():
        path, inner = f"{prefix}{name}", None if value is None else getattr(value, name)
        nested = _model_in(field.annotation)
        if nested is None:
            yield _field(path, field, inner)
        elif inner is not None or name in GENERAL:  # a model may be named where the preset has none; other parts only where there is one
            yield from _walk(inner, nested, f"{path}.")


def _field(path: str, field: Any, base: Any) -> Field:
    options, optional = _parts(field.annotation)
    about, bounds = field.description or "", _bounds(field.metadata)
    literals = [value for option in options if get_origin(option) is Literal for value in get_args(option)]
    none = (None,) if optional else ()
    if options == [bool]:
        return Field(path, "choice", base, (True, False, *none), bounds, about)
    if len(literals) and all(get_origin(option) is Literal for option in options):
        return Field(path, "choice", base, (*literals, *none), bounds, about)
    inner = next((option for option in options if get_origin(option) is list), None)
    if inner is not None:
        among = get_args(get_args(inner)[0]) if get_origin(get_args(inner)[0]) is Literal else ()
        return Field(path, "choices" if among and not literals else "list", base, tuple(among), bounds, about)
    kind = "int" if options == [int] else "float" if options and set(options) <= {int, float} else "text"
    return Field(path, kind, base, (), bounds, about)


def _parts(annotation: Any) -> tuple[list[Any], bool]:
    """The types that a field may have, without None; and whether None is one of them."""
    if get_origin(annotation) in (Union, types.UnionType):
        found = [part for each in get_args(annotation) for part in _parts(each)[0]]
        return found, type(None) in get_args(annotation)
    return ([] if annotation is type(None) else [annotation]), False


def _model_in(annotation: Any) -> type[BaseModel] | None:
    return next((part for part in _parts(annotation)[0] if isinstance(part, type) and issubclass(part, BaseModel)), None)


def _bounds(metadata: list[Any]) -> str:
    signs = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"), ("multiple_of", "×"))
    return ", ".join(f"{sign} {getattr(each, name)}" for each in metadata for name, sign in signs if getattr(each, name, None) is not None)


# ---- what was set ----


def overrides(source: str) -> dict[str, Any]:
    """Dotted path -> value, of what differs from the preset or file `source`."""
    found: dict[str, Any] = st.session_state.setdefault(_SET, {}).setdefault(source, {})
    return found


def forget(source: str, path: str | None = None) -> None:
    """Takes one key back to what the preset has; None: every key."""
    kept = overrides(source)
    for name in [path] if path else list(kept):
        kept.pop(name, None)
        st.session_state.pop(_key(source, name), None)


def parsed(field: Field, typed: Any) -> Any:
    """What a widget holds as the value the schema wants; what cannot be read is left as it was typed, for the schema to refuse.

    >>> parsed(Field("sft.learning_rate", "float", 0.1), "2e-4")
    0.0002
    """
    if field.kind == "choices":
        return list(typed)
    if not isinstance(typed, str):
        return typed
    text = typed.strip()
    if not text:
        return None
    if field.kind == "float":
        return _number(text)
    if field.kind == "list" and (isinstance(field.base, list | tuple) or "," in text or _number(text) != text):
        return [_number(part.strip()) for part in text.replace("，", ",").split(",") if part.strip()]
    return text


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def written(field: Field, value: Any) -> str:
    """A value as the form and the list of changes show it."""
    if value is None:
        return ""
    if field.kind in ("list", "choices") and isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _changed(source: str, field: Field) -> None:
    value = parsed(field, st.session_state[_key(source, field.path)])
    kept = overrides(source)
    kept.pop(field.path, None)
    base = list(field.base) if isinstance(field.base, tuple) else field.base
    if value != base:
        kept[field.path] = value


def _key(source: str, path: str) -> str:
    return f"set_{source}_{path.replace('.', '__')}"


# ---- drawing ----


def settings_form(source: str, base: Any, stages: list[str]) -> None:
    """The whole form: a search, a choice of section, the fields, and what was changed. `stages`: of the run, whose sections are offered."""
    every = fields_of(base)
    search, sections = st.columns([1, 3], vertical_alignment="bottom")
    wanted = search.text_input(t("train.find_setting"), key="settings_search", placeholder=t("train.find_setting_hint"),
                               icon=":material/search:")
    with sections:
        here = ["first", "general", *(stage for stage in stages if any(field.section == stage for field in every))]
        section = st.segmented_control(t("train.section"), here, default="first", key=f"settings_section_{'_'.join(here)}",
                                       format_func=lambda name: named("train.section_name", name) if name in ("first", "general")
                                       else named("train.stage_name", name), required=True, label_visibility="collapsed",
                                       disabled=bool(wanted))
    found = matching(every, wanted) if wanted else in_section(every, section or "first")
    if not found:
        st.caption(t("train.no_setting"))
    for start in range(0, len(found), COLUMNS):
        for column, field in zip(st.columns(COLUMNS, vertical_alignment="bottom"), found[start : start + COLUMNS], strict=False):
            with column:
                _widget(source, field, whole_name=bool(wanted))


def in_section(every: list[Field], section: str) -> list[Field]:
    if section == "first":
        by_path = {field.path: field for field in every}
        return [by_path[path] for path in FIRST if path in by_path]
    return [field for field in every if field.section == section]


def matching(every: list[Field], wanted: str) -> list[Field]:
    """The fields with each of the words in their path, their name or their description."""
    words = wanted.lower().split()
    return [field for field in every
            if all(word in f"{field.path} {label_of(field.path)} {about_of(field)}".lower() for word in words)]


def changes(source: str, base: Any) -> None:
    """What was set over the preset, each with a cross that takes it back."""
    kept = overrides(source)
    if not kept:
        return
    by_path = {field.path: field for field in fields_of(base)}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(t("train.changed_settings"), width="content")
        for path, value in list(kept.items()):
            field = by_path.get(path)
            shown = str(value) if field is None else written(field, value) or "–"
            st.button(f"{parts.escaped(path)} = {parts.escaped(shown)}", key=f"unset_{path.replace('.', '__')}", icon=":material/close:",
                      help=t("train.take_back_setting"), on_click=forget, args=(source, path))


def label_of(path: str) -> str:
    """The words for a key: of its whole path, of its path within the section, of its name; else the name itself."""
    key = next((key for key in (f"setting.{name}" for name in _names(path)) if has(key)), None)
    return path.rpartition(".")[2].replace("_", " ") if key is None else t(key)


def about_of(field: Field) -> str:
    key = next((key for key in (f"setting_about.{name}" for name in _names(field.path)) if has(key)), None)
    return field.about if key is None else t(key)


def _names(path: str) -> tuple[str, str, str]:
    """By what the words of a key are looked up: its whole path, its path within the section, its name."""
    return path, path.partition(".")[2], path.rpartition(".")[2]


def _widget(source: str, field: Field, whole_name: bool) -> None:
    key, kept = _key(source, field.path), overrides(source)
    value = kept.get(field.path, field.base)
    label = label_of(field.path)
    if whole_name:
        label = f"{named('train.stage_name', field.section) if field.section != 'general' else t('train.section_name.general')} · {label}"
    label = parts.escaped(label)
    about = [f"`{field.path}`", parts.escaped(about_of(field)), parts.escaped(field.bounds)]
    same: dict[str, Any] = {"key": key, "help": "  \n".join(line for line in about if line), "on_change": _changed, "args": (source, field)}
    if field.kind == "choice":
        options = list(field.options) if value in field.options else [value, *field.options]
        st.selectbox(label, options, index=options.index(value), format_func=_option_word, **same)
    elif field.kind == "choices":
        st.multiselect(label, list(field.options), default=[each for each in value or [] if each in field.options], **same)
    elif field.kind == "int" and (value is None or isinstance(value, int)):
        st.number_input(label, value=value, step=1, placeholder=t("train.not_set"), **same)
    else:
        st.text_input(label, value=written(field, value), placeholder=t("train.not_set"), **same)


def _option_word(value: Any) -> str:
    words: Mapping[Any, str] = {True: "common.yes", False: "common.no", None: "train.by_itself"}
    return t(words[value]) if value is None or isinstance(value, bool) else str(value)

