"""A configuration for runs that never learn, and how a worker leaves."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training import config


def small_config(**more: Any) -> config.Config:
    return config.load("tiny", {"stages": ["sft", "merge"], **more})


def leave(run_dir: Path, state: str, error: dict[str, Any] | None = None) -> None:
    (run_dir / "exit.json").write_text(json.dumps({"state": state, "error": error}))
