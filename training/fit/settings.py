"""What can every training stage set, and what an adapter? No torch."""
from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from curation.errors import Reason, UserError
from curation.model import Model

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
