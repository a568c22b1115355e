"""The commands of `python -m training`: one file each with `add(commands)`, which declares its arguments and names its function.

Found by scanning this folder, so one more command is one more file; ORDER says where it stands in the help (lower first). A command's
function takes the parsed arguments and returns an exit code: 0 done, 2 an error that is told, 3 a run that failed or died.
"""
from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from curation import command as typed
from curation import default_home
from curation.errors import BadValue, NotFound
from training import config
from training.reading import parse_yaml

Command = Callable[[argparse.Namespace], int]
Subcommands = Any  # argparse's own type for this is private


def modules() -> list[ModuleType]:
    """Every command's module, in the order of the help."""
    found = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return sorted(found, key=lambda module: (module.ORDER, module.__name__))


def declare(commands: Subcommands, name: str, run: Command, help: str, *examples: str) -> argparse.ArgumentParser:
    """A subcommand with what it does and examples."""
    shown = "\n".join(f"  {typed('training')} {name} {example}".rstrip() for example in examples)
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=help.split(". ")[0].rstrip("."), description=help, epilog=f"Example{'s' * (len(examples) > 1)}:\n{shown}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="a preset (" + ", ".join(config.presets()) + ") or a YAML file")
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="put over the configuration, e.g. sft.max_steps=20; repeatable"
    )


def add_runs_dir(parser: argparse.ArgumentParser, *aliases: str) -> None:
    parser.add_argument("--runs-dir", *aliases, type=Path, default=default_runs_dir(), help="where runs are (default: %(default)s)")


def default_runs_dir() -> Path:
    """`runs` in the workspace, as curation.settings has it."""
    return Path(os.environ.get("FLOWSIGHT_HOME") or default_home()) / "runs"


def loaded(given: argparse.Namespace) -> config.Config:
    """The configuration that the arguments name, with what --set puts over it."""
    return config.load(given.config, overrides(given))


def overrides(given: argparse.Namespace) -> dict[str, Any]:
    """What --set says, by dotted key."""
    found: dict[str, Any] = {}
    for item in given.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise BadValue(field="--set", value=item, why="has no '='", todo="Give it as KEY=VALUE, e.g. sft.max_steps=20.")
        try:
            found[key] = parse_yaml(value)
        except ValueError:
            found[key] = value  # validated as text
    return found


def run_dir_of(given: argparse.Namespace) -> Path:
    """The directory of the run that the arguments name, in --runs-dir or as a path. Raises NotFound."""
    for candidate in (given.runs_dir / given.run_name, Path(given.run_name)):
        if is_run(candidate):
            return candidate.absolute()
    raise NotFound(kind=f"run in {given.runs_dir}", name=given.run_name)


def is_run(folder: Path) -> bool:
    """Whether a run's folder is here, damaged or not."""
    return (folder / "manifest.json").is_file() and (folder / "config.yaml").is_file()
