"""A run directory behind `prepare`, shared by the tests of the loop."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.fit_fixture import SIZE
from tests.training.frozen_fixture import write_frozen
from tests.training.stage_fixture import complete
from training import data, models


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory behind `prepare`: a dataset and a random model."""
    import torch

    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("fit") / "run"
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=60, pairs=24))
    rows = data.read_rows(frozen, "sft", "train")
    tokenizer = models.train_tokenizer((m["content"] for r in rows for m in [*r["prompt"], *r["completion"]]), SIZE.vocab_size)
    models.make_random(run / "base", SIZE, tokenizer, seed=3)
    (run / "manifest.json").write_text(json.dumps({"stages": ["prepare", "sft", "dpo"]}), encoding="utf-8")
    complete(run / "00-prepare", {"teacher": "base", "student": None})
    return run
