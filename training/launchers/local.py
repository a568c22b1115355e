"""Starts the worker on this machine, as a process session of its own, so that it outlives whoever started it (Linux, by /proc).

The handle of a worker is its identity (curation.process_identity): a pid alone may be another process by now.
"""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from curation import PROJECT
from curation.process_identity import identity, is_alive, send

NAME = "local"


def launch(run_dir: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Starts the worker with its output appended to stdout.log. The handle: {"pid", "started", "boot"}."""
    with open(run_dir / "stdout.log", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.worker", str(run_dir)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=PROJECT, start_new_session=True,
            env={**os.environ, **environment}, close_fds=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # takes the exit code, so that no zombie stays
    return identity(process.pid)


def alive(handle: dict[str, Any]) -> bool:
    """Whether this very process runs still."""
    return is_alive(handle)


def terminate(handle: dict[str, Any]) -> None:
    """SIGTERM to the worker alone: it saves and writes exit.json. Nothing happens when it has ended already."""
    send(handle, signal.SIGTERM)


def kill(handle: dict[str, Any]) -> None:
    """SIGKILL to the worker's process group: it and the programs it started."""
    send(handle, signal.SIGKILL, group=True)
