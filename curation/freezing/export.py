"""How do rows and answers leave the Workbench for other tools? As Alpaca, question and answer, chats, preference pairs, or as they are.

>>> export_frozen(Path("datasets/flow/v0001"), Path("alpaca.json"), format="alpaca", split="train")
3344
>>> export_annotations(store, Path("answers.csv"), tasks=["function_pointer"])
4180

The ending of the file says how records lie in it: .json, .jsonl or .csv. A file appears whole or not at all, and none is replaced.

A CSV begins with a byte-order mark, without which a spreadsheet program garbles Chinese, and an apostrophe stands before a cell that such a
program would take for a formula (C may begin with = or +); our own reader takes it away again (formats/records.py).
"""
from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from curation.errors import BadValue, Reason
from curation.formats import get_format
from curation.formats.records import guarded
from curation.freezing.manifest import COLUMNS, MESSAGE_KEYS, FrozenRow, read_rows, verify
from curation.labeling.resolve import latest_by_user, resolve
from curation.model import canonical_json
from curation.store import Store, items
from curation.tasks import get_task

ENDINGS = (".jsonl", ".json", ".csv")
ANSWER_COLUMNS = [
    "id", "task", "origin", "source", "file", "line", "lang", "status", "action", "answer", "explanation_en", "explanation_zh", "users",
    "payload",
]


def export_frozen(
    folder: Path, out: Path | None, format: str | None = None, split: str | None = None, lang: str | None = None, task: str | None = None
) -> int:
    """Writes the rows of a frozen folder, after verifying it; returns how many. out: None: JSON Lines to standard output.

    format: None: the columns as they are; preference writes the preference rows, every other format the sft rows. split, lang, task: None:
    all. Raises TouchedDataset, UnknownFormat, BadValue."""
    verify(folder)
    chosen = get_format(format) if format else None
    config = "preference" if chosen is not None and chosen.TASK == "preference" else "sft"
    rows = [
        row for row in read_rows(folder, config, split)
        if (lang is None or row.fields["lang"] == lang) and (task is None or row.fields["task"] == task)
    ]
    records = (row.fields if chosen is None else chosen.write(_payload(row)) for row in rows)
    return write_records(records, out, list(COLUMNS[config]) if chosen is None else None)


def export_annotations(store: Store, out: Path | None, tasks: list[str] | None = None, statuses: list[str] | None = None) -> int:
    """Writes one record an item: what it is, what was answered, by whom; returns how many. None: of all tasks, in every state; out None:
    JSON Lines to standard output."""
    return write_records(_answers(store, tasks, statuses), out, ANSWER_COLUMNS)


def _payload(row: FrozenRow) -> dict[str, Any]:
    said = {key: "\n\n".join(message["content"] for message in row.fields[key]) for key in MESSAGE_KEYS[row.config]}
    if row.config == "preference":
        return said
    return {"instruction": said["prompt"], "input": "", "output": said["completion"]}


def _answers(store: Store, tasks: list[str] | None, statuses: list[str] | None) -> Iterator[dict[str, Any]]:
    found = items.find(store, tasks=tasks, statuses=statuses)
    while batch := list(islice(found, 500)):
        given = items.annotations(store, [item.id for item in batch])
        for item in batch:
            resolved = resolve(given[item.id], get_task(item.task))
            yield {
                "id": item.id, "task": item.task, "origin": item.origin, "source": item.source, "file": item.file, "line": item.line,
                "lang": item.lang, "status": resolved.status, "action": resolved.action, "answer": resolved.answer,
                "explanation_en": resolved.explanation.get("en"), "explanation_zh": resolved.explanation.get("zh"),
                "users": list(latest_by_user(given[item.id])), "payload": item.payload,
            }


def write_records(records: Iterable[dict[str, Any]], out: Path | None, columns: list[str] | None) -> int:
    """Writes records to a new file by its ending; returns how many. columns: of a CSV; None: those of the first record. Raises BadValue
    for another ending and for a file that is there."""
    if out is None:
        return _json_lines(records, sys.stdout)
    writers: dict[str, Callable[[Iterable[dict[str, Any]], TextIO], int]] = {
        ".jsonl": _json_lines, ".json": _json_array, ".csv": lambda r, f: _csv(r, f, columns),
    }
    write = writers.get(out.suffix.lower())
    if write is None:
        raise BadValue(
            field="out", value=str(out), why=Reason("no_ending", "has an ending that cannot be written"),
            todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(ENDINGS)),
        )
    check_free(out)
    handle, beside = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            number = write(records, file)
        os.chmod(beside, 0o644)
        os.rename(beside, out)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return number


def check_free(out: Path) -> None:
    """Raises BadValue when a file to be written is there already, or its folder is not."""
    if out.exists():
        raise BadValue(
            field="out", value=str(out), why=Reason("is_there", "is there already"),
            todo=Reason("other_name", "Choose another name, or move that file away."),
        )
    if not out.parent.is_dir():
        raise BadValue(
            field="out", value=str(out), why=Reason("no_parent", "is in no folder that exists"),
            todo=Reason("make_folder", "Make the folder first."),
        )


def _json_lines(records: Iterable[dict[str, Any]], file: TextIO) -> int:
    number = 0
    for number, record in enumerate(records, 1):  # noqa: B007
        file.write(canonical_json(record) + "\n")
    return number


def _json_array(records: Iterable[dict[str, Any]], file: TextIO) -> int:
    number = 0
    for number, record in enumerate(records, 1):  # noqa: B007
        file.write(("[\n" if number == 1 else ",\n") + json.dumps(record, ensure_ascii=False))
    file.write("\n]\n" if number else "[]\n")
    return number


def _cell(value: Any) -> Any:
    text = canonical_json(value) if isinstance(value, list | dict) else value
    return guarded(text) if isinstance(text, str) else text


def _csv(records: Iterable[dict[str, Any]], file: TextIO, columns: list[str] | None) -> int:
    writer = None
    number = 0
    file.write("\ufeff")
    for number, record in enumerate(records, 1):  # noqa: B007
        if writer is None:
            writer = csv.DictWriter(file, columns or list(record), lineterminator="\n")
            writer.writeheader()
        writer.writerow({key: _cell(value) for key, value in record.items()})
    if writer is None and columns:
        csv.DictWriter(file, columns, lineterminator="\n").writeheader()
    return number
