"""How much memory did this process and those it started need at most, together?

>>> with PeakMemory() as memory: make_index(...)
>>> memory.peak_bytes
812000000

Sampled: proportional set size (memory that several processes share is divided among them) from /proc, where there is one; elsewhere 0.
Peaks between two samples are not seen.
"""
from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType


class PeakMemory:
    def __init__(self, every_s: float = 0.5) -> None:
        self.every_s = every_s
        self.peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, memory_bytes(os.getpid()))
            if self._over.wait(self.every_s):
                return

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()


def memory_bytes(process: int) -> int:
    """Of a process and all it started, now; 0 for one that is gone."""
    return sum(map(_own_bytes, _family(process)))


def _own_bytes(process: int) -> int:
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    except OSError:  # it ended, or there is no /proc
        return 0
    return 0


def _family(process: int) -> Iterator[int]:
    yield process
    try:
        tasks = os.listdir(f"/proc/{process}/task")
    except OSError:
        return
    for task in tasks:
        try:
            children = Path(f"/proc/{process}/task/{task}/children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))
