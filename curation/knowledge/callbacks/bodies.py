"""What does the text of a function's body say about the context it runs in: does it sleep, and what does it call under a lock?

A light reading of the tokens: locks are followed from line to line, what is unlocked on a way that leaves (return, goto, break) is locked
again after it. Kernel only; user space has no such rules.

>>> body.sleeps                          # of: { mutex_lock(&d->m); spin_lock(&d->s); d->f(d); spin_unlock(&d->s); }
('mutex_lock', 3)
>>> body.held_at(4)                      # the line of d->f(d)
True

Not covered: locks that wrappers take, locks taken under a condition (they count as taken), trylocks (they count as not taken).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from curation.csource.facts.model import Function
from curation.csource.index.lookup import Index
from curation.knowledge.callbacks.blocking import MAY_SLEEP_FLAGS, NEEDS_ATOMIC, SLEEPS, lock_of

_UNREAD = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_TOKEN = re.compile(r"([A-Za-z_]\w*)(\s*\()?|[{};\n]")
_LEAVES = frozenset(("return", "goto", "break", "continue"))
_LONGEST = 4000  # lines; longer functions are read so far


@dataclass
class Body:
    """sleeps: (function or flag, line) of the first thing that may sleep, not under a lock; None when there is none. atomic: likewise for
    GFP_ATOMIC outside the body's own locks. calls: (name, line, lock held) of each direct call or macro. held: (first, last) lines of the
    spans in which a lock is held. keeps: a lock is still held at the end. releases: one is given back that was not taken here."""

    sleeps: tuple[str, int] | None = None
    atomic: tuple[str, int] | None = None
    calls: list[tuple[str, int, bool]] = field(default_factory=list)
    held: list[tuple[int, int]] = field(default_factory=list)
    keeps: bool = False
    releases: bool = False

    def held_at(self, line: int) -> bool:
        return any(first <= line <= last for first, last in self.held)


class Bodies:
    """The bodies of a corpus, each read when first asked for."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[tuple[str, int], Body] = {}

    def of(self, function: Function) -> Body:
        key = (function.file, function.start_line)
        if key not in self._known:
            lines = self.index.lines(function.file)[function.line - 1 : min(function.end_line, function.line + _LONGEST)]
            self._known[key] = read_body("\n".join(lines), function.line)
        return self._known[key]


def read_body(text: str, line: int) -> Body:
    """The body in a text that begins at `line` of its file."""
    reader = _BodyReader(line)
    for found in _TOKEN.finditer(_UNREAD.sub(_blank, text)):
        name, opens = found.groups()
        reader.take(name or found.group(), opens is not None)
        reader.line += (opens or "").count("\n")
    return reader.finish()


def _blank(found: re.Match[str]) -> str:
    return "\n" * found.group().count("\n") or " "


class _BodyReader:
    def __init__(self, line: int) -> None:
        self.body = Body()
        self.line = line
        self.locks: Counter[str] = Counter()
        self.outer: list[Counter[str]] = []
        self.leaving = False  # the last statement of the block leaves it
        self.ended = False  # a ";" stood after it
        self.since: int | None = None

    def take(self, token: str, called: bool) -> None:
        if token == "\n":
            self.line += 1
        elif token == "{":
            self.outer.append(self.locks.copy())
            self.leaving = False
        elif token == "}":
            self._close()
        elif token == ";":
            self.ended = True
        elif token in _LEAVES:
            self.leaving, self.ended = True, False
        elif token in ("case", "default"):
            if self.leaving and self.outer:
                self._set(self.outer[-1].copy())
            self.leaving = False
        else:
            self._name(token, called)

    def _name(self, token: str, called: bool) -> None:
        if self.ended:
            self.leaving = self.ended = False
        if token in ("__acquires", "__releases") and not self.outer:
            self.body.keeps |= token == "__acquires"
            self.body.releases |= token == "__releases"
        under = bool(self.locks)
        if token == NEEDS_ATOMIC and not under:
            self.body.atomic = self.body.atomic or (token, self.line)
        elif token in MAY_SLEEP_FLAGS and not under:
            self.body.sleeps = self.body.sleeps or (token, self.line)
        if not called:
            return
        lock = lock_of(token)
        if lock is not None:
            locks = self.locks.copy()
            self.body.releases |= lock[1] < 0 and not locks[lock[0]] and not self.body.held
            locks[lock[0]] += lock[1]
            self._set(+locks)
            return
        self.body.calls.append((token, self.line, under))
        if not under and SLEEPS.match(token):
            self.body.sleeps = self.body.sleeps or (token, self.line)

    def _close(self) -> None:
        before = self.outer.pop() if self.outer else Counter()
        if self.leaving and self.outer:
            self._set(before)
        self.leaving = self.ended = False

    def _set(self, locks: Counter[str]) -> None:
        if locks and self.since is None:
            self.since = self.line
        elif not locks and self.since is not None:
            self.body.held.append((self.since, self.line))
            self.since = None
        self.locks = locks

    def finish(self) -> Body:
        if self.since is not None:
            self.body.held.append((self.since, self.line))
            self.body.keeps = True
        return self.body
