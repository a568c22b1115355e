"""The command line of training: `python -m training COMMAND --help` says what a command does, with an example.

>>> python -m training train tiny --data datasets/flow/v0001 --follow
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from curation.errors import BadValue, NotFound, UserError
from training import config, data, runs, tools

PROJECT = Path(__file__).resolve().parent.parent
Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done; 2 an error that is told, wrong usage included; `status` and `--follow`: 3 when the run failed or died."""
    try:
        given = _parser().parse_args(argv)
        return given.run(given)
    except UserError as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="From a frozen dataset to a packaged model.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Command, help: str, example: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=help, description=help, epilog=f"Example:\n  python -m training {name} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    init = add("init-config", _init_config, "Write a preset's configuration to a file, to be edited.", "tiny --out my.yaml")
    init.add_argument("preset", nargs="?", default=None, help="one of: " + ", ".join(config.presets()))
    init.add_argument("--out", type=Path, help="the file (default: standard output); never overwritten")

    validate = add("validate-config", _validate_config, "Check a configuration; every fault is told at once.", "my.yaml")
    _add_config(validate)
    validate.add_argument("--show", action="store_true", help="print the whole configuration with every default")

    add("list-gpus", _list_gpus, "List the GPUs of this machine, as nvidia-smi knows them.", "")

    inspect = add(
        "inspect-data", _inspect_data,
        "Verify a frozen dataset and show its counts; with a model, token lengths and sample rows with the learned part between ⟦ and ⟧.",
        "datasets/flow/v0001 --model tiny --rows 2",
    )
    inspect.add_argument("data", type=Path, help="a frozen version's folder")
    inspect.add_argument("--model", help="a folder, a hub name, or 'tiny' (a tokenizer trained on the train split); none: counts only")
    inspect.add_argument("--rows", type=int, default=1, help="rows shown (default 1)")
    inspect.add_argument("--split", choices=["train", "validation", "test"], default="train")

    train = add(
        "train", _train, "Start a run in a worker process of its own; it goes on when this shell ends.",
        "tiny --data datasets/flow/v0001 --follow",
    )
    _add_config(train)
    train.add_argument("--data", type=Path, required=True, help="a frozen version's folder")
    train.add_argument("--name", help="the run's name (default: made of dataset, preset and time)")
    train.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    _add_runs_dir(train)

    status = add("status", _status, "Show all runs, or one with its stages.", "flow-v0001-tiny-20261121-120000 --json")
    status.add_argument("run_name", nargs="?", metavar="RUN", help="a run's name or folder")
    status.add_argument("--json", action="store_true", help="as JSON")
    _add_runs_dir(status)

    stop = add("stop", _stop, "Ask a run to save a checkpoint and end; kill it when it does not.", "flow-v0001-tiny-20261121-120000")
    stop.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    stop.add_argument("--grace-s", type=float, default=300.0, help="seconds it has to save before it is killed (default 300)")
    _add_runs_dir(stop)

    resume = add(
        "resume", _resume, "Go on with a stopped, failed or dead run from its last complete checkpoint.",
        "flow-v0001-tiny-20261121-120000 --follow",
    )
    resume.add_argument("run_name", metavar="RUN", help="a run's name or folder")
    resume.add_argument("--follow", action="store_true", help="print its log until it ends; Ctrl+C leaves it running")
    _add_runs_dir(resume)

    tools.add_arguments(add("tools", tools.main, "Find llama.cpp's converter and quantizer, or build them.", ""))
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="a preset (" + ", ".join(config.presets()) + ") or a YAML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="put over the configuration, e.g. sft.max_steps=20; repeatable"
    )


def _add_runs_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs-dir", type=Path, default=default_runs_dir(), help="where runs are (default: %(default)s)")


def default_runs_dir() -> Path:
    """`runs` in the workspace: $FLOWSIGHT_HOME, else workspace/ beside the code (as curation.settings has it)."""
    return Path(os.environ.get("FLOWSIGHT_HOME") or PROJECT / "workspace") / "runs"


def _loaded(given: argparse.Namespace) -> config.Config:
    overrides = {}
    for item in given.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise BadValue(field="--set", value=item, why="has no '='", todo="Give it as KEY=VALUE, e.g. sft.max_steps=20.")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            overrides[key] = value  # validated as text
    return config.load(given.config, overrides)


def _init_config(given: argparse.Namespace) -> int:
    if given.preset is None:
        print("\n".join(config.presets()))
        return 0
    text = config.template(given.preset)
    if given.out is None:
        print(text, end="")
        return 0
    try:
        with open(given.out, "x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise BadValue(field="--out", value=str(given.out), why="exists already", todo="Choose another name, or move it away.") from None
    except OSError as err:
        why = f"cannot be written ({err.strerror})"
        raise BadValue(field="--out", value=str(given.out), why=why, todo="Choose another place.") from err
    print(given.out)
    return 0


def _validate_config(given: argparse.Namespace) -> int:
    loaded = _loaded(given)
    print(config.dump(loaded) if given.show else f"{given.config} is valid: {' > '.join(loaded.stages)}")
    return 0


def _list_gpus(given: argparse.Namespace) -> int:
    fields = "index,name,memory.total,memory.free,driver_version"
    try:
        query = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv"]
        done = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or done.returncode:
        print("no NVIDIA GPU found (nvidia-smi did not answer): runs use the CPU")
        return 0
    print(done.stdout, end="")
    return 0


def _inspect_data(given: argparse.Namespace) -> int:
    frozen = data.open_dataset(given.data)
    print(f"{frozen.manifest['name']} v{frozen.manifest['version']:04d}, hash {frozen.hash}")
    for kind in ("sft", "preference"):
        counts = {split: frozen.count(kind, split) for split in ("train", "validation", "test")}
        print(f"{kind}: " + (", ".join(f"{split} {n}" for split, n in counts.items()) if any(counts.values()) else "no row"))
    if given.model is None:
        return 0
    rows = data.read_rows(frozen, "sft", given.split)
    tokenizer = _tokenizer_of(given.model, frozen)
    encoded = [data.encode(tokenizer, row["prompt"], row["completion"]) for row in rows]
    print(f"{given.split} in tokens: " + ", ".join(f"{key} {value}" for key, value in data.lengths(encoded).items()))
    for row, tokens in zip(rows[: given.rows], encoded, strict=False):
        print(f"\n--- {row['id']} ({row['task']}, {row['lang']}, {len(tokens.input_ids)} tokens)\n{data.marked(tokenizer, tokens)}")
    return 0


def _tokenizer_of(name: str, frozen: data.Dataset) -> Any:
    from training import models

    if name == "tiny":
        size = config.load("tiny").teacher.random
        assert size is not None
        texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
        return models.train_tokenizer(texts, size.vocab_size)
    tokenizer = models.load_tokenizer(models.find(models.ModelChoice(path=name)))
    tokenizer.chat_template = tokenizer.chat_template or models.PLAIN_TEMPLATE
    return tokenizer


def _train(given: argparse.Namespace) -> int:
    run_dir = runs.start(_loaded(given), given.runs_dir, dataset_dir=given.data, name=given.name)
    print(run_dir, flush=True)
    return _follow(run_dir) if given.follow else 0


def _status(given: argparse.Namespace) -> int:
    if given.run_name is None:
        found = runs.list_runs(given.runs_dir)
        if given.json:
            print(json.dumps([run.model_dump(mode="json") for run in found], ensure_ascii=False, indent=1))
        for run in [] if given.json else found:
            print(_line(run))
        if not found and not given.json:
            print(f"no run in {given.runs_dir}")
        return 0
    run = runs.poll(_run_dir(given))
    if given.json:
        print(run.model_dump_json(indent=1))
    else:
        print(_line(run))
        for stage in run.stages:
            took = f"{stage.seconds:8.1f} s" if stage.seconds is not None else ""
            print(f"  {stage.name:<10} {stage.state:<8} {took} {stage.skipped or ''}".rstrip())
        if run.error:
            print(f"error: {run.error['text']}")
    return 3 if run.state in ("failed", "died") else 0


def _line(run: runs.RunStatus) -> str:
    where = f" in {run.stage}" if run.stage and run.state != "done" else ""
    step = f", step {run.step}/{run.total}" if run.active and run.step is not None else ""
    loss = f", loss {run.loss:.4f}" if run.active and run.loss is not None else ""
    return f"{run.name}: {run.state}{where}{step}{loss}"


def _stop(given: argparse.Namespace) -> int:
    print(_line(runs.stop(_run_dir(given), grace_s=given.grace_s)))
    return 0


def _resume(given: argparse.Namespace) -> int:
    run_dir = _run_dir(given)
    runs.resume(run_dir)
    print(run_dir, flush=True)
    return _follow(run_dir) if given.follow else 0


def _run_dir(given: argparse.Namespace) -> Path:
    for candidate in (given.runs_dir / given.run_name, Path(given.run_name)):
        if (candidate / "manifest.json").is_file() and (candidate / "config.yaml").is_file():
            return candidate.absolute()
    raise NotFound(kind=f"run in {given.runs_dir}", name=given.run_name)


def _follow(run_dir: Path) -> int:
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
                print(_line(run))
                return 3 if run.state in ("failed", "died") else 0
            time.sleep(0.5)
    except KeyboardInterrupt:
        print(f"\n{run_dir.name} goes on; see `python -m training status {run_dir.name}`")
        return 0


if __name__ == "__main__":
    sys.exit(main())
