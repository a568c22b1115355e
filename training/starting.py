"""Weights as results tell them, and those that a run is started from: a model folder, an adapter's folder, another run. No torch here.

>>> weights_of({"run": "runs/one"})["model"]
'/home/me/runs/one/04-merge/teacher'
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from curation.errors import BadModelFolder, NotFound, Reason, RunFailed, UserError
from training.models import check_model_folder
from training.reading import read_object
from training.stage import read_result, stage_folders

Role = Literal["teacher", "student"]
ROLES: tuple[Role, ...] = ("teacher", "student")


def weights_in(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The weights that a stage's result names: one, or those of every role (merge); none where it made none."""
    if "adapter" in result and "method" in result:
        yield as_weights(result)
    elif "model" in result and "teacher" in result:
        for role in reversed(ROLES):
            if result.get(role):
                yield as_weights({"method": "full", "base": result[role], "adapter": None, "model": result[role], "role": role,
                                "mask": (result.get("masks") or {}).get(role)})


def as_weights(named: Mapping[str, Any]) -> dict[str, Any]:
    return {**{key: named.get(key) for key in ("method", "base", "adapter", "model", "mask")}, "role": named.get("role") or "teacher"}


def weights_of(start: Mapping[str, Any]) -> dict[str, Any]:
    """The weights that `start` of a configuration names, checked, with absolute paths. Raises BadModelFolder, NotFound or RunFailed."""
    if start.get("run"):
        run_dir, weights = _last_of(start["run"])
        return {**weights, **{key: str(run_dir / weights[key]) for key in ("base", "adapter", "model", "mask") if weights[key]},
                "role": "teacher"}
    folder = Path(start.get("model") or start["adapter"]).expanduser().absolute()
    if start.get("model"):
        check_model_folder(folder)
        return as_weights({"method": "full", "base": str(folder), "model": str(folder)})
    if not (folder / "adapter_config.json").is_file() or not (folder / "adapter_model.safetensors").is_file():
        raise BadModelFolder(
            where=str(folder), why=Reason("no_adapter", "it has no adapter_config.json with adapter_model.safetensors"),
            todo=Reason("give_adapter", "Give the folder of a LoRA adapter."),
        )
    return as_weights({"method": "lora", "adapter": str(folder)})  # its base is the teacher's folder


def untuned_of(start: Mapping[str, Any]) -> str | None:
    """The untuned model of what a run is started from; None where it cannot be told (the configuration must name a teacher then)."""
    if start.get("model"):
        return str(start["model"])
    try:
        if start.get("adapter"):
            named = read_object(Path(start["adapter"]).expanduser() / "adapter_config.json").get("base_model_name_or_path")
            return named if isinstance(named, str) and named else None
        run_dir, weights = _last_of(start["run"])
    except (UserError, KeyError):
        return None
    prepared = read_result(stage_folders(run_dir, ["prepare"])["prepare"]) or {}
    folder = prepared.get(weights["role"]) or prepared.get("teacher")
    return None if folder is None else str(run_dir / folder)


def _last_of(run: str) -> tuple[Path, dict[str, Any]]:
    """A run's folder, and the newest weights of it: of the student where there is one."""
    run_dir = Path(run).expanduser().absolute()
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=run)
    stages = read_object(run_dir / "manifest.json").get("stages")
    names = [name for name in stages if isinstance(name, str)] if isinstance(stages, list) else []
    for name, folder in reversed(stage_folders(run_dir, names).items()):
        result = read_result(folder) if name != "prepare" else None
        for weights in weights_in(result or {}):
            return run_dir, weights
    raise RunFailed(
        where=run_dir.name, why=Reason("no_weights_yet", "no stage of it has made weights yet"),
        todo=Reason("start_elsewhere", "Let it get further, or start from its base model."),
    )
