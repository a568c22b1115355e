"""How do the training recipes drive transformers' Trainer? Settings they share, the loop's arguments, events, checkpoints, best and last.

torch, transformers and TRL are imported inside functions. What is trained is float32 (see `recast_trainable`): measured on this stack,
kill -9 and resume is then bit-identical, and an adapter in bfloat16 hardly moves at small learning rates.

>>> trainer = SFTTrainer(model=model, args=SFTConfig(**loop_arguments(ctx, ctx.settings)), callbacks=[events_of(ctx)], ...)
>>> figures = fit(trainer, ctx)          # from the last complete checkpoint, if there is one
"""
from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from curation.model import Model
from training.data import Encoded
from training.models import DType, Method
from training.stage import COMPLETE, StageContext, Stopped

CHECKPOINTS = "checkpoints"  # inside the stage's folder; the worker removes it once the stage is complete
LEARNER_FILES = ("optimizer*", "scheduler*", "scaler*", "rng_state*", "trainer_state.json", "training_args.bin", COMPLETE)


class LoopSettings(Model):
    """What every training stage can set. Steps are optimizer steps; sizes are rows a device; lengths are tokens."""

    epochs: float = Field(default=2.0, gt=0, description="passes over the train split; max_steps wins where it is given")
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=4, ge=1)
    gradient_accumulation: int = Field(default=4, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup: float = Field(default=0.03, ge=0, lt=1, description="fraction of the steps")
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    max_length: int = Field(default=2048, ge=16, description="longer rows are left out, never cut")
    log_every: int = Field(default=5, ge=1, description="steps between two points of the loss curve")
    save_every: int = Field(default=50, ge=1, description="steps between two checkpoints; the validation loss is taken there too")
    eval_rows: int = Field(default=200, ge=0, description="validation rows looked at, at most; 0: none")
    activation_checkpointing: bool | None = Field(default=None, description="null: on with a GPU, off without")
    keep: Literal["best", "last"] = Field(default="best", description="which weights go on: lowest validation loss, or the last")


class AdapterSettings(Model):
    """LoRA (Hu et al. 2021): W + (alpha/rank)·B·A on the named linear layers."""

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: list[str] | Literal["all-linear"] = "all-linear"


def columns(rows: list[Encoded]) -> Any:
    """Encoded rows as the Dataset that TRL takes as it is; None for no row."""
    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]) if rows else None


def loop_arguments(ctx: StageContext, settings: LoopSettings, device: str, has_validation: bool) -> dict[str, Any]:
    """The arguments that SFTConfig and DPOConfig have in common (names of transformers 5.23). TRL turns bf16 and checkpointing on by
    itself, so all are given."""
    import torch

    bf16 = device == "cuda" and torch.cuda.is_bf16_supported()
    checkpointing = settings.activation_checkpointing
    return {
        "output_dir": str(ctx.stage_dir / CHECKPOINTS),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.scheduler,
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "optim": "adamw_torch",
        "logging_strategy": "steps", "logging_steps": settings.log_every, "logging_first_step": True,
        "eval_strategy": "steps" if has_validation else "no", "eval_steps": settings.save_every if has_validation else None,
        "metric_for_best_model": "eval_loss" if has_validation else None, "greater_is_better": False if has_validation else None,
        # Three: while one is being written, the best and the newest complete one are still there.
        "save_strategy": "steps", "save_steps": settings.save_every, "save_total_limit": 3,
        "seed": ctx.seed, "data_seed": ctx.seed,
        "use_cpu": device == "cpu", "bf16": bf16, "fp16": False, "tf32": None,
        "activation_checkpointing": (device == "cuda") if checkpointing is None else checkpointing,
        "dataloader_pin_memory": device == "cuda", "dataloader_num_workers": 0,
        "report_to": [], "disable_tqdm": True, "log_level": "warning",
    }


def lora_config(settings: AdapterSettings) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=settings.target_modules,
        bias="none", task_type="CAUSAL_LM",
    )


def add_adapter(model: Any, settings: AdapterSettings, seed: int) -> Any:
    """The model with a fresh adapter, seeded here because peft draws A at random."""
    import torch
    from peft import get_peft_model, prepare_model_for_kbit_training

    torch.manual_seed(seed)
    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return get_peft_model(model, lora_config(settings))


def recast_trainable(model: Any) -> None:
    """Trainable parameters to float32. TRL 1.16 casts a QLoRA adapter to bfloat16 when the trainer is made; call this after."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def load_for_tuning(folder: Path, method: Method, device: str, dtype: DType) -> Any:
    """A model to be trained by `method`. full: float32 master weights (autocast computes in bfloat16 on a GPU)."""
    from training.models import load_model

    return load_model(folder, device=device, dtype="float32" if method == "full" else dtype, four_bit=method == "qlora")


def events_of(ctx: StageContext) -> Any:
    """A callback that writes each logged point with its real step and total, marks checkpoints complete, and turns a stop into a
    checkpoint and the end of the loop."""
    from transformers import TrainerCallback

    class Events(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            if ctx.should_stop():
                control.should_save = True
                control.should_training_stop = True
            return control

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            figures = {k: v for k, v in (logs or {}).items() if isinstance(v, int | float) and math.isfinite(v)}
            if "loss" in figures:
                ctx.emit("step", step=state.global_step, total=state.max_steps, **figures)
                ctx.log(f"step {state.global_step}/{state.max_steps} loss {figures['loss']:.4f}")
            elif "eval_loss" in figures:
                ctx.emit("eval", step=state.global_step, total=state.max_steps, **figures)
                ctx.log(f"step {state.global_step}/{state.max_steps} validation loss {figures['eval_loss']:.4f}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / COMPLETE).touch()
            ctx.emit("checkpoint", step=state.global_step, total=state.max_steps)

    return Events()


def last_complete_checkpoint(stage_dir: Path) -> Path | None:
    """The newest checkpoint whose COMPLETE mark stands. Those without it are removed: transformers' own search takes the highest number,
    complete or not, and its rotation counts them."""
    complete = {}
    for folder in (stage_dir / CHECKPOINTS).glob("checkpoint-*"):
        if (folder / COMPLETE).is_file():
            complete[int(folder.name.rpartition("-")[2])] = folder
        else:
            shutil.rmtree(folder)
    return complete[max(complete)] if complete else None


def fit(trainer: Any, ctx: StageContext) -> dict[str, Any]:
    """Trains from the last complete checkpoint (or the start) to the end; raises Stopped when a stop was asked for, with a checkpoint
    written. Gives {"steps", "train_loss", "validation_loss" (None without validation rows), "best_step", "resumed_from"}."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # it prints what our events say already
    recast_trainable(trainer.model)
    checkpoint = last_complete_checkpoint(ctx.stage_dir)
    if checkpoint is not None:
        ctx.emit("resumed", step=int(checkpoint.name.rpartition("-")[2]))
        ctx.log(f"going on from {checkpoint.name}")
    outcome = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if ctx.should_stop() and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped(ctx.name)
    evaluations = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    return {
        "steps": trainer.state.global_step,
        "train_loss": outcome.training_loss,
        "validation_loss": evaluations[-1]["eval_loss"] if evaluations else None,
        "best_validation_loss": trainer.state.best_metric,
        "best_step": trainer.state.best_global_step,
        "resumed_from": int(checkpoint.name.rpartition("-")[2]) if checkpoint else None,
    }


def save_best_and_last(trainer: Any, tokenizer: Any, ctx: StageContext) -> Path:
    """Writes `last` (the weights as they are) and `best` (lowest validation loss; the same as last where nothing was validated) into
    the stage's folder, and gives the one that goes on by the settings' `keep`."""
    for name in ("last", "best"):
        shutil.rmtree(ctx.stage_dir / name, ignore_errors=True)
    last, best = ctx.stage_dir / "last", ctx.stage_dir / "best"
    trainer.model.save_pretrained(last, **_adapter_only(trainer.model))
    tokenizer.save_pretrained(last)
    checkpoint = trainer.state.best_model_checkpoint
    if checkpoint and Path(checkpoint).is_dir() and trainer.state.best_global_step != trainer.state.global_step:
        shutil.copytree(checkpoint, best, ignore=shutil.ignore_patterns(*LEARNER_FILES, "ref", "README.md"))
        tokenizer.save_pretrained(best)
    else:
        shutil.copytree(last, best)
    return best if ctx.settings.keep == "best" else last


def _adapter_only(model: Any) -> dict[str, Any]:
    """A DPO model carries its frozen reference as a second adapter, which is not to be saved."""
    return {"selected_adapters": ["default"]} if hasattr(model, "peft_config") else {}
