"""Where are the rows of a run as tokens? Tokenized in batches, once a run, and read back by every later stage and every resume.

A file RUN/encoded/KEY.parquet holds one split. KEY is the hash of all that the tokens depend on (dataset, tokenizer with its chat
template, system prompt), so a stage with another tokenizer, or a run continued on another version, finds nothing stale. No torch here.

>>> kept = sft_rows(ctx, tokenizer, "train", max_length=704)
>>> kept.require(ctx.settings, "train")       # raises when too many rows would be left out
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.errors import UserError
from curation.model import canonical_json
from training import data
from training.data import IGNORED, Encoded, NoRows, Split
from training.stage import StageContext

FOLDER = "encoded"
FORMAT = 1  # raise it when the same row becomes other tokens
BATCH = 64  # rows between two looks at the stop, and two points of progress


class TooManyDropped(UserError):
    code = "too_many_dropped"
    text = (
        "{dropped} of {rows} rows of the {split} split are longer than max_length: {max_length} tokens and would be left out (half of the "
        "rows have up to {median} tokens, 95 % up to {p95}, the longest {longest}). max_length: {enough} keeps 90 % of them. To go on "
        "without the long ones, set allow_dropped: {share}; or freeze with a smaller token budget."
    )


@dataclass(frozen=True)
class Kept:
    """rows: those that fit; too_long: the ids of the others; sizes: tokens of every row, long ones too."""

    rows: list[Encoded]
    too_long: list[str]
    sizes: list[int] = field(default_factory=list)

    def require(self, settings: Any, split: str) -> None:
        """Raises NoRows where nothing is left, TooManyDropped where more than settings.allow_dropped of the rows are left out."""
        if not self.rows:
            raise NoRows(split=split, left_out=len(self.too_long), max_length=settings.max_length)
        share = len(self.too_long) / len(self.sizes)
        if share > settings.allow_dropped:
            figures = histogram(self.sizes)
            raise TooManyDropped(
                dropped=len(self.too_long), rows=len(self.sizes), split=split, max_length=settings.max_length, median=figures["median"],
                p95=figures["p95"], longest=figures["longest"], enough=enough_for(self.sizes, 0.9), share=-(-share * 100 // 1) / 100,
            )


def histogram(sizes: list[int]) -> dict[str, int]:
    """Of row lengths in tokens: shortest, median, p90, p95, longest. {} for none."""
    if not sizes:
        return {}
    ordered = sorted(sizes)
    parts = {"median": 50, "p90": 90, "p95": 95}
    at = {name: ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for name, percent in parts.items()}
    return {"shortest": ordered[0], **at, "longest": ordered[-1]}


def enough_for(sizes: list[int], share: float) -> int:
    """The smallest max_length, in multiples of 32, that keeps this share of the rows."""
    ordered = sorted(sizes)
    size = ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
    return -(-size // 32) * 32


def sft_rows(ctx: StageContext, tokenizer: Any, split: Split, max_length: int, limit: int | None = None) -> Kept:
    """The first `limit` rows of a split (None: all), those longer than max_length apart: a row cut off would teach to stop in
    mid-answer, and a cut prompt would ask for what is not there."""
    rows = data.read_rows(data.open_dataset(ctx.dataset_dir), "sft", split)[:limit]
    encoded = _encoded(ctx, tokenizer, f"sft {split} {limit}", [(row["prompt"], row["completion"]) for row in rows])
    fits = [len(row.input_ids) <= max_length for row in encoded]
    return Kept(
        rows=[row for row, fit in zip(encoded, fits, strict=True) if fit],
        too_long=[row["id"] for row, fit in zip(rows, fits, strict=True) if not fit],
        sizes=[len(row.input_ids) for row in encoded],
    )


def preference_pairs(ctx: StageContext, tokenizer: Any, split: Split, max_length: int, limit: int | None = None) -> tuple[list[dict], Kept]:
    """The pairs of which both answers fit, as the columns that TRL 1.16's DPO collator reads, and the same as Kept (of the longer side)."""
    rows = data.read_rows(data.open_dataset(ctx.dataset_dir), "preference", split)[:limit]
    both = [(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")]
    encoded = _encoded(ctx, tokenizer, f"preference {split} {limit}", both)
    pairs, longer, too_long, sizes = [], [], [], []
    for row, chosen, rejected in zip(rows, encoded[::2], encoded[1::2], strict=True):
        longest = max(chosen, rejected, key=lambda side: len(side.input_ids))
        sizes.append(len(longest.input_ids))
        if sizes[-1] > max_length:
            too_long.append(row["id"])
            continue
        start = chosen.start
        pairs.append({"prompt_ids": chosen.input_ids[:start], "chosen_ids": chosen.input_ids[start:],
                      "rejected_ids": rejected.input_ids[rejected.start :]})
        longer.append(longest)
    return pairs, Kept(rows=longer, too_long=too_long, sizes=sizes)


def given_rows(ctx: StageContext, tokenizer: Any, rows: list[dict[str, Any]]) -> list[Encoded]:
    """These sft rows of the dataset, whatever their length."""
    return _encoded(ctx, tokenizer, f"given rows {_names(rows)}", [(row["prompt"], row["completion"]) for row in rows])


def given_prompts(ctx: StageContext, tokenizer: Any, rows: list[dict[str, Any]]) -> list[list[int]]:
    """What these rows of the dataset ask, as `data.prompt_ids` gives it. Models with the same tokenizer (base, tuned, each quantized file)
    are asked the same list."""
    def encode(tokenizer: Any, prompts: Any, system: str | None) -> list[Encoded]:
        return [Encoded(ids, [IGNORED] * len(ids)) for ids in data.prompt_batch(tokenizer, prompts, system)]

    asked = _encoded(ctx, tokenizer, f"given prompts {_names(rows)}", [row["prompt"] for row in rows], encode)
    return [prompt.input_ids for prompt in asked]


def _names(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(canonical_json([row["id"] for row in rows]).encode()).hexdigest()


def _encoded(
    ctx: StageContext, tokenizer: Any, what: str, rows: list[Any], encode: Callable[..., list[Encoded]] = data.encode_batch
) -> list[Encoded]:
    """Read from the run's folder, or tokenized and written there: whole or not at all. rows: what `encode` takes, batch by batch."""
    system = ctx.config.system_prompt
    key = canonical_json([FORMAT, data.open_dataset(ctx.dataset_dir).hash, what, fingerprint(tokenizer), system])
    file = ctx.run_dir / FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:20]}.parquet"
    if (kept := _read(file)) is not None and len(kept) == len(rows):
        return kept
    encoded: list[Encoded] = []
    for at in range(0, len(rows), BATCH):
        ctx.check_stop()
        encoded += encode(tokenizer, rows[at : at + BATCH], system)
        if len(rows) > BATCH:
            ctx.emit("step", step=len(encoded), total=len(rows), doing="tokenizing")
    if rows:
        ctx.log(f"{what.split()[0]} {what.split()[1]}: {len(rows)} rows tokenized")
        _write(file, encoded)
    return encoded


def fingerprint(tokenizer: Any) -> str:
    """The hash of what makes tokens of text: vocabulary, rules, special tokens, chat template. Files of the same content agree, wherever
    they lie."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = backend.to_str() if backend is not None else canonical_json(sorted(tokenizer.get_vocab().items()))
    parts = [rules, tokenizer.chat_template, tokenizer.eos_token_id, tokenizer.bos_token]
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def _write(file: Path, encoded: list[Encoded]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    file.parent.mkdir(exist_ok=True)
    scratch = file.with_suffix(f".{os.getpid()}.part")
    columns = {
        "input_ids": pa.array([row.input_ids for row in encoded], pa.list_(pa.int32())),
        "start": pa.array([row.start for row in encoded], pa.int32()),
    }
    try:
        parquet.write_table(pa.table(columns), scratch)
        os.replace(scratch, file)
    finally:
        scratch.unlink(missing_ok=True)


def _read(file: Path) -> list[Encoded] | None:
    """None where there is no such file, or one that cannot be read: it is made anew then."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(file, columns=["input_ids", "start"]).to_pydict()
    except (OSError, pa.ArrowException, KeyError):
        return None
    return [
        Encoded(input_ids=ids, labels=[IGNORED] * start + ids[start:])
        for ids, start in zip(table["input_ids"], table["start"], strict=True)
    ]
