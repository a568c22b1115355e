"""Models and a stage context for tests of the later stages: a small random model, and the same one after it learned the test rows by heart
(on purpose: a stage that compares before and after must have a difference to find)."""
from __future__ import annotations

import json
import os
import shutil
import types
from pathlib import Path
from typing import Any

import pytest

from tests.training.frozen_fixture import write_frozen
from training import data, models
from training.stage import COMPLETE, RESULT, StageContext

SIZE = models.RandomModel(layers=2, hidden_size=256, intermediate_size=512, heads=4, kv_heads=2, vocab_size=1024, context=512)


def write_line(run: Path) -> Path:
    """Makes a run directory that has come as far as `merge`: dataset/, base/ and tuned/ in it."""
    import torch

    torch.set_num_threads(1)
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=60, pairs=0))
    rows = data.read_rows(frozen, "sft", "train") + data.read_rows(frozen, "sft", "test")
    tokenizer = models.train_tokenizer((m["content"] for r in rows for m in [*r["prompt"], *r["completion"]]), SIZE.vocab_size)
    models.make_random(run / "base", SIZE, tokenizer, seed=3)
    _learn(run / "base", run / "tuned", data.read_rows(frozen, "sft", "test"))
    manifest = {"format": 1, "name": "run", "created_at": "2026-01-01T00:00:00.000Z", "preset": "tiny", "seed": 5,
                "dataset": {"path": str(run / "dataset"), "label": "made-v0001", "hash": frozen.hash},
                "stages": ["merge", "evaluate", "quantize", "package"], "models": None, "commit": None, "versions": {"torch": "x"}}
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (run / "config.yaml").write_text("preset: tiny\n", encoding="utf-8")
    complete(run / "00-merge", {"model": "tuned", "base": "base", "teacher": "tuned", "student": None})
    return run


def _learn(base: Path, tuned: Path, rows: list[dict[str, Any]]) -> None:
    import torch

    tokenizer, model = models.load_tokenizer(base), models.load_model(base, device="cpu", dtype="float32")
    encoded = [data.encode(tokenizer, row["prompt"], row["completion"]) for row in rows]
    longest = max(len(e.input_ids) for e in encoded)
    ids = torch.tensor([e.input_ids + [tokenizer.pad_token_id] * (longest - len(e.input_ids)) for e in encoded])
    labels = torch.tensor([e.labels + [data.IGNORED] * (longest - len(e.labels)) for e in encoded])
    mask = torch.tensor([[1] * len(e.input_ids) + [0] * (longest - len(e.input_ids)) for e in encoded])
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=2e-3)
    for _ in range(45):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    models.save_model(model, tokenizer, tuned)


def complete(folder: Path, result: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).write_text(json.dumps(result), encoding="utf-8")
    (folder / COMPLETE).write_text(json.dumps({"time": "now", "seconds": 1.0}), encoding="utf-8")


def context(run: Path, stage: str, settings: Any, events: list[dict[str, Any]] | None = None) -> StageContext:
    """The context the worker would give to this stage of the run at `run`."""
    stages = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["stages"]
    folders = {name: run / f"{i:02d}-{name}" for i, name in enumerate(stages)}
    folders[stage].mkdir(exist_ok=True)
    config = types.SimpleNamespace(device="cpu", dtype="float32", threads=1, seed=5, preset="tiny", attention="sdpa", system_prompt=None,
                                   report_to=[])
    return StageContext(name=stage, run_dir=run, stage_dir=folders[stage], config=config, settings=settings, dataset_dir=run / "dataset",
                        seed=5, folders=folders, write_event=(events if events is not None else []).append)


def needs_compilers() -> None:
    """Skips, loudly, where llama.cpp cannot be built because this machine has no cmake or C++ compiler; on CI that is a failure."""
    missing = [name for name in ("cmake", "c++") if shutil.which(name) is None]
    if missing:
        why = f"llama.cpp cannot be built here: no {' and no '.join(missing)} on PATH"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
