"""What does it cost to index a folder of C, to index it again after a change, and to propose from it?

    python benchmarks/kernel_index.py /usr/src/linux-source-6.1 --index /tmp/index --jobs 2
    python benchmarks/kernel_index.py drivers/rtc --compare-jobs       # with 1 and with 2 processes, from nothing

Figures are JSON lines: seconds by the clock, processor seconds, MB of source a second, the peak memory of all processes together
(proportional set size, sampled), functions found and lost, the time of a second run, of a run after one file changed, and of the first
proposals of one file in a fresh process and in one that has the index open.
"""
from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from curation.csource.incremental.indexer import make_index  # noqa: E402
from curation.csource.incremental.report import IndexReport  # noqa: E402
from curation.csource.processes.peak_memory import PeakMemory  # noqa: E402
from curation.csource.sources.files import SourceFiles, StampedFile, list_folder  # noqa: E402
from curation.csource.storage.folder_index import open_index  # noqa: E402
from curation.tasks.function_pointer import TASK  # noqa: E402


def processor_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def say(what: str, **figures: Any) -> None:
    print(json.dumps({"what": what, **{k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}}), flush=True)


def measured(what: str, texts: SourceFiles, place: Path, jobs: int) -> IndexReport:
    before, began = processor_seconds(), time.monotonic()
    with PeakMemory() as memory:
        report = make_index(place, texts, jobs=jobs)
    seconds, cpu = time.monotonic() - began, processor_seconds() - before
    functions, lost = report.counts.get("functions", 0), report.counts.get("lost", 0)
    say(what, files=report.files, read=report.read, expanded=report.expanded, mb=report.bytes_read / 1e6, seconds=seconds, cpu_s=cpu,
        mb_per_cpu_s=report.bytes_read / 1e6 / max(cpu, 1e-9), steps=report.seconds, peak_gb=memory.peak_bytes / 1e9,
        functions=functions, calls=report.counts.get("calls", 0), indirect=report.counts.get("indirect", 0), lost=lost,
        lost_share=lost / max(1, functions + lost), problems=len(report.problems), jobs=jobs)
    return report


def changed(texts: SourceFiles, scratch: Path) -> SourceFiles:
    """The same texts, one of them (in the middle) with a function more, written beside."""
    sources = [file for file in texts.places if file.endswith(".c")]
    file = sources[len(sources) // 2]
    copy = scratch / "changed.c"
    copy.write_bytes(Path(texts.places[file].path).read_bytes() + b"\nint added_by_the_benchmark(void) { return 1; }\n")
    return SourceFiles({**texts.places, file: StampedFile(str(copy), f"changed.{time.time_ns()}")})


def first_proposals(texts: SourceFiles, place: Path) -> None:
    """Of files in the middle of those that have indirect calls."""
    began = time.monotonic()
    index = open_index(place)
    say("open", seconds=time.monotonic() - began)
    began, before = time.monotonic(), time.process_time()
    with PeakMemory() as memory:
        flow = index.flow
    say("flow", seconds=time.monotonic() - began, cpu_s=time.process_time() - before, nodes=len(flow.nodes),
        peak_gb=memory.peak_bytes / 1e9)
    sources = [file for file in texts.places if file.endswith(".c")]
    wanted = [file for file in sources[len(sources) // 2:][:400] if any(c.kind == "indirect" for c in index.calls(file))][:21]
    del flow
    index = open_index(place)  # as a later process has it: nothing read yet, the flow that was kept
    _ = index.flow
    times = []
    for file in wanted:
        began, before = time.monotonic(), time.process_time()
        count = sum(1 for _ in TASK.propose(index, [file])) if TASK.propose is not None else 0
        times.append((time.process_time() - before, time.monotonic() - began, count, file))
    for cpu, seconds, count, file in times[:1]:
        say("first proposals, index just opened", file=file, proposals=count, ms=1000 * seconds, cpu_ms=1000 * cpu)
    rest = sorted(times[1:])
    if rest:
        middle = rest[len(rest) // 2]
        say("proposals of a file, index warm", files=len(rest), median_ms=1000 * middle[1], median_cpu_ms=1000 * middle[0],
            worst_cpu_ms=1000 * rest[-1][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", type=Path, help="the index folder; kept (default: a temporary one)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--compare-jobs", action="store_true", help="index from nothing with 1 and with 2 processes")
    parser.add_argument("--no-change", action="store_true", help="without the change of a file")
    parser.add_argument("--no-flow", action="store_true", help="without the solve and the proposals")
    parser.add_argument("--cold", action="store_true", help="also time `propose --file` as a command of its own")
    given = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    try:
        began = time.monotonic()
        texts = list_folder(given.folder)
        say("list", files=len(texts.places), seconds=time.monotonic() - began)
        if given.compare_jobs:
            for jobs in (1, 2):
                measured(f"from nothing, {jobs} processes", texts, scratch / f"index{jobs}", jobs)
        place = given.index or scratch / "index"
        measured("index", texts, place, given.jobs)
        measured("again, nothing changed", texts, place, given.jobs)
        if not given.no_change:
            measured("again, one file changed", changed(texts, scratch), place, given.jobs)
            measured("again, and changed back", texts, place, given.jobs)
        if not given.no_flow:
            first_proposals(texts, place)
        if given.cold:
            cold(given.folder, place, texts)
    finally:
        shutil.rmtree(scratch)


def cold(folder: Path, place: Path, texts: SourceFiles) -> None:
    sources = [file for file in texts.places if file.endswith(".c")]
    command = [
        sys.executable, "-m", "curation", "propose", str(folder), "--index", str(place), "--task", "function_pointer",
        "--file", sources[len(sources) // 2], "--out", str(place / "proposals.jsonl")]
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    say("propose --file, a command of its own", seconds=time.monotonic() - began)
    (place / "proposals.jsonl").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
