"""How is the way of a function to a call shown? One row a step: its place (a click shows it), the line, and what happens there in words.

Names and code are of any origin: they stand in code spans, everything around them is escaped (ui/parts.py).

>>> sentence(Reason("step_call", "the call goes through `{expression}`", expression="ops->open"))
'the call goes through ` ops->open `'
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import streamlit as st

from curation.errors import Reason
from curation.model import PathStep
from curation.sourcing.sentences import said
from ui.parts import code_span, escaped
from ui.text import reason_text

_NAME_MOST = 160  # characters of a name or expression: longer ones are generated
_MARK = re.compile("(\\\\`)?\ue000(\\d+)\ue001(?(1)\\\\`)")  # a value; in the code where the words have it between backticks


def sentence(reason: Reason) -> str:
    """The reason in the session's language as Markdown that shows its names as code and in which nothing else is read."""
    values: list[str] = []

    def hidden(part: Reason) -> Reason:
        return Reason(part.code, part.text, **{name: one(value) for name, value in part.params.items()})

    def one(value: object) -> object:
        if isinstance(value, Reason):
            return hidden(value)
        values.append(str(value))
        return f"\ue000{len(values) - 1}\ue001"

    def shown(found: re.Match[str]) -> str:
        value = values[int(found[2])]
        return code_span(value, _NAME_MOST) if found[1] else escaped(value)

    return _MARK.sub(shown, escaped(reason_text(hidden(reason))))


def step_rows(jump: Callable[[str, int], None], key: str, steps: Sequence[PathStep]) -> None:
    """The steps in their order. key: of the list; it is also a class in the page (.st-key-...)."""
    with st.container(key=f"path-{key}", gap=None):
        for number, step in enumerate(steps, 1):
            where = escaped(f"{number} · {step.file.rsplit('/', 1)[-1]}:{step.line}")
            line = code_span(step.text, name=step.names.get("value", ""))
            st.button(
                f"{where} {line}".strip(), key=f"step:{key}:{number}", type="tertiary", on_click=jump,
                args=(step.file, step.line), help=escaped(f"{step.file}:{step.line}"),
            )
            st.caption(sentence(said(step)))
