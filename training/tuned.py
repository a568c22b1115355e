"""Which weights does a stage go on from, and how are they loaded? The one place that knows; recipes ask here and name no other stage.

A line has one or two models, by role: "teacher" is what is tuned, "student" the smaller one that `prune` or `distill` makes. Weights
are told as {"method", "base", "adapter" or "model", "role", "mask"}: an adapter over its base (in NF4 for QLoRA, which is the function
that was trained), or a whole model; paths as in every result. "mask" names what was pruned one by one and stays zero (see masks.py).

>>> current(ctx)                     # before `merge`, after sft and dpo
{"method": "lora", "base": "00-prepare/teacher", "adapter": "02-dpo/best", "model": None, "role": "teacher", "mask": None}
>>> model = load_tuned(ctx, current(ctx, "teacher"), device)
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.errors import Reason, RunFailed
from training import masks
from training.models import load_model
from training.stage import StageContext
from training.starting import ROLES, Role, as_weights, weights_in


def current(ctx: StageContext, role: Role | None = None) -> dict[str, Any]:
    """The newest weights before this stage, of a role or of any; where nothing made any, the untuned ones. KeyError for a student where
    there is none."""
    for weights in _made_before(ctx):
        if role in (None, weights["role"]):
            return weights
    prepared = ctx.need("prepare")
    if role != "student" and prepared.get("start"):
        return as_weights(prepared["start"])
    folder = prepared.get(role or "teacher")
    if folder is None:
        raise KeyError(role)
    return as_weights({"method": "full", "base": folder, "adapter": None, "model": folder, "role": role or "teacher"})


def made(ctx: StageContext, role: Role) -> dict[str, Any] | None:
    """The newest weights of a role that a stage before this one made, or that the run was started from; None for untuned ones."""
    found = next((weights for weights in _made_before(ctx) if weights["role"] == role), None)
    start = (ctx.result("prepare") or {}).get("start")
    return found or (as_weights(start) if start and role == "teacher" else None)


def untuned(ctx: StageContext, role: Role) -> str:
    """The model that a role's weights came from: a student cut out of the teacher has no other than the teacher's."""
    prepared = ctx.need("prepare")
    return prepared.get(role) or prepared["teacher"]


def whole(ctx: StageContext) -> dict[str, Any]:
    """What is evaluated, quantized and shipped: {"model", "base", "teacher", "student"}, all model folders. `model` is the student
    where there is one, else the teacher; `base` its untuned counterpart. Raises RunFailed where a part is an adapter still."""
    newest = next((result for name in _before(ctx) if (result := ctx.result(name)) and any(weights_in(result))), None)
    if newest is not None and "method" not in newest:  # merge has just said it all
        return {key: newest.get(key) for key in ("model", "base", "teacher", "student")}
    parts: dict[str, str] = {}
    for role in ROLES:
        weights = current(ctx, role) if role == "teacher" else made(ctx, role)
        if weights is None:
            continue
        if weights["adapter"] is not None:
            raise RunFailed(
                where=ctx.name, why=Reason("is_an_adapter", "the weights before it are an adapter ({adapter})", adapter=weights["adapter"]),
                todo=Reason("merge_first", "Put merge before it in `stages`."),
            )
        parts[role] = weights["model"]
    shipped: Role = "student" if "student" in parts else "teacher"
    return {"model": parts[shipped], "base": untuned(ctx, shipped), "teacher": parts["teacher"], "student": parts.get("student")}


def _before(ctx: StageContext) -> list[str]:
    """The stages before this one, newest first; `prepare` makes nothing."""
    names = list(ctx.folders)
    return [name for name in reversed(names[: names.index(ctx.name)]) if name != "prepare"]


def _made_before(ctx: StageContext) -> Iterator[dict[str, Any]]:
    """The weights that stages before this one made, newest first."""
    for name in _before(ctx):
        if (result := ctx.result(name)) is not None:
            yield from weights_in(result)


def more_of(ctx: StageContext, base: Any, before: Mapping[str, Any]) -> Any:
    """The adapter that is there, over its loaded base, to be trained further."""
    from peft import PeftModel, prepare_model_for_kbit_training

    if getattr(base, "is_loaded_in_4bit", False):
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    return PeftModel.from_pretrained(base, ctx.path(before["adapter"]), is_trainable=True)


def mask_of(ctx: StageContext, weights: Mapping[str, Any]) -> Path | None:
    """The file that says which of these weights stay zero; None where none has to."""
    return ctx.path(weights["mask"]) if weights["mask"] else None


def load_merged(ctx: StageContext, left: Mapping[str, Any], device: str) -> Any:
    """The weights as one plain model, an adapter merged into its base: the dequantized one for QLoRA (see merge)."""
    if left["adapter"] is None:
        return load_model(ctx.path(left["model"]), device=device, dtype=ctx.config.dtype)
    from peft import PeftModel

    base = load_model(ctx.path(left["base"]), device=device, dtype=ctx.config.dtype, four_bit=left["method"] == "qlora")
    if left["method"] == "qlora":
        base = base.dequantize()
    model = PeftModel.from_pretrained(base, ctx.path(left["adapter"])).merge_and_unload(safe_merge=True)
    if (mask := mask_of(ctx, left)) is not None:
        masks.zero(model, masks.load(mask))
    return model


def load_tuned(ctx: StageContext, tuned: dict[str, Any], device: str) -> Any:
    """The tuned function as it was trained, in eval mode and frozen."""
    if tuned["adapter"] is None:
        model = load_model(ctx.path(tuned["model"]), device=device, dtype=ctx.config.dtype)
    else:
        from peft import PeftModel

        base = load_model(ctx.path(tuned["base"]), device=device, dtype=ctx.config.dtype, four_bit=tuned["method"] == "qlora")
        model = PeftModel.from_pretrained(base, ctx.path(tuned["adapter"]))
        if (mask := mask_of(ctx, tuned)) is not None:
            masks.mask_adapters(model, masks.load(mask))
    model.requires_grad_(False)
    return model.eval()
