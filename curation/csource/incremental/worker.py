"""A process that reads C files and may be killed: `python -m curation.csource.incremental.worker`, started by
curation.csource.incremental.pool.

It first says `ready`. Requests on stdin, answers on stdout, each a 4-byte big-endian length and that many bytes. Requests are JSON:
["text", file, text] and ["file", file, path] are answered by the facts of a text; ["raw", file, path] by a raw record of it (records.py);
["open", folder] opens the raw part of an index folder, and is answered by `ready`; then ["settled", file] by the settled record of a
file, ["plain", file] by one without expansion; ["whole", folder] opens it once it has its tables, then ["constraints", file] is answered by
the record of its constraints.
An answer begins with a letter: f, facts; r, record; p, a problem (JSON [code, why]).

A request may use so much processor time and memory as was told; then the process ends.
"""
from __future__ import annotations

import gc
import json
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import IO, Any

from curation.csource.facts.encoding import encode_facts
from curation.csource.incremental.apply_macros import Settling
from curation.csource.incremental.file_constraints import Constraining
from curation.csource.incremental.records import raw_record
from curation.csource.parsing.file_parser import parse_file
from curation.csource.sources.texts import Unreadable, decoded, read_bytes

_USUAL = 2_000_000  # characters that the time limit is for; as much again for as many more
_EXPANDING = 0.5  # of the time limit: what is left is for coding and the last invocation


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


def allowed_s(limit_s: float, request: list[Any]) -> float:
    """Processor time for one request: the limit is that of a file of usual size. A library in one file of 9 MB is no attack."""
    what, *given = request
    if what not in ("text", "raw", "file"):
        return 4 * limit_s  # what is asked of a file that was read within the limit
    try:
        size = len(given[1]) if what == "text" else os.stat(given[1]).st_size
    except OSError:
        size = 0
    return limit_s * (1 + size / _USUAL)


def main() -> None:
    time_limit_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))  # not the address space: index files are mapped
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also in the middle of the parser
    settling: Settling | None = None
    constraining: Constraining | None = None
    gc.set_threshold(1_000_000)  # facts hold no cycles; looking for some takes a quarter of the time
    write_message(sys.stdout.buffer, b"ready")
    while (data := read_message(sys.stdin.buffer)) is not None:
        what, *given = json.loads(data)
        signal.setitimer(signal.ITIMER_PROF, 0 if what in ("open", "whole") else allowed_s(time_limit_s, [what, *given]))
        try:
            if what == "open":
                settling = Settling(Path(given[0]), _EXPANDING * time_limit_s)
                answer = b"ready", b""
            elif what == "whole":
                settling, constraining = None, Constraining(Path(given[0]))
                answer = b"ready", b""
            elif what == "constraints":
                assert constraining is not None
                answer = b"r", constraining.record(given[0])
            elif what == "text":
                answer = b"f", encode_facts(parse_file(given[1], given[0]))
            elif what == "raw":
                file, path = given
                text = decoded(file, read_bytes(file, path))
                answer = b"r", raw_record(parse_file(text, file), text)
            else:
                assert settling is not None
                answer = b"r", settling.record(given[0], plain=what == "plain")
        except Unreadable as err:
            answer = b"p", json.dumps([err.problem.code, err.problem.why]).encode("utf-8", "surrogatepass")
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_message(sys.stdout.buffer, *answer)


if __name__ == "__main__":
    main()
