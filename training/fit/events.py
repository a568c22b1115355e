"""What does the loop write down while it runs, when does it save, and when does it end early?"""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from training.fit.checkpoints import FINISHED
from training.fit.settings import LoopSettings
from training.stage import COMPLETE, StageContext


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
