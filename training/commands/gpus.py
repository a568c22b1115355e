"""What does this machine compute with? `list-gpus`: its GPUs, the processor that is used without one, and the number format."""
from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from training import hardware
from training.commands import Subcommands, declare

ORDER = 20
FIELDS = {"index": "index", "name": "name", "memory.total": "memory_mib", "memory.free": "free_mib", "driver_version": "driver"}
# what kernels of torch and llama.cpp choose by; name in /proc/cpuinfo -> as people write it
INSTRUCTIONS = {"avx2": "AVX2", "avx512f": "AVX512", "avx512_vnni": "AVX512-VNNI", "avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX",
                "asimd": "NEON", "sve": "SVE", "bf16": "BF16"}


def add(commands: Subcommands) -> None:
    listing = declare(commands, "list-gpus", _list_gpus,
                      "List the GPUs of this machine, as nvidia-smi knows them, and its processor: cores, memory, instructions. "
                      "Also in which number format a run with dtype auto computes here, and why.", "--json")
    listing.add_argument("--json", action="store_true", help="as JSON")


def _list_gpus(given: argparse.Namespace) -> int:
    gpus, cpu = gpus_here(), processor()
    device = _device() if gpus else "cpu"
    auto = hardware.dtype_of("auto", device)
    if given.json:
        chosen = {"device": device, "dtype": auto.name, "why": auto.why}
        print(json.dumps({"gpus": gpus, "cpu": cpu, "auto": chosen}, ensure_ascii=False, indent=1))
        return 0
    for gpu in gpus:
        print(f"GPU {gpu['index']}: {gpu['name']}, {gpu['memory_mib']} MiB ({gpu['free_mib']} free), driver {gpu['driver']}")
    if not gpus:
        print("no NVIDIA GPU found (nvidia-smi did not answer): runs use the CPU")
    memory = f"{cpu['memory_bytes'] / 2**30:.1f} GiB" if cpu["memory_bytes"] else "unknown"
    print(f"CPU: {cpu['cores']} cores ({cpu['usable_cores']} for this process), memory {memory}")
    print(f"instructions: {', '.join(cpu['instructions']) or 'none of ' + ', '.join(INSTRUCTIONS.values())}")
    print(f"dtype auto computes in {auto.name} on the {'GPU' if device == 'cuda' else 'CPU'}: {auto.why}")
    return 0


def _device() -> str:
    """Where device auto computes on a machine that has a GPU: torch must be able to use it."""
    from training.models import device_of

    return device_of("auto")


def gpus_here() -> list[dict[str, Any]]:
    """Index, name, memory in MiB and driver of each NVIDIA GPU; numbers as nvidia-smi writes them, text where it has none ("[N/A]")."""
    query = ["nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()] if done.returncode == 0 else []
    return [{name: int(cell) if cell.isascii() and cell.isdigit() else cell for name, cell in zip(FIELDS.values(), row, strict=True)}
            for row in rows if len(row) == len(FIELDS)]


def processor() -> dict[str, Any]:
    """cores of the machine, those this process may use, memory in bytes (None: not known here), and which of INSTRUCTIONS there are."""
    flags = _flags(Path("/proc/cpuinfo"))
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        memory = None
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cores": os.cpu_count(), "usable_cores": usable, "memory_bytes": memory,
            "instructions": [name for flag, name in INSTRUCTIONS.items() if flag in flags]}


def _flags(cpuinfo: Path) -> set[str]:
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.partition(":")[0].strip() in ("flags", "Features")), set())
