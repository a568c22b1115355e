"""Direct preference optimization (Rafailov et al. 2023): the tuned model learns to prefer the chosen answer to the rejected one.

    loss = -log sigmoid(beta · [log p(chosen)/p_ref(chosen) - log p(rejected)/p_ref(rejected)])

p_ref is the model as `sft` left it. For an adapter TRL 1.16 clones it as a second, frozen one ("ref") when it is given the PeftModel and
neither ref_model nor a new peft_config; a wholly tuned model is loaded a second time. Without preference rows the stage is skipped and
says so. float32 adapter: at 5e-7 a bfloat16 one moves under 1% as far.

>>> python -m training train tiny --data datasets/demo/v0001 --set dpo.beta=0.2
"""
from __future__ import annotations

from typing import Any

from pydantic import Field

from training import data, models
from training.fit import LoopSettings, events_of, fit, load_for_tuning, loop_arguments, save_best_and_last
from training.stage import StageContext
from training.tuned import current

NAME = "dpo"
NEEDS: tuple[str, ...] = ()


class Settings(LoopSettings):
    epochs: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=5e-6, gt=0)
    beta: float = Field(default=0.1, gt=0, description="how closely the reference is kept to: higher, closer")


def run(ctx: StageContext) -> dict[str, Any]:
    settings: Settings = ctx.settings
    frozen = data.open_dataset(ctx.dataset_dir)
    pairs = data.read_rows(frozen, "preference", "train")
    if not pairs:
        return {"skipped": "no_preference_rows"}

    from trl import DPOConfig, DPOTrainer

    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    device = models.device_of(ctx.config.device)
    tuned = current(ctx)
    tokenizer = models.load_tokenizer(ctx.path(tuned["base"]))

    # 1. Pairs of which both answers fit.
    train, left_out = data.preference_rows(tokenizer, pairs, settings.max_length)
    held_rows = data.read_rows(frozen, "preference", "validation")[: settings.eval_rows]
    held, _ = data.preference_rows(tokenizer, held_rows, settings.max_length)
    ctx.emit("data", rows=len(train), left_out=len(left_out), validation=len(held))
    data.require_rows(train, "preference train", settings.max_length, len(left_out))

    # 2. The policy goes on from where sft ended; the reference is the same weights, frozen.
    reference = None
    if tuned["adapter"] is not None:
        from peft import PeftModel

        base = load_for_tuning(ctx.path(tuned["base"]), tuned["method"], device, ctx.config.dtype)
        policy = PeftModel.from_pretrained(base, ctx.path(tuned["adapter"]), is_trainable=True)
    else:
        policy = load_for_tuning(ctx.path(tuned["model"]), "full", device, ctx.config.dtype)
        reference = models.load_model(ctx.path(tuned["model"]), device=device, dtype=ctx.config.dtype)

    # 3. The loop. Everything fits, so max_length is None.
    arguments = DPOConfig(**loop_arguments(ctx, settings, device, bool(held)), beta=settings.beta, max_length=None)
    trainer = DPOTrainer(
        model=policy, ref_model=reference, args=arguments, processing_class=tokenizer, train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(held) if held else None, callbacks=[events_of(ctx)],
    )
    figures = fit(trainer, ctx)

    kept = save_best_and_last(trainer, tokenizer, ctx)
    whole = tuned["adapter"] is None
    return {
        "method": tuned["method"],
        "base": tuned["base"],
        "adapter": None if whole else ctx.relative(kept),
        "model": ctx.relative(kept) if whole else None,
        "role": tuned["role"], "mask": tuned["mask"],
        "rows": len(train), "rows_left_out": len(left_out),
        **figures,
    }
