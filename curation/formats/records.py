"""How do records lie in a file? As a JSON array, JSON Lines, CSV or TSV; each with the line on which it starts.

>>> [(r.line, r.fields) for r in parse('question,answer\\nwhy,because\\n', "a.csv")]
[(2, {'question': 'why', 'answer': 'because'})]

A record that cannot be read is a BadRow among the others. In a JSON array what follows a broken element cannot be told apart any more:
that one BadRow says so.
"""
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curation.errors import BadRow, Reason, reason_in

LONGEST_CSV_FIELD = 2**24  # characters; Python's default of 131,072 is less than one long C file
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Record:
    line: int
    fields: dict[str, Any]


def parse(text: str, where: str) -> Iterator[Record | BadRow]:
    """The records of a file's text. The kind is told by its first character, and by the name's ending for CSV and TSV."""
    text = text.removeprefix("\ufeff")
    if where.lower().endswith((".csv", ".tsv", ".tab")):
        found = _csv(text, where)
    elif text.lstrip()[:1] == "[":
        found = _json_array(text, where)
    elif text.lstrip()[:1] == "{":
        found = _json_lines(text, where)
    else:
        found = _csv(text, where)
    for record in found:
        problem = unstorable(record.fields) if isinstance(record, Record) else None
        yield record if problem is None else BadRow(where=where, line=record.line, why=problem)  # type: ignore[union-attr]


def unstorable(value: Any) -> str | None:
    """Why a value cannot be kept (a NUL, half of a UTF-16 pair); None when it can."""
    if isinstance(value, str):
        if "\0" in value:
            return Reason("nul_in_row", "there is a NUL character in it")
        if any(0xD800 <= ord(c) < 0xE000 for c in value):
            return Reason("surrogate", "there is half of a character (a lone surrogate) in it")
        return None
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((problem for part in parts if (problem := unstorable(part)) is not None), None)


def _decoder() -> json.JSONDecoder:
    def refuse(name: str) -> None:
        raise ValueError(Reason("no_json_value", "{name} is no JSON value", name=name))

    return json.JSONDecoder(parse_constant=refuse)


def _json_lines(text: str, where: str) -> Iterator[Record | BadRow]:
    decoder = _decoder()
    whole = _one_object(text, decoder)
    if whole is not None:
        yield whole
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield _record(decoder.decode(line), number, where)
            except (ValueError, RecursionError) as err:
                yield BadRow(where=where, line=number, why=_said(err))


def _one_object(text: str, decoder: json.JSONDecoder) -> Record | None:
    """A file that is one object written over several lines."""
    if not re.match(r"\s*\{\s*\n", text):
        return None
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    return Record(1, value) if isinstance(value, dict) else None


def _json_array(text: str, where: str) -> Iterator[Record | BadRow]:
    decoder = _decoder()
    at = _skip(text, text.index("[") + 1)
    line, counted = 1, 0
    if text[at:at + 1] == "]":
        return
    while True:
        line += text.count("\n", counted, at)
        counted = at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError, StopIteration) as err:
            yield BadRow(where=where, line=line, why=Reason("array_rest", "{why}; the rest of the array cannot be read", why=_said(err)))
            return
        yield _record(value, line, where)
        at = _skip(text, end)
        if text[at:at + 1] == "]":
            return
        if text[at:at + 1] != ",":
            line += text.count("\n", counted, at)
            yield BadRow(
                where=where, line=line, why=Reason("array_broken", "neither a comma nor ] follows; the rest of the array cannot be read"),
            )
            return
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _record(value: Any, line: int, where: str) -> Record | BadRow:
    return Record(
        line, value,
    ) if isinstance(value, dict) else BadRow(where=where, line=line, why=Reason("no_json_object", "it is no JSON object"))


def _said(err: BaseException) -> str:
    if isinstance(err, json.JSONDecodeError):
        return Reason("not_json", "not JSON: {said} (column {column})", said=err.msg, column=err.colno)
    return Reason("nested", "nested too deeply") if isinstance(err, RecursionError) else reason_in(err)


def _csv(text: str, where: str) -> Iterator[Record | BadRow]:
    csv.field_size_limit(LONGEST_CSV_FIELD)
    head = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as err:
            yield BadRow(where=where, line=line, why=Reason("not_csv", "not CSV: {said}", said=str(err)))
            continue
        if names is None:
            names = [cell.strip().lower() for cell in cells]
        elif len(cells) != len(names) and any(cells):
            why = Reason("cells", "{cells} cells where the first line names {names}", cells=len(cells), names=len(names))
            yield BadRow(where=where, line=line, why=why)
        elif any(cells):
            yield Record(line, dict(zip(names, cells, strict=True)))
