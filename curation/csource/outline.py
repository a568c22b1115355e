"""Which functions does one file define? For the source browser.

>>> [(f.name, f.line) for f in outline("int f(void)\\n{\\n}\\n")]
[('f', 1)]
"""
from __future__ import annotations

from curation.csource.build import build_index
from curation.csource.facts.model import Function


def outline(text: str, file: str = "") -> list[Function]:
    """The functions of one decoded text in order. [] where the text cannot be read; it never raises for content."""
    return sorted(build_index([(file, text)]).all_functions(), key=lambda f: (f.line, f.column))
