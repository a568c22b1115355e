"""`python -m curation export`: frozen rows or answers as files for other tools."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from curation import at_hand, formats
from curation.commands import Subcommands, declare, workspace
from curation.freezing import export
from curation.tasks import all_tasks


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "export", run,
        "Write the rows of a frozen dataset in a format of others, or, without DIR, what was answered in the workspace. The file's ending "
        "(.jsonl, .json, .csv) says how the records lie in it.",
        "export datasets/flow/v0001 --format alpaca --split train --out alpaca.json",
        "export datasets/flow/v0001 --format preference --out pairs.jsonl",
        "export --task function_pointer --status answered --out answers.csv",
    )
    command.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="a frozen version; without it: the answers in the workspace")
    command.add_argument("--format", choices=sorted(formats.all_formats()), help="with DIR: the format (default: the columns as they are)")
    command.add_argument("--split", choices=["train", "validation", "test"], help="with DIR: one split (default: all)")
    command.add_argument("--lang", choices=["en", "zh"], help="with DIR: one language (default: both)")
    command.add_argument("--task", choices=sorted(all_tasks()), help="one task (default: all)")
    command.add_argument("--status", help="without DIR: only items in this state, e.g. answered (default: all)")
    command.add_argument("--out", type=Path, metavar="FILE", help="a new file (default: JSON Lines to standard output)")


def run(given: argparse.Namespace) -> int:
    if given.dir is not None:
        number = export.export_frozen(at_hand(given.dir, given.home), given.out, given.format, given.split, given.lang, given.task)
    else:
        work = workspace(given)
        number = export.export_annotations(
            work.store, given.out, [given.task] if given.task else None, [given.status] if given.status else None,
        )
    print(f"{number} records", file=sys.stderr)
    return 0
