"""Supervised fine-tuning: the model learns the completions of the frozen train split, not the prompts.

QLoRA (Dettmers et al. 2023: NF4 weights, double quantization, LoRA on every linear layer), LoRA, or all weights. TRL 1.16's SFTTrainer
(training/fit/trainers.py: logits at learned places alone) over rows that training/data.py tokenized and masked, so that `inspect-data`
shows what is learned. `packing` puts several rows into one sequence ("bfd"; exact, because each row keeps its own positions and attention).

>>> python -m training train tiny --data datasets/demo/v0001 --set sft.method=lora
"""
from __future__ import annotations

from typing import Any

from pydantic import Field

from training import data, encoded, masks, models
from training.fit import (
    AdapterSettings,
    LoopSettings,
    add_adapter,
    columns,
    events_of,
    fit,
    load_for_tuning,
    loop_arguments,
    save_best_and_last,
    say_dtype,
)
from training.fit.trainers import trainer_class
from training.models import Method
from training.stage import StageContext
from training.tuned import current, mask_of, more_of

NAME = "sft"
NEEDS: tuple[str, ...] = ()
WEIGHTS = True


class Settings(LoopSettings):
    method: Method = Field(default="qlora", description="qlora: an adapter over 4-bit weights; lora: over whole ones; full: every weight")
    packing: bool = Field(default=False, description="put several rows into one sequence of max_length tokens")
    adapter: AdapterSettings = Field(default=AdapterSettings(), description="the adapter, for lora and qlora")


def run(ctx: StageContext) -> dict[str, Any]:
    from trl import SFTConfig

    settings: Settings = ctx.settings
    device = models.device_of(ctx.config.device)
    before = current(ctx)
    base = ctx.path(before["base"] if before["adapter"] is not None else before["model"])
    method = before["method"] if before["adapter"] is not None else settings.method
    tokenizer = models.load_tokenizer(base)

    # 1. Rows. Those that do not fit are left out whole and counted: a cut answer teaches to stop half-way.
    train = encoded.sft_rows(ctx, tokenizer, "train", settings.max_length)
    held = encoded.sft_rows(ctx, tokenizer, "validation", settings.max_length, limit=settings.eval_rows)
    ctx.emit("data", left_out=len(train.too_long), validation=len(held.rows), **data.lengths(train.rows))
    ctx.log(f"{len(train.rows)} rows to learn from, {len(train.too_long)} longer than {settings.max_length} tokens left out")
    train.require(settings, "train")

    # 2. The model. Only what is trained has gradients.
    model = load_for_tuning(base, method, device, ctx.config.dtype, ctx.config.attention)
    if method != "full":
        model = more_of(ctx, model, before) if before["adapter"] is not None else add_adapter(model, settings.adapter, ctx.seed)
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    ctx.log(f"{method}: {trainable:,} trainable parameters on {device}")
    say_dtype(ctx, device)

    # 3. The loop. max_length is None without packing: every row fits already.
    arguments = SFTConfig(
        **loop_arguments(ctx, settings, device, bool(held.rows)),
        max_length=settings.max_length if settings.packing else None, packing=settings.packing, eval_packing=False,
        remove_unused_columns=True,
    )
    trainer = trainer_class()(
        model=model, args=arguments, processing_class=tokenizer, train_dataset=columns(train.rows),
        eval_dataset=columns(held.rows), callbacks=[events_of(ctx)],
    )
    masks.hold(trainer, mask_of(ctx, before))
    figures = fit(trainer, ctx)

    # 4. What goes on to the next stage: an adapter over `base`, or a whole model.
    kept = save_best_and_last(trainer, tokenizer, ctx)
    whole = method == "full"
    return {
        "method": method,
        "base": ctx.relative(base),
        "adapter": None if whole else ctx.relative(kept),
        "model": ctx.relative(kept) if whole else None,
        "role": before["role"], "mask": before["mask"],
        "trainable_parameters": trainable,
        "rows": len(train.rows), "rows_left_out": len(train.too_long),
        **figures,
    }
