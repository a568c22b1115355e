"""From the last complete checkpoint to the end, and which weights go on: the best or the last."""
from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from training.data import Encoded
from training.fit.adapters import recast_trainable
from training.fit.checkpoints import FINISHED, LEARNER_FILES, follow_move, is_last, last_complete_checkpoint
from training.fit.events import mean_loss
from training.stage import StageContext, Stopped


def columns(rows: list[Encoded]) -> Any:
    """Encoded rows as the Dataset that TRL takes as it is; None for no row."""
    from datasets import Dataset  # type: ignore[attr-defined]  # mypy takes the data folder of that name for it

    return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]) if rows else None


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
    if checkpoint is not None and is_last(checkpoint):
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
