"""Stages on what is there: `continue` goes on with a run, `stages` runs some of the line on a model folder, an adapter or another run."""
from __future__ import annotations

import argparse

from curation import at_hand
from training import runs
from training.commands import Subcommands, add_runs_dir, add_set, declare, overrides, run_dir_of
from training.commands.run import follow

ORDER = 45


def add(commands: Subcommands) -> None:
    more = declare(
        commands, "continue", _continue,
        "Go on with a run that has ended: more stages, stages done again, other settings. Only what depends on a change is done again.",
        "flow-v0001-tiny-20261121-120000 --stages quantize,evaluate --set quantize.types=[Q8_0] --follow",
    )
    more.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    more.add_argument("--stages", default="", metavar="A,B", help="stages to add; one that the run has already is done again")
    more.add_argument("--data", type=at_hand, help="where the run's frozen version is now, if it was moved")
    add_set(more)
    _common(more)

    alone = declare(
        commands, "stages", _stages, "Run some stages alone, on a model folder, an adapter's folder or another run's result.",
        "merge,quantize models/my-adapter --data datasets/flow/v0001", "evaluate flow-v0001-tiny-20261121-120000",
    )
    alone.add_argument("stages", metavar="A,B", help="the stages, e.g. quantize or dpo,merge,evaluate")
    alone.add_argument("source", metavar="MODEL|RUN", help="a model folder or name, an adapter's folder, or a run's name or folder")
    alone.add_argument("--data", type=at_hand, help="a frozen version's folder (default: the run's own)")
    alone.add_argument("--base", help="the untuned model to compare with, and under an adapter (default: the one that it names)")
    alone.add_argument("--name", help="the new run's name")
    add_set(alone)
    _common(alone)


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    add_runs_dir(command)


def _continue(given: argparse.Namespace) -> int:
    run_dir = run_dir_of(given)
    outdated = runs.extend(run_dir, _names(given.stages), overrides(given), given.data)
    print(run_dir, flush=True)
    for stage, keys in outdated.items():
        print(f"{stage} is done again ({', '.join(keys)})", flush=True)
    return follow(run_dir) if given.follow else 0


def _stages(given: argparse.Namespace) -> int:
    run_dir = runs.start_stages(
        _names(given.stages), given.source, given.runs_dir, dataset_dir=given.data, base=given.base, settings=overrides(given),
        name=given.name,
    )
    print(run_dir, flush=True)
    return follow(run_dir) if given.follow else 0


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]
