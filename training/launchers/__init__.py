"""How a worker is started on a run directory: one file each, found by scanning.

A launcher is a module with NAME, `launch(run_dir, environment) -> dict` (starts `python -m training.worker RUN_DIR` and returns, as
plain JSON, what identifies the process), `alive(handle) -> bool`, `terminate(handle)` (asks it to save and exit) and `kill(handle)`
(it and what it started). Everything else goes through the run directory.
"""
from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType


@cache
def launchers() -> dict[str, ModuleType]:
    """Every launcher by its NAME."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found[module.NAME] = module
    return found
