"""How does a run begin? Its directory is made whole or not at all, with what it is made from, and its worker is started."""
from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from curation import PROJECT
from curation.errors import BadValue, Reason
from training.config import FIRST, Config, dump
from training.data import open_dataset
from training.models import check_local
from training.runs.process import launch
from training.stage import utc_now, write_atomically

NAME_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
VERSIONS_OF = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "tokenizers", "safetensors")


def start(config: Config, runs_dir: Path, *, dataset_dir: Path, name: str | None = None, launcher: str = "local") -> Path:
    """Makes the run's directory and starts its worker. name None: made of dataset, preset and time.

    Raises TouchedDataset or NotFound for the dataset, BadModelFolder for a local model that cannot be used, BadValue for a name that is
    taken or is no plain file name. Nothing is left behind then."""
    dataset = open_dataset(dataset_dir)
    label = f"{dataset.manifest['name']}-v{dataset.manifest['version']:04d}"
    name = name or f"{label}-{config.preset or 'own'}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if not NAME_RULE.fullmatch(name):
        raise BadValue(
            field="name", value=name, why=Reason("no_plain_name", "is no plain name"),
            todo=Reason("plain_name_rule", "Use letters, digits, '.', '_' and '-', at most 80."),
        )
    for model in filter(None, (config.teacher, config.student)):
        check_local(model)
    run_dir = runs_dir.absolute() / name
    manifest = {
        "format": 1, "name": name, "created_at": utc_now(), "launcher": launcher, "seed": config.seed, "preset": config.preset,
        "dataset": {"path": str(dataset_dir.absolute()), "label": label, "hash": dataset.hash},
        "stages": [FIRST, *config.stages], "config": dump(config), "models": None, "commit": _commit(), "versions": _versions(),
    }
    _make(run_dir, {"config.yaml": dump(config), "manifest.json": json.dumps(manifest, ensure_ascii=False, indent=1)})
    launch(run_dir, manifest, config, attempt=1)
    return run_dir


def _make(run_dir: Path, files: dict[str, str]) -> None:
    """The run's directory with these files in it, whole or not at all: made beside and renamed. An empty folder of the name is replaced."""
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".starting-", dir=run_dir.parent))
    try:
        beside.chmod(0o755)
        for name, text in files.items():
            write_atomically(beside / name, text)
        os.rename(beside, run_dir)
    except OSError as err:
        shutil.rmtree(beside, ignore_errors=True)
        if not run_dir.exists():
            raise
        raise BadValue(
            field="name", value=run_dir.name, why=Reason("run_name_taken", "is the name of a run already"),
            todo=Reason("other_run_name", "Choose another, or resume that run."),
        ) from err


def _versions() -> dict[str, str]:
    import platform

    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in VERSIONS_OF:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # recorded as absent by being absent
    return found


def _commit() -> str | None:
    """The code's git commit, with "+" behind it when files differ from it; None outside of a git checkout."""
    import subprocess

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    return head and head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
