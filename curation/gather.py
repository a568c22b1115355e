"""Which answers become rows, and what do the rows share that keeps them together?

>>> gathered = gather(store, FreezeOptions(name="flow"))
>>> gathered.drafts[0].keys
['item/3f...', 'group/demo/src/pool.c', 'prompt/77...', 'file/demo/src/pool.c', 'content/ab...']

Answered sites are rendered in each language, accepted pairs and chosen preferences in their own. Each item left out is counted with its
reason.
"""
from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from curation.errors import BadValue, Reason
from curation.model import Item, Lang, Model, Origin, PreferenceRow, Resolved, TrainingRow, canonical_json, stable_id
from curation.resolve import resolve
from curation.store import Store, items, queues
from curation.store import sources as stored_sources
from curation.tasks import Task, all_tasks, get_task

RESERVED = frozenset({"demo", "seeds"})  # folders the project ships in datasets/
READY = ("answered", "accepted")
WORDS = ("none", "external", "incomplete")  # actions that say of an answer that it is empty, elsewhere, or not all
_FILE_HEADER = re.compile(r"^(?:// file: .*|\.\.\. // line \d+)$", re.MULTILINE)


class FreezeOptions(Model):
    """What goes in and how it is split. None: all there are. name: of the dataset, not part of its hash. by: what else besides
    duplicates holds a group together. validation, test: shares of each task's rows; train gets the rest. near: ROUGE-L (0..1) from
    which two prompts are near duplicates. license: an SPDX id for the card, None: not stated."""

    name: str
    seed: int = 0
    tasks: list[str] | None = None
    langs: list[Lang] = ["en", "zh"]
    origins: list[Origin] | None = None
    sources: list[str] | None = None
    by: Literal["file", "source"] = "file"
    validation: float = Field(default=0.1, ge=0, le=0.5)
    test: float = Field(default=0.1, ge=0, le=0.5)
    near: float = Field(default=0.8, gt=0, le=1)
    license: str | None = None

    def recorded(self) -> dict[str, Any]:
        """Everything that decides what the rows are, in one order."""
        values = self.model_dump(mode="json", exclude={"name"})
        return {k: sorted(set(v)) if isinstance(v, list) else v for k, v in values.items()}


@dataclass
class Draft:
    """A row before its group and split are known. keys: what it shares with others of its group. subject: the text by which near
    duplicates are told."""

    config: str
    fields: dict[str, Any]
    item_id: str
    keys: list[str]
    subject: str


@dataclass
class Gathered:
    """items: task -> number of items with a row. left_out: task -> why -> number of items."""

    drafts: list[Draft] = field(default_factory=list)
    items: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def check_options(options: FreezeOptions) -> None:
    """Raises BadValue naming the first wrong option."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,60}", options.name) or options.name in RESERVED:
        raise BadValue(field="name", value=options.name, why=Reason("no_dataset_name", "is no name for a dataset"),
                       todo=Reason("dataset_name_rule", "Use small letters, digits, - and _; demo and seeds are taken."))
    if options.validation + options.test >= 1:
        raise BadValue(
            field="test", value=options.test, why=Reason("nothing_to_train", "leaves nothing to train on"),
            todo=Reason("shares_below_1", "Give shares that add up to less than 1."),
        )
    if not options.langs:
        raise BadValue(field="langs", value=[], why=Reason("empty", "is empty"), todo=Reason("choose_langs", "Choose en, zh or both."))
    for name in options.tasks or []:
        get_task(name)


def tasks_of(options: FreezeOptions) -> list[Task]:
    return [task for name, task in all_tasks().items() if options.tasks is None or name in options.tasks]


def gather(store: Store, options: FreezeOptions) -> Gathered:
    """The rows of all that is answered, accepted or chosen, by row id, so that the order of import changes nothing."""
    found = Gathered()
    found.drafts = sorted(_drafts(store, options, found), key=lambda draft: draft.fields["id"])
    return found


def _drafts(store: Store, options: FreezeOptions, found: Gathered) -> Iterator[Draft]:
    names = {task.name for task in tasks_of(options)}
    for (task, status), number in queues.counts(store).items():
        if task in names and status not in READY:
            found.left_out[task][status] += number
    contents: dict[str, dict[str, str]] = {}
    for item, resolved in _ready_items(store, names):
        if not _chosen(item, options):
            found.left_out[item.task]["not_chosen"] += 1
            continue
        if item.source is not None and item.source not in contents:
            contents[item.source] = {row.path: row.sha256 for row in stored_sources.files(store, item.source)}
        content = contents.get(item.source or "", {}).get(item.file or "")
        made = list(_rows_of(item, resolved, options, content))
        found.items[item.task] += bool(made)
        if not made:
            found.left_out[item.task][_why_left_out(item, resolved)] += 1
        yield from made


def _ready_items(store: Store, tasks: Iterable[str]) -> Iterator[tuple[Item, Resolved]]:
    found = items.find(store, tasks=sorted(tasks), statuses=READY)
    while batch := list(islice(found, 500)):
        given = items.annotations(store, [item.id for item in batch])
        for item in batch:
            resolved = resolve(given[item.id], get_task(item.task))
            if resolved.status in READY:  # it may have been taken back since
                yield item, resolved


def _chosen(item: Item, options: FreezeOptions) -> bool:
    return (options.origins is None or item.origin in options.origins) and (
        options.sources is None or item.source is None or item.source in options.sources
    )


def _rows_of(item: Item, resolved: Resolved, options: FreezeOptions, content: str | None) -> Iterator[Draft]:
    task = get_task(item.task)
    answer = _answer(task, item, resolved)
    if answer is None:
        return
    for lang in sorted(set(options.langs)):
        row = task.render(item, answer, resolved.explanation.get(lang), lang)
        if row is not None:
            yield _draft(item, row, options, content)


def _answer(task: Task, item: Item, resolved: Resolved) -> dict[str, Any] | None:
    """The answer to learn from; None when there is none. "None" and "external" are what the task has them stand for (Task.says), if
    anything. "Incomplete" is learned from only where the answer itself can say that there is more."""
    if resolved.action == "incomplete":
        return task.says(resolved.action, resolved.answer) if task.word_field(resolved.action) else None
    if resolved.action in ("none", "external"):
        return task.says(resolved.action)
    if resolved.answer is None and task.kind == "pair":
        return item.payload
    return resolved.answer


def _why_left_out(item: Item, resolved: Resolved) -> str:
    choice = (resolved.answer or {}).get("choice")
    if choice in ("tie", "both_bad"):
        return str(choice)
    if resolved.action in WORDS:
        return resolved.action
    return "nothing_to_learn" if item.lang is None else "language"


def _draft(item: Item, row: TrainingRow | PreferenceRow, options: FreezeOptions, content: str | None) -> Draft:
    prompt = [m.model_dump() for m in row.prompt]
    fields: dict[str, Any] = {
        "id": stable_id(item.id, row.lang), "task": row.task, "lang": row.lang, "origin": item.origin, "group": "", "prompt": prompt,
        "meta": canonical_json({"item": item.id}),
    }
    subject = subject_of(prompt)
    keys = [f"item/{item.id}", f"group/{item.group}", f"prompt/{fingerprint(subject)}"]
    if item.source is not None:
        keys.append(f"file/{item.source}/{item.file}" if options.by == "file" else f"source/{item.source}")
    if content is not None:
        keys.append(f"content/{content}")
    if isinstance(row, PreferenceRow):
        config = "preference"
        fields |= {"chosen": [m.model_dump() for m in row.chosen], "rejected": [m.model_dump() for m in row.rejected]}
    else:
        config = "sft"
        fields |= {
            "completion": [m.model_dump() for m in row.completion],
            "answer": None if row.answer is None else canonical_json(row.answer),
            "source": item.source, "file": item.file, "line": item.line,
        }
    return Draft(config, fields, item.id, keys, subject)


def subject_of(prompt: list[dict[str, str]]) -> str:
    """What a prompt is about, without what all prompts of its task begin with: its last message from the first `// file:` line on if it
    has one, the names of the files and the line numbers left out."""
    text = prompt[-1]["content"]
    start = _FILE_HEADER.search(text)
    return _FILE_HEADER.sub("", text[start.start():]).strip() if start else text.strip()


def fingerprint(text: str) -> str:
    """Equal for texts that differ in white space only."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
