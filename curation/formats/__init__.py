"""Which formats of training rows can be read and written? One file each, found by scanning this folder.

A format says by which keys it is known (`sniff`), and turns one record into rows and back. How records lie in a file (JSON array, JSON
Lines, CSV, TSV, Parquet, packed) is the same for all: records.py. What a format did not use of a record is told or kept: _fields.py.

>>> for row in read('{"instruction": "Say", "output": "Hi", "id": 3}\\n', "a.jsonl"):
...     print(row.line, row.payload, row.about)
1 {'instruction': 'Say', 'input': '', 'output': 'Hi'} {'id': 3}

One more format is one more file with NAME, TASK ("self_instruct" or "preference": what it writes), KEYS, sniff, read and write.
"""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from types import ModuleType
from typing import Any

from curation.errors import BadRow, UnknownFormat, reason_in
from curation.formats._fields import Fields, leftovers
from curation.formats.records import Record, parse


@dataclass(frozen=True)
class Row:
    """line: 1-based, of the record's start. task: self_instruct (payload is a PairAnswer) or preference (payload is prompt, chosen,
    rejected). format: the format's name. about: what the record says of its origin (ids, licence, model), kept with the row. unread: keys
    with something under them that were not read and change nothing. thought_in_answer: `thinking` was taken out of the answer's head."""

    line: int
    task: str
    payload: dict[str, Any]
    format: str
    about: dict[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    thought_in_answer: bool = False


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
    """The format that most of these records have; None when none has any of them. Of equal ones the one with more keys: it says more."""
    best = max(all_formats().values(), key=lambda f: (sum(map(f.sniff, sample)), len(f.KEYS)))
    return best if any(map(best.sniff, sample)) else None


def read(text: str, where: str, format: str | None = None) -> Iterator[Row | BadRow]:
    """The rows of a file's text, as read_records gives them."""
    return read_records(parse(text, where), where, format)


def read_records(records: Iterable[Record | BadRow], where: str, format: str | None = None) -> Iterator[Row | BadRow]:
    """The rows in order; a BadRow (not raised) for each record that is not one, the others go on.

    where: the file's name, for messages. format: None: told by the first 20 good records. Raises UnknownFormat when it cannot be told or
    is no format."""
    found = iter(records)
    start = list(islice(found, 200))
    good = [r.fields for r in start if isinstance(r, Record)][:20]
    chosen = get_format(format) if format else sniff(good)
    if chosen is None and good:
        known = "; ".join(f"{name}: {', '.join(f.KEYS)}" for name, f in all_formats().items())
        raise UnknownFormat(where=where, known=known)
    for record in chain(start, found):
        if isinstance(record, Record) and chosen is not None:
            yield from _rows(chosen, record, where)
        elif isinstance(record, BadRow):
            yield record


def _rows(chosen: ModuleType, record: Record, where: str) -> Iterator[Row | BadRow]:
    fields = Fields(record.fields)
    try:
        made = chosen.read(fields)
        about, unread = leftovers(fields)
    except ValueError as err:
        yield BadRow(where=where, line=record.line, why=reason_in(err))
        return
    for payload in made:
        thought = payload.pop("thought_in_answer", False)
        task = "preference" if "chosen" in payload else "self_instruct"
        yield Row(record.line, task, payload, chosen.NAME, about, tuple(unread), thought)
