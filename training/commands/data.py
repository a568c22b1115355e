"""What is in a frozen version, and how does a model read it? `inspect-data`."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training import config, data
from training.commands import Subcommands, declare

ORDER = 30


def add(commands: Subcommands) -> None:
    inspect = declare(
        commands, "inspect-data", _inspect_data,
        "Verify a frozen dataset and show its counts; with a model, token lengths and sample rows with the learned part between ⟦ and ⟧.",
        "datasets/flow/v0001 --model tiny --rows 2",
    )
    inspect.add_argument("data", type=Path, help="a frozen version's folder")
    inspect.add_argument("--model", help="a folder, a hub name, or 'tiny' (a tokenizer trained on the train split); none: counts only")
    inspect.add_argument("--rows", type=int, default=1, help="rows shown (default 1)")
    inspect.add_argument("--split", choices=["train", "validation", "test"], default="train")


def _inspect_data(given: argparse.Namespace) -> int:
    frozen = data.open_dataset(given.data)
    print(f"{frozen.manifest['name']} v{frozen.manifest['version']:04d}, hash {frozen.hash}")
    for kind in ("sft", "preference"):
        counts = {split: frozen.count(kind, split) for split in ("train", "validation", "test")}
        print(f"{kind}: " + (", ".join(f"{split} {n}" for split, n in counts.items()) if any(counts.values()) else "no row"))
    if given.model is None:
        return 0
    rows = data.read_rows(frozen, "sft", given.split)
    tokenizer = _tokenizer_of(given.model, frozen)
    encoded = [data.encode(tokenizer, row["prompt"], row["completion"]) for row in rows]
    print(f"{given.split} in tokens: " + ", ".join(f"{key} {value}" for key, value in data.lengths(encoded).items()))
    for row, tokens in zip(rows[: given.rows], encoded, strict=False):
        print(f"\n--- {row['id']} ({row['task']}, {row['lang']}, {len(tokens.input_ids)} tokens)\n{data.marked(tokenizer, tokens)}")
    return 0


def _tokenizer_of(name: str, frozen: data.Dataset) -> Any:
    from training import models

    if name == "tiny":
        size = config.load("tiny").teacher.random
        assert size is not None
        texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
        return models.train_tokenizer(texts, size.vocab_size)
    tokenizer = models.load_tokenizer(models.find(models.ModelChoice(path=name)))
    tokenizer.chat_template = tokenizer.chat_template or models.PLAIN_TEMPLATE
    return tokenizer
