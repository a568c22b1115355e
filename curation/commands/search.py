"""`python -m curation search PATTERN`: where code of a shape stands, in a folder or an imported source."""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from curation import at_hand
from curation.commands import Subcommands, declare, workspace
from curation.csource.build import cores
from curation.csource.facts.model import FactsProblem
from curation.csource.syntax.hits import Hit
from curation.errors import BadValue
from curation.sourcing.search import search_folder, search_source


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "search", run,
        "Find code by its structure. PATTERN is C with holes: $name stands for one part (the same name for the same text), $$$ or $$$name "
        "for any number of arguments, statements, members. Spaces and comments do not matter. With --query it is a tree-sitter query.",
        "search '$x->ops->$f($$$)' datasets/demo/src", "search 'mutex_lock($m); $$$ return $e;' demo --json",
        "search '(goto_statement label: (_) @label)' datasets/demo/src --query",
    )
    command.add_argument("pattern", metavar="PATTERN", help="C with holes, in quotes for the shell")
    command.add_argument("what", nargs="?", default=".", metavar="SOURCE|DIR",
                         help="an imported source, or a folder or file of C code (default: this folder)")
    command.add_argument("--query", action="store_true", help="PATTERN is a tree-sitter query")
    command.add_argument("--json", action="store_true", help="one JSON line a hit")
    command.add_argument("--context", type=int, default=0, metavar="N", help="lines shown before and after (default 0; with --json 2)")
    command.add_argument("--most", type=int, metavar="N", help="stop after so many hits")
    command.add_argument("--jobs", type=int, default=cores(), metavar="N", help="processes (default: as many as cores, at most 8)")


def run(given: argparse.Namespace) -> int:
    for field, value, least in (("--context", given.context, 0), ("--jobs", given.jobs, 1), ("--most", given.most, 1)):
        if value is not None and value < least:
            raise BadValue(field=field, value=value, why=f"is below {least}", todo=f"Give {least} or more.")
    hits = files = problems = 0
    last = ""
    for one in _found(given):
        if isinstance(one, FactsProblem):
            problems += 1
            print(f"{one.file}: {one.why} [{one.code}]", file=sys.stderr)
            continue
        hits += 1
        files += one.file != last
        last = one.file
        print(json.dumps(asdict(one), ensure_ascii=False) if given.json else written(one), flush=True)
        if hits == given.most:
            break
    print(f"{hits:,} hits in {files:,} files{f'; {problems:,} files not searched' if problems else ''}", file=sys.stderr)
    return 0


def _found(given: argparse.Namespace) -> Iterator[Hit | FactsProblem]:
    context = given.context or 2 * given.json
    if (path := at_hand(given.what)).exists():
        return search_folder(path, given.pattern, as_query=given.query, context=context, jobs=given.jobs)
    work = workspace(given)
    return search_source(work.store, work.settings, given.what, given.pattern, as_query=given.query, context=context, jobs=given.jobs)


def written(hit: Hit) -> str:
    """FILE:LINE:COLUMN, the function and the holes; then the source lines, numbered."""
    holes = ", ".join(f"{hole.name} = {hole.text}" for hole in hit.holes)
    head = f"{hit.file}:{hit.line}:{hit.column}{f' in {hit.function}' if hit.function else ''}{f': {holes}' if holes else ''}"
    return "\n".join([head, *(f"{hit.first_line + at:6}  {line}" for at, line in enumerate(hit.lines))])
