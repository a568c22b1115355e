"""A run's bundle onto this machine, from a shell: `install`."""
from __future__ import annotations

import argparse
from pathlib import Path

from curation.errors import NotFound
from training import bundle
from training.commands import Subcommands, add_runs_dir, declare, run_dir_of
from training.reading import read_object
from training.stage import read_result, stage_folders

ORDER = 82


def add(commands: Subcommands) -> None:
    install = declare(
        commands, "install", _install,
        "Copy a run's bundle to ~/.flowsight/models/NAME ($FLOWSIGHT_MODELS names another place), checked, whole or not at all. "
        "`serve NAME`, `ask NAME` and the Chat page find it there.", "first", "first --name flowsight-0.8b --replace",
    )
    install.add_argument("run_name", metavar="RUN", help="a run's name or folder, or a bundle's folder")
    install.add_argument("--name", help="what it is called there (default: the bundle's name)")
    install.add_argument("--replace", action="store_true", help="put it in the place of one of the same name")
    add_runs_dir(install)


def _install(given: argparse.Namespace) -> int:
    folder = Path(given.run_name)
    if not (folder / "version.json").is_file():
        folder = _bundle_of(run_dir_of(given))
    print(bundle.install(folder, given.name or folder.absolute().name, replace=given.replace))
    return 0


def _bundle_of(run_dir: Path) -> Path:
    folders = stage_folders(run_dir, list(read_object(run_dir / "manifest.json")["stages"]))
    packed = read_result(folders["package"]) if "package" in folders else None
    if packed is None or packed.get("folder") is None:
        raise NotFound(kind="bundle in the run", name=run_dir.name)
    return run_dir / packed["folder"]
