"""Preferences that do not help are not carried on."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.training.fit_fixture import losses_of, run_of_its_own, small_settings
from tests.training.stage_fixture import complete, context
from training.recipes import dpo, sft


def _dpo(**given: Any) -> dpo.Settings:
    small = {"max_steps": 4, "batch_size": 2, "gradient_accumulation": 1, "learning_rate": 1e-3, "log_every": 1, "save_every": 2,
             "eval_rows": 4, "max_length": 512}
    return dpo.Settings.model_validate({**small, **given})


@pytest.fixture(scope="module")
def tuned(line: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run behind sft: an adapter after one step."""
    folder = tmp_path_factory.mktemp("tuned")
    ctx = run_of_its_own(line, folder, small_settings(max_steps=1, eval_rows=0))
    complete(ctx.stage_dir, sft.run(ctx))
    return folder / "run"


def test_preferences_that_do_not_help_are_not_carried_on_and_few_pairs_are_warned_of(tuned: Path) -> None:
    events: list[dict[str, Any]] = []
    before = json.loads((tuned / "01-sft" / "result.json").read_text())
    bad = dpo.run(context(tuned, "dpo", _dpo(learning_rate=1e-12, precompute_reference=True), events))
    assert not bad["carried_on"] and bad["adapter"] == before["adapter"] and bad["warnings"] == ["few_pairs"]
    assert [e["code"] for e in events if e["kind"] == "warning"] == ["few_pairs", "dpo_not_carried_on"]
    shutil.rmtree(tuned / "02-dpo")
    good = dpo.run(context(tuned, "dpo", _dpo(), events := []))
    assert good["carried_on"] and good["best_validation_loss"] < 0.6931 and good["adapter"] == "02-dpo/best"
    assert losses_of(events)[0] == pytest.approx(0.6931, abs=1e-3)
