"""How much of the asynchronous patterns that a person read in real programs does async_pattern propose?

`async_patterns_truth.jsonl` holds facts that were read by eye: one line a file with its patterns (mechanism, handler, phases as
[phase, file, line]). `whole`: every mechanism of the file is there (`also`: mechanisms in use whose places were not written down; `either`:
nobody can say whether the file counts as using it). `split`: every second file is a hold-out; `second` was read when the work was done;
`dev3` and `holdout3` are a third set (22 kernel files drawn with seed 20261128, 18 of programs), read before the engine was run on it.
The code itself is not here: fetch the versions that `corpus` names, and say where they are.

    python benchmarks/async_patterns.py --at linux-6.1=linux-source-6.1 --at hiredis-0.14.1=hiredis-0.14.1 --split dev [--misses]

A corpus is read as one index of the files with a truth and the headers beside them. Compared with a plain table of regular expressions over
the same API names (`plain`): the mechanism, the phase and the n-th argument of the call, all places of a mechanism in a file one pattern.

Figures: mechanisms: F1 of the set for each file, over all files together. phases: share of the truth's (mechanism, phase, file, line) among
the proposed ones. tied: the same, but only those in the one proposed pattern that shares most places. handler: share of the patterns whose
best proposed pattern names the same handler (none for none); handler, named: only those that have one. patterns a truth: how many proposed
patterns share a place with one of the truth (1 is right).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation.csource import build_index, decode  # noqa: E402
from curation.knowledge import load  # noqa: E402
from curation.tasks.async_pattern import propose  # noqa: E402

TRUTH = Path(__file__).with_name("async_patterns_truth.jsonl")
Spot = tuple[str, str, int]  # phase, file, line


@dataclass
class Found:
    """One proposed pattern."""

    mechanism: str
    handler: str | None
    places: set[Spot] = field(default_factory=set)


@dataclass
class Score:
    hit: int = 0
    said: int = 0
    true: int = 0
    phases: int = 0
    phases_hit: int = 0
    tied_hit: int = 0
    patterns: int = 0
    handler_hit: int = 0
    named: int = 0
    named_hit: int = 0
    shared: int = 0

    def line(self) -> str:
        share = lambda a, b: f"{a / b:.3f}" if b else "-"  # noqa: E731
        return (
            f"mechanisms F1 {share(2 * self.hit, self.said + self.true)} (precision {share(self.hit, self.said)}, recall "
            f"{share(self.hit, self.true)}), phases {share(self.phases_hit, self.phases)}, tied {share(self.tied_hit, self.phases)}, "
            f"handler {share(self.handler_hit, self.patterns)}, handler named {share(self.named_hit, self.named)}, "
            f"patterns a truth {share(self.shared, self.patterns)} ({self.patterns} patterns, {self.phases} places)"
        )


def engine(texts: list[tuple[str, str]]) -> list[Found]:
    groups: dict[str, Found] = {}
    for proposal in propose(build_index(texts)):
        one = groups.setdefault(proposal.extra["group"], Found(proposal.answer["mechanism"], proposal.answer["handler"]))
        one.places.add((proposal.extra["phase"], proposal.file, proposal.line))
        one.places |= {(s["phase"], s["file"], s["line"]) for s in proposal.answer["phases"]}
    return list(groups.values())


def plain(texts: list[tuple[str, str]]) -> list[Found]:
    """The simple method: API names by regular expression, one pattern a file and mechanism, its first handler."""
    rows = [row for row in load().rows if row.mechanism and row.names]
    names = {name: [row for row in rows if name in row.names] for row in rows for name in row.names}
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\s*\(([^;{]*)")
    found: dict[tuple[str, str], Found] = {}
    for file, text in texts:
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            for row in names[match[1]]:
                one = found.setdefault((file, str(row.mechanism)), Found(str(row.mechanism), None))
                one.places |= {(phase, file, line) for phase in row.phases}
                args = [a.strip(" \t\n()&") for a in match[2].split(",")]
                if row.handler_arg is not None and row.handler_arg < len(args) and one.handler is None:
                    one.handler = args[row.handler_arg]
                    where = re.search(rf"^[^\s#/*][\w\s*]*\b{re.escape(one.handler)}\s*\([^;]*?\{{", text, re.MULTILINE)
                    if where and one.handler:
                        one.places.add(("execute", file, text.count("\n", 0, text.index(one.handler, where.start())) + 1))
    return list(found.values())


def compare(truth: list[dict[str, Any]], found: list[Found], score: Score, misses: bool) -> None:
    said: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for _, file, _ in one.places:
            said[file].add(one.mechanism)
    for entry in truth:
        _mechanisms(entry, said[entry["file"]], score, misses)
        for pattern in entry["patterns"]:
            _pattern(entry, pattern, [f for f in found if f.mechanism == pattern["mechanism"]], score, misses)


def _mechanisms(entry: dict[str, Any], said: set[str], score: Score, misses: bool) -> None:
    if not entry["whole"]:
        return
    true = {p["mechanism"] for p in entry["patterns"]} | set(entry["also"])
    said = said - set(entry["either"])
    score.hit, score.said, score.true = score.hit + len(true & said), score.said + len(said), score.true + len(true)
    if misses and true != said:
        print(f"  {entry['file']}: not said {sorted(true - said)}, said too much {sorted(said - true)}")


def _pattern(entry: dict[str, Any], pattern: dict[str, Any], found: list[Found], score: Score, misses: bool) -> None:
    places: set[Spot] = {(phase, file, line) for phase, file, line in pattern["phases"]}
    everywhere = {place for one in found for place in one.places}
    best = max(found, key=lambda one: (len(one.places & places), -len(one.places)), default=None)
    tied = best.places & places if best else set()
    right = bool(best) and bool(tied) and best is not None and best.handler == pattern["handler"]
    score.patterns += 1
    score.phases += len(places)
    score.phases_hit += len(places & everywhere)
    score.tied_hit += len(tied)
    score.handler_hit += right
    score.named += pattern["handler"] is not None
    score.named_hit += right and pattern["handler"] is not None
    score.shared += sum(bool(one.places & places) for one in found)
    if misses and (not right or tied != places):
        got = f", said {best.handler}" if best and not right else ""
        print(
            f"  {entry['file']} {pattern['mechanism']} {pattern['handler']}{got}: nowhere {sorted(places - everywhere)}, "
            f"elsewhere {sorted((places & everywhere) - tied)}"
        )


def texts_of(root: Path, files: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The files and the headers beside them."""
    wanted = dict.fromkeys(files)
    for file in list(wanted):
        wanted.update(dict.fromkeys(h.relative_to(root).as_posix() for h in sorted((root / file).parent.glob("*.h"))))
    for file in wanted:
        yield file, decode((root / file).read_bytes()).text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", action="append", default=[], metavar="CORPUS=FOLDER", help="where the sources of a corpus are")
    parser.add_argument("--split", choices=["dev", "holdout", "second", "dev3", "holdout3"], help="only these files (default: all)")
    parser.add_argument("--method", choices=["engine", "plain"], default="engine")
    parser.add_argument("--misses", action="store_true", help="print what is missed")
    given = parser.parse_args()
    truth = [json.loads(line) for line in TRUTH.read_text(encoding="utf-8").splitlines()]
    whole = Score()
    for corpus, folder in (pair.split("=", 1) for pair in given.at):
        entries = [t for t in truth if t["corpus"] == corpus]
        texts = list(texts_of(Path(folder), (t["file"] for t in entries)))
        found = engine(texts) if given.method == "engine" else plain(texts)
        for score, shown in ((Score(), given.misses), (whole, False)):
            compare([t for t in entries if given.split in (None, t["split"])], found, score, shown)
            if score is not whole and score.patterns:
                print(f"{corpus}: {score.line()}")
    print(f"all: {whole.line()}")


if __name__ == "__main__":
    main()
