"""Runs from a shell: `train` starts one, `status`, `stop` and `resume` speak of it. The work is done by a process of its own."""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from training import runs
from training.commands import Subcommands, add_config, add_runs_dir, declare, loaded, run_dir_of

ORDER = 40


def add(commands: Subcommands) -> None:
    train = declare(
        commands, "train", _train, "Start a run in a worker process of its own; it goes on when this shell ends.",
        "tiny --data datasets/flow/v0001 --follow",
    )
    add_config(train)
    train.add_argument("--data", type=Path, required=True, help="a frozen version's folder")
    train.add_argument("--name", help="the run's name (default: made of dataset, preset and time)")
    train.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    add_runs_dir(train)

    status = declare(commands, "status", _status, "Show all runs, or one with its stages.", "flow-v0001-tiny-20261121-120000 --json")
    status.add_argument("run_name", nargs="?", metavar="RUN", help="a run's name or folder")
    status.add_argument("--json", action="store_true", help="as JSON")
    add_runs_dir(status)

    stop = declare(commands, "stop", _stop, "Ask a run to save a checkpoint and end; kill it when it does not.",
                   "flow-v0001-tiny-20261121-120000")
    stop.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    stop.add_argument("--grace-s", type=float, default=300.0, help="seconds it has to save before it is killed (default 300)")
    add_runs_dir(stop)

    resume = declare(
        commands, "resume", _resume, "Go on with a stopped, failed or dead run from its last complete checkpoint.",
        "flow-v0001-tiny-20261121-120000 --follow",
    )
    resume.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    resume.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    add_runs_dir(resume)


def _train(given: argparse.Namespace) -> int:
    run_dir = runs.start(loaded(given), given.runs_dir, dataset_dir=given.data, name=given.name)
    print(run_dir, flush=True)
    return follow(run_dir) if given.follow else 0


def _status(given: argparse.Namespace) -> int:
    if given.run_name is None:
        found = runs.list_runs(given.runs_dir)
        if given.json:
            print(json.dumps([run.model_dump(mode="json") for run in found], ensure_ascii=False, indent=1))
        for run in [] if given.json else found:
            print(line(run))
        if not found and not given.json:
            print(f"no run in {given.runs_dir}")
        return 0
    run = runs.poll(run_dir_of(given))
    if given.json:
        print(run.model_dump_json(indent=1))
    else:
        print(line(run))
        for stage in run.stages:
            took = f"{stage.seconds:8.1f} s" if stage.seconds is not None else ""
            print(f"  {stage.name:<10} {stage.state:<8} {took} {stage.skipped or ''}".rstrip())
        if run.error:
            print(f"error: {run.error['text']}")
    return 3 if run.state in ("failed", "died") else 0


def line(run: runs.RunStatus) -> str:
    where = f" in {run.stage}" if run.stage and run.state != "done" else ""
    step = f", step {run.step}/{run.total}" if run.active and run.step is not None else ""
    loss = f", loss {run.loss:.4f}" if run.active and run.loss is not None else ""
    return f"{run.name}: {run.state}{where}{step}{loss}"


def _stop(given: argparse.Namespace) -> int:
    print(line(runs.stop(run_dir_of(given), grace_s=given.grace_s)))
    return 0


def _resume(given: argparse.Namespace) -> int:
    run_dir = run_dir_of(given)
    runs.resume(run_dir)
    print(run_dir, flush=True)
    return follow(run_dir) if given.follow else 0


def follow(run_dir: Path) -> int:
    """Prints stdout.log as it grows until the run ends. 3 when it failed or died."""
    log = run_dir / "stdout.log"
    offset = 0
    try:
        while True:
            run = runs.poll(run_dir)  # before the log is read, so that nothing written before the end is missed
            with open(log, "rb") as stream:
                stream.seek(offset)
                new = stream.read()
            offset += len(new)
            sys.stdout.buffer.write(new)
            sys.stdout.flush()
            if not run.active:
                print(line(run))
                return 3 if run.state in ("failed", "died") else 0
            time.sleep(0.5)
    except KeyboardInterrupt:
        print(f"\n{run_dir.name} goes on; see `python -m training status {run_dir.name}`")
        return 0
