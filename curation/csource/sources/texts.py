"""What is the text of a file on disk, and why can it not be had?

>>> decoded("a.c", read_bytes("a.c", "src/a.c"))[:12]
'// SPDX-Lice'
"""
from __future__ import annotations

import os

from curation.csource.facts.model import FactsProblem
from curation.csource.sources.decode import Undecodable, decode

MAX_FILE_BYTES = 32 * 2**20


class Unreadable(ValueError):
    """A text that cannot be had; problem says why."""

    def __init__(self, problem: FactsProblem) -> None:
        super().__init__(problem.why)
        self.problem = problem


def read_bytes(file: str, path: str) -> bytes:
    """The bytes of a text. Raises Unreadable."""
    try:
        if os.stat(path).st_size > MAX_FILE_BYTES:
            raise Unreadable(FactsProblem(file, "too_big", f"larger than {MAX_FILE_BYTES:,} bytes"))
        with open(path, "rb") as opened:
            return opened.read()
    except OSError as err:
        raise Unreadable(FactsProblem(file, "unreadable", err.strerror or str(err))) from err


def decoded(file: str, data: bytes) -> str:
    """The text of these bytes. Raises Unreadable."""
    try:
        return decode(data).text
    except Undecodable as err:
        raise Unreadable(FactsProblem(file, "undecodable", str(err))) from err
