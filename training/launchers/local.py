"""Starts the worker on this machine, as a process session of its own, so that it outlives whoever started it (Linux, by /proc).

A process is known by pid, start time (ticks since boot, field 22 of /proc/PID/stat, proc(5)) and boot id: a pid alone may be
another process by now. A zombie counts as dead.
"""
from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from curation import PROJECT

NAME = "local"


def launch(run_dir: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Starts the worker with its output appended to stdout.log. The handle: {"pid", "started", "boot"}."""
    with open(run_dir / "stdout.log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.worker", str(run_dir)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=PROJECT, start_new_session=True,
            env={**os.environ, **environment}, close_fds=True,
        )
    process.returncode = 0  # it is not ours to wait for: keeps Popen's destructor from warning
    return handle_of(process.pid)


def handle_of(pid: int) -> dict[str, Any]:
    """What `alive` needs to know this very process by."""
    return {"pid": pid, "started": _started(pid), "boot": _boot()}


def alive(handle: dict[str, Any]) -> bool:
    """Whether this very process runs still. Reaps it if it was our child and has ended."""
    pid = handle.get("pid")
    if not isinstance(pid, int) or not 1 < pid < 2**31 or handle.get("boot") != _boot():
        return False
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # not our child: its parent has gone or is another process
    started = _started(pid)
    return started is not None and started == handle.get("started")


def terminate(handle: dict[str, Any]) -> None:
    """SIGTERM to the worker alone: it saves and writes exit.json. Nothing happens when it has ended already."""
    _signal(handle, signal.SIGTERM, group=False)


def kill(handle: dict[str, Any]) -> None:
    """SIGKILL to the worker's process group: it and the programs it started."""
    _signal(handle, signal.SIGKILL, group=True)


def _signal(handle: dict[str, Any], number: signal.Signals, group: bool) -> None:
    if not alive(handle):
        return
    try:
        (os.killpg if group else os.kill)(handle["pid"], number)
    except ProcessLookupError:
        pass  # it ended between the look and the signal


def _started(pid: int) -> int | None:
    """Start time in clock ticks since boot; None for no such process or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold spaces
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
