"""Which items are about copies of one function? Renamed, reformatted, commented and translated copies are one group when a set is split.

A site belongs to the function around it, a pair to each function in its text. Copies are told by the fingerprint of the syntax tree
(csource/syntax/fingerprints.py), which holds no name, literal or comment. Functions of fewer than LEAST tokens agree by chance and tie
nothing.

>>> clones = Clones(lambda source, path: texts[source, path])
>>> clones.keys(item)
['clone/5be3a1c09d...']

Not covered: a copy to which statements were added or in which they stand in another order (near duplicates of the prompts are found apart).
"""
from __future__ import annotations

from collections.abc import Callable

from curation.csource.syntax.fingerprints import FunctionPrint, functions
from curation.csource.syntax.tree import Unparsed, parse
from curation.errors import UserError
from curation.model import Item

LEAST = 24  # tokens
LONGEST_TEXT = 400_000  # characters of a pair's text that are parsed

Read = Callable[[str, str], str]


class Clones:
    """Remembers the functions of each file. read: the text of a source's file; may raise UserError, then its sites tie nothing."""

    def __init__(self, read: Read | None) -> None:
        self._read = read
        self._files: dict[tuple[str, str], list[FunctionPrint]] = {}

    def keys(self, item: Item) -> list[str]:
        """What ties an item to others about a copy of its code."""
        if item.source is not None and item.file is not None and item.line is not None and item.origin == "site":
            found = [f for f in self._of_file(item.source, item.file) if f.line <= (item.line or 0) <= f.end_line]
        else:
            texts = [str(item.payload[key]) for key in ("input", "instruction", "prompt", "output") if item.payload.get(key)]
            found = [f for text in texts if "{" in text and len(text) <= LONGEST_TEXT for f in _functions(text)]
        return sorted({f"clone/{f.fingerprint}" for f in found if f.tokens >= LEAST and not f.damaged})

    def _of_file(self, source: str, path: str) -> list[FunctionPrint]:
        if (source, path) not in self._files:
            try:
                text = self._read(source, path) if self._read is not None else ""
            except UserError:
                text = ""
            self._files[source, path] = _functions(text)
        return self._files[source, path]


def _functions(text: str) -> list[FunctionPrint]:
    try:
        return functions(parse(text))
    except Unparsed:
        return []
