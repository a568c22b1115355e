"""What exactly is in a frozen dataset, and is it still that?

`write` makes the data files of a folder and its manifest; `verify` refuses a folder in which a single byte differs.

>>> verify(Path("datasets/flow/v0001"))["hash"]
'5be3a1c0...'

The hash of a dataset is over the hashes of its rows, their split and group, and the options: no clock, no path, no version number. Two
machines with the same store and seed get the same hash and the same bytes in every file but manifest.json, which says when.

Not covered: someone who rewrites a whole folder consistently makes a valid one with another hash; the store remembers which hash
each version had.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.errors import Reason, TouchedDataset
from curation.freezing.split import SPLITS
from curation.model import canonical_json

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
CONFIGS = ("sft", "preference")
MESSAGE_KEYS = {"sft": ("prompt", "completion"), "preference": ("prompt", "chosen", "rejected")}
COLUMNS = {
    "sft": ("id", "task", "lang", "origin", "group", "prompt", "completion", "answer", "source", "file", "line", "meta"),
    "preference": ("id", "task", "lang", "origin", "group", "prompt", "chosen", "rejected", "meta"),
}
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # what JSON of another shape, or nested deep, brings up


@dataclass(frozen=True)
class FrozenRow:
    """fields: the row as it is written, its keys those of COLUMNS[config]."""

    config: str
    split: str
    fields: dict[str, Any]

    @property
    def sha256(self) -> str:
        return row_hash(self.fields)


def row_hash(fields: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(fields).encode()).hexdigest()


def dataset_hash(rows: Iterable[dict[str, Any]], options: dict[str, Any]) -> str:
    """rows: the manifest's {id, config, split, group, sha256} each; their order does not matter."""
    listed = sorted([r["id"], r["config"], r["split"], r["group"], r["sha256"]] for r in rows)
    return hashlib.sha256(canonical_json({"format": FORMAT, "rows": listed, "options": options}).encode()).hexdigest()


def listed_rows(rows: Iterable[FrozenRow]) -> list[dict[str, Any]]:
    """The rows as the manifest lists them, by config and id."""
    return [
        {"id": row.fields["id"], "config": row.config, "split": row.split, "group": row.fields["group"], "sha256": row.sha256}
        for row in sorted(rows, key=lambda row: (row.config, row.fields["id"]))
    ]


def write_data(folder: Path, rows: Iterable[FrozenRow]) -> dict[str, int]:
    """Writes CONFIG/SPLIT.parquet and .jsonl for each that has a row. Returns path (relative, `/`) -> number of rows."""
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row.fields["id"]):
        parts.setdefault((row.config, row.split), []).append(row.fields)
    written: dict[str, int] = {}
    for config in CONFIGS:
        for split in SPLITS:
            if fields := parts.get((config, split)):
                place = folder / config / split
                place.parent.mkdir(exist_ok=True)
                place.with_suffix(".jsonl").write_text("".join(canonical_json(f) + "\n" for f in fields), encoding="utf-8", newline="\n")
                _write_parquet(place.with_suffix(".parquet"), config, fields)
                written |= {f"{config}/{split}{ending}": len(fields) for ending in (".jsonl", ".parquet")}
    return written


def _write_parquet(path: Path, config: str, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    kinds = {name: messages for name in MESSAGE_KEYS[config]} | {"line": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS[config]])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd", row_group_size=1000)


def read_rows(folder: Path, config: str | None = None, split: str | None = None) -> list[FrozenRow]:
    """The rows of a frozen folder out of its JSON Lines, by id. None: of all configs or splits. Verifies nothing."""
    found = []
    for each in CONFIGS if config is None else (config,):
        for part in SPLITS if split is None else (split,):
            path = folder / each / f"{part}.jsonl"
            if path.is_file():
                with open(path, encoding="utf-8", newline="\n") as lines:
                    found += [FrozenRow(each, part, json.loads(line)) for line in lines]
    return sorted(found, key=lambda row: row.fields["id"])


def seal(folder: Path, manifest: dict[str, Any], rows_of: dict[str, int]) -> None:
    """Lists every file in the manifest and writes it with its seal. rows_of: path -> rows, for the data files."""
    manifest["files"] = {
        path: {"sha256": _file_hash(folder / path), "bytes": (folder / path).stat().st_size, "rows": rows_of.get(path)}
        for path in _files(folder)
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    (folder / SEAL).write_text(hashlib.sha256(text.encode()).hexdigest() + "\n", encoding="ascii", newline="\n")


def verify(path: Path | str) -> dict[str, Any]:
    """The manifest of a frozen folder in which nothing was touched. Raises TouchedDataset naming the first file that was changed,
    added or taken away, or that holds other rows than were frozen."""
    folder = Path(path)

    def refuse(why: Reason) -> TouchedDataset:
        return TouchedDataset(where=str(path), why=why)

    if not folder.is_dir():
        raise refuse(Reason("no_folder", "there is no such folder"))
    for name in (MANIFEST, SEAL):
        if not (folder / name).is_file():
            raise refuse(Reason("file_missing", "{file} is missing", file=name))
    data = (folder / MANIFEST).read_bytes()
    if (folder / SEAL).read_bytes() != hashlib.sha256(data).hexdigest().encode() + b"\n":
        raise refuse(Reason("seal_broken", "manifest.json does not have the hash in manifest.sha256"))
    try:
        manifest: dict[str, Any] = json.loads(data)
        known, options, listed = manifest["files"], manifest["options"], manifest["rows"]
        if manifest["format"] != FORMAT:
            raise refuse(Reason("other_format", "its format is {found}, this program reads {known}",
                                found=manifest["format"], known=FORMAT))
        if dataset_hash(listed, options) != manifest["hash"]:
            raise refuse(Reason("other_hash", "the hash in manifest.json is not that of its rows"))
        hashes = {path_: entry["sha256"] for path_, entry in known.items()}
    except _MALFORMED as err:
        raise refuse(Reason("no_manifest_json", "manifest.json is no manifest ({said})", said=f"{type(err).__name__}: {err}")) from err
    there = {p for p in _files(folder) if p not in (MANIFEST, SEAL)}
    for path_ in sorted(there ^ hashes.keys()):
        if path_ in hashes:
            raise refuse(Reason("file_missing", "{file} is missing", file=path_))
        raise refuse(Reason("file_added", "{file} was added", file=path_))
    for path_, sha256 in sorted(hashes.items()):
        if (folder / path_).is_symlink() or _file_hash(folder / path_) != sha256:
            raise refuse(Reason("file_changed", "{file} was changed", file=path_))
    try:
        same = listed_rows(read_rows(folder)) == listed
    except _MALFORMED:
        same = False
    if not same:
        raise refuse(Reason("other_rows", "the rows in the files are not those that the manifest lists"))
    return manifest


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())


def _file_hash(path: Path) -> str:
    if not path.is_file():  # a dangling link, a pipe
        return "none"
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
