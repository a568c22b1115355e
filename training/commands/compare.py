"""`compare` puts evaluated runs side by side: settings that differ, scores, and the paired difference over the same test rows."""
from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from training import report
from training.commands import Subcommands, add_runs_dir, declare, run_dir_of

ORDER = 60


def add(commands: Subcommands) -> None:
    compare = declare(
        commands, "compare", _compare,
        "Show evaluated runs side by side: settings that differ, scores, and the difference over the same rows.",
        "flow-v0001-tiny-20261121-120000 flow-v0002-tiny-20261122-090000 --json",
    )
    compare.add_argument("run_names", nargs="+", metavar="RUN", help="names or folders of runs; the others are held against the first")
    compare.add_argument("--json", action="store_true", help="as JSON")
    add_runs_dir(compare)


def _compare(given: argparse.Namespace) -> int:
    run_dirs = [run_dir_of(argparse.Namespace(run_name=name, runs_dir=given.runs_dir)) for name in given.run_names]
    found = report.compare(run_dirs)
    if given.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    for line in lines(found):
        print(line)
    return 0


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The comparison as people read it in a shell."""
    for run in found["runs"]:
        ship = {True: "ship", False: "do not ship", None: "not judged"}[run["ship"]]
        yield f"{run['run']} ({run['dataset']}): {ship}, score {report.shown(run['score'])}, gain {report.shown(run['gain'])}"
        for who, of in run["models"].items():
            size = f", {of['bytes']:,} bytes" if of["bytes"] else ""
            yield f"  {who:<16} score {report.shown(of['score'])}, parsed {report.shown(of['parse_rate'])}{size}"
        for task, score in run["tasks"].items():
            yield f"  {task:<16} tuned {report.shown(score)}"
    for pair in found["pairs"]:
        yield (f"{pair['after']} against {pair['before']}: {report.shown(pair['score'])} over {pair['rows']} same rows, {pair['won']} won, "
               f"{pair['lost']} lost" if pair["rows"] else f"{pair['after']} and {pair['before']} answered no test row in common")
    for row in found["settings"]:
        yield f"{row['key']}: " + " | ".join("-" if value is None else str(value) for value in row["values"])
