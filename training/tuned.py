"""Which weights did the stages before leave, and how are they loaded? Shared by the recipes that come after tuning.

A stage leaves {"method", "base", "adapter" or "model"}: an adapter over its base (in NF4 for QLoRA, which is the function that was
trained), or a whole model.

>>> model = load_tuned(ctx, teacher_of(ctx), device)
"""
from __future__ import annotations

from typing import Any

from training.models import load_model
from training.stage import StageContext


def teacher_of(ctx: StageContext) -> dict[str, Any]:
    """The teacher as its last tuning stage left it: dpo's result, else sft's."""
    return ctx.result("dpo") or ctx.need("sft")


def load_tuned(ctx: StageContext, tuned: dict[str, Any], device: str) -> Any:
    """The tuned function as it was trained, in eval mode and frozen."""
    if tuned["adapter"] is None:
        model = load_model(ctx.path(tuned["model"]), device=device, dtype=ctx.config.dtype)
    else:
        from peft import PeftModel

        base = load_model(ctx.path(tuned["base"]), device=device, dtype=ctx.config.dtype, four_bit=tuned["method"] == "qlora")
        model = PeftModel.from_pretrained(base, ctx.path(tuned["adapter"]))
    model.requires_grad_(False)
    return model.eval()
