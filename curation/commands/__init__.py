"""The commands of `python -m curation`: one file each with `add(commands)`, which declares its arguments and names its function.

A command's function takes the parsed arguments, opens what it needs with `workspace(given)`, and returns an exit code.
"""
from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation import command as typed
from curation import default_home
from curation.errors import BadValue, NotAllowed, NotFound
from curation.model import Actor
from curation.people.users import list_users, local_lead
from curation.settings import Settings, load_settings
from curation.store import Store, open_store

Subcommands = Any  # argparse's own type for this is private


@dataclass(frozen=True)
class Workspace:
    store: Store
    settings: Settings
    actor: Actor


def declare(
    commands: Subcommands, name: str, run: Callable[[argparse.Namespace], int], help: str, *examples: str
) -> argparse.ArgumentParser:
    """A subcommand with what it does, examples, and the options that all have."""
    shown = "\n".join(f"  {typed('curation')} {example}" for example in examples)
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=help.split(". ")[0].rstrip("."), description=help, epilog=f"example{'s' * (len(examples) > 1)}:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("--home", type=Path, metavar="DIR", help=f"the workspace (default: $FLOWSIGHT_HOME, else {default_home()})")
    return command


def add_user(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", metavar="NAME", help="act as this user of the workspace (default: the local lead)")


def one_of_two(folder: str | None, source: str | None) -> None:
    """Raises BadValue unless exactly one of DIR and --source is given."""
    if (folder is None) == (source is None):
        why = "is not enough or too much: exactly one is needed"
        raise BadValue(field="DIR or --source", value=folder or "", why=why, todo="Name a folder, or an imported source.")


def index_place(given: argparse.Namespace) -> Path | None:
    """What --index names. Raises BadValue for a file, and for a folder of other things."""
    if given.index is None or not given.index.exists():
        return given.index
    todo = "Name an index folder, or one to be made."
    if not given.index.is_dir():
        raise BadValue(field="--index", value=str(given.index), why="is no folder", todo=todo)
    if not (given.index / "lock").exists() and any(given.index.iterdir()):  # the lock is the first file of every index
        raise BadValue(field="--index", value=str(given.index), why="holds other files than an index", todo=todo)
    return given.index


def no_c_files(folder: str) -> BadValue:
    return BadValue(field="DIR", value=folder, why="holds no C files", todo="Name the folder that the .c and .h files are in, or below.")


def workspace(given: argparse.Namespace) -> Workspace:
    """The workspace named by the arguments; made when it is not there. Raises NotFound for an unknown or disabled --user."""
    settings = load_settings(given.home)
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.store_url)
    name = getattr(given, "user", None)
    return Workspace(store, settings, local_lead(store) if name is None else _user(store, name))


def _user(store: Store, name: str) -> Actor:
    for user in list_users(store):
        if user.name == name:
            if user.disabled_at is not None:
                raise NotAllowed(user=user.name, role=user.role, action="act: the user is disabled")
            return Actor(name=user.name, role=user.role)
    raise NotFound(kind="user", name=name)
