"""Does the excerpt of a training row support its answer? `python benchmarks/excerpt_support.py DIR ... [--tokens 1200] [--rows 400]`

For each task: the share of the places that put the targets there, of the targets' definitions and of the steps of their ways that are in
the excerpt; its length; and whether the answer can be had from the excerpt alone: the excerpt's lines, each at its place, are indexed as a
corpus of their own, and what is proposed there is compared with the answer (targets: recall; context of a callback; mechanism and handler
of a pattern). A reader can know more than the engine (an API's meaning, a macro's), so the last figure is a lower bound.
"""
from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from curation.csource import Program, Slice, build_index, make_slice
from curation.model import Proposal
from curation.sourcing.indexing import index_folder
from curation.sourcing.propose import EXCERPT_TOKENS, propose_index
from curation.tasks import get_task
from curation.tokens import count

TASKS = ("function_pointer", "callback_timing", "async_pattern")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--tokens", type=int, default=EXCERPT_TOKENS)
    parser.add_argument("--rows", type=int, default=400, help="of each task, drawn with seed 1")
    parser.add_argument("--show", action="store_true", help="name the rows whose answer the excerpt alone does not give")
    given = parser.parse_args()
    for folder in given.folders:
        index = index_folder(folder).program
        for task in TASKS:
            rows = [p for p in propose_index(index, [task]) if p.extra.get("group_first", True) and _has_answer(p)]
            rows = random.Random(1).sample(rows, min(given.rows, len(rows)))
            figures: dict[str, list[float]] = defaultdict(list)
            for proposal in rows:
                made = make_slice(index, proposal, get_task(proposal.task).anchor, given.tokens)
                for name, value in _figures(proposal, made).items():
                    figures[name].append(value)
                if given.show and figures["alone"][-1] < 1:
                    print(f"  {proposal.task} {proposal.file}:{proposal.line} {proposal.expression} {figures['alone'][-1]:.2f}")
            told = "  ".join(f"{name} {mean(values):.{0 if name == 'tokens' else 3}f}" for name, values in figures.items())
            print(f"{folder.name} {task}: {len(rows)} rows  {told}")


def _has_answer(proposal: Proposal) -> bool:
    return bool(proposal.answer.get("targets") or proposal.answer.get("context") or proposal.answer.get("mechanism"))


def _figures(proposal: Proposal, made: Slice) -> dict[str, float]:
    shown = {(one.file, one.line) for one in made.lines}
    targets = {(t["name"], t["file"]) for t in proposal.answer.get("targets", [])}
    candidates = [c for c in proposal.candidates if (c.name, c.file) in targets]
    put = [any((e.file, e.line) in shown for e in c.evidence if e.kind != "definition") for c in candidates]
    defined = [(c.file, c.line) in shown for c in candidates if c.file]
    steps = [(s.file, s.line) in shown for c in candidates for s in c.steps]
    places = [(e.file, e.line) in shown for e in proposal.evidence]
    return {
        "put": _share(put or places), "defined": _share(defined), "steps": _share(steps), "alone": _alone(proposal, made),
        "tokens": float(count(made.text)),
    }


def _share(found: list[bool]) -> float:
    return sum(found) / len(found) if found else 1.0


def _alone(proposal: Proposal, made: Slice) -> float:
    """How much of the answer the excerpt alone gives, 0..1."""
    index = _index_of(made)
    found = [p for p in propose_index(index, [proposal.task]) if p.expression.split(" (")[0] == proposal.expression.split(" (")[0]]
    if proposal.task == "function_pointer":
        here = [p for p in found if p.line == proposal.line and p.file == proposal.file]
        names = {c.name for p in here for c in p.candidates if p.extra["step"] == "flow"}
        wanted = {t["name"] for t in proposal.answer["targets"]}
        return len(names & wanted) / len(wanted)
    keys = ("context", "may_sleep") if proposal.task == "callback_timing" else ("mechanism", "handler")
    return float(any(all(p.answer[key] == proposal.answer[key] for key in keys) for p in found))


def _index_of(made: Slice) -> Program:
    texts: dict[str, dict[int, str]] = defaultdict(dict)
    for one in made.lines:
        texts[one.file][one.line] = one.text
    return build_index([(file, "\n".join(_placed(lines))) for file, lines in texts.items()], jobs=0)


def _placed(lines: dict[int, str]) -> Iterable[str]:
    return (lines.get(number, "") for number in range(1, max(lines) + 1))


if __name__ == "__main__":
    main()
