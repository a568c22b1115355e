"""How does a corpus that fits into memory become a program? Each file's facts come from a cache, or are read in processes with a limit of
time and memory each; the stages (stages.py) run with their results in memory.

>>> program = build_index([("a.c", "int f(void) { return 0; }")])
>>> [f.name for f in program.all_functions()]
['f']
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from curation.csource.facts.encoding import VERSION, decode_facts, encode_facts
from curation.csource.facts.model import FactsProblem, FileFacts, Function
from curation.csource.parsing.file_parser import parse_file
from curation.csource.processes.pool import TIME_LIMIT_S, Readers
from curation.csource.program import Program
from curation.csource.sources.files import SourceFiles
from curation.csource.sources.inclusions import includes_of
from curation.csource.sources.texts import Unreadable, decoded, read_bytes
from curation.csource.stages import run_stages
from curation.csource.storage.memory import MemoryStorage

__all__ = ["build_index", "build_program", "cores", "outline", "read_texts"]
_SMALL_FILE = 100_000  # characters: read in this process when the whole corpus is small too
_SMALL_CORPUS = 600_000
_LONG_LINE = 20_000


def build_index(
    texts: Iterable[Any], cache_dir: Path | None = None, *, jobs: int | None = None, time_limit_s: float = TIME_LIMIT_S,
    progress: Callable[[int, int], None] | None = None, unread: Iterable[FactsProblem] = (),
) -> Program:
    """The program that a corpus is. texts: (path, text) pairs, or objects with `path` and `text`. cache_dir: where facts are kept by
    content hash (None: nowhere). jobs: processes (None: as many as cores, at most 8; 0: in this process, without limits). progress is
    called with (done, all) files. unread: why further files have no text.

    A file that cannot be read (too deep, too slow, crashed) has no facts and is named in problems(); the others are not affected."""
    given = dict(_pair(one) for one in texts)
    reader = FactsReader(given, cache_dir, jobs, time_limit_s)
    storage = MemoryStorage(given, reader.facts, {problem.file: problem for problem in unread}, progress)
    run_stages(storage)
    return storage.program


def outline(text: str, file: str = "") -> list[Function]:
    """The functions of one decoded text in order. [] where the text cannot be read; it never raises for content."""
    return sorted(build_index([(file, text)]).all_functions(), key=lambda f: (f.line, f.column))


def build_program(
    files: SourceFiles, cache_dir: Path | None = None, *, jobs: int | None = None, progress: Callable[[int, int], None] | None = None,
) -> Program:
    """As build_index, of files on disk."""
    texts, unread = read_texts(files)
    return build_index(texts.items(), cache_dir, jobs=jobs, progress=progress, unread=unread)


def read_texts(files: SourceFiles) -> tuple[dict[str, str], list[FactsProblem]]:
    """The texts of the files, and of those of other names that one of them includes, by path; and why some have none."""
    texts: dict[str, str] = {}
    problems: dict[str, FactsProblem] = {}
    todo = files.places
    while todo:
        for file, place in todo.items():
            try:
                texts[file] = decoded(file, read_bytes(file, place.path))
            except Unreadable as err:
                problems[file] = err.problem
        paths = [path for file in todo if file in texts for _, path in includes_of(texts[file])]
        todo = files.included(paths, {*texts, *problems})
    return {file: texts[file] for file in sorted(texts)}, list(problems.values())


class FactsReader:
    """The facts of texts as they are read."""

    def __init__(self, texts: Mapping[str, str], cache_dir: Path | None, jobs: int | None, time_limit_s: float) -> None:
        self.texts, self.cache_dir, self.jobs, self.time_limit_s = texts, cache_dir, jobs, time_limit_s

    def facts(self, files: Iterable[str]) -> Iterator[tuple[str, FileFacts]]:
        """Of each file, as they come."""
        todo: list[str] = []
        for file in files:
            known = _cached(self.cache_dir, file, self.texts[file])
            if known is None:
                todo.append(file)
            else:
                yield file, known
        for file, found in self._read_all(todo):
            if self.cache_dir is not None and not any(p.code in ("too_slow", "crashed") for p in found.problems):
                _keep(self.cache_dir, file, self.texts[file], found)
            yield file, found

    def _read_all(self, todo: list[str]) -> Iterator[tuple[str, FileFacts]]:
        risky = [f for f in todo if _risky(self.texts[f])]
        small = not risky and sum(len(self.texts[f]) for f in todo) <= _SMALL_CORPUS
        if self.jobs == 0 or small:
            for file in todo:
                yield file, parse_file(self.texts[file], file)
            return
        with Readers(min(self.jobs or cores(), len(todo)), time_limit_s=self.time_limit_s) as readers:
            for file, answer in readers.answers((file, ["text", file, self.texts[file]]) for file in todo):
                if isinstance(answer, FactsProblem):
                    yield file, FileFacts(file, problems=[answer])
                else:
                    yield file, decode_facts(bytes(answer[1]), file)


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


def cores() -> int:
    """How many processes to start where nobody said."""
    return min(len(os.sched_getaffinity(0)), 8)


def _risky(text: str) -> bool:
    return len(text) > _SMALL_FILE or max(map(len, text.split("\n")), default=0) > _LONG_LINE or "(" * 50 in text or "{" * 50 in text
