"""How is a plain file of rows trained on? It becomes a folder in the shape of a frozen version, so that every stage reads it unchanged.

A file is a JSON array, JSON Lines, CSV or TSV with a header, or Parquet. Its rows are told by their keys, the same in the whole file:

  prompt, chosen, rejected          two answers to one prompt: for DPO
  prompt, completion                texts, or lists of {"role", "content"} messages
  messages                          [{"role", "content"}, ...]; the last turn, the assistant's, is what is learned
  instruction, (input,) output
  question, answer

>>> folder = frozen_from(Path("rows.jsonl"), Path("workspace/runs/.data"), seed=17)
>>> open_dataset(folder).count("sft", "train")
80

Every malformed row is told by its line, the first 20 of them, and nothing is written then. Rows that are equal are kept once. Rows with
the same prompt (but for spaces) stay in one split; the splits are drawn by seed, 8 : 1 : 1.

Not covered: rows hold no structured answer (`answer` is null), so `evaluate` has no field to score and compares surprise and how
answers end only; near duplicates are not looked for, as freezing does.
"""
from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import NotFound, Reason, TouchedDataset, UserError, joined, reason_in
from curation.model import canonical_json
from training.data import open_dataset
from training.plain_shapes import Row, Shape, shape_of
from training.reading import parse, read_bytes

SHARES = (("train", 8), ("validation", 1), ("test", 1))
SHOWN = 20  # faults that are told
TASK = "plain"
ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
LONGEST_CELL = 2**24  # characters; Python's default of 131,072 is less than one long C file


class BadPlainData(UserError):
    """Rows of a plain file that cannot be trained on. `problems` is one line a fault, each with its line in the file."""

    code = "bad_plain_data"
    text = "{where} cannot be trained on:\n{problems}"


@dataclass(frozen=True)
class Found:
    """One record of the file. line: 1-based, where it starts; of Parquet the row's number."""

    line: int
    fields: Any


def is_plain(path: Path) -> bool:
    """Whether this names a plain file of rows, by being a file or by its ending."""
    return path.is_file() or (not path.exists() and path.suffix.lower() in ENDINGS)


def frozen_from(path: Path, into: Path, seed: int) -> Path:
    """The folder of this file's rows, made in `into` under a name with the hash of the file and the seed unless it is there already. Raises
    NotFound, or BadPlainData with every fault; the folder is whole or not there."""
    if not path.is_file():
        raise NotFound(kind="frozen version or plain file", name=str(path))
    try:
        raw = read_bytes(path)
    except ValueError as err:
        raise BadPlainData(where=str(path), problems=Reason("", "- {why}", why=reason_in(err))) from err
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.")[:40] or "rows"
    told = hashlib.sha256(f"1 {seed} {path.name} {hashlib.sha256(raw).hexdigest()}".encode()).hexdigest()
    folder = into.absolute() / f"{name}-{told[:12]}"
    try:
        open_dataset(folder)
        return folder
    except (NotFound, TouchedDataset):
        pass  # not made yet, or damaged: it is made again from the file, which is the same
    rows, not_used = read(path, raw)
    try:
        _put(folder, rows, {"name": name, "seed": seed, "not_used": not_used, "file": path.name})
    except OSError as err:
        why = Reason("no_room", "- its rows cannot be written to {folder} ({said})", folder=str(folder), said=err.strerror or str(err))
        raise BadPlainData(where=str(path), problems=why) from err
    return folder


# ---- the rows of a file ----


def read(path: Path, raw: bytes) -> tuple[list[Row], list[str]]:
    """The file's rows ({"config", "line", "prompt", "completion"} or "chosen" and "rejected"), equal ones once, and the keys of it that
    are not used. Raises BadPlainData."""
    rows: dict[str, Row] = {}
    faults: list[Reason] = []
    keys: set[str] = set()
    shape: Shape | None = None
    for found in _records(path, raw):
        try:
            if isinstance(found.fields, ValueError):
                raise found.fields
            if not isinstance(found.fields, dict):
                raise ValueError(Reason("no_json_row", "the row is no JSON object"))
            keys.update(found.fields)
            shape = shape or shape_of(found.fields)
            row = {"config": shape.config, "line": found.line, **shape.read(found.fields)}
            rows.setdefault(canonical_json([row[key] for key in row if key != "line"]), row)
        except ValueError as err:
            faults.append(Reason("", "- {place}: {why}", place=f"{path.name}:{found.line}", why=reason_in(err)))
            if shape is None and isinstance(found.fields, dict):
                break  # the keys of all rows would be told again and again
    if not rows and not faults:
        faults.append(Reason("no_row_in_file", "- it holds no row"))
    if faults:
        shown: list[str] = [*faults[:SHOWN]]
        if len(faults) > SHOWN:
            shown.append(Reason("more_faults", "- and {count} more", count=len(faults) - SHOWN))
        raise BadPlainData(where=str(path), problems=joined(shown))
    return list(rows.values()), sorted(keys - set(shape.keys if shape else ()))


def _records(path: Path, raw: bytes) -> Iterator[Found]:
    """Each record with its line; where it cannot be read, the ValueError that says why in its stead."""
    if raw[:4] == b"PAR1" or path.suffix.lower() == ".parquet":
        yield from _parquet(raw)
        return
    if path.suffix.lower() not in (".csv", ".tsv"):
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        yield from _array(raw) if raw.lstrip()[:1] == b"[" else _lines(raw)
        return
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        yield Found(raw.count(b"\n", 0, err.start) + 1, ValueError(Reason("no_utf8", "it is not UTF-8 text (byte {at})", at=err.start)))
        return
    yield from _csv(text, "\t" if path.suffix.lower() == ".tsv" else ",")


def _lines(raw: bytes) -> Iterator[Found]:
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            try:
                yield Found(number, parse(line))
            except ValueError as err:
                yield Found(number, err)


def _array(raw: bytes) -> Iterator[Found]:
    """The elements of a JSON array, each with its line. What follows a broken one cannot be told apart any more."""
    try:
        whole = parse(raw)
    except ValueError as err:
        cause = err.__cause__
        yield Found(cause.lineno if isinstance(cause, json.JSONDecodeError) else 1, err)
        return
    text, decoder, between = raw.decode("utf-8"), json.JSONDecoder(), re.compile(r"[ \t\r\n,]*")
    at, counted, line = text.index("[") + 1, 0, 1
    for fields in whole:
        at = between.match(text, at).end()  # type: ignore[union-attr]
        line += text.count("\n", counted, at)
        counted = at
        yield Found(line, fields)
        at = decoder.raw_decode(text, at)[1]


def _csv(text: str, delimiter: str) -> Iterator[Found]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as err:
            yield Found(line, ValueError(Reason("broken_csv", "it is not CSV ({said})", said=str(err))))
            continue
        if not any(cells):
            continue
        if names is None:
            names = [cell.strip() for cell in cells]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                yield Found(line, ValueError(Reason("column_twice", "the header names {names} twice", names=", ".join(twice))))
                return
        elif len(cells) != len(names):
            yield Found(line, ValueError(Reason("cell_count", "it has {cells} cells where the header has {names}",
                                                cells=len(cells), names=len(names))))
        else:
            yield Found(line, dict(zip(names, cells, strict=True)))


def _parquet(raw: bytes) -> Iterator[Found]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        rows = parquet.read_table(pyarrow.BufferReader(raw)).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as err:
        yield Found(1, ValueError(Reason("no_parquet", "it is not Parquet ({said})", said=str(err).split("\n")[0])))
        return
    yield from (Found(number, fields) for number, fields in enumerate(rows, 1))


# ---- the folder ----


def _put(folder: Path, rows: list[Row], about: dict[str, Any]) -> None:
    """Made beside and renamed: whole or not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        beside.chmod(0o755)
        _write(beside, rows, about)
        if folder.exists():  # damaged
            shutil.rmtree(folder)
        os.rename(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _write(folder: Path, rows: list[Row], about: dict[str, Any]) -> None:
    group_of = [_hash([turn["role"], " ".join(turn["content"].split())] for turn in row["prompt"]) for row in rows]
    split_of = _splits(group_of, about["seed"])
    parts: dict[tuple[str, str], list[Row]] = {}
    listed = []
    for row, group in zip(rows, group_of, strict=True):
        fields = _fields(row, f"prompt/{group}", about["file"])
        parts.setdefault((row["config"], split_of[group]), []).append(fields)
        listed.append({"id": fields["id"], "config": row["config"], "split": split_of[group], "group": fields["group"],
                       "sha256": hashlib.sha256(canonical_json(fields).encode()).hexdigest()})
    listed.sort(key=lambda entry: (entry["config"], entry["id"]))
    files = {}
    for (config, split), part in sorted(parts.items()):
        part.sort(key=lambda fields: fields["id"])
        (folder / config).mkdir(exist_ok=True)
        place = folder / config / split
        _write_parquet(place.with_suffix(".parquet"), config, part)
        place.with_suffix(".jsonl").write_text("".join(canonical_json(fields) + "\n" for fields in part), encoding="utf-8", newline="\n")
        for ending in (".jsonl", ".parquet"):
            data = place.with_suffix(ending).read_bytes()
            files[f"{config}/{split}{ending}"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": len(part)}
    options = {"plain_file": about["file"], "not_used": about["not_used"], "shares": dict(SHARES)}
    hashed = sorted([entry[key] for key in ("id", "config", "split", "group", "sha256")] for entry in listed)
    manifest = {
        "format": 1, "name": about["name"], "version": 1, "seed": about["seed"], "options": options,
        "hash": hashlib.sha256(canonical_json({"format": 1, "rows": hashed, "options": options}).encode()).hexdigest(),
        "tasks": {TASK: {"metrics": {}, "counts": {}, "goal": None}}, "files": files, "rows": listed,
        "groups": {}, "leaks": {}, "versions": {},
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8", newline="\n")
    (folder / "manifest.sha256").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n", encoding="ascii", newline="\n")


def _splits(group_of: list[str], seed: int) -> dict[str, str]:
    """Group -> split: groups in the order of a hash of seed and group fill test, then validation, up to their shares of the rows; the rest
    is for training. Of three groups and more each split has one; of two the second is for test."""
    sizes: dict[str, int] = {}
    for group in group_of:
        sizes[group] = sizes.get(group, 0) + 1
    left = sorted(sizes, key=lambda group: _hash([seed, group]))
    total = sum(share for _, share in SHARES)
    chosen: dict[str, str] = {}
    for split, share in reversed(SHARES[1:]):
        taken = 0
        while len(left) > 1 and (taken == 0 or taken + sizes[left[-1]] <= len(group_of) * share / total):
            taken += sizes[left[-1]]
            chosen[left.pop()] = split
    return chosen | dict.fromkeys(left, "train")


def _fields(row: Row, group: str, file: str) -> Row:
    said: Row = {key: row[key] for key in ("completion", "chosen", "rejected") if key in row}
    text = "".join(turn["content"] for turns in (row["prompt"], *said.values()) for turn in turns)
    fields: Row = {"id": _hash([row["prompt"], said]), "task": TASK, "lang": _language(text), "origin": "imported", "group": group,
              "prompt": row["prompt"], **said, "meta": canonical_json({"file": file, "line": row["line"]})}
    nowhere: Row = {"answer": None, "source": None, "file": None, "line": None}
    return fields if row["config"] == "preference" else {**fields, **nowhere}


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(list(value)).encode()).hexdigest()[:20]


def _language(text: str) -> str:
    """zh when a text has at least a third as many Chinese characters as Latin words, as imported rows are told by curation."""
    return "zh" if 3 * len(re.findall(r"[\u4e00-\u9fff]", text)) >= max(1, len(re.findall(r"[A-Za-z]+", text))) else "en"


def _write_parquet(path: Path, config: str, rows: list[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    kinds: dict[str, Any] = {name: messages for name in ("prompt", "completion", "chosen", "rejected")} | {"line": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
