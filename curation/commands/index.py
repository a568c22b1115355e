"""`python -m curation index`: make the index of C code, a folder or an imported source, so that proposals come at once."""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from curation import at_hand
from curation.commands import Subcommands, declare, index_place, no_c_files, workspace
from curation.csource.build import cores
from curation.csource.incremental.report import IndexReport, Progress
from curation.csource.processes.peak_memory import PeakMemory
from curation.csource.sources.files import SourceFiles
from curation.csource.storage.folder_index import open_index
from curation.errors import BadValue, NotFound
from curation.settings import load_settings
from curation.sourcing import indexing, sources

_EVERY_S = 5.0  # between two lines of progress


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "index", run,
        "Read the facts of C code and keep them with their tables in an index folder, so that proposing starts at once. Unchanged files "
        "are never read twice; a run that was killed goes on where it stood. Proposing uses the index of a folder or source that has one.",
        "index /usr/src/linux-source-6.1 --jobs 2 --solve", "index demo", "index --all",
    )
    command.add_argument("what", nargs="?", metavar="PATH", help="a folder of C code, or the name of an imported source")
    command.add_argument("--source", metavar="NAME", help="an imported source, where a folder here has its name too")
    command.add_argument("--all", action="store_true", help="every imported source")
    command.add_argument("--index", type=Path, metavar="DIR", help="the index folder (default: in the workspace's cache)")
    command.add_argument("--jobs", type=int, default=cores(), metavar="N", help="processes (default: as many as cores, at most 8)")
    command.add_argument("--time-limit", type=float, default=5.0, metavar="S", help="processor seconds for one file (default: 5)")
    command.add_argument("--memory-limit", type=int, default=1024, metavar="MIB", help="memory of a process that reads (default: 1024)")
    command.add_argument("--solve", action="store_true", help="also solve what flows where, and keep it; else the first proposal does")
    command.add_argument("--retry", action="store_true", help="read files again that were too slow or needed too much memory")


def run(given: argparse.Namespace) -> int:
    asked = [given.what is not None, given.source is not None, given.all]
    if sum(asked) != 1 or given.all and given.index is not None:
        why = "is not enough or too much: exactly one is needed, and --index goes not with --all"
        raise BadValue(field="PATH, --source or --all", value=given.what or "", why=why, todo="Name a folder or a source, or give --all.")
    for field, value in (("--jobs", given.jobs), ("--time-limit", given.time_limit), ("--memory-limit", given.memory_limit)):
        if value <= 0:
            raise BadValue(field=field, value=value, why="is not above 0", todo="Give a number above 0.")
    limits = indexing.ReadingLimits(given.jobs, given.time_limit, given.memory_limit << 20, given.retry)
    named = index_place(given)
    if given.what is not None and (path := at_hand(given.what, given.home).absolute()).exists():
        place = named or indexing.index_dir(load_settings(given.home), "folder", str(path))
        _make(str(given.what), indexing.files_of_folder(path), place, limits, given.solve)
        return 0
    if given.what is not None and ("/" in given.what or given.what in (".", "..", "~")):
        raise NotFound(kind="folder", name=given.what)
    work = workspace(given)
    known = [source.name for source in sources.list_sources(work.store)]
    if given.what is not None and given.what not in known:
        raise NotFound(kind="folder or imported source", name=given.what)
    for name in known if given.all else [str(given.source or given.what)]:
        place = named or indexing.index_dir(work.settings, "source", name)
        _make(name, indexing.files_of_source(work.store, work.settings, name), place, limits, given.solve)
    return 0


def _make(name: str, files: SourceFiles, place: Path, limits: indexing.ReadingLimits, solve: bool) -> None:
    if not files.places:
        raise no_c_files(name)
    began = time.monotonic()
    print(f"{name}: {len(files.places):,} files, index in {place}", file=sys.stderr)
    said = 0.0

    def say(step: Progress) -> None:
        nonlocal said
        if time.monotonic() - said < _EVERY_S and step.done < step.all:
            return
        said = time.monotonic()
        speed = f", {step.bytes / 1e6 / max(step.seconds, 0.01):.1f} MB/s" if step.bytes else ""
        print(f"  {step.stage}: {step.done:,}/{step.all:,} files{speed}, {step.problems:,} with problems", file=sys.stderr, flush=True)

    with PeakMemory() as memory:
        report = indexing.bring_up_to_date(files, place, limits, say)
        made = time.monotonic()
        program = open_index(place)
        nodes = len(program.flow.nodes) if solve else 0
    for line in summary(report, made - began, memory.peak_bytes):
        print(line)
    if solve:
        print(f"flow: {nodes:,} nodes, in {time.monotonic() - made:.1f} s")
    if report.made_anew:
        print("  the index was of another version of this program, and was made anew", file=sys.stderr)
    for problem in report.problems:
        at = f":{problem.line}" if problem.line else ""
        print(f"  {problem.file}{at}: {problem.why} [{problem.code}]", file=sys.stderr)
    for line in indexing.not_found(program.unanswered(), list(files.passed_over)):
        print(line, file=sys.stderr)


def summary(report: IndexReport, seconds: float, peak_bytes: int) -> list[str]:
    """The last lines: what there is now, what was done for it."""
    counts = report.counts
    lost = counts["lost"] / max(1, counts["lost"] + counts["functions"])
    bad = len({problem.file for problem in report.problems if problem.line is None})
    return [
        f"{report.files:,} files, {counts['functions']:,} functions, {counts['calls']:,} call sites ({counts['indirect']:,} indirect)",
        f"lost: {bad:,} files, {counts['lost']:,} functions ({lost:.2%})",
        f"read {report.read:,} files ({report.bytes_read / 1e6:,.1f} MB), expanded {report.expanded:,}, constraints of "
        f"{report.constrained:,}, in {seconds:.1f} s; peak memory of all processes {peak_bytes / 1e9:.2f} GB",
    ]
