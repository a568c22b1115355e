"""A process that reads C files and may be killed: `python -m curation.csource.worker`, started by curation.csource.build.

It first says `ready`. Requests on stdin, answers on stdout, each a 4-byte big-endian length and that many bytes: JSON [file, text] in,
encoded facts out.
"""
from __future__ import annotations

import json
import resource
import struct
import sys
from typing import IO

from curation.csource.coded import encode_facts
from curation.csource.extract import extract

MEMORY_BYTES = 2 << 30  # address space; a 10 MB file needs about 1 GB of syntax tree


def read_message(stream: IO[bytes]) -> bytes | None:
    """None at the end of the stream, also in the middle of a message."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    data = stream.read(length)
    return data if len(data) == length else None


def write_message(stream: IO[bytes], data: bytes) -> None:
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write_message(sys.stdout.buffer, b"ready")
    while (data := read_message(sys.stdin.buffer)) is not None:
        file, text = json.loads(data)
        write_message(sys.stdout.buffer, encode_facts(extract(text, file)))


if __name__ == "__main__":
    main()
