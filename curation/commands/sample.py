"""`python -m curation sample`: data to try the training line with, by one command."""
from __future__ import annotations

import argparse

from curation.commands import Subcommands, add_user, declare, workspace
from curation.sourcing import sample


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "sample", run,
        "Import C programs from PyPI source archives and confirm the proposals that stated rules cover. It takes some minutes and needs "
        "the package registry once; then `freeze` makes a dataset of it. It is for trying the line: a real dataset is made by people.",
        "sample", "sample --only sample-hiredis --only sample-libuv",
    )
    command.add_argument("--only", action="append", metavar="NAME", choices=[one.name for one in sample.listed()],
                         help="only this source; may be given again (default: all)")
    command.add_argument("--list", action="store_true", help="say what there is, with licences, and fetch nothing")
    add_user(command)


def run(given: argparse.Namespace) -> int:
    chosen = [one for one in sample.listed() if given.only is None or one.name in given.only]
    if given.list:
        for one in chosen:
            print(f"{one.name}\t{one.package} {one.version}\t{one.license}")
        return 0
    work = workspace(given)
    made = sample.make_sample(work.store, work.settings, work.actor, chosen, say=lambda text: print(text, flush=True))
    print(", ".join(f"{number} {task}" for task, number in sorted(made.confirmed.items())) or "nothing new", "confirmed by rule")
    return 0
