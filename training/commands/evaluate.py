"""`evaluate` scores a model or a run on a test split; `package` packs an evaluated run, a refused one where a lead says why."""
from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from curation import at_hand
from curation.errors import NotFound, remade_reason
from training import report, runs
from training.commands import Subcommands, add_runs_dir, add_set, declare, overrides, run_dir_of
from training.commands.run import follow

ORDER = 50


def add(commands: Subcommands) -> None:
    evaluate = declare(
        commands, "evaluate", _evaluate,
        "Score a model on a frozen test split, and say whether it may be shipped. A run is evaluated again where it is; with --data, or "
        "for a model folder, a run of its own is made.",
        "models/mine --data datasets/flow/v0001 --base models/base", "flow-v0001-tiny-20261121-120000 --set evaluate.max_rows=60",
    )
    evaluate.add_argument("source", metavar="MODEL|RUN", help="a model folder or name, an adapter's folder, or a run's name or folder")
    evaluate.add_argument("--data", type=at_hand, help="a frozen version's folder (default: the run's own)")
    evaluate.add_argument("--base", help="the untuned model to compare with (a model folder alone has no gain)")
    evaluate.add_argument("--name", help="the new run's name")
    evaluate.add_argument("--json", action="store_true", help="print the report as JSON at the end, and nothing before")
    add_set(evaluate)
    add_runs_dir(evaluate)

    package = declare(
        commands, "package", _package, "Pack an evaluated run's files again. A model that its gates refuse needs a written reason.",
        "flow-v0001-tiny-20261121-120000", 'flow-v0001-tiny-20261121-120000 --override "for a demonstration; not for customers"',
    )
    package.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    package.add_argument("--override", metavar="REASON", help="ship although a gate refuses; the reason stays in version.json")
    add_set(package)
    add_runs_dir(package)


def _evaluate(given: argparse.Namespace) -> int:
    run_dir = _run_named(given.source, given.runs_dir)
    if run_dir is not None and given.data is None:
        runs.extend(run_dir, ["evaluate"], overrides(given))
    else:
        run_dir = runs.start_stages(["evaluate"], given.source, given.runs_dir, dataset_dir=given.data, base=given.base,
                                    settings=overrides(given), name=given.name)
    if code := _ended(run_dir, quiet=given.json):
        return code
    evaluation = report.read(run_dir)["evaluation"]
    if given.json:
        print(json.dumps(evaluation, ensure_ascii=False, indent=1))
        return 0
    verdict = evaluation["verdict"]
    print("ship" if verdict["ship"] else "do not ship")
    for gate in verdict["gates"]:
        if gate["reason"]:
            print(f"- {gate['name']}: {'no' if gate['passed'] is False else 'not judged'}: {remade_reason(gate['reason'])}")
    return 0


def _package(given: argparse.Namespace) -> int:
    run_dir = run_dir_of(given)
    reason = {"package.override": given.override} if given.override is not None else {}
    runs.extend(run_dir, ["package"], {**overrides(given), **reason})
    if code := _ended(run_dir):
        return code
    found = report.read(run_dir)
    for gate in found["refused"]:
        print(f"- {gate['name']}: {remade_reason(gate['reason'])}")
    print(found["bundle"]["folder"] if found["bundle"] else "no bundle was made")
    return 0 if found["bundle"] else 3


def _run_named(source: str, runs_dir: Path) -> Path | None:
    try:
        return run_dir_of(argparse.Namespace(run_name=source, runs_dir=runs_dir))
    except NotFound:
        return None


def _ended(run_dir: Path, quiet: bool = False) -> int:
    """Follows the run to its end: 0 done, 3 failed or died."""
    if not quiet:
        print(run_dir, flush=True)
        return follow(run_dir)
    while (run := runs.poll(run_dir)).active:
        time.sleep(0.5)
    return 3 if run.state in ("failed", "died") else 0
