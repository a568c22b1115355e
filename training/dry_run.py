"""What would a run's fine-tuning do? Rows as tokens, lengths, what is left out, steps, and an estimate of time and memory; nothing is
trained, nothing is downloaded, and no weights are read. No torch at import time.

The prompt of every row is compared with what evaluation and chat would ask, token by token. Time comes from the newest former run of the
same model and method on this machine where there is one, else from a formula that is told; both are estimates.

>>> print(text(report(load("tiny"), Path("datasets/demo/v0001"), rows=1)))
"""
from __future__ import annotations

import math
import os
from itertools import groupby
from pathlib import Path
from typing import Any

from curation import command
from curation.errors import UserError
from training import data, hardware, models
from training.config import Config, load, settings_of
from training.data import IGNORED, Encoded
from training.encoded import enough_for, histogram
from training.reading import read_object

# float32 operations a second and thread, guessed for shared AVX2 cores; a GPU by an H100's bfloat16
# at 40 %. A former run's own speed goes before it.
CPU_FLOPS, GPU_FLOPS = 25e9, 4e14
BYTES = {"float32": 4.0, "bfloat16": 2.0}
NF4 = 0.55  # bytes a weight with double quantization (Dettmers et al. 2023: 0.127 bits of constants above 4)


def report(config: Config, dataset_dir: Path, rows: int = 2, runs_dir: Path | None = None) -> dict[str, Any]:
    """{"model": folder or None, "rows", "lengths" (histogram), "left_out", "share_left_out", "enough" (max_length that keeps 90 %),
    "refused" (more is left out than allow_dropped), "learned" (tokens an epoch), "same_prompt" (rows whose prompt is the one asked),
    "steps", "samples": [{"id", "tokens", "learned", "end", "parts": [[text, learned], ...]}], "dtype", "why_dtype", "time": {...} or None,
    "memory": {...} or None}. model None: it is not on this machine, and nothing that needs it is told."""
    settings = settings_of(config, "sft")
    frozen = data.open_dataset(dataset_dir)
    train = data.read_rows(frozen, "sft", "train")
    tokenizer, folder = _tokenizer(config, train)
    device = _device(config)
    choice = hardware.dtype_of(config.dtype, device)
    found: dict[str, Any] = {"model": str(folder) if folder else None, "rows": len(train), "dtype": choice.name, "why_dtype": choice.why}
    if tokenizer is None or not train:
        return found
    encoded = data.encode_batch(tokenizer, [(row["prompt"], row["completion"]) for row in train], config.system_prompt)
    asked = [data.prompt_ids(tokenizer, row["prompt"], config.system_prompt) for row in train[: max(rows, 50)]]
    sizes = [len(row.input_ids) for row in encoded]
    kept = [row for row in encoded if len(row.input_ids) <= settings.max_length]
    left_out = len(encoded) - len(kept)
    steps = steps_of(settings, len(kept))
    tokens = sum(len(row.input_ids) for row in kept)
    seen = tokens / max(1, len(kept)) * steps * settings.batch_size * settings.gradient_accumulation
    shape = _shape(config, folder)
    return found | {
        "lengths": histogram(sizes), "left_out": left_out, "share_left_out": left_out / len(encoded), "enough": enough_for(sizes, 0.9),
        "refused": not kept or left_out / len(encoded) > settings.allow_dropped, "max_length": settings.max_length,
        "learned": sum(len(row.input_ids) - row.start for row in kept),
        "compared": len(asked), "same_prompt": sum(a == e.input_ids[: e.start] for a, e in zip(asked, encoded, strict=False)),
        "steps": steps, "tokens": round(seen),
        "samples": [_sample(tokenizer, row["id"], tokens) for row, tokens in zip(train[:rows], encoded, strict=False)],
        "time": _time(config, seen, shape, device, runs_dir) if shape else None,
        "memory": _memory(config, max((len(r.input_ids) for r in kept), default=0), shape, choice.name) if shape else None,
    }


def text(found: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    lines = [f"rows to learn from: {found['rows']}", f"computes in {found['dtype']}: {found['why_dtype']}"]
    if "lengths" not in found:
        absent = f"the model is not on this machine yet, so no row can be shown as tokens (`{command('training models get')}`)"
        return "\n".join([*lines, absent]) + "\n"
    lengths = found["lengths"]
    lines += [
        "row lengths in tokens: " + ", ".join(f"{name} {value}" for name, value in lengths.items()),
        f"longer than max_length {found['max_length']}: {found['left_out']} ({found['share_left_out']:.1%}); {found['enough']} keeps 90 %"
        + ("  -- training would refuse to start" if found["refused"] else ""),
        f"prompt trained = prompt asked: {found['same_prompt']} of {found['compared']} compared rows",
        f"steps: {found['steps']} ({found['tokens']:,} tokens, of which {found['learned']:,} an epoch are learned)",
    ]
    if found["time"]:
        lines.append(f"estimated time: {_duration(found['time']['seconds'])} ({found['time']['basis']})")
    if found["memory"]:
        parts = ", ".join(f"{name} {size / 2**20:,.0f} MB" for name, size in found["memory"].items() if name != "total")
        lines.append(f"estimated memory: {found['memory']['total'] / 2**30:.2f} GB ({parts})")
    for sample in found["samples"]:
        shown = "".join(f"⟦{part}⟧" if learned else part for part, learned in sample["parts"])
        counts = f"{sample['tokens']} tokens, {sample['learned']} learned between ⟦ and ⟧, end token {sample['end']!r}"
        lines += ["", f"--- {sample['id']}: {counts}", shown]
    return "\n".join(lines) + "\n"


def steps_of(settings: Any, rows: int) -> int:
    """Optimizer steps of a loop over so many rows, as transformers 5.23 counts them: a part of a step at the end of an epoch is one."""
    if settings.max_steps is not None:
        return settings.max_steps
    batches = math.ceil(rows / settings.batch_size)
    return math.ceil(settings.epochs * max(1, math.ceil(batches / settings.gradient_accumulation))) if rows else 0


def _tokenizer(config: Config, train: list[dict[str, Any]]) -> tuple[Any, Path | None]:
    """The tokenizer that `prepare` would leave, and the model's folder; (None, None) for a model that is not here."""
    if config.teacher.random is not None:
        texts = [m["content"] for row in train for m in [*row["prompt"], *row["completion"]]]
        return (models.train_tokenizer(texts, config.teacher.random.vocab_size) if texts else None), None
    folder = models.check_local(config.teacher)
    if folder is None:
        return None, None
    tokenizer = models.load_tokenizer(folder)
    tokenizer.chat_template = tokenizer.chat_template or models.PLAIN_TEMPLATE
    return tokenizer, folder


def _device(config: Config) -> str:
    return config.device if config.device == "cpu" else models.device_of(config.device)


def _sample(tokenizer: Any, row_id: str, row: Encoded) -> dict[str, Any]:
    parts = []
    for learned, places in groupby(range(len(row.labels)), key=lambda i: row.labels[i] != IGNORED):
        parts.append([tokenizer.decode([row.input_ids[i] for i in places]), learned])
    learned = len(row.input_ids) - row.start
    return {"id": row_id, "tokens": len(row.input_ids), "learned": learned, "end": tokenizer.eos_token, "parts": parts}


def _shape(config: Config, folder: Path | None) -> dict[str, int] | None:
    """Sizes of the model: {"layers", "hidden", "intermediate", "vocabulary", "layer" (weights of one layer), "all" (weights)}; None where
    its config.json does not name them."""
    if (size := config.teacher.random) is not None:
        given = size.model_dump()
        names = ("layers", "hidden_size", "intermediate_size", "heads", "kv_heads", "vocab_size")
    else:
        assert folder is not None
        given = read_object(folder / "config.json")
        names = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "vocab_size")
        given.setdefault("num_key_value_heads", given.get("num_attention_heads"))
    if not all(isinstance(given.get(name), int) and given[name] > 0 for name in names):
        return None
    layers, hidden, wide, heads, kv_heads, vocabulary = (given[name] for name in names)
    layer = hidden * hidden * 2 + 2 * hidden * (hidden // heads) * kv_heads + 3 * hidden * wide
    tied = 1 if given.get("tie_word_embeddings") else 2
    return {"layers": layers, "hidden": hidden, "intermediate": wide, "vocabulary": vocabulary, "layer": layer,
            "all": layers * layer + tied * vocabulary * hidden}


def _adapted(config: Config, shape: dict[str, int]) -> tuple[int, int]:
    """(layers that are computed backwards, trained weights)."""
    settings = settings_of(config, "sft")
    if settings.method == "full":
        return shape["layers"], shape["all"]
    chosen = settings.adapter.layers_to_transform or list(range(shape["layers"]))
    per_layer = settings.adapter.rank * (4 * 2 * shape["hidden"] + 3 * (shape["hidden"] + shape["intermediate"]))
    return shape["layers"] - min(chosen), len(chosen) * per_layer


def _time(config: Config, tokens: float, shape: dict[str, int], device: str, runs_dir: Path | None) -> dict[str, Any]:
    if (former := _former_speed(config, runs_dir)) is not None:
        return {"seconds": tokens / former[0], "basis": f"{former[0]:.0f} tokens/s in the run {former[1]}", "former": former[1]}
    backward, trained = _adapted(config, shape)
    flops = 2 * shape["layers"] * shape["layer"] + 2 * backward * shape["layer"] + 6 * trained
    threads = config.threads or os.cpu_count() or 1
    speed = GPU_FLOPS if device == "cuda" else CPU_FLOPS * threads
    basis = f"a formula: {flops / 1e6:,.0f} million operations a token at {speed / 1e9:,.0f} billion a second; no former run to go by"
    return {"seconds": tokens * flops / speed, "basis": basis, "former": None}


def _former_speed(config: Config, runs_dir: Path | None) -> tuple[float, str] | None:
    """(tokens a second, run) of the newest run with the same model, method and device."""
    wanted = settings_of(config, "sft")
    folders = sorted((runs_dir.glob("*/*-sft/result.json") if runs_dir else ()), key=lambda path: path.stat().st_mtime, reverse=True)
    for file in folders:
        try:
            speed = read_object(file).get("tokens_per_second")
            before = load(file.parent.parent / "config.yaml")
        except (UserError, OSError, ValueError, LookupError, TypeError):  # a run that is damaged has no speed to tell
            continue
        how = settings_of(before, "sft")
        same = (before.teacher, before.device, how.method, how.adapter.layers_to_transform)
        if speed and same == (config.teacher, config.device, wanted.method, wanted.adapter.layers_to_transform):
            return float(speed), file.parent.parent.name
    return None


def _memory(config: Config, longest: int, shape: dict[str, int], dtype: str) -> dict[str, float]:
    """Bytes: weights, what the optimizer keeps (AdamW: weight, gradient and two moments in float32), activations of the layers that are
    computed backwards, chunks of logits."""
    settings = settings_of(config, "sft")
    backward, trained = _adapted(config, shape)
    checkpointed = settings.activation_checkpointing
    weight = {"qlora": NF4, "full": 4.0}.get(settings.method, BYTES[dtype])
    places = settings.batch_size * longest
    a_layer = places * (12 * shape["hidden"] + 4 * shape["intermediate"]) * BYTES[dtype]
    parts = {
        "weights": shape["all"] * weight,
        "optimizer": trained * (12.0 if settings.method == "full" else 16.0),
        "activations": a_layer + places * shape["hidden"] * backward * BYTES[dtype] if checkpointed else a_layer * backward,
        "logits": 3.0 * 64 * 2**20,
    }
    return {**parts, "total": sum(parts.values())}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
