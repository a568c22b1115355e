"""Curation: from C sources to a frozen dataset. Here is what the whole house shares: its version, where it stands, and its workspace."""
from __future__ import annotations

import os
from pathlib import Path

__version__ = "0.2.0"

PROJECT = Path(__file__).resolve().parent.parent  # the folder that holds app.py, pages/ and datasets/
CHECKOUT = (PROJECT / "pyproject.toml").is_file()  # else it was installed, as flowsight/house/


def default_home() -> Path:
    """The workspace where none is named: `workspace/` in a checkout; the user's data folder for an installed program, whose own folder is
    replaced by the next installation."""
    if CHECKOUT:
        return PROJECT / "workspace"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "flowsight"


def command(words: str) -> str:
    """How a user types a command of ours, here.

    >>> command("training tools --build")
    'python -m training tools --build'
    """
    return ("python -m " if CHECKOUT else "flowsight ") + words
