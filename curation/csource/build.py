"""How does a corpus become an index? Facts of each file, from the cache or read in processes with a time and memory limit each.

>>> index = build_index([("a.c", "int f(void) { return 0; }")])
>>> [f.name for f in index.all_functions()]
['f']
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from curation.csource.facts.encoding import VERSION, decode_facts, encode_facts
from curation.csource.facts.model import FactsProblem, FileFacts, Function
from curation.csource.incremental.pool import TIME_LIMIT_S, Readers
from curation.csource.index.call_kinds import set_call_kinds
from curation.csource.index.lookup import ReadCorpus
from curation.csource.index.source_lines import SourceLines
from curation.csource.index.symbol_tables import MemoryTables
from curation.csource.macros.apply import expand_corpus
from curation.csource.parsing.file_parser import parse_file
from curation.csource.program import Program
from curation.csource.sources.inclusions import included_sources, together
from curation.csource.typesystem.c_types import Types

__all__ = ["build_index", "cores", "outline"]
_SMALL_FILE = 100_000  # characters: read in this process when the whole corpus is small too
_SMALL_CORPUS = 600_000
_LONG_LINE = 20_000


def build_index(
    texts: Iterable[Any], cache_dir: Path | None = None, *, jobs: int | None = None, time_limit_s: float = TIME_LIMIT_S,
    progress: Callable[[int, int], None] | None = None,
) -> Program:
    """The program that a corpus is. texts: (path, text) pairs, or objects with `path` and `text`. cache_dir: where facts are kept by
    content hash (None: nowhere). jobs: processes (None: as many as cores, at most 8; 0: in this process, without limits). progress is
    called with (done, all) files.

    A file that cannot be read (too deep, too slow, crashed) has no facts and is named in problems(); the others are not affected."""
    given = dict(_pair(one) for one in texts)
    facts: dict[str, FileFacts] = {}
    todo: list[str] = []
    for file, text in given.items():
        known = _cached(cache_dir, file, text)
        if known is None:
            todo.append(file)
        else:
            facts[file] = known
    for file, found in _read_all(given, todo, jobs, time_limit_s):
        facts[file] = found
        if cache_dir is not None and not any(p.code in ("too_slow", "crashed") for p in found.problems):
            _keep(cache_dir, file, given[file], found)
        if progress is not None:
            progress(len(facts), len(given))
    return _indexed({file: facts[file] for file in given}, given)


def outline(text: str, file: str = "") -> list[Function]:
    """The functions of one decoded text in order. [] where the text cannot be read; it never raises for content."""
    return sorted(build_index([(file, text)]).all_functions(), key=lambda f: (f.line, f.column))


def _indexed(facts: dict[str, FileFacts], texts: dict[str, str]) -> Program:
    macros = expand_corpus(facts, texts)
    program = Program(ReadCorpus(
        facts, SourceLines(texts), MemoryTables(facts), Types.of(facts.values()), macros, together(included_sources(texts))))
    for one in facts.values():
        set_call_kinds(program, one)
    return program


def _pair(one: Any) -> tuple[str, str]:
    if isinstance(one, tuple):
        return one[0], one[1]
    return one.path, one.text


def _cache_path(cache_dir: Path, file: str, text: str) -> Path:
    digest = hashlib.sha256(f"{VERSION}\0{file}\0".encode("utf-8", "surrogatepass") + text.encode("utf-8", "surrogatepass")).hexdigest()
    return cache_dir / "facts" / digest[:2] / f"{digest[2:]}.json"


def _cached(cache_dir: Path | None, file: str, text: str) -> FileFacts | None:
    if cache_dir is None:
        return None
    try:
        return decode_facts(_cache_path(cache_dir, file, text).read_bytes())
    except (FileNotFoundError, ValueError):  # a half-written file of a killed process is made again
        return None


def _keep(cache_dir: Path, file: str, text: str, facts: FileFacts) -> None:
    path = _cache_path(cache_dir, file, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(encode_facts(facts))
    draft.replace(path)


def _read_all(given: dict[str, str], todo: list[str], jobs: int | None, time_limit_s: float) -> Iterator[tuple[str, FileFacts]]:
    risky = [f for f in todo if _risky(given[f])]
    small = not risky and sum(len(given[f]) for f in todo) <= _SMALL_CORPUS
    if jobs == 0 or small:
        for file in todo:
            yield file, parse_file(given[file], file)
        return
    with Readers(min(jobs or cores(), len(todo)), time_limit_s=time_limit_s) as readers:
        for file, answer in readers.answers((file, ["text", file, given[file]]) for file in todo):
            yield file, FileFacts(file, problems=[answer]) if isinstance(answer, FactsProblem) else decode_facts(bytes(answer[1]), file)


def cores() -> int:
    """How many processes to start where nobody said."""
    return min(len(os.sched_getaffinity(0)), 8)


def _risky(text: str) -> bool:
    return len(text) > _SMALL_FILE or max(map(len, text.split("\n")), default=0) > _LONG_LINE or "(" * 50 in text or "{" * 50 in text
