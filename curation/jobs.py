"""How does a page run a long command that outlives the web process? `python -m curation ...` in a process session of its own.

A job is a folder in the workspace's jobs/: job.json (what was asked), process.json (who runs it: pid, start time, boot), log.txt (all it
printed), stop (somebody asked it to stop), exit.json (written last, by the job). Every JSON file appears whole or not at all. Whoever
wants to know reads the folder, so the web process may die and come back.

>>> job = start(settings, "generate", ["generate", "--campaign", "first", "--count", "50"])
>>> status(settings, job).state
'running'

Not covered: a job does not go on by itself after a reboot; start the command again, it goes on where it stopped.
"""
from __future__ import annotations

import fcntl
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from curation import PROJECT
from curation.errors import NotFound, UserError
from curation.process_identity import identity, is_alive, send
from curation.settings import Settings

State = Literal["running", "stopping", "done", "failed", "stopped", "died"]


class JobRuns(UserError):
    code = "job_runs"
    text = "A {kind} job is running already ({name}). Wait for its end or stop it, then start again."


@dataclass(frozen=True)
class JobStatus:
    """state: died: the process is gone and left no exit code (killed, or the machine was restarted). exit_code: None until it ended by
    itself. Times are UTC ISO 8601; ended_at is None while it runs and for a job that died."""

    id: str
    kind: str
    argv: list[str]
    state: State
    exit_code: int | None
    started_at: str
    ended_at: str | None

    @property
    def runs(self) -> bool:
        return self.state in ("running", "stopping")


def start(settings: Settings, kind: str, argv: Sequence[str], alone: bool = True) -> str:
    """Starts `python -m curation ARGV` and returns the job's id. Raises JobRuns when `alone` and a job of the kind runs."""
    home = _jobs_dir(settings)
    with _one_at_a_time(home):
        if alone and (running := latest(settings, kind)) and status(settings, running).runs:
            raise JobRuns(kind=kind, name=running)
        started = datetime.now(UTC)
        name = f"{kind}-{started:%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:4]}"
        folder = home / name
        folder.mkdir()
        _write(folder / "job.json", {"kind": kind, "argv": list(argv), "started_at": _iso(started)})
        with open(folder / "log.txt", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "curation.jobs", str(folder)],
                cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, env=_environment(settings),
            )
        _record_process(folder, process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # takes the exit code, so that no zombie stays
    return name


def status(settings: Settings, job: str) -> JobStatus:
    """Raises NotFound."""
    folder = _folder(settings, job)
    asked = _read(folder / "job.json") or {}
    alive = _process(folder) is not None
    ended = _read(folder / "exit.json")  # after the look at the process: it is written before the process ends
    asked_to_stop = (folder / "stop").exists()
    if ended is not None:
        state: State = "stopped" if asked_to_stop else "done" if ended["code"] == 0 else "failed"
    elif alive or _just_started(folder, asked):
        state = "stopping" if asked_to_stop else "running"
    else:
        state = "stopped" if asked_to_stop else "died"
    return JobStatus(
        id=job, kind=asked["kind"], argv=asked["argv"], state=state, exit_code=ended["code"] if ended else None,
        started_at=asked["started_at"], ended_at=ended["ended_at"] if ended else None,
    )


def stop(settings: Settings, job: str, kill: bool = False) -> None:
    """Asks a job to stop: it ends what it has under way first. kill: ends it and its children at once. An ended job is left alone."""
    folder = _folder(settings, job)
    process = _process(folder)
    if process is None or (folder / "exit.json").exists():
        return
    (folder / "stop").touch()
    if kill:
        send(process, signal.SIGKILL, group=True)  # the job leads its own process group
    else:
        send(process, signal.SIGTERM)


def latest(settings: Settings, kind: str) -> str | None:
    """The id of the newest job of a kind; None when there was none."""
    return max((name for name in names(settings) if name.rsplit("-", 4)[0] == kind), default=None)


def names(settings: Settings) -> list[str]:
    """The ids of all jobs, oldest first within a kind."""
    return sorted(path.parent.name for path in _jobs_dir(settings).glob("*/job.json"))


def log_tail(settings: Settings, job: str, lines: int = 40) -> str:
    """The last lines of what the job printed, of at most 64 KiB."""
    with open(_folder(settings, job) / "log.txt", "rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 65_536))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])


def wait(settings: Settings, job: str, timeout_s: float) -> JobStatus:
    """The status once the job has ended, or after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while (now := status(settings, job)).runs and time.monotonic() < until:
        time.sleep(0.05)
    return now


_asked_to_stop = threading.Event()
_listens = threading.Event()


def stop_requested() -> bool:
    """For a command that can end early by itself: whether it was asked to. A command that has never called this is ended at once."""
    _listens.set()
    return _asked_to_stop.is_set()


def _on_terminate(signum: int, frame: object) -> None:
    _asked_to_stop.set()
    if not _listens.is_set():
        raise SystemExit(128 + signum)


def _run(folder: Path) -> int:
    """The job's process: runs the command, then writes exit.json."""
    signal.signal(signal.SIGTERM, _on_terminate)
    _record_process(folder, os.getpid())
    sys.argv = ["curation", *_read_argv(folder)]
    code = 1
    try:
        runpy.run_module("curation", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        _write(folder / "exit.json", {"code": code, "ended_at": _iso(datetime.now(UTC))})
    return code


def _jobs_dir(settings: Settings) -> Path:
    folder = settings.home / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder(settings: Settings, job: str) -> Path:
    """Raises NotFound; a name with a path in it is no job's."""
    if job not in names(settings):
        raise NotFound(kind="job", name=job)
    return _jobs_dir(settings) / job


def _environment(settings: Settings) -> dict[str, str]:
    """The web process's own, with the workspace as it is here, wherever these settings came from."""
    there = {"HOME": settings.home, "DATASETS_DIR": settings.datasets_dir, "STORE_URL": settings.store_url}
    return {**os.environ, **{f"FLOWSIGHT_{name}": str(value) for name, value in there.items()}, "PYTHONUNBUFFERED": "1"}


@contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _record_process(folder: Path, pid: int) -> None:
    who = identity(pid)
    if who["started"] is not None:  # else it has ended already and written exit.json, or died and will be seen so
        _write(folder / "process.json", who)


def _process(folder: Path) -> dict[str, Any] | None:
    """Who runs the job, if that process is alive."""
    who = _read(folder / "process.json")
    return who if who is not None and is_alive(who) else None


def _just_started(folder: Path, asked: dict[str, Any]) -> bool:
    """The few milliseconds in which job.json is there and process.json is not yet."""
    age = datetime.now(UTC) - datetime.fromisoformat(asked["started_at"])
    return not (folder / "process.json").exists() and age.total_seconds() < 10


def _read_argv(folder: Path) -> list[str]:
    return [str(arg) for arg in (_read(folder / "job.json") or {})["argv"]]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _write(path: Path, value: dict[str, Any]) -> None:
    """The file appears whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(value, indent=1), encoding="utf-8")
    part.replace(path)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    from curation import jobs  # the module that commands import, not this second copy of it named __main__

    sys.exit(jobs._run(Path(sys.argv[1])))
