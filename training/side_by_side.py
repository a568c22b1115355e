"""How do runs differ? Their settings, key by key, and their figures beside each other. No torch.

>>> differing_settings({"a": {"sft": {"epochs": 1}}, "b": {"sft": {"epochs": 2}}})
{'sft.epochs': {'a': 1, 'b': 2}}
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from curation.errors import NotFound
from training import report

MISSING = "–"


def settings_in(run_dir: Path) -> dict[str, Any]:
    """A run's configuration as it stands in its folder; {} where it cannot be read."""
    try:
        found = yaml.safe_load((run_dir / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def differing_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Dotted key -> run -> value, of the keys that are not the same in all; MISSING where a run has no such key."""
    flat = {run: _flat(values, "") for run, values in settings.items()}
    keys = dict.fromkeys(key for values in flat.values() for key in values)
    rows = {key: {run: values.get(key, MISSING) for run, values in flat.items()} for key in keys}
    return {key: row for key, row in rows.items() if any(value != next(iter(row.values())) for value in row.values())}


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def evaluation_in(run_dir: Path) -> dict[str, Any] | None:
    """A run's report; None while it has none that can be read."""
    try:
        return report.read(run_dir)["evaluation"]
    except (NotFound, OSError, ValueError, KeyError, TypeError):
        return None
