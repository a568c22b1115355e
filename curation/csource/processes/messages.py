"""How do a process that reads files and the one that asks it talk, and what may a request use?

Requests on stdin, answers on stdout, each a 4-byte big-endian length and that many bytes. Requests are JSON; an answer begins with a
letter. A request may use so much processor time and memory as was told; then the process ends, also in the middle of a parser written in C.
"""
from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

Request = list[Any]
_USUAL = 2_000_000  # characters that the time limit is for; as much again for as many more


def read_message(stream: IO[bytes]) -> bytes | None:
    """None at the end of the stream, also in the middle of a message."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    data = stream.read(length)
    return data if len(data) == length else None


def write_message(stream: IO[bytes], *parts: bytes) -> None:
    stream.write(struct.pack(">I", sum(map(len, parts))))
    for part in parts:
        stream.write(part)
    stream.flush()


def allowed_s(limit_s: float, request: Request) -> float | None:
    """Processor time for one request, None for any: the limit is that of a file of usual size. A library in one file of 9 MB is no attack.
    What is asked of a file that was read within the limit may take four times as long."""
    what, *given = request
    if what in ("open", "whole"):
        return None
    if what == "search":
        return limit_s * (1 + len(given[-1]))
    try:
        if what in ("raw", "file"):
            return for_size(limit_s, os.stat(given[1]).st_size)
    except OSError:
        return limit_s
    return for_size(limit_s, len(given[-1])) if what in ("text", "view", "enclosing") else 4 * limit_s


def for_size(limit_s: float, size: int) -> float:
    """size: bytes or characters of a file."""
    return limit_s * (1 + size / _USUAL)


def serve(answer: Callable[[float, Request], tuple[bytes, bytes]]) -> None:
    """Answers requests until there are no more. The command line: processor seconds for a file of usual size, bytes of memory.
    answer: (seconds, request) to letter and bytes. First it says `ready`."""
    limit_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))  # not the address space: index files are mapped
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process
    write_message(sys.stdout.buffer, b"ready")
    while (data := read_message(sys.stdin.buffer)) is not None:
        request = json.loads(data)
        signal.setitimer(signal.ITIMER_PROF, allowed_s(limit_s, request) or 0)
        told = answer(limit_s, request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_message(sys.stdout.buffer, *told)
