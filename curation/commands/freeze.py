"""`python -m curation freeze` and `verify`: a dataset that does not change any more, and the proof of it."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from curation import freeze
from curation.commands import Subcommands, add_user, declare, workspace
from curation.errors import BadConfig
from curation.freeze import FreezeOptions, Preview
from curation.split import SPLITS
from curation.tasks import all_tasks

WARNINGS = {
    "warn_nothing": "nothing to freeze yet",
    "warn_below_minimum": "{task}: {items} items are less than the minimum of {minimum}",
    "warn_one_group": "{task}: all rows are one group, so only one split has them",
    "warn_empty_split": "{task}: no rows in {splits}; there are too few groups",
    "warn_large_group": "one group holds {percent} % of all rows",
}


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "freeze", run,
        "Freeze what is answered, accepted and chosen into the next version of a dataset. It is split by group, hashed, and written as "
        "Parquet and JSON Lines that load_dataset reads. The same store and seed give the same hash on every machine.",
        "freeze flow --seed 1 --preview", "freeze flow --seed 1 --task function_pointer --task callback_timing --lang en",
    )
    command.add_argument("name", help="of the dataset, e.g. flow: written to datasets/flow/v0001, v0002, ...")
    command.add_argument("--seed", type=int, default=0, help="draws the split (default 0)")
    command.add_argument("--task", action="append", choices=sorted(all_tasks()), help="only this task; may be given again (default: all)")
    command.add_argument("--lang", action="append", choices=["en", "zh"], help="only this language (default: both)")
    command.add_argument("--origin", action="append", choices=["site", "generated", "imported"], help="only this origin (default: all)")
    command.add_argument("--source", action="append", help="sites of this source only (default: all)")
    command.add_argument("--by", choices=["file", "source"], default="file", help="what is never torn apart (default: file)")
    command.add_argument("--validation", type=float, default=0.1, help="share of the rows (default 0.1)")
    command.add_argument("--test", type=float, default=0.1, help="share of the rows (default 0.1)")
    command.add_argument("--near", type=float, default=0.8, help="ROUGE-L from which prompts are near duplicates (default 0.8)")
    command.add_argument("--license", help="an SPDX id for the card, e.g. cc-by-4.0")
    command.add_argument("--preview", action="store_true", help="say what would be frozen and write nothing")
    add_user(command)
    check = declare(commands, "verify", verify, "Check that a frozen dataset is what was frozen. A single touched byte is refused.",
                    "verify datasets/flow/v0001")
    check.add_argument("dir", type=Path, metavar="DIR", help="the folder of one version")


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    options = _options(given)
    plan = freeze.prepare(work.store, options)
    _say(freeze.preview(work.store, work.settings, options, plan))
    if given.preview:
        return 0
    version = freeze.freeze(work.store, work.settings, work.actor, options, plan)
    print(f"{version.path}\n{version.hash}")
    return 0


def verify(given: argparse.Namespace) -> int:
    manifest = freeze.verify(given.dir)
    print(f"{given.dir}: {len(manifest['rows'])} rows, {len(manifest['files'])} files, untouched\n{manifest['hash']}")
    return 0


def _options(given: argparse.Namespace) -> FreezeOptions:
    try:
        return FreezeOptions(
            name=given.name, seed=given.seed, tasks=given.task, langs=given.lang or ["en", "zh"], origins=given.origin,
            sources=given.source, by=given.by, validation=given.validation, test=given.test, near=given.near, license=given.license,
        )
    except ValidationError as err:
        problems = "\n".join(f"- {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in err.errors())
        raise BadConfig(where="freeze", problems=problems) from err


def _say(seen: Preview) -> None:
    for task in seen.tasks:
        splits = ", ".join(f"{task.splits.get(split, 0)} {split}" for split in SPLITS)
        goal = f" of at least {task.goal[0]}, {task.goal[1]} wanted" if task.goal else ""
        left_out = ", ".join(f"{number} {why}" for why, number in task.left_out.items())
        print(f"{task.task}: {task.items} items{goal}; {task.rows} rows ({splits})" + (f"; left out: {left_out}" if left_out else ""))
    print(f"{seen.rows} rows in {seen.groups} groups")
    for warning in seen.warnings:
        print(f"warning: {WARNINGS[warning.code].format(**warning.params)}", file=sys.stderr)
