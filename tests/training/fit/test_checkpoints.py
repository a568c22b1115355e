"""From which checkpoint a stage goes on, and that it trains no step more."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.training.fit_fixture import losses_of, run_of_its_own, small_settings
from training.recipes import sft


def test_a_run_killed_behind_its_last_step_trains_no_step_more(line: Path, tmp_path: Path) -> None:
    """The checkpoints still lie there when the stage is run again: nothing but the end of the stage was lost."""
    ctx = run_of_its_own(line, tmp_path, small_settings(max_steps=3, log_every=2))
    whole = sft.run(ctx)
    weights = (ctx.stage_dir / "last" / "adapter_model.safetensors").read_bytes()
    events: list[dict[str, Any]] = []
    again = sft.run(run_of_its_own(line, tmp_path, ctx.settings, events))
    assert (again["steps"], again["resumed_from"]) == (3, 3) and losses_of(events) == []
    assert again["train_loss"] == whole["train_loss"] and again["validation_loss"] == whole["validation_loss"]
    assert (ctx.stage_dir / "last" / "adapter_model.safetensors").read_bytes() == weights
