"""Which GPUs does this machine have? `list-gpus`."""
from __future__ import annotations

import argparse
import subprocess

from training.commands import Subcommands, declare

ORDER = 20


def add(commands: Subcommands) -> None:
    declare(commands, "list-gpus", _list_gpus, "List the GPUs of this machine, as nvidia-smi knows them.", "")


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
