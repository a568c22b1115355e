"""`python -m curation propose`: sites with ranked, evidenced proposals, of a plain folder into a file or of a source into the store."""
from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from curation import at_hand
from curation.commands import Subcommands, add_user, declare, explain, index_place, no_c_files, one_of_two, workspace
from curation.commands.terminal import StatusLine
from curation.csource import FactsProblem
from curation.freezing.export import check_free, write_records
from curation.settings import load_settings
from curation.sourcing import indexing, propose
from curation.tasks import site_tasks


def add(commands: Subcommands) -> None:
    names = ", ".join(task.name for task in site_tasks())
    command = declare(
        commands, "propose", run,
        "Propose answers for the sites of C code. With DIR, one JSON line a proposal is written and no workspace is touched; with "
        "--source, the sites of an imported source become items to label.",
        "propose datasets/demo/src --task all --out proposals.jsonl", "propose --source demo --task function_pointer",
        "propose --explain driver/lamp.c:41 datasets/demo/src",
    )
    command.add_argument("dir", nargs="?", metavar="DIR", help="a folder of C code")
    command.add_argument("--source", metavar="NAME", help="an imported source, instead of DIR")
    command.add_argument("--task", action="append", metavar="TASK", help=f"all (default) or one of {names}; may be given again")
    command.add_argument("--out", type=Path, metavar="FILE", help="with DIR: a .jsonl file (default: standard output)")
    command.add_argument("--file", action="append", metavar="PATH", help="with DIR: only sites in this file or folder, relative to DIR")
    command.add_argument("--index", type=Path, metavar="DIR", help="with DIR: its index folder (default: in the workspace, if made)")
    command.add_argument("--explain", metavar="FILE:LINE", help="instead: explain what is proposed at this line, step by step")
    explain.add_output(command)
    add_user(command)


def run(given: argparse.Namespace) -> int:
    one_of_two(given.dir, given.source)
    if given.explain is not None:
        return explain.show(given, given.explain)
    return _source(given) if given.source is not None else _folder(given)


def _folder(given: argparse.Namespace) -> int:
    tasks = propose.chosen_tasks(given.task)
    if given.out is not None:
        check_free(given.out)
    folder = at_hand(given.dir, given.home)
    place = index_place(given) or indexing.made_for_folder(load_settings(given.home), folder)
    with StatusLine() as line:
        found = indexing.index_folder(folder, index_dir=place, progress=_reading(line))
    index = found.program
    if not index.files():
        _say({}, found.problems, indexing.not_found([], found.passed_over))
        raise no_c_files(given.dir)
    files = propose.within(index, given.file) if given.file else None
    counts: Counter[str] = Counter()

    def records() -> Iterator[dict[str, Any]]:
        for proposal in propose.propose_index(index, [task.name for task in tasks], files):
            counts[proposal.task] += 1
            line.say("proposing: " + _counted(counts))
            yield propose.record_of(proposal)

    with StatusLine() as line:
        line.shown = line.shown and (given.out is not None or not sys.stdout.isatty())  # records on a terminal show by themselves
        line.say("solving what flows where")
        write_records(records(), given.out, None)
    _say(counts, found.problems, indexing.not_found(index.unanswered(), found.passed_over))
    return 0


def _source(given: argparse.Namespace) -> int:
    work = workspace(given)
    with StatusLine() as line:
        report = propose.propose_source(
            work.store, work.settings, work.actor, given.source, tasks=given.task, progress=_reading(line))
    if report.followed or report.stale:
        print(f"{report.followed} labels followed their moved code; {report.stale} do not fit the code any more and are not frozen")
    gone = f", {report.withdrawn} withdrawn, which are no sites any more" if report.withdrawn else ""
    print(f"{given.source}: {report.added} items added, {report.known} known{gone}")
    _say(report.sites, report.problems, indexing.not_found(report.unanswered, []))
    return 0


def _reading(line: StatusLine) -> Callable[[int, int], None]:
    return lambda done, of: line.say(f"reading {done:,} of {of:,} files")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {task}" for task, number in sorted(counts.items()) if number)


def _say(counts: Mapping[str, int], problems: list[FactsProblem], not_found: list[str]) -> None:
    print(_counted(counts) or "no sites", file=sys.stderr)
    for problem in problems:
        at = f":{problem.line}" if problem.line else ""
        print(f"  {problem.file}{at}: {problem.why} [{problem.code}]", file=sys.stderr)
    for line in not_found:
        print(line, file=sys.stderr)
