"""Where in a corpus does code of this shape stand? Structural search by a C pattern with holes (pattern.py) or a query (query.py).

>>> for one in search("$x->ops->$f($$$)", [("a.c", "/src/a.c")]):
...     print(one.file, one.line, {hole.name: hole.text for hole in one.holes})

Files are read, and parsed where they hold the words of the pattern, in processes that may be killed. Hits come as they are found, those of
a file together and in order, files in no order. A file that cannot be searched comes as a FactsProblem; the others are not affected.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice
from typing import Any

from curation.csource.facts.model import FactsProblem
from curation.csource.processes.pool import MEMORY_BYTES, TIME_LIMIT_S, Readers
from curation.csource.syntax.hits import Hit, Hole
from curation.errors import UserError, remade

PROGRAM = "curation.csource.syntax.worker"
_FIRST, _MOST = 2, 16  # files a request: few at first, so that the first hit comes at once


def search(
    pattern: str, files: Iterable[tuple[str, str]], *, as_query: bool = False, context: int = 2, jobs: int = 1,
    time_limit_s: float = TIME_LIMIT_S, memory_bytes: int = MEMORY_BYTES,
) -> Iterator[Hit | FactsProblem]:
    """files: (name, path on disk), taken as they are needed. context: lines before and after a hit. jobs: processes.
    time_limit_s: processor time a file. Raises BadPattern before the first hit."""
    given: dict[str, list[tuple[str, str]]] = {}
    numbers = count()

    def requests(batches: Iterable[list[tuple[str, str]]]) -> Iterator[tuple[str, list[Any]]]:
        for batch in batches:
            key = str(next(numbers))
            given[key] = batch
            yield key, ["search", pattern, as_query, context, batch]

    with Readers(jobs, time_limit_s=time_limit_s, memory_bytes=memory_bytes, program=PROGRAM) as readers:
        again: list[tuple[str, str]] = []
        for alone in (False, True):  # a process that ended takes its files with it: each of them once more, alone
            batches = ([one] for one in again) if alone else chain([[]], _batches(files))
            for key, told in readers.answers(requests(batches)):
                if isinstance(told, FactsProblem):
                    batch = given.pop(key)
                    if alone or not batch:
                        yield FactsProblem(batch[0][0] if batch else "", told.code, told.why)
                    else:
                        again += batch
                    continue
                del given[key]
                yield from _read(*told)


def _batches(files: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    todo = iter(files)
    for done in count():
        batch = list(islice(todo, min(_MOST, _FIRST << min(done // 2, 5))))
        if not batch:
            return
        yield batch


def _read(letter: bytes, data: memoryview) -> Iterator[Hit | FactsProblem]:
    told = json.loads(bytes(data).decode("utf-8", "surrogatepass"))
    if letter == b"u":
        raise remade(told) or UserError(what=told["code"], todo="")
    for file, code, why in told["problems"]:
        yield FactsProblem(file, code, why)
    for *where, holes, first_line, lines in told["hits"]:
        yield Hit(*where, tuple(Hole(*hole) for hole in holes), first_line, tuple(lines))  # type: ignore[call-arg]
