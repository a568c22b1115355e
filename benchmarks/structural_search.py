"""How long does a structural search take: until the first hit, and in all as a multiple of a bare tree-sitter parse of the files that hold
the pattern's words?

>>> python benchmarks/structural_search.py linux/drivers
>>> python benchmarks/structural_search.py linux/drivers --pattern '$x = $y' --files 500 --jobs 2

First hit: by the clock, from the call of search over the whole folder (its processes are started, the folder is gone through) to the first
hit, and the processor time on its longest way; medians of --runs. All: the search, and the bare parse by as many processes as --jobs, over
the same --files files chosen by the seed (0: all). Clock and processor time of both, with their processes, are told: on a machine that
others use only processor times can be compared. The bare parse is of the bytes, by Parser.parse, in processes that import tree_sitter
alone; the look for the words in all the other files is part of the search only.
"""
from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.csource.facts.model import FactsProblem
from curation.csource.sources.files import c_files
from curation.csource.syntax.hits import compiled, may_match
from curation.csource.syntax.search import search
from curation.sourcing.search import search_folder

_BARE = """
import sys, tree_sitter_c
from tree_sitter import Language, Parser
parser = Parser(Language(tree_sitter_c.language()))
for path in sys.stdin.read().split("\\0"):
    with open(path, "rb") as opened:
        parser.parse(opened.read())
"""


def first_hit_s(folder: Path, pattern: str, jobs: int) -> tuple[float, float]:
    """By the clock, and of processors on the longest way: this process and the busiest of those that it started."""
    start, before = time.monotonic(), time.process_time()
    found = search_folder(folder, pattern, jobs=jobs)
    for one in found:
        if not isinstance(one, FactsProblem):
            break
    took = time.monotonic() - start
    used = time.process_time() - before + max(sum(child.cpu_times()[:2]) for child in psutil.Process().children())
    found.close()  # type: ignore[attr-defined]
    return took, used


def bare_parse(paths: list[str], jobs: int) -> None:
    running = []
    for at in range(jobs):
        process = subprocess.Popen([sys.executable, "-c", _BARE], stdin=subprocess.PIPE, text=True)
        running.append((process, "\0".join(paths[at::jobs])))
    for process, given in running:
        assert process.stdin is not None
        process.stdin.write(given)
        process.stdin.close()
    for process, _ in running:
        if process.wait():
            raise SystemExit("the bare parse failed")


def measured(step: Callable[[], int | None]) -> tuple[float, float, int | None]:
    """(clock, processor seconds of all processes, what the step gave)."""
    def used() -> float:
        return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))

    start, before = time.monotonic(), used()
    gave = step()
    return time.monotonic() - start, used() - before, gave


def main() -> None:
    parser = argparse.ArgumentParser(description="structural search beside a bare parse")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pattern", default="$x->ops->$f($$$)")
    parser.add_argument("--query", action="store_true")
    parser.add_argument("--files", type=int, default=0, help="of the folder, for the whole search (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    wanted = compiled(given.pattern, given.query)
    load = os.getloadavg()[0]
    firsts = [first_hit_s(given.folder, given.pattern, given.jobs) for _ in range(given.runs)]
    clock, used = (statistics.median(column) for column in zip(*firsts, strict=True))
    print(f"load {load:.1f}; first hit in the whole folder after {clock:.2f} s by the clock, {used:.2f} s of processors", flush=True)
    files = sorted(c_files(given.folder))
    if 0 < given.files < len(files):
        files = random.Random(given.seed).sample(files, given.files)
    holding = [path for _, path in files if may_match(wanted, Path(path).read_bytes())]
    size = sum(os.stat(path).st_size for path in holding) / 1e6
    clock, used, hits = measured(lambda: sum(
        not isinstance(one, FactsProblem) for one in search(given.pattern, files, as_query=given.query, jobs=given.jobs)))
    bare_clock, bare_used, _ = measured(lambda: bare_parse(holding, given.jobs))
    words = ", ".join(word.decode() for word in wanted.words)
    print(f"{len(files):,} files, {len(holding):,} ({size:.1f} MB) with the words {words or '(none)'}; {hits:,} hits; "
          f"{given.jobs} processes")
    print(f"search {clock:.1f} s by the clock, {used:.1f} s of processors; bare parse {bare_clock:.1f} s and {bare_used:.1f} s; "
          f"ratio {clock / bare_clock:.2f} by the clock, {used / bare_used:.2f} of processors")


if __name__ == "__main__":
    main()
