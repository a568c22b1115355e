"""Configurations from a shell: `init-config` writes a preset to be edited, `validate-config` tells every fault at once."""
from __future__ import annotations

import argparse
from pathlib import Path

from curation.errors import BadValue
from training import config
from training.commands import Subcommands, add_config, declare, loaded

ORDER = 10


def add(commands: Subcommands) -> None:
    init = declare(
        commands, "init-config", _init_config, "Write a preset's configuration to a file, to be edited.", "tiny --output my.yaml",
    )
    init.add_argument("preset", nargs="?", default=None, help="one of: " + ", ".join(config.presets()))
    init.add_argument("--output", "--out", type=Path, metavar="FILE", help="the file (default: standard output); never overwritten")

    validate = declare(commands, "validate-config", _validate_config, "Check a configuration; every fault is told at once.", "my.yaml")
    add_config(validate)
    validate.add_argument("--show", action="store_true", help="print the whole configuration with every default")


def _init_config(given: argparse.Namespace) -> int:
    if given.preset is None:
        print("\n".join(config.presets()))
        return 0
    text = config.template(given.preset)
    if given.output is None:
        print(text, end="")
        return 0
    try:
        with open(given.output, "x", encoding="utf-8") as out:
            try:
                out.write(text)
                out.flush()
            except OSError:
                given.output.unlink()  # nothing half-written
                raise
    except FileExistsError:
        todo = "Choose another name, or move it away."
        raise BadValue(field="--output", value=str(given.output), why="exists already", todo=todo) from None
    except OSError as err:
        why = f"cannot be written ({err.strerror})"
        raise BadValue(field="--output", value=str(given.output), why=why, todo="Choose another place.") from err
    print(given.output)
    return 0


def _validate_config(given: argparse.Namespace) -> int:
    valid = loaded(given)
    for note in config.load_with_notes(given.config)[1]:
        print(f"# {note}")
    print(config.dump(valid) if given.show else f"{given.config} is valid: {' > '.join(valid.stages)}")
    return 0
