"""What is in a dataset, and how does a model read it? `inspect-data`, of a frozen version or a plain file."""
from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from typing import Any

from curation import at_hand
from training import config, data
from training.commands import Subcommands, declare
from training.dataset_choice import opened

ORDER = 30
SPLITS: tuple[data.Split, ...] = ("train", "validation", "test")
TABLE = (("id", 20), ("task", 18), ("lang", 4), ("prompt", 50), ("answer", 40))  # column -> width in characters


def add(commands: Subcommands) -> None:
    inspect = declare(
        commands, "inspect-data", _inspect_data,
        "Verify a frozen dataset or a plain file and show its counts; with a model, token lengths and rows with the learned part "
        "between ⟦ and ⟧.",
        "datasets/flow/v0001 --model tiny --rows 2", "datasets/flow/v0001 --config my.yaml",
        "rows.jsonl --format table --sample 10 --seed 3",
    )
    inspect.add_argument("data", type=at_hand, metavar="DATA", help="a frozen version's folder, or a plain file")
    inspect.add_argument("--format", choices=["text", "json", "table"], default="text", help="how it is printed (default text)")
    inspect.add_argument("--sample", type=_count, default=0, metavar="N", help="rows drawn at random and shown whole (table: a line each)")
    inspect.add_argument("--seed", type=int, default=17, help="of the draw, and of a plain file's splits (default 17)")
    inspect.add_argument("--model", help="a folder, a hub name, or 'tiny' (a tokenizer trained on the train split); none: counts only")
    inspect.add_argument("--config", help="a preset or YAML file: its system prompt is put before every row, and its "
                                          "model reads them where --model is not given")
    inspect.add_argument("--rows", type=_count, default=1, help="first rows shown in tokens, with a model (default 1)")
    inspect.add_argument("--split", choices=SPLITS, default="train", help="where rows and token lengths are taken from (default train)")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


def _inspect_data(given: argparse.Namespace) -> int:
    wanted = config.load(given.config) if given.config is not None else None
    with opened(given.data, given.seed) as frozen:
        rows = data.read_rows(frozen, "sft", given.split)
        about = _about(frozen, rows, given.split)
        drawn = random.Random(given.seed).sample(rows, min(given.sample, len(rows)))
        shown: list[str] = []
        if given.model is not None or wanted is not None:
            tokenizer = _tokenizer_of(given.model, wanted, frozen)
            system = wanted.system_prompt if wanted is not None else None
            encoded = data.encode_batch(tokenizer, [(row["prompt"], row["completion"]) for row in rows], system)
            about["tokens"] = data.lengths(encoded)
            shown = [f"--- {row['id']} ({row['task']}, {row['lang']}, {len(tokens.input_ids)} tokens)\n{data.marked(tokenizer, tokens)}"
                     for row, tokens in zip(rows[: given.rows], encoded, strict=False)]
    if given.format == "json":
        print(json.dumps({**about, "sample": drawn}, ensure_ascii=False, indent=1))
        return 0
    print(f"{about['name']} v{about['version']:04d}, hash {about['hash']}")
    for kind, counts in about["rows"].items():
        print(f"{kind}: " + (", ".join(f"{split} {n}" for split, n in counts.items()) if any(counts.values()) else "no row"))
    for key in ("tasks", "langs"):
        print(f"{given.split} by {key[:-1]}: " + (", ".join(f"{name} {n}" for name, n in about[key].items()) or "no row"))
    if about["not_used"]:
        print("keys of the file that are not used: " + ", ".join(map(printable, about["not_used"])))
    if "tokens" in about:
        print(f"{given.split} in tokens: " + ", ".join(f"{key} {value}" for key, value in about["tokens"].items()))
    print(*(f"\n{printable(text)}" for text in shown), sep="\n", end="\n" if shown else "")
    print("\n".join(_table(drawn) if given.format == "table" else map(_whole, drawn)), end="\n" if drawn else "")
    return 0


def _about(frozen: data.Dataset, rows: list[dict[str, Any]], split: str) -> dict[str, Any]:
    manifest = frozen.manifest
    options = manifest.get("options")
    return {
        "name": manifest["name"], "version": manifest["version"], "hash": frozen.hash,
        "rows": {kind: {part: frozen.count(kind, part) for part in SPLITS} for kind in ("sft", "preference")},
        "split": split, **{f"{key}s": dict(Counter(row[key] for row in rows).most_common()) for key in ("task", "lang")},
        "not_used": options.get("not_used", []) if isinstance(options, dict) else [],
    }


def _table(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["", "  ".join(name.ljust(width) for name, width in TABLE).rstrip()]
    for row in rows:
        cells = {**row, "prompt": row["prompt"][-1]["content"], "answer": row["completion"][-1]["content"]}
        lines.append("  ".join(_cell(cells[name], width) for name, width in TABLE).rstrip())
    return lines


def _cell(text: str, width: int) -> str:
    flat = printable(" ".join(text.split()))
    return flat.ljust(width) if len(flat) <= width else flat[: width - 1] + "…"


def _whole(row: dict[str, Any]) -> str:
    turns = "\n".join(f"[{turn['role']}] {turn['content']}" for turn in [*row["prompt"], *row["completion"]])
    return f"\n--- {row['id']} ({row['task']}, {row['lang']})\n{printable(turns)}"


def printable(text: str) -> str:
    """The text for a terminal: what would steer it (escape sequences in a row's text) is written out."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _tokenizer_of(name: str | None, wanted: config.Config | None, frozen: data.Dataset) -> Any:
    """The named model's, else that of the configuration's teacher."""
    from training import models

    choice = wanted.teacher if name is None and wanted is not None else models.ModelChoice(path=name)
    size = config.load("tiny").teacher.random if name == "tiny" else choice.random
    if size is not None:
        texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
        return models.train_tokenizer(texts, size.vocab_size)
    tokenizer = models.load_tokenizer(models.find(choice))
    tokenizer.chat_template = tokenizer.chat_template or models.PLAIN_TEMPLATE
    return tokenizer
