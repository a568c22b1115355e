"""Who may write to the SQLite file next? In the order of asking: first among the threads of a process, then among processes.

SQLite's own waiting is a poll with growing pauses: who has waited longest sleeps longest, so that with 20 writers at once a save took 7 ms
at the median, 1.9 s at p99 and 9 s at most. Here writers stand in line, and BEGIN IMMEDIATE finds the file free.

Between processes there are two locks of flock(2), which the kernel gives in the order of asking (since Linux 5.0) and takes back from a
process that dies: DATABASE.queue, held by the one who is next, and DATABASE.turn, held by the one who writes. Without the first, who has
just written and asks again would be faster than who must be woken. SQLite's lock stays what keeps the file whole: somebody who does not
stand in line (an sqlite3 shell) only makes the others wait by SQLite's rules.

>>> with WriteTurns(Path("w/store.sqlite")).turn():
...     ...  # alone

Not covered: network file systems (SQLite's WAL does not run on them either).
"""
from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_S = 30.0


class TurnNotCome(Exception):
    """Others have been writing for WAIT_S."""


class WriteTurns:
    """The line in front of one database file. Share it between threads; each process has its own."""

    def __init__(self, database: Path, wait_s: float = WAIT_S) -> None:
        self.files = [database.with_name(f"{database.name}.{name}") for name in ("queue", "turn")]
        self.wait_s = wait_s
        self._line: deque[threading.Event] = deque()  # the first may go; the others are woken in order
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises TurnNotCome; OSError when the lock files cannot be made."""
        until = time.monotonic() + self.wait_s
        with self._among_threads(until), self._among_processes(until):
            yield

    @contextmanager
    def _among_threads(self, until: float) -> Iterator[None]:
        mine = threading.Event()
        with self._lock:
            self._line.append(mine)
            self._line[0].set()
        try:
            if not mine.wait(until - time.monotonic()):
                raise TurnNotCome
            yield
        finally:
            with self._lock:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()

    @contextmanager
    def _among_processes(self, until: float) -> Iterator[None]:
        place = _Place(self.files)
        if not place.free():
            threading.Thread(target=place.wait, daemon=True).start()
            if not place.come.wait(until - time.monotonic()):
                place.leave()
                raise TurnNotCome
        try:
            yield
        finally:
            place.close()


class _Place:
    """One process's place in the line. It waits in a thread of its own, because a wait for flock has no time limit."""

    def __init__(self, files: list[Path]) -> None:
        self._open = [os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666) for file in files]
        self.queue, self.writing = self._open
        self.come = threading.Event()
        self._left = False
        self._lock = threading.Lock()

    def free(self) -> bool:
        """Takes both locks if nobody is in the way; keeps the place in the queue if only the turn is taken."""
        try:
            fcntl.flock(self.queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(self.writing, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self.queue, fcntl.LOCK_UN)
        return True

    def wait(self) -> None:
        fcntl.flock(self.queue, fcntl.LOCK_EX)
        fcntl.flock(self.writing, fcntl.LOCK_EX)
        fcntl.flock(self.queue, fcntl.LOCK_UN)
        with self._lock:
            self.come.set()
            if self._left:
                self.close()

    def leave(self) -> None:
        """Who has waited too long gives the place back as soon as it has come."""
        with self._lock:
            self._left = True
            if self.come.is_set():
                self.close()

    def close(self) -> None:
        for file in self._open:
            os.close(file)
