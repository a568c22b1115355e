"""How is a generated or imported text shown? As it stands: prose as plain text, fenced code as code; nothing in it is ever Markdown.

>>> blocks("It reaches f:\\n```c\\np->run();\\n```")
[Block(code=False, text='It reaches f:', language=None), Block(code=True, text='p->run();', language='c')]
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from curation.errors import remade_reason
from curation.model import Flag
from ui import parts
from ui.text import has, named, reason_text, t

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+#-]*)[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """language: as the fence names it; None: not said."""

    code: bool
    text: str
    language: str | None = None


def blocks(text: str) -> list[Block]:
    """The text cut at its code fences; a fence that is not closed goes to the end. Blank prose is left out."""
    found: list[Block] = []
    at = 0
    for fence in _FENCE.finditer(text):
        found.append(Block(False, text[at : fence.start()].strip("\n")))
        found.append(Block(True, fence.group(2).rstrip("\n"), fence.group(1).lower() or None))
        at = fence.end()
    found.append(Block(False, text[at:].strip("\n")))
    return [block for block in found if block.code or block.text.strip()]


def show(text: str) -> None:
    """Shows prose and fenced code of any origin."""
    for block in blocks(text):
        if block.code:
            parts.code(block.text, block.language or "c")
        else:
            parts.plain(block.text)


def flag_text(flag: Flag) -> str:
    """What a filter noticed, in words of the session's language; the filter's name where it has none."""
    params = {name: _said(name, value) for name, value in flag.params.items()}
    return t(f"filter.{flag.filter}", **params) if has(f"filter.{flag.filter}") else flag.filter


def _said(name: str, value: Any) -> Any:
    """A flag's param in the session's language: a task, a kept reason, a part of the pair; anything else as it stands."""
    if isinstance(value, dict):
        return reason_text(remade_reason(value))
    return named("task" if name == "topic" else "review.part", value) if isinstance(value, str) else value


def first_line(text: str, most: int = 60) -> str:
    """The beginning of a text, for a list: one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
