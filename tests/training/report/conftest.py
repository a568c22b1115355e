"""One reported run, and three to compare."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.training.report_fixture import write_reported_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reported_run(tmp_path_factory.mktemp("runs"), "one")


@pytest.fixture
def three(run: Path, tmp_path: Path) -> list[Path]:
    """The run, one with other settings that gained a row, and one on other test rows."""
    other, apart = tmp_path / "two", tmp_path / "three"
    shutil.copytree(run, other)
    shutil.copytree(run, apart)
    (run / "config.yaml").write_text("preset: tiny\nsft:\n  rank: 8\n  epochs: 2\n", encoding="utf-8")
    (other / "config.yaml").write_text("preset: tiny\nsft:\n  rank: 32\n  epochs: 2\n", encoding="utf-8")
    (apart / "config.yaml").write_text("- no: mapping\n", encoding="utf-8")
    file = other / "02-evaluate" / "predictions-tuned.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])  # the invented name: now right
    first["scores"]["targets"] = {"tp": 1, "fp": 0, "fn": 0, "score": 1.0}
    file.write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n", encoding="utf-8")
    for name in ("predictions-tuned.jsonl", "rows.jsonl"):
        file = apart / "02-evaluate" / name
        file.write_text(file.read_text(encoding="utf-8").replace('"test', '"else'), encoding="utf-8")
    return [run, other, apart]
