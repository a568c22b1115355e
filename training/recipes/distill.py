"""Distillation: a smaller student learns the tuned teacher's distribution over every token of the answers.

The loss is losses.distillation (forward KL at temperature T, times T², with the labels' cross-entropy). The teacher is the tuned model
as it was trained (QLoRA: NF4 with its adapter), frozen; its logits are computed as the batches come. SFTTrainer's own loss never
builds logits (its language model head is fused with the loss), so the model is called without labels.

>>> ctx.result("distill")["divergence"]        # KL·T² on the validation rows, before and after
{"before": 5.1, "after": 0.8}
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
from training.loop import trainer_class
from training.losses import PLACES, apply_head, distillation_at, distillation_in_chunks, hidden_at, learned
from training.models import Method
from training.stage import StageContext
from training.tuned import current, load_tuned, mask_of

NAME = "distill"
NEEDS: tuple[str, ...] = ()
WEIGHTS = True


class Settings(LoopSettings):
    method: Method = "lora"
    adapter: AdapterSettings = AdapterSettings(rank=64, alpha=128)
    temperature: float = Field(default=2.0, gt=0)
    alpha: float = Field(default=0.7, ge=0, le=1, description="weight of the divergence; the labels' cross-entropy has the rest")


def run(ctx: StageContext) -> dict[str, Any]:
    from trl import SFTConfig

    settings: Settings = ctx.settings
    device = models.device_of(ctx.config.device)
    untaught = current(ctx, "student")  # the named one, or what prune left
    base = ctx.path(untaught["model"])
    tokenizer = models.load_tokenizer(base)

    # 1. The rows that sft saw.
    rows = encoded.sft_rows(ctx, tokenizer, "train", settings.max_length)
    validation = encoded.sft_rows(ctx, tokenizer, "validation", settings.max_length, limit=settings.eval_rows).rows
    train, left_out = rows.rows, rows.too_long
    ctx.emit("data", left_out=len(left_out), validation=len(validation), **data.lengths(train))
    rows.require(settings, "train")

    # 2. Teacher and student.
    teacher = load_tuned(ctx, current(ctx, "teacher"), device)
    student = load_for_tuning(base, settings.method, device, ctx.config.dtype, ctx.config.attention)
    if settings.method != "full":
        student = add_adapter(student, settings.adapter, ctx.seed)
    say_dtype(ctx, device)
    ctx.log(f"teacher {_millions(teacher)}, student {_millions(student)} parameters")

    # 3. The loop.
    arguments = SFTConfig(**loop_arguments(ctx, settings, device, bool(validation)), max_length=None)
    trainer = _trainer_class()(
        model=student, args=arguments, processing_class=tokenizer, train_dataset=columns(train),
        eval_dataset=columns(validation), callbacks=[events_of(ctx)],
    )
    trainer.teacher, trainer.temperature, trainer.alpha = teacher, settings.temperature, settings.alpha
    masks.hold(trainer, mask_of(ctx, untaught))
    before = _divergence(student, teacher, validation, settings)
    figures = fit(trainer, ctx)
    after = _divergence(trainer.model, teacher, validation, settings)
    ctx.log(f"divergence from the teacher on {len(validation)} validation rows: {before} before, {after} after")

    kept = save_best_and_last(trainer, tokenizer, ctx)
    whole = settings.method == "full"
    return {
        "method": settings.method,
        "base": ctx.relative(base),
        "adapter": None if whole else ctx.relative(kept),
        "model": ctx.relative(kept) if whole else None,
        "role": "student", "mask": untaught["mask"],
        "divergence": {"before": before, "after": after},
        "rows": len(train), "rows_left_out": len(left_out),
        **figures,
    }


def _trainer_class() -> Any:
    """The trainer of sft with the distillation loss. Made in a function because TRL is not imported at import time."""
    import torch

    class DistillationTrainer(trainer_class()):  # type: ignore[misc]
        teacher: Any
        temperature: float
        alpha: float

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
            """num_items_in_batch: learned tokens of the whole accumulated batch, None while evaluating. Over several processes DDP averages
            gradients, so the sum divided by the global count is multiplied by their number, as SFTTrainer does."""
            places, targets = learned(inputs["labels"])
            given = {key: value for key, value in inputs.items() if key != "labels"}
            ours = hidden_at(model, places, **given)
            with torch.no_grad():
                theirs = hidden_at(self.teacher, places, **given)
            with self.accelerator.autocast():
                parts = distillation_in_chunks(
                    self.accelerator.unwrap_model(model), ours, self.teacher, theirs, targets, temperature=self.temperature,
                    alpha=self.alpha, normalizer=num_items_in_batch,
                )
            loss = parts.total
            if num_items_in_batch is not None and self.args.average_tokens_across_devices:
                loss = loss * self.accelerator.num_processes
            mode = "train" if model.training else "eval"
            self._metrics[mode]["divergence"].append(parts.divergence.item())
            self._metrics[mode]["cross_entropy"].append(parts.cross_entropy.item())
            return (loss, {}) if return_outputs else loss

    return DistillationTrainer


def _divergence(student: Any, teacher: Any, rows: list[data.Encoded], settings: Settings) -> float | None:
    """KL·T² a learned token over the validation rows, without dropout; None without rows. A chunk of places at a time."""
    import torch

    if not rows:
        return None
    was_training = student.training
    student.eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row.input_ids], device=student.device)
            places, targets = learned(torch.tensor([row.labels], device=student.device))
            ours, theirs = (hidden_at(model, places, input_ids=ids) for model in (student, teacher))
            for a, b, wanted in zip(ours.split(PLACES), theirs.split(PLACES), targets.split(PLACES), strict=True):
                parts = distillation_at(
                    apply_head(student, a), apply_head(teacher, b), wanted, temperature=settings.temperature, alpha=1.0
                )
                total, tokens = total + parts.divergence.item() * parts.tokens, tokens + parts.tokens
    student.train(was_training)
    return round(total / max(tokens, 1), 6)


def _millions(model: Any) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M"
