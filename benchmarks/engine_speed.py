"""How much processor time does each step of the engine take, as a multiple of a bare tree-sitter parse of the same files in the same run?

>>> python benchmarks/engine_speed.py linux/drivers/net --files 400
>>> python benchmarks/engine_speed.py redis --index              # with expanding, tables and solving

Steps: parse (tree-sitter-c over the bytes, nothing else), prepare (comments, directives, branches), facts (prepare and reading), encode (to
what is kept on disk), decode; with --index expand (the index of the corpus in memory), constrain (which an index folder keeps) and solve
(the worklist); ctags where it is installed.
Times are processor times. The steps take turns at each file and the least of --runs counts for each file and step, so that what else runs
on the machine falls on all alike; "first" is the first run, in which no spelling is remembered yet. ctags, expand, constrain and solve
are measured over all files, with child processes. Then facts by 1, 2 and 4 processes: files per second by the clock, which on a machine
that others use says little beyond their ratio. Cyclic garbage is not collected, as in the reading processes.
"""
from __future__ import annotations

import argparse
import gc
import math
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.csource.build import build_index
from curation.csource.facts.encoding import decode_facts, encode_facts
from curation.csource.lexing.prepare import prepare
from curation.csource.parsing.file_parser import parse_file
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.constraints import constraints_of
from curation.csource.pointsto.pointer_facts import pointer_facts
from curation.csource.pointsto.solution import Solution
from curation.csource.processes.pool import Readers
from curation.csource.sources.decode import Undecodable, decode
from curation.csource.sources.files import C_SUFFIXES


def sample(folder: Path, count: int, seed: int) -> list[Path]:
    """Up to `count` C files below a folder, chosen by the seed."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in C_SUFFIXES and path.is_file())
    return files if len(files) <= count else random.Random(seed).sample(files, count)


def texts_of(files: Iterable[Path]) -> list[tuple[str, str]]:
    found = []
    for path in files:
        try:
            found.append((str(path), decode(path.read_bytes()).text))
        except Undecodable:
            continue
    return found


def _used() -> float:
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def seconds(step: Callable[[], object], runs: int) -> float:
    """The least processor time of several runs."""
    taken = []
    for _ in range(runs):
        start = _used()
        step()
        taken.append(_used() - start)
    return min(taken)


def taking_turns(steps: list[tuple[str, Callable[[int], object]]], count: int, runs: int) -> dict[str, tuple[float, float]]:
    """Step -> seconds for all files (the least of the runs for each, the first run). Steps take the number of a file."""
    least = {name: [math.inf] * count for name, _ in steps}
    first: dict[str, float] = dict.fromkeys(least, 0.0)
    for run in range(runs):
        for at in range(count):
            for name, step in steps:
                start = time.thread_time()
                made = step(at)
                took = time.thread_time() - start
                del made
                least[name][at] = min(least[name][at], took)
                first[name] += took if run == 0 else 0
    return {name: (sum(least[name]), first[name]) for name in least}


def bare_parse(texts: list[tuple[str, str]]) -> Callable[[int], object]:
    import tree_sitter_c
    from tree_sitter import Language, Parser

    parser = Parser(Language(tree_sitter_c.language()))
    given = [text.encode("utf-8", "surrogatepass") for _, text in texts]
    return lambda at: parser.parse(given[at])


def ctags(files: list[Path]) -> Callable[[], None] | None:
    program = shutil.which("ctags")
    if program is None:
        return None

    def tag() -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
            listed.write("\n".join(str(path) for path in files))
            listed.flush()
            subprocess.run([program, "-L", listed.name, "-f", "/dev/null", "--c-kinds=+px", "--fields=+S"], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return tag


def by_processes(texts: list[tuple[str, str]], count: int) -> float:
    """Seconds by the clock for the facts of all files, the start of the processes left out."""
    with Readers(count, time_limit_s=20.0) as readers:
        for _ in readers.answers((f"{n}.c", ["text", f"{n}.c", "int a;"]) for n in range(4 * count)):
            pass
        start = time.monotonic()
        for _ in readers.answers((file, ["text", file, text]) for file, text in texts):
            pass
        return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="processor time of each step, as a multiple of a bare parse")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--index", action="store_true", help="also expand macros and solve: take a folder that is a program")
    given = parser.parse_args()
    files = sample(given.folder, given.files, given.seed)
    texts = texts_of(files)
    size = sum(len(text) for _, text in texts) / 1e6
    gc.disable()
    timed = taking_turns([
        ("parse", bare_parse(texts)),
        ("prepare", lambda at: prepare(texts[at][1], texts[at][0])),
        ("facts", lambda at: parse_file(texts[at][1], texts[at][0])),
    ], len(texts), given.runs)
    parse = timed["parse"][0]
    found = [parse_file(text, file) for file, text in texts]
    coded = [encode_facts(one) for one in found]
    calls, functions = sum(len(one.calls) for one in found), sum(len(one.functions) for one in found)
    timed |= taking_turns([
        ("encode", lambda at: encode_facts(found[at])),
        ("decode", lambda at: decode_facts(coded[at])),
    ], len(texts), given.runs)
    rows = [(name, took) for name, (took, _) in timed.items()]
    rows.append(("first", timed["facts"][1] / timed["parse"][1] * parse))
    tag = ctags(files)
    if tag is not None:
        rows.append(("ctags", seconds(tag, given.runs)))
    if given.index:
        gc.enable()
        start = _used()
        index = build_index(texts, jobs=0)
        rows.append(("expand", _used() - start - dict(rows)["facts"]))
        gc.disable()
        start = _used()
        expressions = AccessPaths(index)
        made = [constraints_of(expressions, pointer_facts(one)) for one in index.facts.values()]
        rows.append(("constrain", _used() - start))
        start = _used()
        Solution(index, made)
        rows.append(("solve", _used() - start))
    print(f"{len(texts)} files, {size:.2f} MB, {functions} functions, {calls} calls; seed {given.seed}, best of {given.runs}")
    print(f"{'step':10}{'x parse':>9}{'s':>9}{'MB/s':>9}")
    for name, took in rows:
        print(f"{name:10}{took / parse:9.2f}{took:9.3f}{size / max(took, 1e-9):9.1f}")
    one = by_processes(texts, 1)
    for count in (1, 2, 4):
        took = one if count == 1 else by_processes(texts, count)
        print(f"facts by {count} processes: {len(texts) / took:7.0f} files/s by the clock, {one / took:.2f} times one")


if __name__ == "__main__":
    main()
