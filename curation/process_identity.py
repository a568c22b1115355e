"""Is this still the process that was started, or has its pid been given to another one?

A process is known by its pid, its start time (clock ticks since boot, field 22 of /proc/PID/stat, proc(5)) and the boot's id: ticks, not
a time of day, because that one moves when somebody sets the clock. A zombie counts as dead. Jobs of the web process and launchers of
training write what `identity` gives into a file, and whoever reads it later asks `is_alive` or sends a signal. Linux only.

>>> child = identity(process.pid)
>>> child
{'pid': 4711, 'started': 1290042, 'boot': '0c5a7c0f-...'}
>>> is_alive(child)
True
"""
from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def identity(pid: int) -> dict[str, Any]:
    """What `is_alive` needs to know this very process by, as plain JSON. started is None when there is no such process any more."""
    return {"pid": pid, "started": _started(pid), "boot": _boot()}


def is_alive(who: Mapping[str, Any]) -> bool:
    """Whether this very process runs still. False for anything that is no identity: it may come from a file that somebody touched."""
    pid, started = who.get("pid"), who.get("started")
    if not isinstance(pid, int) or not 1 < pid < 2**31 or not isinstance(started, int):
        return False
    return who.get("boot") == _boot() and started == _started(pid)


def send(who: Mapping[str, Any], number: signal.Signals, *, group: bool = False) -> None:
    """Sends a signal to this very process, with group=True to its process group. Nothing happens when it has ended already."""
    if not is_alive(who):
        return
    try:
        (os.killpg if group else os.kill)(who["pid"], number)
    except ProcessLookupError:
        pass  # it ended between the look and the signal


def _started(pid: int) -> int | None:
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
