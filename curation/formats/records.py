"""How do records lie in a file? As a JSON array, JSON Lines, objects one after another, a list under `data`, CSV, TSV or Parquet; each with
the line on which it starts, and the file may be packed (.gz, .zst).

>>> [(r.line, r.fields) for r in parse('question,answer\\nwhy,because\\n', "a.csv")]
[(2, {'question': 'why', 'answer': 'because'})]

A record that cannot be read is a BadRow among the others. In a JSON array what follows a broken element cannot be told apart any more:
that one BadRow says so. A key that stands twice in an object, a column named twice and text after the end are faults: something would be
lost.
"""
from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curation.errors import BadRow, Reason, reason_in

LONGEST_CSV_FIELD = 2**24  # characters; Python's default of 131,072 is less than one long C file
LARGEST_UNPACKED = 2 * 2**30  # bytes of a packed file
_WRAPPERS = ("data", "rows", "train", "examples", "records", "items")  # a file that is one object: its list of records
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Record:
    line: int
    fields: dict[str, Any]


class NotUnpacked(ValueError):
    """A packed file that is damaged, too large, or packed in a way that cannot be read here; its argument is a Reason."""


def unpack(data: bytes, where: str) -> tuple[bytes, str]:
    """The bytes of a packed file and its name without the ending; other files as they are. Raises NotUnpacked."""
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(data)) as file:
                found = file.read(LARGEST_UNPACKED + 1)
        except (OSError, EOFError, zlib.error) as err:
            raise NotUnpacked(Reason("damaged_pack", "the packed file is damaged: {said}", said=str(err)[:200])) from None
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow as pa

        try:
            with pa.input_stream(pa.BufferReader(data), compression="zstd") as file:
                found = file.read(LARGEST_UNPACKED + 1)
        except (OSError, pa.ArrowException) as err:
            raise NotUnpacked(Reason("damaged_pack", "the packed file is damaged: {said}", said=str(err)[:200])) from None
    else:
        return data, where
    if len(found) > LARGEST_UNPACKED:
        raise NotUnpacked(Reason("larger_than", "is larger than {most} bytes", most=LARGEST_UNPACKED))
    return found, re.sub(r"\.(gz|zst|zstd)$", "", where, flags=re.IGNORECASE)


def parse_parquet(data: bytes, where: str) -> Iterator[Record | BadRow]:
    """The records of a Parquet file's bytes, batch by batch; line: the row's number from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        for batch in file.iter_batches(1000):
            for number, fields in enumerate(batch.to_pylist(), number + 1):  # noqa: B020
                problem = unstorable(fields)
                yield Record(number, fields) if problem is None else BadRow(where=where, line=number, why=problem)
    except (OSError, ValueError, pa.ArrowException, RecursionError, OverflowError) as err:
        why = Reason("damaged_parquet", "the Parquet file is damaged: {said}", said=str(err)[:200])
        yield BadRow(where=where, line=number + 1, why=why)


def parse(text: str, where: str) -> Iterator[Record | BadRow]:
    """The records of a file's text. The kind is told by its first character, and by the name's ending for CSV and TSV."""
    text = text.removeprefix("\ufeff")
    if where.lower().endswith((".csv", ".tsv", ".tab")):
        found = _csv(text, where)
    elif text.lstrip()[:1] == "[":
        found = _json_array(text, text.index("[") + 1, where)
    elif text.lstrip()[:1] == "{":
        found = _json_objects(text, where)
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

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            twice = next(key for i, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:i]))
            raise ValueError(Reason("key_twice", "the key {key!r} stands twice in one object", key=twice[:80]))
        return made

    return json.JSONDecoder(parse_constant=refuse, object_pairs_hook=once)


def _json_objects(text: str, where: str) -> Iterator[Record | BadRow]:
    """JSON Lines; else one object that holds the list; else objects over several lines, one after another."""
    first = text.lstrip().split("\n", 1)[0]
    if not _whole(first) and (wrapped := _wrapped(text, where)) is not None:
        yield from wrapped
    elif not _whole(first) and re.match(r"\s*\{[^\n]*\n\s*[^{\s]", text):  # the next line goes on with this object
        yield from _one_after_another(text, where)
    elif (wrapped := _wrapped(text, where)) is not None:
        yield from wrapped
    else:
        yield from _json_lines(text, where)


def _whole(line: str) -> bool:
    try:
        _decoder().decode(line)
    except RecursionError:
        return True
    except ValueError as err:
        return isinstance(err.args[0] if err.args else None, Reason)  # whole, but for a fault of its own
    return True


def _wrapped(text: str, where: str) -> Iterator[Record | BadRow] | None:
    """The records of a file that is one object with a list of them under one of the usual names; None for another file."""
    match = re.match(r'\s*\{\s*"(' + "|".join(_WRAPPERS) + r')"\s*:\s*\[\s*(?=[{\]])', text)
    return _json_array(text, match.end(), where, closing="}") if match else None


def _json_lines(text: str, where: str) -> Iterator[Record | BadRow]:
    decoder = _decoder()
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield _record(decoder.decode(line.strip()), number, where)
            except (ValueError, RecursionError) as err:
                yield BadRow(where=where, line=number, why=_said(err))


def _one_after_another(text: str, where: str) -> Iterator[Record | BadRow]:
    decoder, at, line, counted = _decoder(), _skip(text, 0), 1, 0
    while at < len(text):
        line += text.count("\n", counted, at)
        counted = at
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError, StopIteration) as err:
            yield BadRow(where=where, line=line, why=Reason("objects_rest", "{why}; the rest of the file cannot be read", why=_said(err)))
            return
        yield _record(value, line, where)
        at = _skip(text, end)


def _json_array(text: str, start: int, where: str, closing: str = "") -> Iterator[Record | BadRow]:
    """The elements of the array whose bracket stands before `start`. closing: what may stand behind it."""
    decoder = _decoder()
    at = _skip(text, start)
    line, counted = 1, 0
    empty = text[at:at + 1] == "]"
    while not empty:
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
            break
        if text[at:at + 1] != ",":
            line += text.count("\n", counted, at)
            yield BadRow(
                where=where, line=line, why=Reason("array_broken", "neither a comma nor ] follows; the rest of the array cannot be read"),
            )
            return
        at = _skip(text, at + 1)
    rest = _skip(text, at + 1)
    if closing and text[rest:rest + 1] == closing:
        rest = _skip(text, rest + 1)
    if rest < len(text):
        why = Reason("after_end", "there is more after the end of the list: {text!r}", text=text[rest:rest + 40])
        yield BadRow(where=where, line=1 + text.count("\n", 0, rest), why=why)


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


def guarded(cell: str) -> str:
    """A CSV cell that no spreadsheet program takes for a formula: an apostrophe before =, +, -, @, a tab or a line's end (OWASP, "CSV
    Injection")."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


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
            if twice := next((name for i, name in enumerate(names) if name and name in names[:i]), None):
                yield BadRow(where=where, line=line, why=Reason("header_twice", "the column {name!r} is there twice", name=twice[:80]))
                return
        elif len(cells) != len(names) and any(cells):
            why = Reason("cells", "{cells} cells where the first line names {names}", cells=len(cells), names=len(names))
            yield BadRow(where=where, line=line, why=why)
        elif any(cells):
            yield Record(line, dict(zip(names, map(unguarded, cells), strict=True)))
