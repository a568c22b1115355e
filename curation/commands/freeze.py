"""`python -m curation freeze` and `verify`: a dataset that does not change any more, and the proof of it."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from curation import at_hand
from curation.commands import Subcommands, Workspace, add_user, declare, workspace
from curation.errors import BadConfig
from curation.freezing import freeze, lengths
from curation.freezing.freeze import FreezeOptions, Preview
from curation.freezing.lengths import LIMITS, Lengths, tokenizer_of
from curation.freezing.split import SPLITS
from curation.tasks import all_tasks

WARNINGS = {
    "warn_nothing": "nothing to freeze yet",
    "warn_below_minimum": "{task}: {items} items are less than the minimum of {minimum}",
    "warn_one_group": "{task}: all rows are one group, so only one split has them",
    "warn_empty_split": "{task}: no rows in {splits}; there are too few groups",
    "warn_large_group": "one group holds {percent} % of all rows",
}
CAPS = {"class": (0.5, "class"), "source": (0.4, "source"), "file": (0.1, "file"), "answer": (0.1, "identical answer")}


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "freeze", run,
        "Freeze what is answered, accepted and chosen into the next version of a dataset. It is split by group, hashed, and written as "
        "Parquet and JSON Lines that load_dataset reads. The same store and seed give the same hash on every machine.",
        "freeze flow --seed 1 --preview", "freeze flow --completion answer --excerpt-tokens 400 --tokenizer MODEL --preview",
        "freeze flow --seed 1 --task function_pointer --task callback_timing --lang en",
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
    command.add_argument(
        "--completion", choices=["answer", "short", "full"], default="full",
        help="what is learned: the answer as one line of JSON, with a sentence or two, or with the whole explanation (default)",
    )
    command.add_argument("--excerpt-tokens", type=int, metavar="N", help="most tokens of a site's excerpt (default: all of it)")
    command.add_argument(
        "--tokenizer", metavar="MODEL",
        help="a model's folder or tokenizer.json: it counts the tokens, and the preview tells the lengths of the rows (default: C tokens)",
    )
    command.add_argument("--most-targets", type=int, default=12, metavar="N", help="stated of one call (default 12)")
    command.add_argument("--most-places", type=int, default=3, metavar="N", help="stated of one phase (default 3)")
    for cap, (share, what) in CAPS.items():
        command.add_argument(
            f"--{cap}-share", type=float, default=share, metavar="SHARE",
            help=f"how much of a task's items one {what} may be; 1: any (default {share})",
        )
    command.add_argument("--keep", type=int, default=100, metavar="N", help="what has at most so many items is never cut (default 100)")
    command.add_argument("--preview", action="store_true", help="say what would be frozen and write nothing")
    add_user(command)
    check = declare(commands, "verify", verify, "Check that a frozen dataset is what was frozen. A single touched byte is refused.",
                    "verify datasets/flow/v0001")
    check.add_argument("dir", type=Path, metavar="DIR", help="the folder of one version")


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    options = _options(given, work)
    plan = freeze.prepare(work.store, options, work.settings)
    _say(freeze.preview(work.store, work.settings, options, plan))
    if options.tokenizer is not None:
        _say_lengths(lengths.lengths(plan.rows, options.tokenizer))
    if given.preview:
        return 0
    version = freeze.freeze(work.store, work.settings, work.actor, options, plan)
    print(f"{version.path}\n{version.hash}")
    return 0


def verify(given: argparse.Namespace) -> int:
    manifest = freeze.verify(at_hand(given.dir, given.home))
    print(f"{given.dir}: {len(manifest['rows'])} rows, {len(manifest['files'])} files, untouched\n{manifest['hash']}")
    return 0


def _options(given: argparse.Namespace, work: Workspace) -> FreezeOptions:
    try:
        return FreezeOptions(
            name=given.name, seed=given.seed, tasks=given.task, langs=given.lang or ["en", "zh"], origins=given.origin,
            sources=given.source, by=given.by, validation=given.validation, test=given.test, near=given.near, license=given.license,
            completion=given.completion, excerpt_tokens=given.excerpt_tokens,
            tokenizer=tokenizer_of(work.settings, given.tokenizer), most_targets=given.most_targets, most_places=given.most_places,
            class_share=given.class_share, source_share=given.source_share, file_share=given.file_share, answer_share=given.answer_share,
            keep=given.keep,
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
        hidden = task.left_out.get("not_shown", 0)
        if task.answered and (task.trimmed or hidden):
            print(f"  not shown by the excerpt: {_share(task.trimmed, task.answered)} of the answers in part, "
                  f"{_share(hidden, task.answered)} left out")
        if task.classes:
            counts = ", ".join(f"{value} {before}, {after}" for value, (before, after) in task.classes.items())
            print(f"  classes (before, after): {counts}")
        for cap, (value, before, after) in task.largest.items():
            if cap in ("class", "source", "file") and task.items:
                print(f"  largest {cap}: {value}, {_share(after, task.items)} ({before} before)")
    print(f"{seen.rows} rows in {seen.groups} groups")
    for warning in seen.warnings:
        print(f"warning: {WARNINGS[warning.code].format(**warning.params)}", file=sys.stderr)


def _say_lengths(found: Lengths) -> None:
    """How many rows each max_length keeps, of each task and of all."""
    print(f"tokens a row: median {found.median()}; rows kept by max_length " + ", ".join(map(str, LIMITS)))
    for task in (*sorted(found.of_task), None):
        rows = found.of(task)
        kept = ", ".join(_share(number, len(rows)) for number in found.kept(task).values())
        print(f"  {task or 'all'}: median {found.median(task)}; {kept}")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
