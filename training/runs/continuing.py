"""How does a run go on: resumed, with more or changed stages, or a few stages alone on weights that are there?"""
from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curation.errors import BadValue, Reason, RunFailed
from training import inputs, starting
from training.config import FIRST, ORDER, dump, load, plain
from training.data import open_dataset
from training.runs.launching import start
from training.runs.manifest import config_of, dataset_of, read_manifest, recorded, require_run
from training.runs.process import launch
from training.runs.status import poll
from training.stage import stage_folders, write_atomically


def resume(run_dir: Path) -> None:
    """Starts the worker again on a run that was stopped, failed or died: complete stages stand, the present one goes on from its last
    complete checkpoint. Raises RunFailed for a run that is active or done."""
    require_run(run_dir)
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
        launch(run_dir, manifest, config, attempt=status.attempt + 1)


def extend(
    run_dir: Path, stages: Iterable[str] = (), overrides: Mapping[str, Any] | None = None, dataset_dir: Path | None = None
) -> dict[str, list[str]]:
    """Goes on with a run that is not active, done ones too: with more stages, stages done again (those named that it has already), and
    settings put over its own. Only what depends on a change is done again; what that is, with the keys, is given back. dataset_dir: where
    the same frozen version is now.

    Raises RunFailed for an active run, BadConfig for settings or an order that cannot work; the run is then as it was."""
    require_run(run_dir)
    with open(run_dir / "resume.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status = poll(run_dir)
        if status.active or status.state == "damaged":
            raise RunFailed(
                where=status.name, why=Reason("run_is", "it is {run_state}", run_state=status.state),
                todo=Reason("only_inactive", "Stop it first; a damaged one has to be mended."),
            )
        manifest = read_manifest(run_dir)
        before = recorded(manifest) if "config" in manifest else config_of(run_dir, manifest)  # the manifest's, whatever was edited
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
        launch(run_dir, manifest, config, attempt=status.attempt + 1)
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
