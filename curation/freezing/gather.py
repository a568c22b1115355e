"""Which answers become rows, and what do the rows share that keeps them together?

>>> gathered = gather(store, FreezeOptions(name="flow"))
>>> gathered.drafts[0].keys
['item/3f...', 'group/demo/src/pool.c', 'prompt/77...', 'file/demo/src/pool.c', 'content/ab...']

Answered sites are rendered in each language, accepted pairs and chosen preferences in their own. A site's answer holds nothing that its
excerpt does not show (Task.shown). Then what is most of a set is cut down (curation/freezing/balance.py). Each item left out is
counted with its reason.
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

from curation import tokens
from curation.errors import BadValue, Reason
from curation.freezing import balance
from curation.freezing.clones import Clones, Read
from curation.freezing.shown import GAP, MARK, Shown, shown
from curation.labeling.resolve import essence, resolve
from curation.model import Item, Lang, Model, Origin, PreferenceRow, Resolved, TrainingRow, canonical_json, stable_id
from curation.store import Store, items, queues
from curation.store import sources as stored_sources
from curation.tasks import Completion, Style, Task, all_tasks, get_task
from curation.tasks._rows import whole

RESERVED = frozenset({"demo", "seeds"})  # folders the project ships in datasets/
READY = ("answered", "accepted")
WORDS = ("none", "external", "incomplete")  # actions that say of an answer that it is empty, elsewhere, or not all
CAPS = ("answer", "file", "class", "source")  # in the order in which they are applied; each leaves out "over_<cap>"
_FILE_HEADER = re.compile(rf"^(?:// file: .*|\.\.\. // line \d+|{re.escape(GAP)})$", re.MULTILINE)


class FreezeOptions(Model):
    """What goes in and how it is split. None: all there are. name: of the dataset, not part of its hash. by: what else besides
    duplicates holds a group together. validation, test: shares of each task's rows; train gets the rest. near: ROUGE-L (0..1) from
    which two prompts are near duplicates. license: an SPDX id for the card, None: not stated.

    completion: what of an answer is learned: its JSON line, with a sentence or two, with the whole explanation. excerpt_tokens: most tokens
    of a site's excerpt, None: all of it; counted as the tokenizer counts (see tokens.count), None: C tokens. most_targets: stated of one
    call; most_places: of one phase. class_share, source_share, file_share, answer_share: how much of a task's items one class
    (Task.balanced), project, file or identical answer may be, None: as much as it is; whatever is at most `keep` items is not cut."""

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
    completion: Completion = "full"
    excerpt_tokens: int | None = Field(default=None, ge=20, le=1_000_000)
    tokenizer: str | None = None
    most_targets: int = Field(default=12, ge=1, le=1000)
    most_places: int = Field(default=3, ge=1, le=1000)
    class_share: float | None = Field(default=0.5, gt=0, le=1)
    source_share: float | None = Field(default=0.4, gt=0, le=1)
    file_share: float | None = Field(default=0.1, gt=0, le=1)
    answer_share: float | None = Field(default=0.1, gt=0, le=1)
    keep: int = Field(default=100, ge=1)

    def recorded(self) -> dict[str, Any]:
        """Everything that decides what the rows are, in one order; the tokenizer by its content, which is the same on every machine."""
        values = self.model_dump(mode="json", exclude={"name"})
        values["tokenizer"] = None if self.tokenizer is None or self.excerpt_tokens is None else tokens.identity(self.tokenizer)
        return {k: sorted(set(v)) if isinstance(v, list) else v for k, v in values.items()}


@dataclass
class Draft:
    """A row before its group and split are known. keys: what it shares with others of its group. subject: the text by which near
    duplicates are told. counts_as: the values under which its item is balanced, by cap."""

    config: str
    fields: dict[str, Any]
    item_id: str
    keys: list[str]
    subject: str
    counts_as: dict[str, str] = field(default_factory=dict)


@dataclass
class Gathered:
    """items: task -> number of items with a row. left_out: task -> why -> number of items. trimmed: task -> number of items whose answer
    lost what its excerpt does not show, or what is beyond most_targets and most_places. balanced: task -> cap -> value -> number of items
    (before, after) the caps, of those that were cut and of every class."""

    drafts: list[Draft] = field(default_factory=list)
    items: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    trimmed: Counter[str] = field(default_factory=Counter)
    balanced: dict[str, dict[str, dict[str, tuple[int, int]]]] = field(default_factory=dict)


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


def gather(store: Store, options: FreezeOptions, read: Read | None = None) -> Gathered:
    """The rows of all that is answered, accepted or chosen, by row id, so that the order of import changes nothing. read: the text of a
    source's file, to tell copies of a function; None: sites are not tied by their functions."""
    found = Gathered()
    found.drafts = sorted(_drafts(store, options, found, Clones(read)), key=lambda draft: draft.fields["id"])
    _balance(found, options)
    return found


def _balance(found: Gathered, options: FreezeOptions) -> None:
    """Cuts what is more than its share of a task's items."""
    shares = {cap: getattr(options, f"{cap}_share") for cap in CAPS}
    for task in sorted(found.items):
        values = {d.item_id: d.counts_as for d in found.drafts if d.fields["task"] == task and d.counts_as}
        before = {cap: Counter(v[cap] for v in values.values() if cap in v) for cap in CAPS}
        stay = set(values)
        for cap in CAPS:
            chosen = balance.kept({i: values[i][cap] for i in stay if cap in values[i]}, shares[cap], options.keep, options.seed, cap)
            over = {i for i in stay if cap in values[i]} - chosen
            stay -= over
            found.left_out[task][f"over_{cap}"] += len(over)
        found.left_out[task] = +found.left_out[task]
        after = {cap: Counter(values[i][cap] for i in stay if cap in values[i]) for cap in CAPS}
        found.balanced[task] = {
            cap: {v: (n, after[cap][v]) for v, n in sorted(values_of.items(), key=lambda one: (-one[1], one[0]))}
            for cap, values_of in before.items() if values_of
        }
        gone = values.keys() - stay
        found.items[task] -= len(gone)
        found.drafts = [d for d in found.drafts if d.item_id not in gone]


def _drafts(store: Store, options: FreezeOptions, found: Gathered, clones: Clones) -> Iterator[Draft]:
    names = {task.name for task in tasks_of(options)}
    for (task, status), number in queues.counts(store).items():
        if task in names and status not in READY:
            found.left_out[task][status] += number
    contents: dict[str, dict[str, str]] = {}
    for item, resolved in _ready_items(store, names):
        if item.meta.get("stale"):
            found.left_out[item.task]["stale"] += 1
            continue
        if not _chosen(item, options):
            found.left_out[item.task]["not_chosen"] += 1
            continue
        if item.source is not None and item.source not in contents:
            contents[item.source] = {row.path: row.sha256 for row in stored_sources.files(store, item.source)}
        content = contents.get(item.source or "", {}).get(item.file or "")
        made = list(_rows_of(item, resolved, options, content, found))
        found.items[item.task] += bool(made)
        if not made:
            found.left_out[item.task][_why_left_out(item, resolved, options)] += 1
        tied = clones.keys(item) if made else []
        for draft in made:
            draft.keys.extend(tied)
            yield draft


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


def _rows_of(item: Item, resolved: Resolved, options: FreezeOptions, content: str | None, found: Gathered) -> Iterator[Draft]:
    task = get_task(item.task)
    answer = _answer(task, item, resolved)
    if answer is None:
        return
    given: tuple[Any, ...] = ()
    about: dict[str, Any] = {"item": item.id}
    counts_as: dict[str, str] = {}
    if task.shown is not None:
        style = _style(options)
        excerpt = excerpt_of(task, item, options)
        kept = task.shown(item, answer, excerpt, style)
        if kept is None:
            return
        found.trimmed[item.task] += not whole(task.check(answer), kept, excerpt)
        given, about, counts_as = (excerpt, style), about | _about(task, item, kept, excerpt), _counts_as(task, item, kept)
    for lang in sorted(set(options.langs)):
        row = task.render(item, answer, resolved.explanation.get(lang), lang, *given)
        if row is not None:
            yield _draft(item, row, options, content, about, counts_as)


def _style(options: FreezeOptions) -> Style:
    return Style(options.completion, options.most_targets, options.most_places)


def excerpt_of(task: Task, item: Item, options: FreezeOptions) -> Shown:
    """What a row shows of an item's excerpt. Every line is numbered where the answer or the explanation names lines."""
    return shown(item, options.excerpt_tokens, task.places or options.completion != "answer", options.tokenizer)


def _about(task: Task, item: Item, kept: dict[str, Any], excerpt: Shown) -> dict[str, Any]:
    """More for a row's meta: its kind, its difficulty (1 to 4), the place that each line number means, the engine's first candidate."""
    if task.facets is None:
        return {"lines": excerpt.places}
    kind, difficulty = task.facets(item, kept, excerpt)
    first = task.first(item) if task.first is not None else None
    return {
        "kind": kind, "difficulty": difficulty, "lines": excerpt.places, **({"first_candidate": first} if first is not None else {}),
    }


def _counts_as(task: Task, item: Item, kept: dict[str, Any]) -> dict[str, str]:
    values = {"answer": canonical_json(essence(kept)), "file": f"{item.source}/{item.file}", "source": str(item.source)}
    return {**values, "class": str(kept[task.balanced])} if task.balanced is not None else values


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


def _why_left_out(item: Item, resolved: Resolved, options: FreezeOptions) -> str:
    task = get_task(item.task)
    answer = _answer(task, item, resolved) if task.shown is not None else None
    if task.shown is not None and answer is not None and task.shown(item, answer, excerpt_of(task, item, options), _style(options)) is None:
        return "not_shown"
    choice = (resolved.answer or {}).get("choice")
    if choice in ("tie", "both_bad"):
        return str(choice)
    if resolved.action in WORDS:
        return resolved.action
    return "nothing_to_learn" if item.lang is None else "language"


def _draft(
    item: Item, row: TrainingRow | PreferenceRow, options: FreezeOptions, content: str | None, about: dict[str, Any],
    counts_as: dict[str, str],
) -> Draft:
    prompt = [m.model_dump() for m in row.prompt]
    fields: dict[str, Any] = {
        "id": stable_id(item.id, row.lang), "task": row.task, "lang": row.lang, "origin": item.origin, "group": "", "prompt": prompt,
        "meta": canonical_json(about),
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
    return Draft(config, fields, item.id, keys, subject, counts_as)


def subject_of(prompt: list[dict[str, str]]) -> str:
    """What a prompt is about, without what all prompts of its task begin with: its last message from the first `// file:` line on if it
    has one, the names of the files and the line numbers left out."""
    text = prompt[-1]["content"]
    start = _FILE_HEADER.search(text)
    return MARK.sub("", _FILE_HEADER.sub("", text[start.start():])).strip() if start else text.strip()


def fingerprint(text: str) -> str:
    """Equal for texts that differ in white space only."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
