"""What do training rows hold that their prompt does not show, and how long are they?

    python benchmarks/row_lengths.py DIR ... [--tokenizer MODEL]

For the proposals of each folder, taken as answers: the share of targets and of rows with a target, and of call chains, that name what
stands nowhere in the whole excerpt (what rows held before); then for each budget and completion how many answers are shortened or left
out, and the tokens of a row in English. Chat templates add a few tokens more.
"""
from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

from curation.freezing.gather import FreezeOptions, excerpt_of
from curation.freezing.shown import shown
from curation.model import Item
from curation.sourcing.indexing import index_folder
from curation.sourcing.propose import item_of
from curation.tasks import Style, get_task, site_tasks
from curation.tasks._rows import whole
from curation.tokens import count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--tokenizer", help="a model's folder or tokenizer.json (default: C tokens)")
    parser.add_argument("--budgets", type=int, nargs="+", default=[200, 300, 400, 0], help="0: the whole excerpt")
    parser.add_argument("--completions", nargs="+", default=["answer", "full"])
    given = parser.parse_args()
    found = [item for folder in given.folders for item in _items(folder)]
    _before(found)
    for completion in given.completions:
        for budget in given.budgets:
            _after(found, completion, budget or None, given.tokenizer)


def _items(folder: Path) -> list[Item]:
    index = index_folder(folder).program
    proposals = (p for task in site_tasks() if task.propose for p in task.propose(index, None))
    return [item_of(index, folder.name, p) for p in proposals if p.extra.get("group_first", True)]


def _before(found: list[Item]) -> None:
    seen: Counter[str] = Counter()
    for item in found:
        answer, excerpt = item.payload["answer"], shown(item)
        for what in ("targets", "chain"):
            names = [one["name"] if isinstance(one, dict) else one for one in answer.get(what) or []]
            hidden = sum(not excerpt.has(name) for name in names)
            seen.update({f"{what} rows": bool(names), f"{what} rows hidden": hidden > 0, what: len(names), f"{what} hidden": hidden})
    for what in ("targets", "chain"):
        rows, hidden = seen[f"{what} rows"], seen[f"{what} rows hidden"]
        print(f"{what}: {seen[f'{what} hidden']} of {seen[what]} names stand nowhere in the whole excerpt, in {hidden} of {rows} rows "
              f"({100 * hidden / max(1, rows):.1f} %)")


def _after(found: list[Item], completion: str, budget: int | None, tokenizer: str | None) -> None:
    options = FreezeOptions.model_validate({"name": "x", "completion": completion, "excerpt_tokens": budget, "tokenizer": tokenizer})
    style = Style(options.completion)
    lengths: dict[str, list[int]] = defaultdict(list)
    what: dict[str, Counter[str]] = defaultdict(Counter)
    for item in found:
        task = get_task(item.task)
        excerpt, answer = excerpt_of(task, item, options), task.check(item.payload["answer"])
        kept = task.shown(item, answer, excerpt, style) if task.shown else None
        what[task.name][("left out" if kept is None else "whole" if whole(answer, kept, excerpt) else "shortened")] += 1
        row = task.render(item, answer, None, "en", excerpt, style)
        if row is not None:
            lengths[task.name].append(sum(count(m.content, tokenizer) for m in (*row.prompt, *row.completion)))  # type: ignore[union-attr]
    for name, rows in lengths.items():
        ordered = sorted(rows)
        print(f"{completion}, {budget or 'all'}: {name}: {dict(what[name])}; tokens median {median(rows):.0f}, "
              f"p95 {ordered[len(ordered) * 95 // 100]}, at most 512: {100 * sum(n <= 512 for n in rows) / len(rows):.0f} %")


if __name__ == "__main__":
    main()
