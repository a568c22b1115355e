"""How do the training recipes drive transformers' Trainer? Settings they share, the loop's arguments, events, checkpoints, best and last.

torch, transformers and TRL are imported inside functions. What is trained is float32 (see `recast_trainable`): measured on this stack,
kill -9 and resume is then bit-identical, and an adapter in bfloat16 hardly moves at small learning rates.

>>> trainer = SFTTrainer(model=model, args=SFTConfig(**loop_arguments(ctx, ctx.settings)), callbacks=[events_of(ctx)], ...)
>>> figures = fit(trainer, ctx)          # from the last complete checkpoint, if there is one
"""
from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from curation.errors import BadValue, Reason, UserError
from curation.model import Model
from training import hardware
from training.data import Encoded
from training.models import DType, Method
from training.reading import damaged, read_object
from training.stage import COMPLETE, StageContext, Stopped, write_atomically

CHECKPOINTS = "checkpoints"  # inside the stage's folder; the worker removes it once the stage is complete
FINISHED = "FINISHED"  # in a checkpoint behind which nothing is to be trained: early stopping ended the loop there
LEARNER_FILES = ("optimizer*", "scheduler*", "scaler*", "rng_state*", "trainer_state.json", "training_args.bin", COMPLETE, FINISHED)

Scheduler = Literal[
    "cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "cosine_with_min_lr", "cosine_warmup_with_min_lr",
    "polynomial", "inverse_sqrt", "warmup_stable_decay", "reduce_lr_on_plateau", "greedy",
]
Optimizer = Literal[
    "adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_32bit", "paged_adamw_8bit", "adafactor", "lion_32bit", "lion_8bit",
    "paged_lion_8bit", "ademamix", "ademamix_8bit", "sgd", "adagrad", "rmsprop",
]
Reporter = Literal["tensorboard", "wandb", "trackio"]
# What a scheduler cannot do without, one of each tuple (transformers 5.23, optimization.get_scheduler).
SCHEDULER_NEEDS = {
    "cosine_with_min_lr": ("min_lr", "min_lr_rate"), "cosine_warmup_with_min_lr": ("min_lr", "min_lr_rate"),
    "warmup_stable_decay": ("num_decay_steps",),
}


class MissingPackage(UserError):
    code = "missing_package"
    text = "{what} needs the Python package {package}, which is not installed here. Install it (pip install {package}), or take {what} out."


class LoopSettings(Model):
    """What every training stage can set. Steps are optimizer steps; sizes are rows a device; lengths are tokens."""

    epochs: float = Field(default=2.0, gt=0, description="passes over the train split; max_steps wins where it is given")
    max_steps: int | None = Field(default=None, ge=1, description="steps at most; null: as many as the epochs make")
    batch_size: int = Field(default=4, ge=1, description="rows computed at once")
    gradient_accumulation: int = Field(default=4, ge=1, description="batches a step: the step's gradient is that of them all")
    learning_rate: float = Field(default=2e-4, gt=0, description="the highest learning rate")
    scheduler: Scheduler = Field(default="cosine", description="how the learning rate moves over the steps")
    scheduler_options: dict[str, float] = Field(default={}, description="numbers that a scheduler takes, such as min_lr_rate: 0.1")
    warmup: float = Field(default=0.03, ge=0, lt=1, description="fraction of the steps in which the learning rate rises")
    optimizer: Optimizer = Field(default="adamw_torch", description="8-bit and adafactor need less memory; paged ones a GPU")
    weight_decay: float = Field(default=0.0, ge=0, description="how strongly weights are drawn to zero")
    max_grad_norm: float = Field(default=1.0, gt=0, description="longer gradients are shortened to this norm")
    neftune: float | None = Field(default=None, gt=0, description="NEFTune: noise of this alpha on the embeddings; null: none")
    max_length: int = Field(default=2048, ge=16, description="longer rows are left out, never cut")
    allow_dropped: float = Field(default=0.1, ge=0, le=1, description="share of the rows that max_length may leave out")
    sampling: Literal["group_by_length", "random", "sequential"] = Field(
        default="group_by_length", description="which rows meet in a batch: rows of like length need little padding"
    )
    log_every: int = Field(default=5, ge=1, description="steps between two points of the loss curve")
    save_every: int = Field(default=50, ge=1, description="steps between two checkpoints")
    save_limit: int = Field(default=3, ge=2, description="checkpoints kept: the newest, and the best beside them")
    eval_every: int | None = Field(default=None, ge=1, description="steps between two validation losses; null: as save_every")
    eval_rows: int = Field(default=200, ge=0, description="validation rows looked at, at most; 0: none")
    early_stopping_patience: int | None = Field(
        default=None, ge=1, description="end after so many validation losses without a better one; null: never"
    )
    early_stopping_threshold: float = Field(default=0.0, ge=0, description="by how much a validation loss must be lower to be better")
    activation_checkpointing: bool | None = Field(
        default=None, description="compute activations twice to save memory; null: on with a GPU, off without"
    )
    keep: Literal["best", "last"] = Field(default="best", description="which weights go on: lowest validation loss, or the last")

    @model_validator(mode="after")
    def _options_fit(self) -> LoopSettings:
        needs = SCHEDULER_NEEDS.get(self.scheduler, ())
        if needs and not set(needs) & set(self.scheduler_options):
            raise ValueError(Reason("scheduler_needs", "the scheduler {scheduler} needs {options} in scheduler_options",
                                    scheduler=self.scheduler, options=" / ".join(needs)))
        needs_validation = "reduce_lr_on_plateau" if self.scheduler == "reduce_lr_on_plateau" else "early_stopping_patience"
        wanted = self.early_stopping_patience is not None or self.scheduler == "reduce_lr_on_plateau"
        if wanted and self.eval_rows == 0:
            raise ValueError(Reason("needs_validation", "{what} needs validation rows: set eval_rows above 0", what=needs_validation))
        return self


class AdapterSettings(Model):
    """LoRA (Hu et al. 2021): W + (alpha/rank)·B·A on the named linear layers."""

    rank: int = Field(default=16, ge=1, description="width of the adapter: more learns more and costs more")
    alpha: int = Field(default=32, ge=1, description="the adapter counts alpha/rank times")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="share of the adapter's inputs left out while training; 0 is fastest")
    target_modules: list[str] | Literal["all-linear"] = Field(
        default="all-linear", description="which linear layers are adapted: all of them, or names such as q_proj, v_proj"
    )
    layers_to_transform: list[int] | None = Field(
        default=None,
        description="which blocks are adapted, from 0: 10-29 or a list; null: all. Nothing below the first is computed backwards"
    )
    rslora: bool = Field(default=False, description="rsLoRA: the adapter counts alpha/√rank times")
    dora: bool = Field(default=False, description="DoRA: learns the length of each weight column beside its direction; slower")

    @field_validator("layers_to_transform", mode="before")
    @classmethod
    def _range(cls, given: Any) -> Any:
        """"10-29" and "0, 4-7" as lists; a list may hold such ranges too."""
        if given is None or given == "":
            return None
        parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
        layers: list[int] = []
        for part in parts:
            first, dash, last = str(part).strip().partition("-")
            if isinstance(part, bool) or not first.isdecimal() or (dash and not last.strip().isdecimal()):
                raise ValueError(Reason("bad_layers", "{part!r} is no layer: give numbers from 0, or a range such as 10-29", part=part))
            start, end = int(first), int(last) if dash else int(first)
            if end < start or end > 4096:
                raise ValueError(Reason("bad_layers", "{part!r} is no layer: give numbers from 0, or a range such as 10-29", part=part))
            layers += range(start, end + 1)
        return sorted(set(layers)) or None


def columns(rows: list[Encoded]) -> Any:
    """Encoded rows as the Dataset that TRL takes as it is; None for no row."""
    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]) if rows else None


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


def lora_config(settings: AdapterSettings, model: Any) -> Any:
    """peft's configuration for this model. peft 0.21 takes layers_to_transform with named modules only, so "all-linear" is resolved here.
    Raises BadValue for modules or layers that the model does not have."""
    from peft import LoraConfig

    linear = _linear_names(model)
    modules: Any = settings.target_modules
    if modules != "all-linear" and (unknown := sorted(set(modules) - linear)):
        raise BadValue(
            field="target_modules", value=", ".join(unknown), why=Reason("no_such_module", "is no linear layer of this model"),
            todo=Reason("choose_modules", "There are: {names}.", names=", ".join(sorted(linear))),
        )
    layers = settings.layers_to_transform
    if layers is not None:
        count = model.config.get_text_config().num_hidden_layers
        if layers[-1] >= count:
            raise BadValue(
                field="layers_to_transform", value=str(layers[-1]), why=Reason("no_such_layer", "is no layer of this model"),
                todo=Reason("choose_layers", "It has the layers 0 to {last}.", last=count - 1),
            )
        modules = sorted(linear) if modules == "all-linear" else modules
    return LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout, target_modules=modules, layers_to_transform=layers,
        use_rslora=settings.rslora, use_dora=settings.dora, bias="none", task_type="CAUSAL_LM",
    )


def _linear_names(model: Any) -> set[str]:
    """The last part of the name of each linear layer within the blocks (NF4 layers are such too); the head is not adapted."""
    import torch

    head = model.get_output_embeddings()
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and module is not head}
    return {name.rpartition(".")[2] for name in linear}


def add_adapter(model: Any, settings: AdapterSettings, seed: int) -> Any:
    """The model with a fresh adapter, seeded here because peft draws A at random."""
    import torch
    from peft import get_peft_model, prepare_model_for_kbit_training

    wanted = lora_config(settings, model)
    torch.manual_seed(seed)
    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return get_peft_model(model, wanted)


def recast_trainable(model: Any) -> None:
    """Trainable parameters to float32. TRL 1.16 casts a QLoRA adapter to bfloat16 when the trainer is made; call this after."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def load_for_tuning(folder: Path, method: Method, device: str, dtype: DType, attention: str = "sdpa") -> Any:
    """A model to be trained by `method`. full: float32 master weights (autocast computes in bfloat16 where that was chosen)."""
    from training.models import load_model

    kind = "float32" if method == "full" else hardware.dtype_of(dtype, device).name
    model = load_model(folder, device=device, dtype=kind, four_bit=method == "qlora")
    if attention != "sdpa":
        model.set_attn_implementation(attention)
    return model


def say_dtype(ctx: StageContext, device: str) -> None:
    """Writes down in which format is computed, and why."""
    choice = hardware.dtype_of(ctx.config.dtype, device)
    ctx.log(f"computes in {choice.name}: {choice.why}")
    ctx.emit("dtype", name=choice.name, why=choice.why.code)


def events_of(ctx: StageContext) -> Any:
    """A callback that writes each logged point with its real step and total, marks checkpoints complete, turns a stop into a checkpoint and
    the end of the loop, and stops early. Whatever is saved is logged first, so that no part of the loss is lost in a resume."""
    from transformers import TrainerCallback

    settings: LoopSettings = ctx.settings

    class Events(TrainerCallback):
        ended_early = False

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            if ctx.should_stop():
                control.should_save = True
                control.should_training_stop = True
            if state.global_step >= state.max_steps:
                control.should_evaluate = control.should_evaluate or args.eval_strategy != "no"
                control.should_save = True
            control.should_log = control.should_log or control.should_save or control.should_evaluate
            return control

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> Any:
            loss = (metrics or {}).get("eval_loss")
            if loss is None:
                return control
            if state.best_metric is None or loss < state.best_metric:
                control.should_save = True  # the best weights must lie somewhere
            patience = settings.early_stopping_patience
            if patience is not None and without_better(state.log_history, settings.early_stopping_threshold) >= patience:
                ctx.log(f"{patience} validation losses without a better one: the loop ends at step {state.global_step}")
                self.ended_early = control.should_save = control.should_training_stop = True
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
            if self.ended_early:
                (folder / FINISHED).touch()
            (folder / COMPLETE).touch()
            ctx.emit("checkpoint", step=state.global_step, total=state.max_steps)

    return Events()


def without_better(history: list[dict[str, Any]], threshold: float) -> int:
    """How many validation losses, the last ones of the history, came since the last that was lower than the best before it by more than the
    threshold. Read from the history, which every checkpoint holds, so a resumed run counts as one that never ended."""
    best, count = math.inf, 0
    for entry in history:
        if (loss := entry.get("eval_loss")) is None:
            continue
        better = loss < best and (best is math.inf or best - loss > threshold)
        count = 0 if better else count + 1
        best = loss if better else best
    return count


def mean_loss(history: list[dict[str, Any]]) -> float | None:
    """The mean training loss of all steps of a run, whatever its interruptions: each logged loss is that of the steps since the entry
    before. None where nothing was logged."""
    total, before = 0.0, 0
    for entry in history:
        if "loss" in entry and "eval_loss" not in entry:
            total += entry["loss"] * (entry["step"] - before)
            before = entry["step"]
    return total / before if before else None


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
    written. Gives {"steps", "train_loss" (mean of the whole run), "validation_loss" (None without validation rows), "best_step",
    "resumed_from", "stopped_early", "tokens_per_second" (None where no step was left to train)}."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # it prints what our events say already
    recast_trainable(trainer.model)
    checkpoint = last_complete_checkpoint(ctx.stage_dir)
    speed = None
    if checkpoint is not None:
        follow_move(checkpoint)
        ctx.emit("resumed", step=int(checkpoint.name.rpartition("-")[2]))
        ctx.log(f"going on from {checkpoint.name}")
    if checkpoint is not None and _is_last(checkpoint):
        _take_up(trainer, checkpoint)
    else:
        began = time.perf_counter()
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        seconds = time.perf_counter() - began - _validation_seconds(trainer, checkpoint)
        speed = round(trainer._total_train_tokens / seconds, 2) if getattr(trainer, "_total_train_tokens", 0) and seconds > 0 else None
    early = any(getattr(callback, "ended_early", False) for callback in trainer.callback_handler.callbacks)
    early = early or checkpoint is not None and (checkpoint / FINISHED).is_file()
    if ctx.should_stop() and trainer.state.global_step < trainer.state.max_steps and not early:
        raise Stopped(ctx.name)
    evaluations = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    return {
        "steps": trainer.state.global_step,
        "train_loss": mean_loss(trainer.state.log_history),
        "validation_loss": evaluations[-1]["eval_loss"] if evaluations else None,
        "best_validation_loss": trainer.state.best_metric,
        "best_step": trainer.state.best_global_step,
        "resumed_from": int(checkpoint.name.rpartition("-")[2]) if checkpoint else None,
        "stopped_early": early,
        "tokens_per_second": speed,
    }


def follow_move(checkpoint: Path) -> None:
    """The best checkpoint, which a trainer's state names by an absolute path, is the one beside this: runs are moved and copied."""
    file, state = checkpoint / "trainer_state.json", _state_of(checkpoint)
    best = state.get("best_model_checkpoint")
    if isinstance(best, str) and Path(best) != (here := checkpoint.with_name(Path(best).name)):
        write_atomically(file, json.dumps({**state, "best_model_checkpoint": str(here)}, indent=2) + "\n")


def _is_last(checkpoint: Path) -> bool:
    """Whether nothing is left to train behind it: transformers 5.23 would train one step more."""
    state = _state_of(checkpoint)
    return state["global_step"] >= state["max_steps"] or (checkpoint / FINISHED).is_file()


def _state_of(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint says of itself. Raises DamagedFile, which says how to go on without it."""
    file = checkpoint / "trainer_state.json"
    todo = Reason("remove_checkpoint", "Remove the folder of this checkpoint and resume: the run goes on from the one before it.")
    state = read_object(file, todo)
    if wrong := [key for key in ("global_step", "max_steps") if type(state.get(key)) is not int]:
        why = Reason("other_shape", "it has not the shape that was written ({said})", said=", ".join(wrong))
        raise damaged(file, ValueError(why), todo)
    return state


def _take_up(trainer: Any, checkpoint: Path) -> None:
    """Weights and state of a checkpoint, without training."""
    from transformers.trainer_callback import TrainerState

    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))


def _validation_seconds(trainer: Any, checkpoint: Path | None) -> float:
    """What the validation of this attempt took: entries behind the checkpoint it went on from."""
    from_step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    return sum(entry.get("eval_runtime", 0.0) for entry in trainer.state.log_history if entry["step"] > from_step)


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
