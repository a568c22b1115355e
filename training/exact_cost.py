"""What will fine-tuning cost, counted rather than reckoned? `train DATA CONFIG --dry-run --json` in a process of its own (it tokenizes, and
the web process imports no transformers), its answer kept under a hash of what it depends on.

One such process at a time, at low priority. Until it has answered, and where it cannot (the model is not on this machine, the run has no
`sft`), cost.py's estimate stands.

>>> counted(load("smollm2-135m"), Path("datasets/demo/v0001"), Path("workspace/cache"), Path("workspace/runs"))
(None, True)        # and a few seconds later:
({"rows": 640, "left_out": 3, "steps": 80, "time": {"seconds": 512.0, ...}, ...}, False)
"""
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from curation import PROJECT
from curation.errors import UserError
from curation.model import canonical_json
from training import config, models
from training.reading import read_object

FORMAT = 1  # raise it when the same dry run gives another answer
READ = ("teacher", "device", "dtype", "threads", "system_prompt", "sft")  # the keys that a dry run looks at
KEPT = 100  # answers

_lock = threading.Lock()
_running: dict[str, subprocess.Popen[bytes]] = {}  # at most one
_failed: set[str] = set()  # not tried again by this process


def counted(wanted: Any, dataset_dir: Path, cache_dir: Path, runs_dir: Path) -> tuple[dict[str, Any] | None, bool]:
    """(dry_run.report or None, whether one is on its way). Starts what is missing; returns at once."""
    seal = dataset_dir / "manifest.sha256"
    if "sft" not in wanted.stages or not seal.is_file():
        return None, False
    folder = cache_dir / "dry-runs"
    key = _key(wanted, seal.read_bytes(), runs_dir)
    with _lock:
        _collect(folder)
        if (file := folder / f"{key}.json").is_file():
            try:
                return read_object(file)["sft"], False
            except (UserError, KeyError):
                file.unlink(missing_ok=True)
        if key in _failed or not _running and not _model_is_here(wanted):
            return None, False
        if not _running:
            _running[key] = _start(wanted, dataset_dir, folder, key, runs_dir)
    return None, True


def _key(wanted: Any, seal: bytes, runs_dir: Path) -> str:
    """With the newest former run: its speed is what the time is told by."""
    newest = max((path.stat().st_mtime_ns for path in runs_dir.glob("*/*-sft/result.json")), default=0)
    asked = {key: value for key, value in config.plain(wanted).items() if key in READ}
    return hashlib.sha256(canonical_json([FORMAT, seal.decode("ascii", "replace"), newest, json.dumps(asked)]).encode()).hexdigest()[:32]


def _model_is_here(wanted: Any) -> bool:
    try:
        return wanted.teacher.random is not None or models.check_local(wanted.teacher) is not None
    except UserError:
        return False


def _start(wanted: Any, dataset_dir: Path, folder: Path, key: str, runs_dir: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f".{key}.yaml").write_text(config.dump(wanted), encoding="utf-8")
    command = [sys.executable, "-m", "training", "train", str(dataset_dir), str(folder / f".{key}.yaml"), "--dry-run", "--json",
               "--runs-dir", str(runs_dir)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    with open(folder / f".{key}.part", "wb") as answer:
        process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.DEVNULL,
                                   env=environment)
    os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


def _collect(folder: Path) -> None:
    """Takes the answer of a process that has ended, if it is whole."""
    for key, process in list(_running.items()):
        if process.poll() is None:
            continue
        del _running[key]
        part = folder / f".{key}.part"
        try:
            whole = process.returncode == 0 and "lengths" in (read_object(part)["sft"] or {})
        except (UserError, KeyError):
            whole = False
        if whole:
            os.replace(part, folder / f"{key}.json")
        else:
            _failed.add(key)
            part.unlink(missing_ok=True)
        (folder / f".{key}.yaml").unlink(missing_ok=True)
        for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
