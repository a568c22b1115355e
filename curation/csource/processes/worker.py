"""A process that reads C files and may be killed: `python -m curation.csource.processes.worker`, started by
curation.csource.processes.pool.

It talks as messages.py says. Requests:
["text", file, text] and ["file", file, path] are answered by the facts of a text; ["raw", file, path] by a raw record of it (records.py);
["open", folder] opens the raw part of an index folder, and is answered by `ready`; then ["expanded", file] by the expanded record of a
file, ["plain", file] by one without expansion; ["whole", folder] opens it once it has its tables, then ["constraints", file] is answered by
the record of its constraints.
Letters of answers: f, facts; r, record; p, a problem (JSON [code, why]).
"""
from __future__ import annotations

import gc
import json
from pathlib import Path

from curation.csource.facts.encoding import encode_facts
from curation.csource.incremental.apply_macros import FileExpander
from curation.csource.incremental.file_constraints import FileConstraints
from curation.csource.incremental.records import raw_record
from curation.csource.parsing.file_parser import parse_file
from curation.csource.processes.messages import Request, serve
from curation.csource.sources.texts import Unreadable, decoded, read_bytes

_EXPANDING = 0.5  # of the time limit: what is left is for coding and the last invocation


class _Answers:
    """What is open between requests."""

    def __init__(self) -> None:
        self.expander: FileExpander | None = None
        self.constraints: FileConstraints | None = None

    def __call__(self, limit_s: float, request: Request) -> tuple[bytes, bytes]:
        what, *given = request
        try:
            if what == "open":
                self.expander = FileExpander(Path(given[0]), _EXPANDING * limit_s)
                return b"ready", b""
            if what == "whole":
                self.expander, self.constraints = None, FileConstraints(Path(given[0]))
                return b"ready", b""
            if what == "constraints":
                assert self.constraints is not None
                return b"r", self.constraints.record(given[0])
            if what == "text":
                return b"f", encode_facts(parse_file(given[1], given[0]))
            if what == "raw":
                file, path = given
                text = decoded(file, read_bytes(file, path))
                return b"r", raw_record(parse_file(text, file), text)
            assert self.expander is not None
            return b"r", self.expander.record(given[0], plain=what == "plain")
        except Unreadable as err:
            return b"p", json.dumps([err.problem.code, err.problem.why]).encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    gc.set_threshold(1_000_000)  # facts hold no cycles; looking for some takes a quarter of the time
    serve(_Answers())
