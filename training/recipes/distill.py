"""Distillation: a smaller student learns the tuned teacher's distribution over every token of the answers.

The loss is losses.distillation (forward KL at temperature T, times T², with the labels' cross-entropy). The teacher is the tuned model,
frozen, its adapter merged into it as `merge` does, which is the same function in less time (on a GPU a QLoRA teacher stays as it was
trained, NF4 with its adapter, for that is what fits). Its logits are computed as the batches come, or once, before the student is
loaded (`teacher_logits: offline`, see teacher_logits.py): that pays with more than one epoch, or where both do not fit into memory.
SFTTrainer's own loss never builds logits (its language model head is fused with the loss), so the model is called without labels.

>>> ctx.result("distill")["divergence"]        # KL·T² on the validation rows, before and after; offline: of the kept tokens and the rest
{"before": 5.1, "after": 0.8}
"""
from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

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
from training.losses import distillation_in_chunks, hidden_at, learned
from training.models import Method
from training.stage import StageContext
from training.teacher_logits import Offline, Online, shared_vocabulary
from training.tuned import current, load_merged, load_tuned, mask_of

NAME = "distill"
NEEDS: tuple[str, ...] = ()
WEIGHTS = True
ROW = "row"  # the column that says which row it is, to a teacher that was asked beforehand


class Settings(LoopSettings):
    method: Method = Field(default="lora", description="qlora: an adapter over 4-bit weights; lora: over whole ones; full: every weight")
    adapter: AdapterSettings = Field(default=AdapterSettings(rank=64, alpha=128), description="the adapter, for lora and qlora")
    temperature: float = Field(default=2.0, gt=0, description="how much flatter the teacher's distribution is made: higher, flatter")
    alpha: float = Field(default=0.7, ge=0, le=1, description="weight of the divergence; the labels' cross-entropy has the rest")
    teacher_logits: Literal["online", "offline"] = Field(
        default="online", description="online: the teacher is asked at every step; offline: once before the loop, and is out of memory then"
    )
    top_k: int = Field(default=64, ge=1, description="offline: tokens kept of each place; all others count as one more")


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
    teacher = _teacher(ctx, [*train, *validation], base, device)
    student = load_for_tuning(base, settings.method, device, ctx.config.dtype, ctx.config.attention)
    if settings.method != "full":
        student = add_adapter(student, settings.adapter, ctx.seed)
    say_dtype(ctx, device)
    ctx.log(f"the student has {_millions(student)} parameters")

    # 3. The loop.
    arguments = SFTConfig(**loop_arguments(ctx, settings, device, bool(validation)), max_length=None, remove_unused_columns=False)
    trainer = _trainer_class()(
        model=student, args=arguments, processing_class=tokenizer, train_dataset=_numbered(train, 0),
        eval_dataset=_numbered(validation, len(train)), callbacks=[events_of(ctx)],
    )
    trainer.teacher, trainer.temperature, trainer.alpha = teacher, settings.temperature, settings.alpha
    masks.hold(trainer, mask_of(ctx, untaught))
    before = _divergence(student, teacher, validation, len(train), settings)
    figures = fit(trainer, ctx)
    after = _divergence(trainer.model, teacher, validation, len(train), settings)
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
        "teacher_logits": {"top_k": teacher.top_k, "places": sum(teacher.sizes), "rest": teacher.rest, "bytes": teacher.bytes}
        if isinstance(teacher, Offline) else None,
        "rows": len(train), "rows_left_out": len(left_out),
        **figures,
    }


def _teacher(ctx: StageContext, rows: list[data.Encoded], student: Path, device: str) -> Online | Offline:
    """The tuned teacher, in memory, or asked about these rows and gone. student: its folder."""
    settings, tuned = ctx.settings, current(ctx, "teacher")

    def load() -> Any:
        small = tuned["method"] == "qlora" and device == "cuda"
        model = load_tuned(ctx, tuned, device) if small else load_merged(ctx, tuned, device).requires_grad_(False).eval()
        ctx.log(f"the teacher has {_millions(model)} parameters")
        return model

    if settings.teacher_logits == "online":
        return Online(load())
    vocabulary = shared_vocabulary(ctx.path(tuned["model"] or tuned["base"]), student)
    return Offline.of(ctx, rows, teacher=tuned, load=load, temperature=settings.temperature, top_k=settings.top_k, vocabulary=vocabulary,
                      batch_size=settings.batch_size)


def _numbered(rows: list[data.Encoded], first: int) -> Any:
    """Rows as TRL takes them, with their numbers; None for no row."""
    return columns(rows).add_column(ROW, list(range(first, first + len(rows)))) if rows else None


def _trainer_class() -> Any:
    """The trainer of sft with the distillation loss. Made in a function because TRL is not imported at import time."""

    class DistillationTrainer(trainer_class()):  # type: ignore[misc]
        teacher: Online | Offline
        temperature: float
        alpha: float

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.data_collator = _with_rows(self.data_collator)  # type: ignore[has-type]

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
            """num_items_in_batch: learned tokens of the whole accumulated batch, None while evaluating. Over several processes DDP averages
            gradients, so the sum divided by the global count is multiplied by their number, as SFTTrainer does."""
            places, targets = learned(inputs["labels"])
            given = {key: value for key, value in inputs.items() if key not in ("labels", ROW)}
            ours = hidden_at(model, places, **given)
            theirs = self.teacher.at(places, given, inputs[ROW])
            with self.accelerator.autocast():
                parts = distillation_in_chunks(
                    self.accelerator.unwrap_model(model), ours, theirs, targets, temperature=self.temperature, alpha=self.alpha,
                    normalizer=num_items_in_batch,
                )
            loss = parts.total
            if num_items_in_batch is not None and self.args.average_tokens_across_devices:
                loss = loss * self.accelerator.num_processes
            mode = "train" if model.training else "eval"
            self._metrics[mode]["divergence"].append(parts.divergence.item())
            self._metrics[mode]["cross_entropy"].append(parts.cross_entropy.item())
            return (loss, {}) if return_outputs else loss

    return DistillationTrainer


def _with_rows(collate: Any) -> Any:
    import torch

    def collated(rows: Any) -> Any:
        return {**collate(rows), ROW: torch.tensor([row[ROW] for row in rows])}

    return collated


def _divergence(student: Any, teacher: Online | Offline, rows: list[data.Encoded], first: int, settings: Settings) -> float | None:
    """KL·T² a learned token over the validation rows, without dropout; None without rows. first: the number of the first of them."""
    import torch

    if not rows:
        return None
    was_training = student.training
    student.eval()
    total, tokens = 0.0, 0
    with torch.no_grad():
        for number, row in enumerate(rows, first):
            given = {"input_ids": torch.tensor([row.input_ids], device=student.device)}
            places, targets = learned(torch.tensor([row.labels], device=student.device))
            parts = distillation_in_chunks(
                student, hidden_at(student, places, **given), teacher.at(places, given, [number]), targets,
                temperature=settings.temperature, alpha=1.0,
            )
            total, tokens = total + parts.divergence.item() * parts.tokens, tokens + parts.tokens
    student.train(was_training)
    return round(total / max(tokens, 1), 6)


def _millions(model: Any) -> str:
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f} M"
