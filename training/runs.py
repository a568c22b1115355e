"""Start, look at, stop and resume training runs. No torch: the web process and the command line use this.

Everything about a run is in its directory: config.yaml, manifest.json, launch.json (which process), status.json and events.jsonl (written
by the worker), stdout.log, a folder a stage with result.json and COMPLETE, exit.json at the end. Nothing is kept in memory, so
whoever asks later, from another process, is told the same.

>>> run_dir = start(load("tiny"), Path("runs"), dataset_dir=Path("datasets/demo/v0001"))
>>> poll(run_dir).state
'running'
"""
from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from curation import PROJECT, command
from curation.errors import BadValue, NotFound, Reason, RunFailed, record
from curation.model import Model
from training import inputs, starting
from training.config import FIRST, ORDER, Config, dump, load, plain
from training.data import open_dataset
from training.launchers import launchers
from training.models import check_local
from training.reading import DamagedFile, damaged, number, parse_object, parse_yaml, read_object, read_object_if_there
from training.stage import COMPLETE, RESULT, stage_folders, utc_now, write_atomically

State = Literal["starting", "running", "stopping", "done", "stopped", "failed", "died", "damaged"]
StageState = Literal["waiting", "running", "done", "skipped", "stopped", "failed"]
NO_CURVE = ("step", "total", "epoch", "num_tokens", "eval_num_tokens", "attempt", "seconds")  # numbers of an event that are no figures
STAGE_RULE = re.compile(r"[A-Za-z0-9_-]{1,60}")  # it names a folder
NAME_RULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
VERSIONS_OF = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "tokenizers", "safetensors")


class StageStatus(Model):
    """One stage. skipped: why, as a code ("no_preference_rows"). seconds: how long its last attempt
    took, None until it is done."""

    name: str
    state: StageState
    seconds: float | None = None
    skipped: str | None = None


class RunStatus(Model):
    """A run as it is now. name: of its folder, which may have been moved or copied since the start. died: the process is gone, left no
    exit.json and was not asked to stop (killed, or the machine went down); it can be resumed, as stopped and failed can. damaged: one of
    its own files cannot be read; error says which. step/total: of the present stage. error: {"code", "params", "text"} of a UserError,
    code None for a defect."""

    name: str
    run_dir: Path
    state: State
    stage: str | None = None
    stages: list[StageStatus] = []
    step: int | None = None
    total: int | None = None
    loss: float | None = None
    heartbeat_age_s: float | None = None
    attempt: int = 1
    dataset: str = ""
    preset: str | None = None
    created_at: str = ""
    error: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        return self.state in ("starting", "running", "stopping")

    @property
    def resumable(self) -> bool:
        return self.state in ("stopped", "failed", "died")


@dataclass
class Curve:
    """One stage's figures by step: "loss", "validation_loss" and whatever else was logged with them ("learning_rate", "grad_norm", ...);
    any may be missing."""

    points: dict[int, dict[str, float]] = field(default_factory=dict)
    begun_anew: bool = False


def start(config: Config, runs_dir: Path, *, dataset_dir: Path, name: str | None = None, launcher: str = "local") -> Path:
    """Makes the run's directory and starts its worker. name None: made of dataset, preset and time.

    Raises TouchedDataset or NotFound for the dataset, BadModelFolder for a local model that cannot be used, BadValue for a name that is
    taken or is no plain file name. Nothing is left behind then."""
    dataset = open_dataset(dataset_dir)
    label = f"{dataset.manifest['name']}-v{dataset.manifest['version']:04d}"
    name = name or f"{label}-{config.preset or 'own'}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    if not NAME_RULE.fullmatch(name):
        raise BadValue(
            field="name", value=name, why=Reason("no_plain_name", "is no plain name"),
            todo=Reason("plain_name_rule", "Use letters, digits, '.', '_' and '-', at most 80."),
        )
    for model in filter(None, (config.teacher, config.student)):
        check_local(model)
    run_dir = runs_dir.absolute() / name
    manifest = {
        "format": 1, "name": name, "created_at": utc_now(), "launcher": launcher, "seed": config.seed, "preset": config.preset,
        "dataset": {"path": str(dataset_dir.absolute()), "label": label, "hash": dataset.hash},
        "stages": [FIRST, *config.stages], "config": dump(config), "models": None, "commit": _commit(), "versions": _versions(),
    }
    _make(run_dir, {"config.yaml": dump(config), "manifest.json": json.dumps(manifest, ensure_ascii=False, indent=1)})
    _launch(run_dir, manifest, config, attempt=1)
    return run_dir


def _make(run_dir: Path, files: dict[str, str]) -> None:
    """The run's directory with these files in it, whole or not at all: made beside and renamed. An empty folder of the name is replaced."""
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".starting-", dir=run_dir.parent))
    try:
        beside.chmod(0o755)
        for name, text in files.items():
            write_atomically(beside / name, text)
        os.rename(beside, run_dir)
    except OSError as err:
        shutil.rmtree(beside, ignore_errors=True)
        if not run_dir.exists():
            raise
        raise BadValue(
            field="name", value=run_dir.name, why=Reason("run_name_taken", "is the name of a run already"),
            todo=Reason("other_run_name", "Choose another, or resume that run."),
        ) from err


def resume(run_dir: Path) -> None:
    """Starts the worker again on a run that was stopped, failed or died: complete stages stand, the present one goes on from its last
    complete checkpoint. Raises RunFailed for a run that is active or done."""
    _require_run(run_dir)
    with open(run_dir / "resume.lock", "w") as lock:  # two at once: the second worker would end at once, and its pid stand in launch.json
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = poll(run_dir)
        if not status.resumable:
            raise RunFailed(
                where=status.name, why=Reason("run_is", "it is {run_state}", run_state=status.state),
                todo=Reason("only_ended", "Only a stopped, failed or dead run can be resumed."),
            )
        manifest = read_manifest(run_dir)
        config = config_of(run_dir, manifest)
        dataset_of(manifest)
        (run_dir / "exit.json").unlink(missing_ok=True)
        _launch(run_dir, manifest, config, attempt=status.attempt + 1)


def extend(
    run_dir: Path, stages: Iterable[str] = (), overrides: Mapping[str, Any] | None = None, dataset_dir: Path | None = None
) -> dict[str, list[str]]:
    """Goes on with a run that is not active, done ones too: with more stages, stages done again (those named that it has already), and
    settings put over its own. Only what depends on a change is done again; what that is, with the keys, is given back. dataset_dir: where
    the same frozen version is now.

    Raises RunFailed for an active run, BadConfig for settings or an order that cannot work; the run is then as it was."""
    _require_run(run_dir)
    with open(run_dir / "resume.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = poll(run_dir)
        if status.active or status.state == "damaged":
            raise RunFailed(
                where=status.name, why=Reason("run_is", "it is {run_state}", run_state=status.state),
                todo=Reason("only_inactive", "Stop it first; a damaged one has to be mended."),
            )
        manifest = read_manifest(run_dir)
        before = _recorded(manifest) if "config" in manifest else config_of(run_dir, manifest)  # the manifest's, whatever was edited
        config = load(plain(before), {**(overrides or {}), "stages": _in_order(before.stages, list(stages))})
        if dataset_dir is not None:
            manifest["dataset"] = {**manifest["dataset"], "path": str(dataset_dir.absolute())}
        if open_dataset(dataset_of(manifest)).hash != manifest["dataset"]["hash"]:
            raise RunFailed(
                where=status.name, why=Reason("other_version", "it is another version than the one this run was started with"),
                todo=Reason("new_run", "Start a new run with it."),
            )
        again = {**manifest.get("again", {})}
        for stage in stages:
            if stage in before.stages:
                again[stage] = again.get(stage, 0) + 1
        manifest = {**manifest, "stages": [FIRST, *config.stages], "config": dump(config), "again": again}
        outdated = inputs.stale(config, manifest, stage_folders(run_dir, manifest["stages"]))
        write_atomically(run_dir / "config.yaml", dump(config))
        write_atomically(run_dir / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))
        (run_dir / "exit.json").unlink(missing_ok=True)
        _launch(run_dir, manifest, config, attempt=status.attempt + 1)
    return outdated


def _in_order(there: list[str], more: list[str]) -> list[str]:
    """The stages with new ones put in where the usual order has them: before the first that comes later in it."""
    found = list(there)
    for stage in more:
        if stage not in found:
            rank = ORDER.index(stage) if stage in ORDER else len(ORDER)
            at = next((i for i, other in enumerate(found) if other in ORDER and ORDER.index(other) > rank), len(found))
            found.insert(at, stage)
    return found


def start_stages(
    stages: Iterable[str], source: str, runs_dir: Path, *, dataset_dir: Path | None = None, base: str | None = None,
    settings: Mapping[str, Any] | None = None, name: str | None = None,
) -> Path:
    """A run of a few stages on weights that are there: a model folder or name, an adapter's folder, or another run (name or folder), whose
    settings and dataset are taken then. Stages that those named cannot do without come with them: merge for an adapter, quantize for
    package. base: the untuned counterpart. Raises what `start` raises."""
    values: dict[str, Any] = {"teacher": {"path": base}} if base else {}
    folder = next((path for path in (runs_dir / source, Path(source)) if (path / "manifest.json").is_file()), Path(source).expanduser())
    wanted = list(stages)
    adapter = (folder / "adapter_config.json").is_file()
    if (folder / "manifest.json").is_file() and (folder / "config.yaml").is_file():
        manifest = read_manifest(folder)
        own = {key: value for key, value in plain(config_of(folder, manifest)).items() if key not in ("teacher", "student", "start")}
        values = {**own, **values, "start": {"run": str(folder.absolute())}}
        dataset_dir = dataset_dir or dataset_of(manifest)
        adapter = starting.weights_of(values["start"])["adapter"] is not None
    elif adapter:
        values["start"] = {"adapter": str(folder.absolute())}
    elif base:
        values["start"] = {"model": str(folder.absolute())}
    else:
        values["teacher"] = {"path": source}
    if dataset_dir is None:
        raise BadValue(field="dataset", value="", why=Reason("no_data_given", "is not given"),
                       todo=Reason("give_frozen", "Give the folder of a frozen version."))
    if "package" in wanted:
        wanted = _in_order(wanted, ["quantize"])
    if adapter and {"evaluate", "quantize", "package", "prune"} & set(wanted):
        wanted = _in_order(wanted, ["merge"])
    return start(load({**values, "stages": wanted}, settings), runs_dir, dataset_dir=dataset_dir, name=name)


def read_manifest(run_dir: Path) -> dict[str, Any]:
    """A run's manifest.json with what is read of it in its right types. Raises DamagedFile."""
    manifest = read_object(run_dir / "manifest.json")
    dataset, stages = manifest.get("dataset"), manifest.get("stages")
    good = {
        "stages": isinstance(stages, list) and all(isinstance(stage, str) and STAGE_RULE.fullmatch(stage) for stage in stages),
        "dataset": isinstance(dataset, dict) and all(isinstance(dataset.get(key), str) for key in ("path", "label", "hash")),
        "created_at": isinstance(manifest.get("created_at"), str),
    }
    for key, fits in good.items():
        if not fits:
            why = Reason("manifest_key", "manifest.json has no {key!r}, or one of a wrong type", key=key)
            raise damaged(run_dir / "manifest.json", ValueError(why))
    return manifest


def config_of(run_dir: Path, manifest: Mapping[str, Any]) -> Config:
    """The run's configuration. Raises RunFailed where config.yaml is not what the run was started or continued with."""
    config = load(run_dir / "config.yaml")
    if "config" in manifest and (keys := inputs.differing(_recorded(manifest), config)):
        raise RunFailed(
            where=run_dir.name, why=Reason("config_edited", "its config.yaml was edited behind it: {keys}", keys=", ".join(keys)),
            todo=Reason("continue_with_set", "Put it back, or change a setting by `{command} {run} --set KEY=VALUE`.",
                        command=command("training continue"), run=run_dir.name),
        )
    return config


def _recorded(manifest: Mapping[str, Any]) -> Config:
    """The configuration as the manifest has it, in YAML: JSON would make texts of the numbers that are keys."""
    return load(parse_yaml(manifest["config"]))


def dataset_of(manifest: Mapping[str, Any]) -> Path:
    """The frozen version that a run reads. Raises RunFailed where it is no longer there."""
    folder = Path(manifest["dataset"]["path"])
    if not (folder / "manifest.json").is_file():
        raise RunFailed(
            where=str(manifest.get("name")),
            why=Reason("dataset_gone", "its dataset {label} is no longer at {path} (dataset.path in manifest.json)",
                       label=manifest["dataset"]["label"], path=str(folder)),
            todo=Reason("continue_with_data", "Put it back, or say where it is by `{command} {run} --data FOLDER`.",
                        command=command("training continue"), run=str(manifest.get("name"))),
        )
    return folder


def _launch(run_dir: Path, manifest: dict[str, Any], config: Config, attempt: int) -> None:
    (run_dir / "stop.json").unlink(missing_ok=True)
    write_atomically(run_dir / "status.json", json.dumps({"state": "starting", "heartbeat": time.time(), "attempt": attempt}))
    environment = {
        # 2 threads on a busy machine: torch's spinning wait was measured 7-20 times slower than a sleeping one.
        "OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1",
        "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore::FutureWarning",  # stdout.log is read by people
    }
    if config.threads is not None:
        environment["OMP_NUM_THREADS"] = str(config.threads)
    handle = launchers()[manifest["launcher"]].launch(run_dir, environment)
    write_atomically(run_dir / "launch.json", json.dumps({"launcher": manifest["launcher"], "handle": handle, "attempt": attempt}))


def poll(run_dir: Path) -> RunStatus:
    """The run as it is now, out of its directory and the process table; "damaged" where its files cannot be read. Raises NotFound where no
    run is."""
    _require_run(run_dir)
    try:
        return _polled(run_dir)
    except DamagedFile as err:
        error = {**record(err), "text": str(err)}
    # JSON of another shape: a hand or a disk was at it
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        error = {"code": None, "text": f"{type(err).__name__}: {err}"[:500]}
    return RunStatus(name=run_dir.name, run_dir=run_dir, state="damaged", error=error, created_at=_written(run_dir))


def _written(run_dir: Path) -> str:
    """When a damaged run's folder was last written to, so that it stands in the list where it belongs."""
    return datetime.fromtimestamp(run_dir.stat().st_mtime, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _polled(run_dir: Path) -> RunStatus:
    manifest = read_manifest(run_dir)
    alive = _alive(run_dir)  # looked at first: what the worker wrote before it ended is then read after
    status, leaving = _read(run_dir / "status.json"), _read(run_dir / "exit.json")
    state: State
    if leaving and not alive:
        state = leaving["state"]
    elif alive:
        state = "stopping" if (run_dir / "stop.json").is_file() else status.get("state", "starting")
        state = "running" if state not in ("starting", "stopping") else state
    else:  # killed: by us when a stop took too long, or came before the worker could listen; else by something else
        state = "stopped" if (run_dir / "stop.json").is_file() else "died"
    heartbeat = status.get("heartbeat")
    return RunStatus(
        name=run_dir.name, run_dir=run_dir, state=state, stage=status.get("stage"),
        stages=_stages(run_dir, manifest["stages"], status, state),
        step=status.get("step"), total=status.get("total"), loss=status.get("loss"),
        heartbeat_age_s=max(0.0, time.time() - heartbeat) if heartbeat and alive else None,
        attempt=status.get("attempt", 1), dataset=manifest["dataset"]["label"], preset=manifest.get("preset"),
        created_at=manifest["created_at"], error=leaving.get("error") if not alive else None,
    )


def _stages(run_dir: Path, names: list[str], status: dict[str, Any], state: State) -> list[StageStatus]:
    found = []
    for name, folder in stage_folders(run_dir, names).items():
        if (folder / COMPLETE).is_file():
            result = _read(folder / RESULT)
            skipped = result.get("skipped")
            seconds = _read(folder / COMPLETE).get("seconds")
            found.append(StageStatus(name=name, state="skipped" if skipped else "done", seconds=seconds, skipped=skipped))
        elif name == status.get("stage") and state != "done":
            shown: StageState = {"failed": "failed", "stopped": "stopped", "died": "stopped"}.get(state, "running")  # type: ignore[assignment]
            found.append(StageStatus(name=name, state=shown))
        else:
            found.append(StageStatus(name=name, state="waiting"))
    return found


def stop(run_dir: Path, grace_s: float | None = None) -> RunStatus:
    """Asks the worker to save a checkpoint and exit. grace_s None: returns at once; else waits that many seconds and then kills it."""
    _require_run(run_dir)
    if _alive(run_dir):
        write_atomically(run_dir / "stop.json", json.dumps({"time": utc_now()}))
        launcher, handle = _process(run_dir)
        launcher.terminate(handle)
        deadline = time.monotonic() + (grace_s or 0.0)
        while grace_s is not None and _alive(run_dir):
            if time.monotonic() > deadline:
                kill(run_dir)
                break
            time.sleep(0.1)
    return poll(run_dir)


def kill(run_dir: Path) -> None:
    """Ends the worker and what it started at once. Its last complete checkpoint stands."""
    _require_run(run_dir)
    if _alive(run_dir):
        launcher, handle = _process(run_dir)
        launcher.kill(handle)
        while _alive(run_dir):
            time.sleep(0.05)


def list_runs(runs_dir: Path) -> list[RunStatus]:
    """Every run, newest first. Folders that are no runs are passed over; a damaged one is listed as such, and hides no other."""
    if not runs_dir.is_dir():
        return []
    found = []
    for path in runs_dir.iterdir():
        if not path.name.startswith(".") and (path / "manifest.json").is_file() and (path / "config.yaml").is_file():
            found.append(poll(path))
    return sorted(found, key=lambda run: (run.created_at, run.name), reverse=True)


def read_events(run_dir: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events written after byte `offset`, and the offset to ask with next time. A line that is still being written, or was torn when
    a worker was killed, is not given."""
    path = run_dir / "events.jsonl"
    if not path.is_file():
        return [], offset
    with open(path, "rb") as events:
        events.seek(offset)
        whole, newline, _ = events.read().rpartition(b"\n")
    found = []
    for line in whole.split(b"\n"):
        try:
            found.append(parse_object(line))
        except ValueError:
            continue  # torn by a kill; the worker began a new line after it
    return found, offset + len(whole) + len(newline)


def add_to_curves(curves: dict[str, Curve], events: list[dict[str, Any]]) -> None:
    """Adds events to the curves, stage by stage, in place. Where a stage went on from a checkpoint, or began anew, the points that are
    computed again are dropped first. Events without a loss (rows evaluated, files written) are no points."""
    for event in events:
        stage, kind, step = event.get("stage"), event.get("kind"), event.get("step") or 0
        if not isinstance(stage, str) or not isinstance(step, int) or step.bit_length() > 53:
            continue
        curve = curves.setdefault(stage, Curve())
        if kind == "stage_started":
            curve.begun_anew = True
        elif kind == "resumed":
            curve.begun_anew = False
            curve.points = {at: point for at, point in curve.points.items() if at <= step}
        elif kind in ("step", "eval") and event.get("loss" if kind == "step" else "eval_loss") is not None:
            if curve.begun_anew:
                curve.points, curve.begun_anew = {}, False
            curve.points.setdefault(step, {}).update(_figures(event))


def _figures(event: dict[str, Any]) -> dict[str, float]:
    """The numbers of an event that make a curve; those of the validation begin with validation_, speeds and counters are left out."""
    numbers = {name: value for name, value in event.items() if isinstance(value, float) or number(value) is not None}
    kept = {name: value for name, value in numbers.items() if name not in NO_CURVE and not name.endswith(("_runtime", "_per_second"))}
    return {f"validation_{name[5:]}" if name.startswith("eval_") else name: float(value) for name, value in kept.items()}


def read_log(run_dir: Path, max_bytes: int = 16_384) -> str:
    """The end of stdout.log, whole lines."""
    path = run_dir / "stdout.log"
    if not path.is_file():
        return ""
    with open(path, "rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - max_bytes))
        text = log.read().decode("utf-8", errors="replace")
    return text if size <= max_bytes else text.partition("\n")[2]


def _require_run(run_dir: Path) -> None:
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=str(run_dir))


def _process(run_dir: Path) -> tuple[Any, dict[str, Any]]:
    launch = _read(run_dir / "launch.json")
    name, handle = launch.get("launcher", "local"), launch.get("handle", {})
    if not isinstance(handle, dict) or not isinstance(name, str) or name not in launchers():
        why = Reason("no_such_launcher", "it names no launcher ({known}), or no process", known=", ".join(launchers()))
        raise damaged(run_dir / "launch.json", ValueError(why))
    return launchers()[name], handle


def _alive(run_dir: Path) -> bool:
    launcher, handle = _process(run_dir)
    return launcher.alive(handle)


def _read(path: Path) -> dict[str, Any]:
    """A JSON file's object; {} where there is none, or nothing in it. Raises DamagedFile."""
    return read_object_if_there(path)


def _versions() -> dict[str, str]:
    import platform

    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in VERSIONS_OF:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # recorded as absent by being absent
    return found


def _commit() -> str | None:
    """The code's git commit, with "+" behind it when files differ from it; None outside of a git checkout."""
    import subprocess

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    return head and head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
