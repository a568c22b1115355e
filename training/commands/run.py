"""Runs from a shell: `train` starts one, `status`, `stop` and `resume` speak of it. The work is done by a process of its own."""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Literal

from curation import at_hand, command
from curation.errors import BadValue
from training import checkpoints, config, data, dry_run, plain_data, runs
from training.commands import Subcommands, add_runs_dir, add_set, declare, is_run, loaded, run_dir_of
from training.dataset_choice import dataset_dir, opened
from training.reading import read_object

ORDER = 40


def add(commands: Subcommands) -> None:
    train = declare(
        commands, "train", _train,
        "Start a run in a worker process of its own; it goes on when this shell ends. DATA CONFIG and PRESET --data DATA say the same.",
        "datasets/flow/v0001 smollm2-135m --output-dir runs --pipeline-id first --follow",
        "rows.jsonl my.yaml --dry-run",
        "datasets/flow/v0001 my.yaml --output-dir runs --pipeline-id first --resume",
        "tiny --data datasets/flow/v0001 --follow",
    )
    train.add_argument("names", nargs="+", metavar="DATA CONFIG",
                       help="a frozen version's folder or a plain file (" + ", ".join(plain_data.ENDINGS) + "), and a preset ("
                            + ", ".join(config.presets()) + ") or a YAML file; with --data the preset or file alone")
    add_set(train)
    train.add_argument("--data", type=at_hand, metavar="DATA", help="a frozen version's folder or a plain file")
    train.add_argument("--name", "--pipeline-id", metavar="ID", help="the run's name (default: made of dataset, preset and time)")
    train.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    train.add_argument("--dry-run", action="store_true", help="start nothing: say what would be trained, and find faults")
    train.add_argument("--json", action="store_true", help="with --dry-run: as one JSON object")
    train.add_argument("--resume", nargs="?", const="", metavar="CHECKPOINT",
                       help="go on with the run of that ID from its last complete checkpoint, or from this one of it (a name or a path)")
    add_runs_dir(train, "--output-dir")

    status = declare(
        commands, "status", _status, "Show all runs, or one with its stages.", "flow-v0001-tiny-20261121-120000 --json", "runs",
    )
    status.add_argument("run_name", nargs="?", metavar="RUN|DIR", help="a run's name or folder, or a folder of runs")
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
    given.data, given.config = _data_and_config(given)
    wanted = loaded(given)
    if given.json and not given.dry_run:
        raise BadValue(field="--json", value="", why="goes with --dry-run alone", todo="See `status RUN --json` for a run.")
    if given.dry_run:
        with opened(given.data, wanted.seed) as dataset:
            counts = _dry_run(wanted, dataset)
            learned = dry_run.report(wanted, dataset.path, runs_dir=given.runs_dir) if "sft" in wanted.stages else None
        if given.json:
            print(json.dumps({**counts, "sft": learned}, ensure_ascii=False, indent=1))
        else:
            print(_dry_run_text(counts) + (dry_run.text(learned) if learned is not None else ""), end="")
        return 0
    if given.resume is not None:
        return _go_on(given, wanted)
    run_dir = runs.start(wanted, given.runs_dir, dataset_dir=dataset_dir(given.data, given.runs_dir, wanted.seed), name=given.name)
    print(run_dir, flush=True)
    return follow(run_dir) if given.follow else 0


def _data_and_config(given: argparse.Namespace) -> tuple[Path, str]:
    """Two names are DATA CONFIG; one name with --data is the configuration."""
    if given.data is not None and len(given.names) == 1:
        return given.data, given.names[0]
    if given.data is None and len(given.names) == 2:
        return at_hand(given.names[0]), given.names[1]
    raise BadValue(field="train", value=" ".join(given.names), why="does not say what to train on and how",
                   todo="Give DATA and CONFIG, e.g. `train datasets/flow/v0001 tiny`, or CONFIG with --data DATA.")


def _dry_run(wanted: config.Config, dataset: data.Dataset) -> dict[str, Any]:
    """What a run would do, as far as it is known without a model: {"stages", "dataset": {"name", "hash"}, "rows": {kind: {split: rows}},
    "steps": {stage: {"most", "rows" a step}}}."""
    splits: tuple[data.Split, ...] = ("train", "validation", "test")
    kinds: tuple[Literal["sft", "preference"], ...] = ("sft", "preference")
    rows = {kind: {split: dataset.count(kind, split) for split in splits} for kind in kinds}
    steps = {}
    for stage, there in (("sft", rows["sft"]["train"]), ("dpo", rows["preference"]["train"])):
        if stage in wanted.stages and there:
            how = config.settings_of(wanted, stage)
            a_step = how.batch_size * how.gradient_accumulation
            steps[stage] = {"most": how.max_steps or max(1, round(-(-there // a_step) * how.epochs)), "rows": a_step}
    return {"stages": wanted.stages, "dataset": {"name": dataset.manifest["name"], "hash": dataset.hash}, "rows": rows, "steps": steps}


def _dry_run_text(found: dict[str, Any]) -> str:
    lines = [f"configuration is valid: {' > '.join(found['stages'])}",
             f"dataset {found['dataset']['name']}, hash {found['dataset']['hash']}"]
    lines += [f"{kind}: " + ", ".join(f"{split} {count}" for split, count in splits.items()) for kind, splits in found["rows"].items()]
    lines += [f"{stage}: at most {steps['most']} steps of {steps['rows']} rows" for stage, steps in found["steps"].items()]
    return "\n".join(lines) + "\n"


def _go_on(given: argparse.Namespace, wanted: config.Config) -> int:
    """Resumes the run that --pipeline-id, --output-dir or the checkpoint's own path names. Refuses other data and another configuration."""
    run_dir = _run_to_resume(given)
    kept = read_object(run_dir / "manifest.json")
    hash_ = data.open_dataset(dataset_dir(given.data, given.runs_dir, wanted.seed)).hash
    if hash_ != kept["dataset"]["hash"]:
        raise BadValue(field="DATA", value=str(given.data), why=f"is not what the run {run_dir.name} was started with",
                       todo=f"Give {kept['dataset']['path']}, or start a new run.")
    before = config.load(run_dir / "config.yaml")
    changed = sorted(_leaves(before.model_dump()).items() ^ _leaves(wanted.model_dump()).items())
    if changed:
        keys = ", ".join(dict.fromkeys(key for key, _ in changed))
        raise BadValue(field="CONFIG", value=given.config, why=f"differs from the configuration of the run {run_dir.name} in {keys}",
                       todo=f"Give {run_dir / 'config.yaml'}, or start a new run.")
    if given.resume and runs.poll(run_dir).resumable:
        with checkpoints.going_on_from(checkpoints.named(run_dir, given.resume)):
            runs.resume(run_dir)
    else:
        runs.resume(run_dir)  # refuses one that is active or done
    print(run_dir, flush=True)
    return follow(run_dir) if given.follow else 0


def _run_to_resume(given: argparse.Namespace) -> Path:
    if given.name is not None:
        given.run_name = given.name
        return run_dir_of(given)
    named = [folder for folder in (given.runs_dir, *Path(given.resume).absolute().parents) if given.resume and is_run(folder)]
    if is_run(given.runs_dir) or named:
        return (given.runs_dir if is_run(given.runs_dir) else named[0]).absolute()
    raise BadValue(field="--resume", value=given.resume or "", why="does not say which run",
                   todo="Give --pipeline-id with the run's name, or its folder as --output-dir.")


def _leaves(values: dict[str, Any], path: str = "") -> dict[str, str]:
    """Dotted key -> its value as text."""
    found: dict[str, str] = {}
    for key, value in values.items():
        found |= _leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": repr(value)}
    return found


def _status(given: argparse.Namespace) -> int:
    folder = given.runs_dir if given.run_name is None else Path(given.run_name)
    if given.run_name is None or (folder.is_dir() and not is_run(folder) and not is_run(given.runs_dir / given.run_name)):
        found = runs.list_runs(folder)
        if given.json:
            print(json.dumps([run.model_dump(mode="json") for run in found], ensure_ascii=False, indent=1))
        for run in [] if given.json else found:
            print(line(run))
        if not found and not given.json:
            print(f"no run in {folder}")
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
        print(f"\n{run_dir.name} goes on; see `{command('training status')} {run_dir.name}`")
        return 0
