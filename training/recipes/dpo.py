"""Direct preference optimization (Rafailov et al. 2023): the tuned model learns to prefer the chosen answer to the rejected one.

    loss = -log sigmoid(beta · [log p(chosen)/p_ref(chosen) - log p(rejected)/p_ref(rejected)])

p_ref is the model as `sft` left it. For an adapter TRL 1.16 clones it as a second, frozen one ("ref") when it is given the PeftModel and
neither ref_model nor a new peft_config; a wholly tuned model is loaded a second time, or (precompute_reference) asked for its
log-probabilities once, before the loop. The tokens are those that training/data.py makes, so the prompt that is trained is the one that is
asked. Without preference rows the stage is skipped and says so. float32 adapter: at 5e-7 a bfloat16 one moves under 1% as far.

Policy and reference begin as one, so the loss begins at log 2 exactly. Where no validation loss is lower than that, the preferences taught
nothing that holds for other rows: the result says carried_on: false, and the weights that go on are those of `sft`.

>>> python -m training train tiny --data datasets/demo/v0001 --set dpo.beta=0.2
"""
from __future__ import annotations

import math
from typing import Any

from pydantic import Field

from training import data, encoded, masks, models
from training.fit import LoopSettings, events_of, fit, load_for_tuning, loop_arguments, save_best_and_last, say_dtype
from training.fit.trainers import preference_trainer_class
from training.stage import StageContext
from training.tuned import current, mask_of

NAME = "dpo"
NEEDS: tuple[str, ...] = ()
FEW_PAIRS = 200  # below it the validation loss of a preference run says little (it is warned, not refused)
WEIGHTS = True


class Settings(LoopSettings):
    epochs: float = Field(default=1.0, gt=0, description="passes over the pairs; max_steps wins where it is given")
    learning_rate: float = Field(default=5e-6, gt=0, description="the highest learning rate")
    beta: float = Field(default=0.1, gt=0, description="how closely the reference is kept to: higher, closer")
    precompute_reference: bool = Field(
        default=False, description="compute the reference's log-probabilities once, before the loop: less memory for a wholly tuned model"
    )


def run(ctx: StageContext) -> dict[str, Any]:
    settings: Settings = ctx.settings
    if not data.open_dataset(ctx.dataset_dir).count("preference", "train"):
        return {"skipped": "no_preference_rows"}

    from trl import DPOConfig

    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    device = models.device_of(ctx.config.device)
    tuned = current(ctx)
    tokenizer = models.load_tokenizer(ctx.path(tuned["base"]))

    # 1. Pairs of which both answers fit.
    train, kept = encoded.preference_pairs(ctx, tokenizer, "train", settings.max_length)
    held, _ = encoded.preference_pairs(ctx, tokenizer, "validation", settings.max_length, limit=settings.eval_rows)
    ctx.emit("data", rows=len(train), left_out=len(kept.too_long), validation=len(held))
    kept.require(settings, "preference train")
    warnings = _warnings(len(train), len(held))
    for code in warnings:
        ctx.emit("warning", code=code, pairs=len(train))
        ctx.log(f"warning: {code} ({len(train)} pairs, {len(held)} for validation)")

    # 2. The policy goes on from where sft ended; the reference is the same weights, frozen.
    reference = None
    if tuned["adapter"] is not None:
        from peft import PeftModel

        base = load_for_tuning(ctx.path(tuned["base"]), tuned["method"], device, ctx.config.dtype, ctx.config.attention)
        policy = PeftModel.from_pretrained(base, ctx.path(tuned["adapter"]), is_trainable=True)
    else:
        policy = load_for_tuning(ctx.path(tuned["model"]), "full", device, ctx.config.dtype, ctx.config.attention)
        if not settings.precompute_reference:
            reference = load_for_tuning(ctx.path(tuned["model"]), "full", device, ctx.config.dtype, ctx.config.attention)
    say_dtype(ctx, device)

    # 3. The loop. Everything fits, so max_length is None.
    arguments = DPOConfig(
        **loop_arguments(ctx, settings, device, bool(held)), beta=settings.beta, max_length=None,
        precompute_ref_log_probs=settings.precompute_reference,
    )
    trainer = preference_trainer_class()(
        model=policy, ref_model=reference, args=arguments, processing_class=tokenizer, train_dataset=Dataset.from_list(train),
        eval_dataset=Dataset.from_list(held) if held else None, callbacks=[events_of(ctx)],
    )
    masks.hold(trainer, mask_of(ctx, tuned))
    figures = fit(trainer, ctx)
    best = save_best_and_last(trainer, tokenizer, ctx)

    # 4. What goes on: the preferring model, or sft's where preferring did not help.
    whole = tuned["adapter"] is None
    lowest = figures["best_validation_loss"]
    carried_on = settings.keep == "last" or lowest is None or lowest < math.log(2)
    if not carried_on:
        ctx.emit("warning", code="dpo_not_carried_on", validation_loss=lowest)
        ctx.log(f"no validation loss is below log 2 = {math.log(2):.4f} (lowest {lowest:.4f}): sft's weights go on")
    going_on = ctx.relative(best) if carried_on else tuned["model"] if whole else tuned["adapter"]
    return {
        "method": tuned["method"],
        "base": tuned["base"],
        "adapter": None if whole else going_on,
        "model": going_on if whole else None,
        "role": tuned["role"], "mask": tuned["mask"],
        "carried_on": carried_on,
        "warnings": warnings,
        "rows": len(train), "rows_left_out": len(kept.too_long),
        **figures,
    }


def _warnings(pairs: int, held: int) -> list[str]:
    """Codes of what is weak about the data: too few pairs to learn from, none to tell whether it helped."""
    return [code for code, is_so in (("few_pairs", pairs < FEW_PAIRS), ("no_validation_pairs", held == 0)) if is_so]
