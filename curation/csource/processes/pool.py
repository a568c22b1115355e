"""How are files read in processes that may be killed? Each process reads one file at a time, with a limit of time and memory.

>>> with Readers(2) as readers:
...     for file, answer in readers.answers([("a.c", ["raw", "a.c", "/src/a.c"])]): ...

A process that ends is replaced; the file it was at gets a problem instead of an answer, the others are not affected.
"""
from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from types import TracebackType

from curation.csource.facts.model import FactsProblem
from curation.csource.processes.messages import Request, allowed_s, read_message, write_message

TIME_LIMIT_S = 5.0  # processor time a file
MEMORY_BYTES = 1 << 30  # a process
_PATIENCE = 20  # times the limit that a process may take by the clock: on a busy machine, or when it waits for a dead disk
_ENGINE = "curation.csource.processes.worker"
_PROJECT = Path(__file__).resolve().parents[3]
Answer = tuple[bytes, memoryview] | FactsProblem


class Readers:
    """count: processes. They are started when they are first needed, and kept until the end of the `with`. program: the module they run,
    which serves as messages.py says."""

    def __init__(
        self, count: int, *, time_limit_s: float = TIME_LIMIT_S, memory_bytes: int = MEMORY_BYTES, program: str = _ENGINE,
    ) -> None:
        self._readers = [_Reader(time_limit_s, memory_bytes, program) for _ in range(max(1, count))]

    def open(self, folder: Path, how: str = "open") -> None:
        """Each process opens the index folder, as it is when it is next asked something. how: "open" or "whole", see worker.py."""
        for reader in self._readers:
            reader.folder, reader.how, reader.opened = folder, how, False

    def answers(self, requests: Iterable[tuple[str, Request]]) -> Iterator[tuple[str, Answer]]:
        """(file, answer) for (file, request), as they come. An answer is (letter, bytes) as the program tells it, or a problem."""
        todo = iter(requests)
        taking = threading.Lock()
        done: Queue[tuple[str, Answer] | None] = Queue(8 * len(self._readers))
        stopped = threading.Event()

        def work(reader: _Reader) -> None:
            try:
                while not stopped.is_set():
                    with taking:
                        file, request = next(todo, ("", None))
                    if request is None:
                        break
                    done.put((file, reader.answer(file, request)))
            finally:
                done.put(None)

        with ThreadPoolExecutor(len(self._readers)) as pool:
            working = [pool.submit(work, reader) for reader in self._readers]
            left = len(working)
            try:
                while left:
                    found = done.get()
                    if found is None:
                        left -= 1
                    else:
                        yield found
            finally:
                stopped.set()
                while left:  # nobody takes them any more, but those who put them must not wait
                    left -= done.get() is None
            for one in working:
                one.result()

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for reader in self._readers:
            reader.stop()


class _Reader:
    """One process, started when first needed and again after it ended."""

    def __init__(self, time_limit_s: float, memory_bytes: int, program: str) -> None:
        self.time_limit_s, self.memory_bytes, self.program = time_limit_s, memory_bytes, program
        self.folder: Path | None = None
        self.how = "open"
        self.opened = False
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        self.process = process = subprocess.Popen(
            [sys.executable, "-m", self.program, str(self.time_limit_s), str(self.memory_bytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=_PROJECT)
        assert process.stdin is not None and process.stdout is not None
        read_message(process.stdout)  # its start does not count against the file
        self.opened = False
        return process

    def answer(self, file: str, request: Request) -> Answer:
        process = self.process or self.start()
        assert process.stdin is not None and process.stdout is not None
        if self.folder is not None and not self.opened:
            write_message(process.stdin, json.dumps([self.how, str(self.folder.absolute())]).encode("utf-8", "surrogatepass"))
            read_message(process.stdout)
            self.opened = True
        limit_s = allowed_s(self.time_limit_s, request) or self.time_limit_s
        watchdog = threading.Timer(_PATIENCE * limit_s, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            write_message(process.stdin, json.dumps(request).encode("utf-8", "surrogatepass"))
            told = read_message(process.stdout)
        except BrokenPipeError:
            told = None
        finally:
            watchdog.cancel()
        if told is not None:
            if told[:1] == b"p":
                return FactsProblem(file, *json.loads(told[1:]))
            return told[:1], memoryview(told)[1:]
        process.wait(10)
        ended = process.returncode
        self.stop()
        if ended in (-signal.SIGPROF, -signal.SIGKILL):
            return FactsProblem(file, "too_slow", f"reading it took more than {limit_s:.3g} s")
        return FactsProblem(file, "crashed", "the reading process ended: it needed too much memory, or the file breaks the parser")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue  # the other end is gone, which is what we want
        self.process.wait()
        self.process = None
