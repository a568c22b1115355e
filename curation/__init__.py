"""Curation: from C sources to a frozen dataset. Here is what the whole house shares: its version, where it stands, and its workspace."""
from __future__ import annotations

import os
import tomllib
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


def datasets_dir(home: Path | None = None) -> Path:
    """Where frozen versions go: what flowsight.toml or FLOWSIGHT_DATASETS_DIR says, else `datasets/` of a workspace that was named (home,
    $FLOWSIGHT_HOME) or of an installed program, else the project's own. A flowsight.toml that cannot be read is told by settings.py."""
    named = home or (Path(os.environ["FLOWSIGHT_HOME"]) if os.environ.get("FLOWSIGHT_HOME") else None)
    place = (named or default_home()).absolute()
    if said := os.environ.get("FLOWSIGHT_DATASETS_DIR"):
        return Path(said)
    try:
        wanted = tomllib.loads((place / "flowsight.toml").read_text(encoding="utf-8")).get("datasets_dir")
    except (OSError, ValueError):
        wanted = None
    if isinstance(wanted, str):
        return Path(wanted)
    return PROJECT / "datasets" if CHECKOUT and named is None else place / "datasets"


def at_hand(typed: str | Path, home: Path | None = None) -> Path:
    """A path that a user typed. `datasets/...` means, where nothing of that name is in the folder they are in, the workspace's datasets,
    then those that come with the program: a command of the README works from any folder and with any workspace.

    >>> at_hand("datasets/flow/v0001")
    PosixPath('/data/flow/datasets/flow/v0001')
    """
    path = Path(typed)
    if path.parts[:1] == ("datasets",) and not path.exists():
        for folder in (datasets_dir(home), PROJECT / "datasets"):
            if (there := folder.joinpath(*path.parts[1:])).exists():
                return there
    return path


def command(words: str) -> str:
    """How a user types a command of ours, here.

    >>> command("training tools --build")
    'python -m training tools --build'
    """
    return ("python -m " if CHECKOUT else "flowsight ") + words
