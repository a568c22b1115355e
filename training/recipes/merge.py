"""Merging: an adapter becomes part of the weights, so that the model can be evaluated, quantized and shipped as one folder.

Never into the 4-bit weights (measured error against the trained function: 7.0%). An adapter that was trained over NF4 goes into the
dequantized NF4 weights (0.2%), because that is the function it was trained on; into the original 16-bit ones the error is 9.2%.
A LoRA over unquantized weights goes into those (in float32 logits differ by about 4e-7). What is left of a difference is measured
on validation rows, at learned places, and reported. One model is in memory at a time: what the trained one said waits on disk.

>>> ctx.result("merge")
{"model": "04-merge/student", "base": "00-prepare/student", "teacher": "04-merge/teacher", "student": "04-merge/student",
"difference": {...}}
"""
from __future__ import annotations

import gc
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from curation.model import Model
from training import data, encoded, losses, masks, models
from training.reading import read_object
from training.stage import StageContext
from training.tuned import Role, current, load_tuned, made, mask_of, untuned

NAME = "merge"
NEEDS: tuple[str, ...] = ()
WEIGHTS = True
MOST_PLACES = 64  # of a row that are compared: 39 MB on disk with a vocabulary of 152,000
CHUNK = 16  # places whose logits are in memory at once


class Settings(Model):
    into: Literal["auto", "original", "dequantized"] = Field(
        default="auto", description="QLoRA's base: auto is dequantized. A LoRA or a wholly tuned model has nothing to choose"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="of the merged files; auto: as the base is stored")
    compare_rows: int = Field(default=8, ge=0, description="validation rows on which merged and trained logits are compared")


def run(ctx: StageContext) -> dict[str, Any]:
    merged: dict[str, Path] = {}
    differences: dict[str, Any] = {}
    parts: dict[Role, dict[str, Any]] = {"teacher": current(ctx, "teacher")}
    if (student := made(ctx, "student")) is not None:
        parts["student"] = student
    for i, (role, left) in enumerate(parts.items()):
        ctx.check_stop()
        ctx.emit("step", step=i, total=len(parts), doing=role)
        merged[role] = ctx.stage_dir / role
        differences[role] = _merge(ctx, left, merged[role])
        ctx.log(f"{role}: {differences[role]}")
    ctx.emit("step", step=len(parts), total=len(parts))
    shipped: Role = "student" if "student" in merged else "teacher"
    return {
        "model": ctx.relative(merged[shipped]),
        "base": untuned(ctx, shipped),
        "teacher": ctx.relative(merged["teacher"]),
        "student": ctx.relative(merged["student"]) if "student" in merged else None,
        "masks": {role: left["mask"] for role, left in parts.items() if left["mask"]},
        "difference": differences,
    }


def _merge(ctx: StageContext, left: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the merged model and gives how far its logits are from those of the trained one. One model is in memory at a time."""
    settings: Settings = ctx.settings
    device = models.device_of(ctx.config.device)
    base = ctx.path(left["base"])
    tokenizer = models.load_tokenizer(ctx.path(left["model"]) if left["adapter"] is None else base)
    rows = _rows(ctx, tokenizer)
    dequantize = left["adapter"] is not None and left["method"] == "qlora" and settings.into != "original"

    # 1. What the trained model says at the learned places, kept on disk: float32, MOST_PLACES a row.
    model = load_tuned(ctx, left, device)
    reference = folder.with_name(folder.name + ".reference")
    shutil.rmtree(reference, ignore_errors=True)
    reference.mkdir()
    for i, row in enumerate(rows):
        ctx.check_stop()
        _save_logits(reference / f"{i}.npy", model, row)

    # 2. The merge. What was trained over unquantized weights is merged where it lies.
    if left["adapter"] is not None:
        if left["method"] == "qlora":
            del model
            gc.collect()
            model = _with_adapter(ctx, base, ctx.path(left["adapter"]), device, dequantize)
        model = model.merge_and_unload(safe_merge=True)  # refuses weights that become NaN
        if (mask := mask_of(ctx, left)) is not None:
            masks.zero(model, masks.load(mask))
    stored = _stored_dtype(ctx.path(left["model"]) if left["adapter"] is None else base) if settings.dtype == "auto" else settings.dtype
    model = model.to(_torch_dtype(stored))
    model.config.use_cache = True  # training turned it off
    models.save_model(model, tokenizer, folder)
    models.check_model_folder(folder)
    del model
    gc.collect()

    # 3. What the files say, against it.
    ctx.check_stop()
    model = models.load_model(folder, device=device, dtype=ctx.config.dtype)
    sums = Sums()
    for i, row in enumerate(rows):
        sums.add_row(reference / f"{i}.npy", model, row)
    shutil.rmtree(reference)
    return {"into": "whole" if left["adapter"] is None else "dequantized" if dequantize else "original", "dtype": stored, **sums.means()}


def _with_adapter(ctx: StageContext, base: Path, adapter: Path, device: str, dequantize: bool) -> Any:
    """The base with the adapter beside it, not yet merged."""
    from peft import PeftModel

    model = models.load_model(base, device=device, dtype=ctx.config.dtype, four_bit=dequantize)
    if dequantize:
        model = model.dequantize()
    return PeftModel.from_pretrained(model, adapter)


def _stored_dtype(base: Path) -> str:
    """The type the base's files say they hold; float32 where they say none."""
    config = read_object(base / "config.json")
    named = config.get("dtype") or config.get("torch_dtype") or "float32"
    return named if named in ("float32", "bfloat16", "float16") else "float32"


def _torch_dtype(name: str) -> Any:
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def _rows(ctx: StageContext, tokenizer: Any) -> list[data.Encoded]:
    """Validation rows (train rows where there is none)."""
    split: data.Split = "validation" if data.open_dataset(ctx.dataset_dir).count("sft", "validation") else "train"
    return encoded.sft_rows(ctx, tokenizer, split, ctx.config.sft.max_length, limit=ctx.settings.compare_rows).rows


def _hidden(model: Any, row: data.Encoded) -> Any:
    """What the head is given at the row's first MOST_PLACES learned places."""
    import torch

    places, _ = losses.learned(torch.tensor([row.labels], device=model.device))
    places &= places.cumsum(dim=1) <= MOST_PLACES
    with torch.no_grad():
        return losses.hidden_at(model, places, input_ids=torch.tensor([row.input_ids], device=model.device))


def _save_logits(file: Path, model: Any, row: data.Encoded) -> None:
    """float32 logits (places, vocabulary), written a few places at a time."""
    import numpy as np
    import torch

    hidden = _hidden(model, row)
    kept = None
    for at, some in enumerate(hidden.split(CHUNK)):
        with torch.no_grad():
            logits = losses.apply_head(model, some).float().cpu().numpy()
        if kept is None:
            kept = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(len(hidden), logits.shape[1]))
        kept[at * CHUNK : at * CHUNK + len(some)] = logits
    if kept is not None:
        kept.flush()


class Sums:
    """How far two models' logits are apart, summed place by place; only a chunk of places is in memory."""

    def __init__(self) -> None:
        self.tokens, self.kl, self.same, self.max_logit = 0, 0.0, 0, 0.0

    def add_row(self, reference: Path, model: Any, row: data.Encoded) -> None:
        import numpy as np
        import torch

        if not reference.is_file():  # no place of the row is learned
            return
        wanted = np.load(reference, mmap_mode="r")
        for at, some in enumerate(_hidden(model, row).split(CHUNK)):
            with torch.no_grad():
                logits = losses.apply_head(model, some).float().cpu()
            self.add(torch.from_numpy(np.array(wanted[at * CHUNK : at * CHUNK + len(some)])), logits)

    def add(self, trained: Any, merged: Any) -> None:
        """float32 logits (places, vocabulary) of both."""
        import torch.nn.functional as F

        self.max_logit = max(self.max_logit, float((trained - merged).abs().max()))
        self.same += int((trained.argmax(-1) == merged.argmax(-1)).sum())
        self.tokens += len(trained)
        p, q = F.log_softmax(trained.double(), -1), F.log_softmax(merged.double(), -1)
        self.kl += float(F.kl_div(q, p, reduction="sum", log_target=True))

    def means(self) -> dict[str, Any]:
        """max_logit: the largest absolute difference. kl: KL(trained ‖ merged) a token, in nats. same_top: fraction of places with the same
        most likely token. tokens: how many places were compared; the others are None for 0."""
        if not self.tokens:
            return {"tokens": 0, "max_logit": None, "kl": None, "same_top": None}
        return {"tokens": self.tokens, "max_logit": self.max_logit, "kl": self.kl / self.tokens, "same_top": self.same / self.tokens}
