"""How is a run now? Out of its directory and the process table; a damaged run says so and hides no other."""
from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from curation.errors import record
from curation.model import Model
from training.reading import DamagedFile
from training.runs.manifest import read_if_there, read_manifest, require_run
from training.runs.process import is_alive
from training.stage import COMPLETE, RESULT, stage_folders

State = Literal["starting", "running", "stopping", "done", "stopped", "failed", "died", "damaged"]
StageState = Literal["waiting", "running", "done", "skipped", "stopped", "failed"]


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


def poll(run_dir: Path) -> RunStatus:
    """The run as it is now, out of its directory and the process table; "damaged" where its files cannot be read. Raises NotFound where no
    run is."""
    require_run(run_dir)
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
    alive = is_alive(run_dir)  # looked at first: what the worker wrote before it ended is then read after
    status, leaving = read_if_there(run_dir / "status.json"), read_if_there(run_dir / "exit.json")
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
            result = read_if_there(folder / RESULT)
            skipped = result.get("skipped")
            seconds = read_if_there(folder / COMPLETE).get("seconds")
            found.append(StageStatus(name=name, state="skipped" if skipped else "done", seconds=seconds, skipped=skipped))
        elif name == status.get("stage") and state != "done":
            shown: StageState = {"failed": "failed", "stopped": "stopped", "died": "stopped"}.get(state, "running")  # type: ignore[assignment]
            found.append(StageStatus(name=name, state=shown))
        else:
            found.append(StageStatus(name=name, state="waiting"))
    return found


def list_runs(runs_dir: Path) -> list[RunStatus]:
    """Every run, newest first. Folders that are no runs are passed over; a damaged one is listed as such, and hides no other."""
    if not runs_dir.is_dir():
        return []
    found = []
    for path in runs_dir.iterdir():
        if not path.name.startswith(".") and (path / "manifest.json").is_file() and (path / "config.yaml").is_file():
            found.append(poll(path))
    return sorted(found, key=lambda run: (run.created_at, run.name), reverse=True)
