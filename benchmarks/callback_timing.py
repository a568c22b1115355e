"""Are the proposed contexts of callbacks right? Compares `callback_timing` with facts that people read off real code.

The truth is a file of rows, one callback each: corpus, file, function, context (a list: any of these is right), may_sleep (null: not
known), hard (the name or the registration misleads), part (dev, or holdout: never looked at while the engine was worked on), why.

    python benchmarks/callback_timing.py --source linux=linux-source-6.1 --source redis=redis-7.0.15/src --part dev --misses

Of a corpus named "linux" only the files of the truth are read, as one corpus without the kernel's headers; of the others every C file.
A callback for which nothing is proposed counts as wrong. With `--seen contexts.jsonl` (rows: callee, file, classes: how often each
context was seen in a running kernel, see kernel_calls/) it is told how often "may sleep" was said of a function seen in atomic context.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.csource import build_index, decode
from curation.csource.build import read_texts
from curation.csource.sources.files import list_folder
from curation.sourcing.propose import propose_index, record_of

TRUTH = Path(__file__).with_name("callback_timing_truth.jsonl")
ATOMIC = {"softirq", "hardirq", "atomic", "nmi"}
Records = dict[tuple[str, str], list[dict[str, Any]]]


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def proposed(texts: list[tuple[str, str]], files: Iterable[str]) -> Records:
    """(file, function) -> the records of that function, best first."""
    index = build_index(texts)
    found: dict[tuple[str, str], list[tuple[float, dict[str, Any]]]] = defaultdict(list)
    for proposal in propose_index(index, ["callback_timing"], sorted(files)):
        found[proposal.file, proposal.function or ""].append((proposal.score, record_of(proposal)))
    return {key: [r for _, r in sorted(rs, key=lambda one: -one[0])] for key, rs in found.items()}


def texts_of(corpus: str, folder: Path, files: set[str]) -> list[tuple[str, str]]:
    if corpus != "linux":
        return list(read_texts(list_folder(folder))[0].items())
    return [(file, decode((folder / file).read_bytes()).text) for file in sorted(files)]


def judged(row: dict[str, Any], records: list[dict[str, Any]]) -> tuple[bool, bool, dict[str, Any] | None]:
    """(context right, may_sleep right, the record that was judged)."""
    if not records:
        return False, False, None
    first = records[0]
    return first["context"] in row["context"], row["may_sleep"] is None or first["may_sleep"] == row["may_sleep"], first


def told(name: str, results: list[tuple[bool, bool, bool]]) -> None:
    if results:
        n = len(results)
        found, context, sleep = (sum(r[i] for r in results) for i in range(3))
        print(f"{name:<34} {n:>5} callbacks  proposed {found / n:.3f}  context {context / n:.3f}  may_sleep {sleep / n:.3f}")


def score(truth: list[dict[str, Any]], sources: dict[str, Path], part: str, misses: bool) -> None:
    groups: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for corpus, folder in sources.items():
        rows = [r for r in truth if r["corpus"] == corpus and (part == "all" or r["part"] == part)]
        files = {r["file"] for r in truth if r["corpus"] == corpus}
        records = proposed(texts_of(corpus, folder, files), files) if rows else {}
        for row in rows:
            context, sleep, first = judged(row, records.get((row["file"], row["function"]), []))
            result = (first is not None, context, sleep)
            kinds = ("linux" if corpus == "linux" else "user space", corpus, "hard" if row["hard"] else "easy", "all")
            for kind in dict.fromkeys((*kinds, f"{kinds[0]}, {kinds[2]}")):
                groups[kind].append(result)
            if misses and not (context and sleep):
                said = f"{first['context']} {first['may_sleep']} via {first['registered_via']}" if first else "nothing"
                print(f"{row['file']}: {row['function']}: {'|'.join(row['context'])} {row['may_sleep']}, said {said}")
    for name in sorted(groups):
        told(name, groups[name])


def seen(path: Path, folder: Path) -> None:
    """How often "may sleep" is said of functions that a running kernel called in atomic context. Reads the files of the rows."""
    rows = [r for r in read_rows(path) if ATOMIC & r["classes"].keys()]
    files = {r["file"] for r in rows if (folder / r["file"]).is_file()}
    records = proposed(texts_of("linux", folder, files), files)
    known = [(r, records[r["file"], r["callee"]][0]) for r in rows if (r["file"], r["callee"]) in records]
    wrong = [(r, one) for r, one in known if one["may_sleep"]]
    for row, one in wrong:
        print(f"{row['file']}: {row['callee']}: seen in {row['classes']}, said {one['context']} via {one['registered_via']}")
    print(f"{len(rows)} functions seen in atomic context, {len(known)} proposed, 'may sleep' said of {len(wrong)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, default=TRUTH)
    parser.add_argument("--source", action="append", default=[], metavar="CORPUS=FOLDER")
    parser.add_argument("--part", choices=("dev", "holdout", "dev2", "holdout2", "all"), default="dev")
    parser.add_argument("--misses", action="store_true", help="print each callback that is wrong")
    parser.add_argument("--seen", type=Path, help="contexts seen in a running kernel; needs --source linux=FOLDER")
    given = parser.parse_args()
    sources = {name: Path(folder) for name, _, folder in (s.partition("=") for s in given.source)}
    if given.seen:
        seen(given.seen, sources["linux"])
    else:
        score(read_rows(given.truth), sources, given.part, given.misses)


if __name__ == "__main__":
    main()
