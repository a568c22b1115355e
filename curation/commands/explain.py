"""`python -m curation explain FILE:LINE`: the proposals at one line, and the way of each function to the call, step by step."""
from __future__ import annotations

import argparse
import json

from curation import at_hand
from curation.commands import Subcommands, add_user, declare, one_of_two, workspace
from curation.csource import Program
from curation.knowledge import Knowledge, load, using
from curation.settings import load_settings
from curation.sourcing import catalog, explain, indexing


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "explain", run,
        "Explain what is proposed at one line of C code: for each candidate of a call through a pointer the steps from where its address "
        "is taken to the call, each with its place in the source; the places of callbacks and asynchronous patterns.",
        "explain lamp.c:41 datasets/demo/src", "explain lamp.c:41 --source demo --json",
    )
    command.add_argument("place", metavar="FILE:LINE", help="a line, in a file relative to DIR or the source")
    command.add_argument("dir", nargs="?", metavar="DIR", help="a folder of C code")
    command.add_argument("--source", metavar="NAME", help="an imported source, instead of DIR")
    add_output(command)
    add_user(command)


def add_output(command: argparse.ArgumentParser) -> None:
    """The options of `explain` that `propose --explain` has too."""
    command.add_argument("--json", action="store_true", help="one JSON object instead of text")
    command.add_argument("--most", type=int, default=10, metavar="N", help="candidates told with their steps (default 10)")


def run(given: argparse.Namespace) -> int:
    return show(given, given.place)


def _read(given: argparse.Namespace) -> tuple[Program, Knowledge]:
    """The index, and the knowledge rows that count: those of the workspace for an imported source."""
    one_of_two(given.dir, given.source)
    if given.dir is not None:
        path = at_hand(given.dir, given.home)
        return indexing.index_folder(path, index_dir=indexing.made_for_folder(load_settings(given.home), path)).program, load()
    work = workspace(given)
    return indexing.index_source(work.store, work.settings, given.source).program, catalog.knowledge(work.store)


def show(given: argparse.Namespace, place: str) -> int:
    """Prints the explanation of a place; `given` holds dir, source, json and most."""
    file, line = explain.place_of(place)
    index, rows = _read(given)
    with using(rows):
        found = explain.explain(index, file, line)
    if given.json:
        print(json.dumps(explain.as_json(found), ensure_ascii=False))
    else:
        print("\n".join(explain.written(found, given.most)))
    return 0
