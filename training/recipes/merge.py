"""Merging: an adapter becomes part of the weights, so that the model can be evaluated, quantized and shipped as one folder.

Never into the 4-bit weights (measured error against the trained function: 7.0%). An adapter that was trained over NF4 goes into the
dequantized NF4 weights (0.2%), because that is the function it was trained on; into the original 16-bit ones the error is 9.2%.
A LoRA over unquantized weights goes into those (in float32 logits differ by about 4e-7). What is left of a difference is measured
on validation rows and reported.

>>> ctx.result("merge")
{"model": "04-merge/student", "base": "00-prepare/student", "teacher": "04-merge/teacher", "student": "04-merge/student",
"difference": {...}}
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from curation.model import Model
from training import data, models
from training.stage import StageContext
from training.tuned import load_tuned, teacher_of

NAME = "merge"
NEEDS = ("sft",)


class Settings(Model):
    into: Literal["auto", "original", "dequantized"] = Field(
        default="auto", description="QLoRA's base: auto is dequantized. A LoRA or a wholly tuned model has nothing to choose"
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(default="auto", description="of the merged files; auto: as the base is stored")
    compare_rows: int = Field(default=8, ge=0, description="validation rows on which merged and trained logits are compared")


def run(ctx: StageContext) -> dict[str, Any]:
    merged: dict[str, Path] = {}
    bases: dict[str, str] = {}
    differences: dict[str, Any] = {}
    tuned = {"teacher": teacher_of(ctx), "student": ctx.result("distill")}
    parts = [(role, left) for role, left in tuned.items() if left is not None]
    for i, (role, left) in enumerate(parts):
        ctx.check_stop()
        ctx.emit("step", step=i, total=len(parts), doing=role)
        merged[role] = ctx.stage_dir / role
        bases[role] = left["base"]
        differences[role] = _merge(ctx, left, merged[role])
        ctx.log(f"{role}: {differences[role]}")
    ctx.emit("step", step=len(parts), total=len(parts))
    shipped = "student" if "student" in merged else "teacher"
    return {
        "model": ctx.relative(merged[shipped]),
        "base": bases[shipped],
        "teacher": ctx.relative(merged["teacher"]),
        "student": ctx.relative(merged["student"]) if "student" in merged else None,
        "difference": differences,
    }


def _merge(ctx: StageContext, left: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the merged model and gives how far its logits are from those of the model that was trained."""
    settings: Settings = ctx.settings
    device = models.device_of(ctx.config.device)
    base = ctx.path(left["base"])
    tokenizer = models.load_tokenizer(base)
    batches = _inputs(ctx, tokenizer, device)
    wanted = _logits(load_tuned(ctx, left, device), batches)

    dequantize = left["adapter"] is not None and left["method"] == "qlora" and settings.into != "original"
    if left["adapter"] is None:
        model = models.load_model(ctx.path(left["model"]), device=device, dtype=ctx.config.dtype)
    else:
        model = _with_adapter(ctx, base, ctx.path(left["adapter"]), device, dequantize)
    stored = _stored_dtype(base) if settings.dtype == "auto" else settings.dtype
    model = model.to(_torch_dtype(stored))
    model.config.use_cache = True  # training turned it off
    models.save_model(model, tokenizer, folder)
    models.check_model_folder(folder)
    del model

    again = _logits(models.load_model(folder, device=device, dtype=ctx.config.dtype), batches)
    return {
        "into": "whole" if left["adapter"] is None else "dequantized" if dequantize else "original",
        "dtype": stored,
        **_difference(wanted, again),
    }


def _with_adapter(ctx: StageContext, base: Path, adapter: Path, device: str, dequantize: bool) -> Any:
    """The base with the adapter added to its weights. safe_merge refuses weights that become NaN."""
    from peft import PeftModel

    model = models.load_model(base, device=device, dtype=ctx.config.dtype, four_bit=dequantize)
    if dequantize:
        model = model.dequantize()
    return PeftModel.from_pretrained(model, adapter).merge_and_unload(safe_merge=True)


def _stored_dtype(base: Path) -> str:
    """The type the base's files say they hold; float32 where they say none."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    named = config.get("dtype") or config.get("torch_dtype") or "float32"
    return named if named in ("float32", "bfloat16", "float16") else "float32"


def _torch_dtype(name: str) -> Any:
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def _inputs(ctx: StageContext, tokenizer: Any, device: str) -> list[Any]:
    """Validation rows (train rows where there is none) as (1, length) token ids."""
    import torch

    frozen = data.open_dataset(ctx.dataset_dir)
    rows = data.read_rows(frozen, "sft", "validation") or data.read_rows(frozen, "sft", "train")
    encoded, _ = data.encode_rows(tokenizer, rows[: ctx.settings.compare_rows], ctx.config.sft.max_length)
    return [torch.tensor([row.input_ids], device=device) for row in encoded]


def _logits(model: Any, batches: list[Any]) -> list[Any]:
    """float32 logits on the CPU, (length, vocabulary) a batch."""
    import torch

    with torch.no_grad():
        return [model(input_ids=ids).logits[0].float().cpu() for ids in batches]


def _difference(trained: list[Any], merged: list[Any]) -> dict[str, Any]:
    """max_logit: the largest absolute difference. kl: KL(trained ‖ merged) a token, in nats. same_top: fraction of places
    with the same most
    likely token. tokens: how many places were compared; the others are None for 0."""
    import torch
    import torch.nn.functional as F

    if not trained:
        return {"tokens": 0, "max_logit": None, "kl": None, "same_top": None}
    a, b = torch.cat(trained).double(), torch.cat(merged).double()
    kl = F.kl_div(F.log_softmax(b, -1), F.log_softmax(a, -1), reduction="sum", log_target=True) / len(a)
    return {
        "tokens": len(a),
        "max_logit": float((a - b).abs().max()),
        "kl": float(kl),
        "same_top": float((a.argmax(-1) == b.argmax(-1)).float().mean()),
    }
