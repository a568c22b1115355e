"""How far is it? One line on standard error, drawn over itself while that is a terminal; into a file or pipe goes nothing.

>>> with StatusLine() as line:
...     line.say(f"reading {done:,} of {all:,} files")
"""
from __future__ import annotations

import shutil
import sys
import time

_EVERY_S = 0.1  # a terminal is not written to more often
_START_OVER = "\r\x1b[K"  # back to the line's start, and the line cleared (ECMA-48, EL)


class StatusLine:
    def __init__(self) -> None:
        self.shown = sys.stderr.isatty()
        self._said_at = float("-inf")
        self._drawn = False

    def __enter__(self) -> StatusLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def say(self, text: str) -> None:
        """Draws the text in place of the one before; the one that comes too soon after it is left out."""
        if self.shown and time.monotonic() - self._said_at >= _EVERY_S:
            self._said_at, self._drawn = time.monotonic(), True
            print(_START_OVER + text[:max(1, shutil.get_terminal_size().columns - 1)], end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leaves the line empty for what is said next."""
        if self._drawn:
            print(_START_OVER, end="", file=sys.stderr, flush=True)
            self._drawn, self._said_at = False, float("-inf")
