"""Every option reaches the trainer; what this machine cannot do is refused."""
from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from curation.errors import UserError
from tests.training.fit_fixture import run_of_its_own, small_settings
from training import fit


def test_every_option_of_the_loop_reaches_the_trainer(line: Path, tmp_path: Path) -> None:
    from trl import SFTConfig

    settings = small_settings(
        optimizer="adafactor", scheduler="cosine_with_min_lr", scheduler_options={"min_lr_rate": 0.1}, warmup=0.2, weight_decay=0.01,
        max_grad_norm=0.5, neftune=5.0, sampling="sequential", save_every=7, eval_every=3, save_limit=2, log_every=2, epochs=3.0,
        max_steps=None, activation_checkpointing=True,
    )
    made = SFTConfig(**fit.loop_arguments(run_of_its_own(line, tmp_path, settings), settings, "cpu", True))
    assert (made.optim, made.lr_scheduler_type, made.lr_scheduler_kwargs) == ("adafactor", "cosine_with_min_lr", {"min_lr_rate": 0.1})
    assert (made.warmup_steps, made.weight_decay, made.max_grad_norm, made.neftune_noise_alpha) == (0.2, 0.01, 0.5, 5.0)
    assert (made.train_sampling_strategy, made.save_steps, made.eval_steps, made.save_total_limit) == ("sequential", 7, 3, 2)
    assert (made.logging_steps, made.num_train_epochs, made.max_steps, made.activation_checkpointing) == (2, 3.0, -1, True)
    assert not made.bf16  # float32 was asked for


@pytest.mark.parametrize(("config", "settings", "told"), [
    ({"report_to": ["trackio"]}, {}, "trackio"), ({"attention": "flash_attention_2"}, {}, "flash-attn"),
    ({}, {"optimizer": "paged_adamw_8bit"}, "no GPU here"),
])
def test_what_this_machine_cannot_do_is_refused_with_what_to_do(config: dict, settings: dict, told: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(fit.arguments.importlib.util, "find_spec", lambda name: None)
    given = types.SimpleNamespace(**{"report_to": [], "attention": "sdpa", **config})
    with pytest.raises(UserError, match=told):
        fit.check_machine(given, small_settings(**settings), "cpu")
