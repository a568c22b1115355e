"""Which settings was a run made with, and in which do runs differ? Their configurations whole, with every default, so that one that was
written out by hand and one that was dumped compare alike. No torch.

>>> differing({"a": {"sft": {"epochs": 1, "rank": 8}}, "b": {"sft": {"epochs": 2, "rank": 8}}})
{'sft.epochs': {'a': 1, 'b': 2}}
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curation.errors import UserError
from training import config
from training.reading import parse_yaml, read_bytes


def settings_in(run_dir: Path) -> dict[str, Any]:
    """The configuration in a run's folder; as it stands there where it is none of this version of the program, {} where it cannot be
    read."""
    file = run_dir / "config.yaml"
    try:
        return config.plain(config.load(file))
    except UserError:
        pass
    try:
        found = parse_yaml(read_bytes(file))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def differing(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Dotted key -> run -> value, of the keys that are not the same in all; None where a run has no such key. Runs whose settings are not
    known ({}) have None everywhere, and are no difference."""
    flat = {run: flattened(values) for run, values in settings.items()}
    keys = dict.fromkeys(key for values in flat.values() for key in values)
    rows = {key: {run: values.get(key) for run, values in flat.items()} for key in keys}
    known = [run for run, values in flat.items() if values]
    return {key: row for key, row in rows.items() if any(row[run] != row[known[0]] for run in known)}


def flattened(values: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) and value else {f"{prefix}{key}": value}
    return found
