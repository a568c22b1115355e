"""What was a run started with? Its manifest.json, its configuration (refused when edited behind it) and its dataset."""
from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation import command
from curation.errors import NotFound, Reason, RunFailed, UserError
from training import inputs
from training.config import Config, load
from training.reading import damaged, parse_yaml, read_bytes, read_object, read_object_if_there

STAGE_RULE = re.compile(r"[A-Za-z0-9_-]{1,60}")  # it names a folder


def read_manifest(run_dir: Path) -> dict[str, Any]:
    """A run's manifest.json with what is read of it in its right types. Raises DamagedFile."""
    manifest = read_object(run_dir / "manifest.json")
    dataset, stages = manifest.get("dataset"), manifest.get("stages")
    good = {
        "stages": isinstance(stages, list) and all(isinstance(stage, str) and STAGE_RULE.fullmatch(stage) for stage in stages),
        "dataset": isinstance(dataset, dict) and all(isinstance(dataset.get(key), str) for key in ("path", "label", "hash")),
        "created_at": isinstance(manifest.get("created_at"), str),
    }
    for key, fits in good.items():
        if not fits:
            why = Reason("manifest_key", "manifest.json has no {key!r}, or one of a wrong type", key=key)
            raise damaged(run_dir / "manifest.json", ValueError(why))
    return manifest


def config_of(run_dir: Path, manifest: Mapping[str, Any]) -> Config:
    """The run's configuration. Raises RunFailed where config.yaml is not what the run was started or continued with."""
    config = load(run_dir / "config.yaml")
    if "config" in manifest and (keys := inputs.differing(recorded(manifest), config)):
        raise RunFailed(
            where=run_dir.name, why=Reason("config_edited", "its config.yaml was edited behind it: {keys}", keys=", ".join(keys)),
            todo=Reason("continue_with_set", "Put it back, or change a setting by `{command} {run} --set KEY=VALUE`.",
                        command=command("training continue"), run=run_dir.name),
        )
    return config


def config_text(run_dir: Path) -> tuple[str, UserError | None]:
    """config.yaml as it stands, and what is wrong with it (None: nothing); no run can go on with a wrong one. Raises DamagedFile."""
    file = run_dir / "config.yaml"
    try:
        text = read_bytes(file).decode("utf-8", errors="replace")
    except ValueError as err:
        raise damaged(file, err) from err
    return text, _problem_of(file, text)


@lru_cache(maxsize=32)
def _problem_of(file: Path, text: str) -> UserError | None:
    """text: what the file holds now, so that it is read again only when it was changed."""
    try:
        load(file)
    except UserError as err:
        return err
    return None


def recorded(manifest: Mapping[str, Any]) -> Config:
    """The configuration as the manifest has it, in YAML: JSON would make texts of the numbers that are keys."""
    return load(parse_yaml(manifest["config"]))


def dataset_of(manifest: Mapping[str, Any]) -> Path:
    """The frozen version that a run reads. Raises RunFailed where it is no longer there."""
    folder = Path(manifest["dataset"]["path"])
    if not (folder / "manifest.json").is_file():
        raise RunFailed(
            where=str(manifest.get("name")),
            why=Reason("dataset_gone", "its dataset {label} is no longer at {path} (dataset.path in manifest.json)",
                       label=manifest["dataset"]["label"], path=str(folder)),
            todo=Reason("continue_with_data", "Put it back, or say where it is by `{command} {run} --data FOLDER`.",
                        command=command("training continue"), run=str(manifest.get("name"))),
        )
    return folder


def require_run(run_dir: Path) -> None:
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=str(run_dir))


def read_if_there(path: Path) -> dict[str, Any]:
    """A JSON file's object; {} where there is none, or nothing in it. Raises DamagedFile."""
    return read_object_if_there(path)
