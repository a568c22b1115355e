"""Which formats of training rows can be read and written? One file each, found by scanning this folder.

A format says by which keys it is known (`sniff`), and turns one record into a row and back. How records lie in a file (JSON array, JSON
Lines, CSV, TSV) is the same for all: records.py.

>>> for row in read('{"instruction": "Say", "output": "Hi"}\\n', "a.jsonl"):
...     print(row.line, row.payload)
1 {'instruction': 'Say', 'input': '', 'output': 'Hi'}

One more format is one more file with NAME, TASK ("self_instruct" or "preference"), KEYS, sniff, read and write.
"""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from types import ModuleType
from typing import Any

from curation.errors import BadRow, Reason, UnknownFormat, reason_in
from curation.formats.records import Record, parse


@dataclass(frozen=True)
class Row:
    """line: 1-based, of the record's start. task: self_instruct (payload is a PairAnswer) or preference (payload is prompt, chosen,
    rejected). format: the format's name."""

    line: int
    task: str
    payload: dict[str, Any]
    format: str


@cache
def all_formats() -> dict[str, ModuleType]:
    """Every format by name."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_") and module.name != "records":
            entry = importlib.import_module(f"{__name__}.{module.name}")
            found[entry.NAME] = entry
    return found


def get_format(name: str) -> ModuleType:
    """Raises UnknownFormat with the names there are."""
    try:
        return all_formats()[name]
    except KeyError:
        raise UnknownFormat(where=name, known=", ".join(all_formats())) from None


def sniff(sample: list[dict[str, Any]]) -> ModuleType | None:
    """The format that most of these records have; None when none has any of them."""
    best = max(all_formats().values(), key=lambda f: sum(map(f.sniff, sample)))
    return best if any(map(best.sniff, sample)) else None


def read(text: str, where: str, format: str | None = None) -> Iterator[Row | BadRow]:
    """The rows of a file in order; a BadRow (not raised) for each record that is not one, the others go on.

    where: the file's name, for messages and for telling CSV. format: None: told by the first 20 good records.
    Raises UnknownFormat when it cannot be told or is no format."""
    records = parse(text, where)
    start = list(islice(records, 200))
    chosen = get_format(format) if format else sniff([r.fields for r in start if isinstance(r, Record)][:20])
    if chosen is None:
        known = "; ".join(f"{name}: {', '.join(f.KEYS)}" for name, f in all_formats().items())
        raise UnknownFormat(where=where, known=known)
    for record in chain(start, records):
        yield _row(chosen, record, where) if isinstance(record, Record) else record


def _row(chosen: ModuleType, record: Record, where: str) -> Row | BadRow:
    try:
        return Row(record.line, chosen.TASK, chosen.read(record.fields), chosen.NAME)
    except ValueError as err:
        return BadRow(where=where, line=record.line, why=reason_in(err))


def text_of(fields: dict[str, Any], key: str, *, needed: bool = True) -> str:
    """A record's text under a key. Raises ValueError saying what is wrong with it."""
    value = fields.get(key)
    if value is None and not needed:
        return ""
    if not isinstance(value, str):
        why = Reason("key_missing", "{key!r} is missing", key=key)
        raise ValueError(why if value is None else Reason("no_text", "{key!r} is no text", key=key))
    if needed and not value.strip():
        raise ValueError(Reason("key_empty", "{key!r} is empty", key=key))
    return value
