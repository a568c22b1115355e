"""How is a run ended: asked to save and exit, or at once?"""
from __future__ import annotations

import json
import time
from pathlib import Path

from training.runs.manifest import require_run
from training.runs.process import is_alive, process_of
from training.runs.status import RunStatus, poll
from training.stage import utc_now, write_atomically


def stop(run_dir: Path, grace_s: float | None = None) -> RunStatus:
    """Asks the worker to save a checkpoint and exit. grace_s None: returns at once; else waits that many seconds and then kills it."""
    require_run(run_dir)
    if is_alive(run_dir):
        write_atomically(run_dir / "stop.json", json.dumps({"time": utc_now()}))
        launcher, handle = process_of(run_dir)
        launcher.terminate(handle)
        deadline = time.monotonic() + (grace_s or 0.0)
        while grace_s is not None and is_alive(run_dir):
            if time.monotonic() > deadline:
                kill(run_dir)
                break
            time.sleep(0.1)
    return poll(run_dir)


def kill(run_dir: Path) -> None:
    """Ends the worker and what it started at once. Its last complete checkpoint stands."""
    require_run(run_dir)
    if is_alive(run_dir):
        launcher, handle = process_of(run_dir)
        launcher.kill(handle)
        while is_alive(run_dir):
            time.sleep(0.05)
