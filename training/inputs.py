"""What was a complete stage made from, and does that still hold? So that a changed setting redoes what depends on it, and nothing else.

A stage depends on its own section, the run's general settings, the dataset, and the stages before it that make weights (a recipe's
WEIGHTS) or that it reads besides (its READS). Each completion has an id of its own, so a stage that was redone redoes those
behind it. Settings that a later version of the program brought in count with their defaults.

>>> changed(read(folder), inputs_of(config, manifest, folders, "merge"))      # [] : it stands
['merge.dtype']
"""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training import config as configuration
from training.config import FIRST, Base, Config
from training.reading import read_object_if_there
from training.stage import COMPLETE, recipes

FILE = "inputs.json"  # in the stage's folder from its start
NOT_READ = {"preset", "threads", "stages", "report_to"}  # general keys that change no result
MODELS = {"teacher", "start"}  # what `prepare` brings, and with it all that follows


def inputs_of(config: Config, manifest: Mapping[str, Any], folders: Mapping[str, Path], name: str) -> dict[str, Any]:
    """Everything that the stage reads, as plain data."""
    whole = configuration.plain(config)
    general = {key: whole[key] for key in Base.model_fields if key not in NOT_READ | {"student"}}
    if name == FIRST:
        general["student"] = whole["student"] if "distill" in config.stages else None
    elif name == "distill":
        general["student"] = whole["student"]
    return _as_json({
        "settings": whole.get(name) or {}, "general": general, "dataset": manifest["dataset"]["hash"],
        "again": (manifest.get("again") or {}).get(name, 0),
        "after": {stage: completion(folders[stage]) for stage in read_by(name, list(folders))},
    })


def _as_json(value: Any) -> Any:
    """As it comes back from a file: numbers that are keys are texts there."""
    return json.loads(json.dumps(value))


def read_by(name: str, names: list[str]) -> list[str]:
    """The stages before it whose results a stage reads. `prepare` only passes on what the general settings say already."""
    known, before = recipes(), names[: names.index(name)]
    besides = getattr(known[name], "READS", ()) if name in known else ()
    return [stage for stage in before if stage in besides or getattr(known.get(stage), "WEIGHTS", False)]


def completion(folder: Path) -> str | None:
    """The id of a stage's completion; None while it is not complete."""
    return str(read_object_if_there(folder / COMPLETE).get("made", "")) if (folder / COMPLETE).is_file() else None


def read(folder: Path) -> dict[str, Any]:
    """What the stage in this folder was made, or begun, from; {} where it is not known (a run of an earlier version)."""
    return read_object_if_there(folder / FILE)


def changed(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> list[str]:
    """The keys by which two inputs of a stage differ; [] too where it is not known what it was made from."""
    if not before:
        return []
    found = [f"{name}.{key}" for key in _differing(_with_defaults(name, before.get("settings") or {}), now["settings"])]
    defaults = {key: Base.model_fields[key].default for key in now["general"] if not Base.model_fields[key].is_required()}
    found += _differing({**defaults, **(before.get("general") or {})}, now["general"])
    found += [key for key in ("dataset", "again") if before.get(key) != now[key]]
    found += [f"stage {stage}" for stage in _differing(before.get("after") or {}, now["after"])]
    return found


def differing(before: Config, now: Config) -> list[str]:
    """The dotted keys by which two configurations differ."""
    return list(_differing(configuration.plain(before), configuration.plain(now)))


def _with_defaults(name: str, section: Mapping[str, Any]) -> Mapping[str, Any]:
    if name == FIRST or name not in recipes():
        return section
    try:
        return _as_json(configuration.plain(recipes()[name].Settings.model_validate(_numbers_as_keys(section))))
    except ValidationError:
        return section


def _numbers_as_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {int(key) if key.isdecimal() else key: _numbers_as_keys(inner) for key, inner in value.items()}
    return value


def _differing(before: Any, now: Any, path: str = "") -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in {**before, **now}:
            yield from _differing(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))
    elif before != now:
        yield path


def stale(config: Config, manifest: Mapping[str, Any], folders: Mapping[str, Path]) -> dict[str, list[str]]:
    """The complete stages that would be done again, each with the keys that changed; what follows from one is told as "stage NAME"."""
    found: dict[str, list[str]] = {}
    for name, folder in folders.items():
        if (folder / COMPLETE).is_file():
            keys = changed(read(folder), inputs_of(config, manifest, folders, name), name)
            keys += [f"stage {stage}" for stage in read_by(name, list(folders)) if stage in found and f"stage {stage}" not in keys]
            if keys:
                found[name] = keys
    return found
