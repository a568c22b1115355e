"""Does a real model learn from data made here? C that nobody here wrote, labels by rule, a leak-free freeze, the whole chain.

    python benchmarks/learning.py sources HOME linux=linux-source-6.1/drivers/rtc,linux-source-6.1/drivers/watchdog libevent=libevent-2.1.12
    python benchmarks/learning.py freeze HOME full --excerpt-tokens 260 --lang en --lang zh
    python benchmarks/learning.py train HOME full smollm2-135m --name full
    python benchmarks/learning.py figures HOME/runs/full

`sources` imports each NAME=FOLDER (several folders by commas: NAME-1, NAME-2 ...), proposes, and confirms what the tasks' rules cover
(curation/labeling/sure.py). `train` waits for the run's end and times it from the start of the command. Figures are JSON lines. A
label by rule is
the engine's own word: a model that learns it learns to do as the engine does from an excerpt, and the figures say no more than that.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def say(what: str, **figures: Any) -> None:
    print(json.dumps({"what": what, **figures}, ensure_ascii=False), flush=True)


def sources(given: argparse.Namespace) -> int:
    from curation.commands import workspace
    from curation.labeling.sure import confirm_sure
    from curation.sourcing import propose
    from curation.sourcing import sources as imported

    work = workspace(given)
    for named in given.folders:
        name, _, listed = named.partition("=")
        folders = listed.split(",")
        for i, folder in enumerate(folders, 1):
            source, began = name if len(folders) == 1 else f"{name}-{i}", time.monotonic()
            report = imported.import_folder(work.store, work.settings, work.actor, folder, source, from_shell=True)
            proposed = propose.propose_source(work.store, work.settings, work.actor, source)
            confirmed = confirm_sure(work.store, work.actor, sources=[source])
            say("source", source=source, files=report.added, bytes=report.bytes, proposed=proposed.sites, confirmed=dict(confirmed),
                seconds=round(time.monotonic() - began, 1))
    return 0


def train(given: argparse.Namespace) -> int:
    """By the command that a user would give; the wall time from that press to the end."""
    versions = sorted((given.home / "datasets" / given.dataset).glob("v[0-9]*"))
    if not versions:
        raise SystemExit(f"there is no frozen version in {given.home / 'datasets' / given.dataset}: freeze one first")
    say("before", load=os.getloadavg(), cores=os.cpu_count(), dataset=str(versions[-1]))
    began = time.monotonic()
    options = [option for pair in given.set for option in ("--set", pair)]
    done = subprocess.run(
        [sys.executable, "-m", "training", "train", given.config, "--data", str(versions[-1]), "--name", given.name, "--runs-dir",
         str(given.home / "runs"), "--follow", *options], cwd=ROOT,
    )
    say("after", minutes=round((time.monotonic() - began) / 60, 2), exit=done.returncode, load=os.getloadavg())
    return done.returncode or figures(argparse.Namespace(run=given.home / "runs" / given.name))


def figures(given: argparse.Namespace) -> int:
    """What a run's report says, as one line a table."""
    from training import report, runs

    status = runs.poll(given.run)
    say("stages", **{stage.name: stage.seconds for stage in status.stages})
    evaluation = report.read(given.run)["evaluation"]
    say("verdict", **evaluation["verdict"])
    say("overall", **evaluation["overall"])
    for task, about in evaluation["tasks"].items():
        say("task", task=task, **{key: value for key, value in about.items() if key not in ("confusion", "examples")})
    say("baselines", **evaluation["baselines"])
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    for run in (sources, train, figures):
        part = parts.add_parser(run.__name__)
        part.set_defaults(run_part=run)
        if run is figures:
            part.add_argument("run", type=Path)
            continue
        part.add_argument("home", type=Path, help="the workspace")
        if run is sources:
            part.add_argument("folders", nargs="+", metavar="NAME=FOLDER[,FOLDER]")
        else:
            part.add_argument("dataset")
            part.add_argument("config")
            part.add_argument("--name", required=True)
            part.add_argument("--set", action="append", default=[])
    given = parser.parse_args()
    return int(given.run_part(given))


if __name__ == "__main__":
    sys.exit(main())
