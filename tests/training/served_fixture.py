"""A run's folder that looks finished as far as `package`, with two random GGUF files in it: what serve, ask and the Chat page read."""
from __future__ import annotations

import json
from pathlib import Path

from tests.training.frozen_fixture import write_frozen
from tests.training.stage_fixture import complete
from tests.training.tiny_gguf import write_tiny_gguf


def write_served_run(runs_dir: Path, name: str = "first", *, package: bool = True) -> Path:
    run = runs_dir / name
    stages = ["prepare", "merge", "quantize", "package"]
    run.mkdir(parents=True)
    dataset = write_frozen(runs_dir.parent / f"dataset-{name}", rows=40, pairs=0)
    (run / "manifest.json").write_text(json.dumps({
        "format": 1, "name": name, "created_at": "2026-01-01T00:00:00.000Z", "preset": "tiny", "seed": 1, "launcher": "local",
        "stages": stages, "dataset": {"label": "made-v0001", "hash": "abc", "path": str(dataset)}}), encoding="utf-8")
    (run / "config.yaml").write_text("preset: tiny\n", encoding="utf-8")
    complete(run / "00-prepare", {"teacher": "00-prepare/teacher", "student": None})
    complete(run / "01-merge", {"model": "01-merge/model", "base": "00-prepare/teacher", "teacher": "01-merge/model", "student": None})
    files = []
    for seed, kind in enumerate(("F16", "Q8_0")):
        (run / "02-quantize").mkdir(exist_ok=True)
        file = write_tiny_gguf(run / "02-quantize" / f"flowsight-{kind}.gguf", seed)
        files.append({"type": kind, "file": f"02-quantize/{file.name}", "bytes": file.stat().st_size})
    complete(run / "02-quantize", {"name": "flowsight", "files": files})
    if package:
        complete(run / "03-package", {"name": "flowsight", "folder": "03-package/flowsight", "modelfile_problem": None,
                                      "files": [{"name": "flowsight-Q8_0.gguf", "bytes": 1, "sha256": "f" * 64}]})
    return run
