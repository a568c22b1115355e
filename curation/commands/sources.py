"""`python -m curation sources`: what was imported, its files, and where a text occurs."""
from __future__ import annotations

import argparse

from curation.commands import Subcommands, declare, workspace
from curation.sourcing import sources


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "sources", run, "List the imported sources, the files of one, or the lines of one that hold a text.",
        "sources", "sources demo", "sources demo --search request_irq",
    )
    command.add_argument("name", nargs="?", help="a source (default: list all)")
    command.add_argument("--search", metavar="TEXT", help="plain text to look for in it")
    command.add_argument("--limit", type=int, default=100, help="most lines found (default 100)")


def run(given: argparse.Namespace) -> int:
    work = workspace(given)
    if given.name is None:
        for source in sources.list_sources(work.store):
            at = f" @ {source.revision[:12]}" if source.revision else ""
            print(f"{source.name}\t{source.files} files\t{source.bytes} bytes\t{source.problems} problems\t{source.origin}{at}")
    elif given.search is not None:
        for hit in sources.search(work.store, work.settings, given.name, given.search, given.limit):
            print(f"{hit.path}:{hit.line}: {hit.text}")
    else:
        for file in sources.tree(work.store, given.name):
            print(f"{file.path}\t{file.bytes}\t{file.encoding or '-'}\t{file.problem.code if file.problem else ''}".rstrip())
    return 0
