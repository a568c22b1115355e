"""The settings of a stage as the arguments of transformers' Trainer, and what this machine cannot do of them."""
from __future__ import annotations

import importlib.util
import os
from typing import Any

from curation.errors import BadValue, Reason
from training import hardware
from training.fit.checkpoints import CHECKPOINTS
from training.fit.settings import LoopSettings, MissingPackage
from training.stage import StageContext


def loop_arguments(ctx: StageContext, settings: LoopSettings, device: str, has_validation: bool) -> dict[str, Any]:
    """The arguments that SFTConfig and DPOConfig have in common (names of transformers 5.23). TRL turns bf16 and checkpointing on by
    itself, so all are given. Raises MissingPackage and BadValue for what this machine cannot do."""
    check_machine(ctx.config, settings, device)
    bf16 = hardware.dtype_of(ctx.config.dtype, device).name == "bfloat16"
    checkpointing = settings.activation_checkpointing
    eval_every = settings.eval_every or settings.save_every
    if settings.early_stopping_patience is not None and not has_validation:
        ctx.log("no validation rows: early stopping has nothing to look at")
    return {
        "output_dir": str(ctx.stage_dir / CHECKPOINTS),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.scheduler,
        "lr_scheduler_kwargs": _scheduler_options(settings),
        "warmup_steps": settings.warmup,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "optim": settings.optimizer,
        "neftune_noise_alpha": settings.neftune,
        "train_sampling_strategy": settings.sampling,
        "logging_strategy": "steps", "logging_steps": settings.log_every, "logging_first_step": True,
        "eval_strategy": "steps" if has_validation else "no", "eval_steps": eval_every if has_validation else None,
        "metric_for_best_model": "eval_loss" if has_validation else None, "greater_is_better": False if has_validation else None,
        # Three by default: while one is being written, the best and the newest complete one are still there.
        "save_strategy": "steps", "save_steps": settings.save_every, "save_total_limit": settings.save_limit,
        "seed": ctx.seed, "data_seed": ctx.seed,
        "use_cpu": device == "cpu", "bf16": bf16, "fp16": False, "tf32": None,
        "activation_checkpointing": (device == "cuda") if checkpointing is None else checkpointing,
        "dataloader_pin_memory": device == "cuda", "dataloader_num_workers": 0,
        "report_to": _reporters(ctx), "run_name": f"{ctx.run_dir.name}-{ctx.name}", "disable_tqdm": True, "log_level": "warning",
    }


def _scheduler_options(settings: LoopSettings) -> dict[str, float | int]:
    """Counts (num_cycles, num_decay_steps, patience, ...) as the whole numbers that schedulers want."""
    whole = ("num_decay_steps", "num_stable_steps", "patience", "cooldown", "timescale", "power")
    return {k: int(v) if k in whole and float(v).is_integer() else v for k, v in settings.scheduler_options.items()}


def check_machine(config: Any, settings: LoopSettings, device: str) -> None:
    """Raises MissingPackage or BadValue for a setting that this machine cannot follow. Imports nothing heavy."""
    for name in config.report_to:
        found = any(importlib.util.find_spec(package) for package in ((name, "tensorboardX") if name == "tensorboard" else (name,)))
        if not found:
            raise MissingPackage(what=f"report_to: {name}", package=name)
    if settings.optimizer.startswith("paged") and device == "cpu":
        raise BadValue(
            field="optimizer", value=settings.optimizer,
            why=Reason("paged_needs_gpu", "pages its state between a GPU and the host, and there is no GPU here"),
            todo=Reason("take_adamw", "Take adamw_torch, adamw_8bit or adafactor."),
        )
    attention = config.attention
    if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
        raise MissingPackage(what="attention: flash_attention_2", package="flash-attn")


def _reporters(ctx: StageContext) -> list[str]:
    """What the run reports to, all of it below the run's folder and nothing over the network (wandb offline, trackio local)."""
    names = list(ctx.config.report_to)
    folder = ctx.run_dir / "reports"
    if names:
        folder.mkdir(exist_ok=True)
    if "tensorboard" in names:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard" / ctx.name)
    if "wandb" in names:
        os.environ.update(WANDB_MODE="offline", WANDB_DIR=str(folder), WANDB_SILENT="true", WANDB_PROJECT="flowsight")
    if "trackio" in names:
        os.environ["TRACKIO_DIR"] = str(folder / "trackio")
        os.environ.pop("TRACKIO_SPACE_ID", None)
    return names
