"""A tiny model, a few settings, and runs of their own that share its folder."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.training.stage_fixture import context
from training import models
from training.recipes import sft

SIZE = models.RandomModel(layers=3, hidden_size=256, intermediate_size=256, heads=2, kv_heads=1, vocab_size=512, context=1024)


def small_settings(**given: Any) -> sft.Settings:
    small = {"method": "lora", "max_steps": 4, "batch_size": 4, "gradient_accumulation": 2, "learning_rate": 1e-3, "log_every": 1,
             "save_every": 2, "eval_rows": 4, "max_length": 512, "adapter": {"rank": 4, "dropout": 0.0}}
    return sft.Settings.model_validate({**small, **given})


def run_of_its_own(line: Path, tmp_path: Path, settings: Any, events: list[Any] | None = None, stage: str = "sft") -> Any:
    """A run of its own that shares the dataset and the model."""
    run = tmp_path / "run"
    if not run.exists():
        run.mkdir()
        for name in ("base", "dataset"):
            (run / name).symlink_to(line / name)
        for name in ("manifest.json", "00-prepare"):
            copy = shutil.copytree if (line / name).is_dir() else shutil.copy
            copy(line / name, run / name)
    return context(run, stage, settings, events)


def losses_of(events: list[dict[str, Any]]) -> list[float]:
    return [event["loss"] for event in events if event["kind"] == "step" and "loss" in event]
