"""`python -m curation index`: read the facts of C code (definitions, calls, assignments) and keep them by content."""
from __future__ import annotations

import argparse
import sys

from curation import csource, sources
from curation.commands import Subcommands, declare, workspace
from curation.errors import BadValue


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "index", run,
        "Read the facts of an imported source and keep them in the workspace's cache, so that proposing starts at once. Proposing does it "
        "by itself when it was not done; unchanged files are never read twice.",
        "index demo", "index --all",
    )
    command.add_argument("source", nargs="?", help="an imported source")
    command.add_argument("--all", action="store_true", help="every imported source")


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    if (given.source is None) != given.all:
        why = "is not enough or too much: exactly one is needed"
        raise BadValue(field="source or --all", value=given.source or "", why=why, todo="Name a source, or give --all.")
    names = [source.name for source in sources.list_sources(work.store)] if given.all else [given.source]
    for name in names:
        index = csource.build_index(sources.texts(work.store, work.settings, name), cache_dir=work.settings.cache_dir)
        calls = index.calls()
        indirect = sum(call.kind == "indirect" for call in calls)
        print(f"{name}: {len(index.all_functions())} functions, {len(calls)} calls ({indirect} indirect), {len(index.problems())} problems")
        for problem in index.problems():
            at = f":{problem.line}" if problem.line else ""
            print(f"  {problem.file}{at}: {problem.why} [{problem.code}]", file=sys.stderr)
    return 0
