"""What is in a frozen dataset folder, and which tokens of a row are learned? No torch here.

A folder is refused whole when one byte of it differs from its manifest. Rows are TRL's conversational prompt/completion (config `sft`)
and prompt/chosen/rejected (config `preference`); only the completion is learned, up to and including the token that ends the turn.

>>> dataset = open_dataset(Path("datasets/demo/v0001"))
>>> rows = read_rows(dataset, "sft", "train")
>>> encode(tokenizer, rows[0]["prompt"], rows[0]["completion"]).labels[:3]    # the prompt is not learned
[-100, -100, -100]
"""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from curation.errors import NotFound, Reason, TouchedDataset, UserError, reason_in
from training.reading import damaged, parse_object, read_bytes

Split = Literal["train", "validation", "test"]
IGNORED = -100  # the label of a token that is not learned (torch's cross_entropy default)


class NoRows(UserError):
    code = "no_rows"
    text = (
        "The {split} split has no row to train on ({left_out} rows are longer than {max_length} tokens). "
        "Raise max_length, or freeze more or shorter rows."
    )


@dataclass(frozen=True)
class Dataset:
    """A frozen version that was compared with its manifest. hash: the version's content hash, the same on every machine."""

    path: Path
    manifest: dict[str, Any]

    @property
    def hash(self) -> str:
        return self.manifest["hash"]

    def count(self, config: str, split: Split) -> int:
        entry = self.manifest["files"].get(f"{config}/{split}.parquet")
        return entry["rows"] if entry else 0


@dataclass(frozen=True)
class Encoded:
    """One row as the model reads it. labels: input_ids where they are learned, -100 elsewhere; same length."""

    input_ids: list[int]
    labels: list[int]


def open_dataset(path: Path) -> Dataset:
    """Reads the manifest and compares every file it names by SHA-256. Raises NotFound without a manifest, TouchedDataset when the
    manifest, a file's bytes, or the list of data files is not what was frozen."""
    if not (path / "manifest.json").is_file():
        raise NotFound(kind="frozen dataset (a folder with manifest.json)", name=str(path))
    try:
        manifest = _sealed_manifest(path)
        for name, entry in manifest["files"].items():
            file = path / name
            if not file.resolve().is_relative_to(path.resolve()):
                raise ValueError(Reason("file_outside", "its manifest names {file}, which lies outside of the folder", file=name))
            if not file.is_file():
                raise ValueError(Reason("file_missing", "{file} is missing", file=name))
            if _sha256(file) != entry["sha256"]:
                raise ValueError(Reason("file_changed", "{file} was changed", file=name))
        for file in sorted(path.glob("*/*.parquet")):
            if file.relative_to(path).as_posix() not in manifest["files"]:
                raise ValueError(Reason("file_added", "{file} was added", file=file.relative_to(path).as_posix()))
    except ValueError as err:
        raise TouchedDataset(where=str(path), why=reason_in(err)) from err
    except (OSError, RuntimeError) as err:  # no right to read it, a disk error, a ring of links
        why = Reason("file_not_readable", "it cannot be read ({said})", said=getattr(err, "strerror", None) or str(err))
        raise TouchedDataset(where=str(path), why=why) from err
    return Dataset(path=path, manifest=manifest)


def _sealed_manifest(path: Path) -> dict[str, Any]:
    """The manifest with what is read of it later in its right types. Raises ValueError with a Reason."""
    raw = read_bytes(path / "manifest.json")
    seal = read_bytes(path / "manifest.sha256").split()[:1] if (path / "manifest.sha256").is_file() else []
    if seal != [hashlib.sha256(raw).hexdigest().encode()]:
        raise ValueError(Reason("seal_broken", "manifest.json does not have the hash in manifest.sha256"))
    manifest = parse_object(raw)
    for key, kind in (("name", str), ("version", int), ("hash", str), ("files", dict), ("tasks", dict)):
        if not isinstance(manifest.get(key), kind) or isinstance(manifest[key], bool):
            raise ValueError(Reason("manifest_key", "manifest.json has no {key!r}, or one of a wrong type", key=key))
    for key, entries in (("files", manifest["files"]), ("tasks", manifest["tasks"])):
        for name, entry in entries.items():
            if "\0" in name or not isinstance(entry, dict) or not _entry_fits(key, entry):
                raise ValueError(Reason("manifest_entry", "the entry {name!r} of {key!r} in manifest.json is wrong", name=name, key=key))
    return manifest


def _entry_fits(key: str, entry: dict[str, Any]) -> bool:
    if key == "files":
        rows = entry.get("rows")
        return isinstance(entry.get("sha256"), str) and (rows is None or type(rows) is int and rows >= 0)
    metrics = entry.get("metrics", {})
    return isinstance(metrics, dict) and all(isinstance(field, dict) and isinstance(field.get("metric"), str) for field in metrics.values())


def _sha256(file: Path) -> str:
    with open(file, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def read_rows(dataset: Dataset, config: Literal["sft", "preference"], split: Split) -> list[dict[str, Any]]:
    """The rows as plain dicts, in the frozen order; [] where the dataset has no such config or split. `answer` and `meta`
    stay JSON text."""
    if not dataset.count(config, split):
        return []
    import pyarrow
    import pyarrow.parquet as parquet

    file = dataset.path / config / f"{split}.parquet"
    try:
        return parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as err:
        raise damaged(file, ValueError(Reason("no_parquet", "it is not Parquet ({said})", said=str(err).split("\n")[0]))) from err


def encode(tokenizer: Any, prompt: list[dict[str, str]], completion: list[dict[str, str]]) -> Encoded:
    """Tokenizes a row by the tokenizer's chat template. The completion begins where the rendered prompt (with its generation
    prompt) ends, as TRL 1.16's SFTTrainer counts it; the end token is appended where the template writes none."""
    ends = list(_render(tokenizer, prompt, add_generation_prompt=True))
    ids = list(_render(tokenizer, prompt + completion))
    start = next((i for i, (a, b) in enumerate(zip(ends, ids, strict=False)) if a != b), min(len(ends), len(ids)))
    if tokenizer.eos_token_id not in ids[start:]:
        ids.append(tokenizer.eos_token_id)
    return Encoded(input_ids=ids, labels=[IGNORED] * start + ids[start:])


def _render(tokenizer: Any, messages: list[dict[str, str]], add_generation_prompt: bool = False) -> list[int]:
    plain = [{"role": m["role"], "content": m["content"]} for m in messages]
    return tokenizer.apply_chat_template(plain, tokenize=True, add_generation_prompt=add_generation_prompt, return_dict=False)


def prompt_text(tokenizer: Any, prompt: list[dict[str, str]]) -> str:
    """The prompt exactly as the model is asked: by the chat template, ready for the answer."""
    plain = [{"role": m["role"], "content": m["content"]} for m in prompt]
    return tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=True)


def encode_rows(tokenizer: Any, rows: list[dict[str, Any]], max_length: int) -> tuple[list[Encoded], list[str]]:
    """Every row that fits, and the ids of those left out because they are longer than max_length tokens: a row cut off would teach to
    stop in mid-answer, and a cut prompt would ask for what is not there."""
    kept, too_long = [], []
    for row in rows:
        encoded = encode(tokenizer, row["prompt"], row["completion"])
        if len(encoded.input_ids) > max_length:
            too_long.append(row["id"])
        else:
            kept.append(encoded)
    return kept, too_long


def preference_rows(tokenizer: Any, rows: list[dict[str, Any]], max_length: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The pairs of which both answers fit into max_length tokens, in TRL's form, and the ids of the others."""
    kept, too_long = [], []
    for row in rows:
        longest = max(len(encode(tokenizer, row["prompt"], row[side]).input_ids) for side in ("chosen", "rejected"))
        if longest > max_length:
            too_long.append(row["id"])
        else:
            kept.append({key: row[key] for key in ("prompt", "chosen", "rejected")})
    return kept, too_long


def require_rows(rows: list[Any], split: str, max_length: int, left_out: int) -> None:
    """Raises NoRows where nothing is left to train on."""
    if not rows:
        raise NoRows(split=split, left_out=left_out, max_length=max_length)


def lengths(encoded: list[Encoded]) -> dict[str, int]:
    """Row lengths in tokens: count, total, learned (labels that count), shortest, median, p95, longest. {"rows": 0} for no row."""
    if not encoded:
        return {"rows": 0}
    sizes = sorted(len(row.input_ids) for row in encoded)
    return {
        "rows": len(sizes),
        "total": sum(sizes),
        "learned": sum(label != IGNORED for row in encoded for label in row.labels),
        "shortest": sizes[0],
        "median": sizes[len(sizes) // 2],
        "p95": sizes[min(len(sizes) - 1, len(sizes) * 95 // 100)],
        "longest": sizes[-1],
    }


def marked(tokenizer: Any, row: Encoded) -> str:
    """The row decoded, the learned part between ⟦ and ⟧: what `inspect-data` shows."""
    parts: list[str] = []
    for learned, places in groupby(range(len(row.labels)), key=lambda i: row.labels[i] != IGNORED):
        text = tokenizer.decode([row.input_ids[i] for i in places])
        parts.append(f"⟦{text}⟧" if learned else text)
    return "".join(parts)
