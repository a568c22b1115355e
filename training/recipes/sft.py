"""Supervised fine-tuning: the model learns the completions of the frozen train split, not the prompts.

QLoRA (Dettmers et al. 2023: NF4 weights, double quantization, LoRA on every linear layer), LoRA, or all weights. TRL 1.16's SFTTrainer
over rows that training/data.py tokenized and masked, so that `inspect-data` shows what is learned. `packing` puts several
rows into one sequence
("bfd"; exact, because each row keeps its own positions and attention).

>>> python -m training train tiny --data datasets/demo/v0001 --set sft.method=lora
"""
from __future__ import annotations

from typing import Any

from training import data, models
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
)
from training.models import Method
from training.stage import StageContext
from training.tuned import current, more_of

NAME = "sft"
NEEDS: tuple[str, ...] = ()


class Settings(LoopSettings):
    method: Method = "qlora"
    packing: bool = False
    adapter: AdapterSettings = AdapterSettings()


def run(ctx: StageContext) -> dict[str, Any]:
    from trl import SFTConfig, SFTTrainer

    settings: Settings = ctx.settings
    device = models.device_of(ctx.config.device)
    before = current(ctx)
    base = ctx.path(before["base"] if before["adapter"] is not None else before["model"])
    method = before["method"] if before["adapter"] is not None else settings.method
    tokenizer = models.load_tokenizer(base)
    frozen = data.open_dataset(ctx.dataset_dir)

    # 1. Rows. Those that do not fit are left out whole and counted: a cut answer teaches to stop half-way.
    train, left_out = data.encode_rows(tokenizer, data.read_rows(frozen, "sft", "train"), settings.max_length)
    validation, _ = data.encode_rows(tokenizer, data.read_rows(frozen, "sft", "validation")[: settings.eval_rows], settings.max_length)
    ctx.emit("data", left_out=len(left_out), validation=len(validation), **data.lengths(train))
    ctx.log(f"{len(train)} rows to learn from, {len(left_out)} longer than {settings.max_length} tokens left out")
    data.require_rows(train, "train", settings.max_length, len(left_out))

    # 2. The model. Only what is trained has gradients.
    model = load_for_tuning(base, method, device, ctx.config.dtype)
    if method != "full":
        model = more_of(ctx, model, before) if before["adapter"] is not None else add_adapter(model, settings.adapter, ctx.seed)
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    ctx.log(f"{method}: {trainable:,} trainable parameters on {device}")

    # 3. The loop. max_length is None without packing: every row fits already.
    arguments = SFTConfig(
        **loop_arguments(ctx, settings, device, bool(validation)),
        max_length=settings.max_length if settings.packing else None, packing=settings.packing, eval_packing=False,
        remove_unused_columns=True,
    )
    trainer = SFTTrainer(
        model=model, args=arguments, processing_class=tokenizer, train_dataset=columns(train),
        eval_dataset=columns(validation), callbacks=[events_of(ctx)],
    )
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
        "rows": len(train), "rows_left_out": len(left_out),
        **figures,
    }
