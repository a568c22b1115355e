"""Does what is proposed for callback_timing agree with the contexts in which a running kernel called the functions?

A function that was seen with interrupts, preemption or bottom halves off, in a softirq or in an interrupt must not be said to sleep.
A said context agrees when the function was seen in it (`softirq`, `hardirq`, `atomic`: atomic process, softirq or interrupt), or, for
`process`, when it was never seen in a softirq or an interrupt. Seen contexts are those of the run, not all that are possible.

>>> python -m curation propose linux-6.1 --task callback_timing --out timing.jsonl
>>> python benchmarks/kernel_calls/timing.py --proposals timing.jsonl --contexts contexts.jsonl
"""
from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FORBID_SLEEP = {"atomic", "softirq", "hardirq", "nmi"}
AGREES = {"softirq": {"softirq"}, "hardirq": {"hardirq", "nmi"}, "atomic": FORBID_SLEEP}


def agrees(said: str | None, seen: set[str]) -> bool | None:
    """Whether a said context fits the classes seen; None where nothing was said, or a context that no kernel has."""
    if said == "process":
        return not seen & {"softirq", "hardirq", "nmi"}
    return bool(AGREES[said] & seen) if said in AGREES else None


def compared(proposals: Iterable[dict[str, Any]], contexts: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Figures over the functions that are both proposed and seen, and a line for each that contradicts. `boot` alone says nothing."""
    seen: dict[tuple[str, str], set[str]] = {}
    for row in contexts:
        classes = set(row["classes"]) - {"boot"}
        if classes:
            seen[row["file"], row["callee"]] = classes
    counts: Counter[str] = Counter()
    table: Counter[str] = Counter()
    wrong: list[str] = []
    done: set[tuple[str, str]] = set()
    for proposal in proposals:
        key = (proposal["file"], proposal["function"])
        if key in done or key not in seen:
            continue
        done.add(key)
        classes = seen[key]
        counts["functions"] += 1
        fits = agrees(proposal["context"], classes)
        counts["context not said" if fits is None else "context agrees" if fits else "context contradicts"] += 1
        sleeps = proposal["may_sleep"]
        asleep = sleeps is True and bool(classes & FORBID_SLEEP)
        counts["said to sleep"] += sleeps is True
        counts["said to sleep, seen where it must not"] += asleep
        table[f"{proposal['context']} (may sleep: {sleeps}) / {'+'.join(sorted(classes))}"] += 1
        if asleep or fits is False:
            told = f"said {proposal['context']}, may sleep {sleeps}, by {proposal['registered_via']}; seen {'+'.join(sorted(classes))}"
            wrong.append(f"{'SLEEP ' if asleep else ''}{key[0]} {key[1]}: {told}")
    return {**counts, "table": dict(table.most_common())}, wrong


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proposals", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--wrong", type=int, default=20, help="list so many contradictions")
    args = parser.parse_args()
    figures, wrong = compared(_rows(args.proposals), _rows(args.contexts))
    print(json.dumps(figures, indent=1))
    for line in sorted(wrong, reverse=True)[: args.wrong]:
        print(" ", line)


if __name__ == "__main__":
    main()
