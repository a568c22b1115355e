"""Which process works on a run, does it live, and how is it started?"""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from curation.errors import Reason
from training.config import Config
from training.launchers import launchers
from training.reading import damaged
from training.runs.manifest import read_if_there
from training.stage import write_atomically


def launch(run_dir: Path, manifest: dict[str, Any], config: Config, attempt: int) -> None:
    (run_dir / "stop.json").unlink(missing_ok=True)
    write_atomically(run_dir / "status.json", json.dumps({"state": "starting", "heartbeat": time.time(), "attempt": attempt}))
    environment = {
        # 2 threads on a busy machine: torch's spinning wait was measured 7-20 times slower than a sleeping one.
        "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1",
        "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore::FutureWarning",  # stdout.log is read by people
    }
    if config.threads is not None:
        environment["OMP_NUM_THREADS"] = str(config.threads)
    handle = launchers()[manifest["launcher"]].launch(run_dir, environment)
    write_atomically(run_dir / "launch.json", json.dumps({"launcher": manifest["launcher"], "handle": handle, "attempt": attempt}))


def process_of(run_dir: Path) -> tuple[Any, dict[str, Any]]:
    launch = read_if_there(run_dir / "launch.json")
    name, handle = launch.get("launcher", "local"), launch.get("handle", {})
    if not isinstance(handle, dict) or not isinstance(name, str) or name not in launchers():
        why = Reason("no_such_launcher", "it names no launcher ({known}), or no process", known=", ".join(launchers()))
        raise damaged(run_dir / "launch.json", ValueError(why))
    return launchers()[name], handle


def is_alive(run_dir: Path) -> bool:
    launcher, handle = process_of(run_dir)
    return launcher.alive(handle)
