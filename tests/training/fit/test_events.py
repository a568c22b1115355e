"""Early stopping, the mean loss, patience."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.fit_fixture import run_of_its_own, small_settings
from training.fit.events import mean_loss, without_better
from training.recipes import sft


def test_early_stopping_ends_the_loop_and_stands_after_a_resume(line: Path, tmp_path: Path) -> None:
    settings = small_settings(max_steps=9, eval_every=1, save_every=9, learning_rate=1e-12, early_stopping_patience=2,
                         early_stopping_threshold=0.5, eval_rows=2)
    ctx = run_of_its_own(line, tmp_path, settings)
    result = sft.run(ctx)
    assert result["steps"] == 3 and result["stopped_early"]
    assert sft.run(ctx)["steps"] == 3


def test_the_mean_loss_and_the_patience_are_read_from_the_history() -> None:
    history = [{"step": 1, "loss": 4.0}, {"step": 1, "eval_loss": 3.0}, {"step": 4, "loss": 2.0}, {"step": 4, "eval_loss": 3.1},
               {"step": 5, "loss": 1.0}, {"step": 5, "eval_loss": 2.95}, {"step": 5, "train_loss": 9.0}]
    assert mean_loss(history) == pytest.approx((4 + 3 * 2 + 1) / 5)
    assert without_better(history, 0.0) == 0 and without_better(history, 0.1) == 2
    assert mean_loss([]) is None and without_better([], 0.0) == 0
