"""What goes into a dataset, how is it split, and how is it made so that nobody changes it any more?

>>> options = FreezeOptions(name="flow", seed=1)
>>> preview(store, settings, options).tasks[0]
TaskPreview(task='function_pointer', rows=4180, splits={'train': 3344, ...}, goal=(2000, 5000), left_out={'open': 310, 'disputed': 4})
>>> freeze(store, settings, actor, options).path
PosixPath('datasets/flow/v0001')

Answered sites are rendered in each language, accepted pairs and chosen preferences in their own. Rows that share a file (or code base), equal
file content, a prompt, an item's group, or are near duplicates, are one group; groups are split whole. After the split the prompts of
each split are looked up among those of the others; what is found is joined and split again until nothing leaks.

Not covered: two sites of different files whose excerpts quote the same third file (split by="source" keeps those together).
"""
from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field

from curation import card, manifest
from curation.access import require
from curation.errors import BadValue, NothingToFreeze
from curation.manifest import FrozenRow, verify
from curation.model import Actor, Item, Lang, Model, Origin, PreferenceRow, Resolved, TrainingRow, canonical_json, stable_id
from curation.near_duplicates import NearTexts, clusters
from curation.resolve import resolve
from curation.settings import Settings
from curation.split import SPLITS, assign, join
from curation.store import Store, frozen, items, now, queues
from curation.store import sources as stored_sources
from curation.tasks import Task, all_tasks, get_task

__all__ = ["FreezeOptions", "FrozenVersion", "Preview", "TaskPreview", "Warn", "freeze", "preview", "verify"]

RESERVED = frozenset({"demo", "seeds"})  # folders the project ships in datasets/
READY = ("answered", "accepted")
_FILE_HEADER = re.compile(r"^// file: .*$", re.MULTILINE)


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


@dataclass(frozen=True)
class Warn:
    """A thing to know before freezing. code: key of its sentence in the locale files under [freeze]; params fill it."""

    code: str
    params: dict[str, Any]


@dataclass(frozen=True)
class TaskPreview:
    """rows: that would be frozen, of `items` items. goal: (minimum, wanted), None without one. left_out: why -> number of items (states of
    model.Resolved; none, external, incomplete, tie, both_bad; language)."""

    task: str
    rows: int
    items: int
    splits: dict[str, int]
    langs: dict[str, int]
    goal: tuple[int, int] | None
    left_out: dict[str, int]


@dataclass(frozen=True)
class Preview:
    tasks: list[TaskPreview]
    rows: int
    groups: int
    warnings: list[Warn]


@dataclass(frozen=True)
class FrozenVersion:
    name: str
    version: int
    path: Path
    hash: str


@dataclass
class _Draft:
    """A row before its group and split are known. keys: what it shares with others of its group. subject: the text by which near
    duplicates are told."""

    config: str
    fields: dict[str, Any]
    item_id: str
    keys: list[str]
    subject: str


@dataclass
class _Plan:
    rows: list[FrozenRow] = field(default_factory=list)
    items: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    rejoined: int = 0


def preview(store: Store, settings: Settings, options: FreezeOptions) -> Preview:
    """What freezing now would give; writes nothing. Raises BadValue for a wrong option."""
    check_options(options)
    plan = _plan(store, options)
    tasks = [_task_preview(plan, task) for task in _tasks(options)]
    return Preview(tasks, len(plan.rows), len(plan.groups), list(_warnings(plan, tasks, options)))


def freeze(store: Store, settings: Settings, actor: Actor, options: FreezeOptions) -> FrozenVersion:
    """Writes the next version of the dataset. It is seen whole or not at all: written beside, verified, renamed, recorded.

    Raises NotAllowed, BadValue (option), NothingToFreeze."""
    require(actor, "lead", action="freeze a dataset")
    check_options(options)
    plan = _plan(store, options)
    if not plan.rows:
        raise NothingToFreeze(why=_why_nothing(plan))
    home = settings.datasets_dir / options.name
    home.mkdir(parents=True, exist_ok=True)
    version = 1 + max([frozen.highest(store, options.name), *_versions_in(home)])
    beside = Path(tempfile.mkdtemp(dir=home, prefix=".writing-"))
    try:
        os.chmod(beside, 0o755)
        about = _write(beside, plan, options, version)
        verify(beside)
        place = home / f"v{version:04d}"
        counts = {name: task["counts"] for name, task in about["tasks"].items()}
        frozen.record(
            store, options.name, version, about["hash"], options.recorded(), counts, actor.name, publish=lambda: os.rename(beside, place),
        )
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return FrozenVersion(options.name, version, place, about["hash"])


def check_options(options: FreezeOptions) -> None:
    """Raises BadValue naming the first wrong option."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,60}", options.name) or options.name in RESERVED:
        raise BadValue(field="name", value=options.name, why="is no name for a dataset",
                       todo="Use small letters, digits, - and _; demo and seeds are taken.")
    if options.validation + options.test >= 1:
        raise BadValue(field="test", value=options.test, why="leaves nothing to train on", todo="Give shares that add up to less than 1.")
    if not options.langs:
        raise BadValue(field="langs", value=[], why="is empty", todo="Choose en, zh or both.")
    for name in options.tasks or []:
        get_task(name)


def _plan(store: Store, options: FreezeOptions) -> _Plan:
    plan = _Plan()
    drafts = sorted(_drafts(store, options, plan), key=lambda d: d.fields["id"])
    if drafts:
        _split(drafts, options, plan)
    return plan


def _tasks(options: FreezeOptions) -> list[Task]:
    return [task for name, task in all_tasks().items() if options.tasks is None or name in options.tasks]


def _drafts(store: Store, options: FreezeOptions, plan: _Plan) -> Iterator[_Draft]:
    names = {task.name for task in _tasks(options)}
    for (task, status), number in queues.counts(store).items():
        if task in names and status not in READY:
            plan.left_out[task][status] += number
    contents: dict[str, dict[str, str]] = {}
    for item, resolved in _ready_items(store, names):
        if not _chosen(item, options):
            plan.left_out[item.task]["not_chosen"] += 1
            continue
        if item.source is not None and item.source not in contents:
            contents[item.source] = {row.path: row.sha256 for row in stored_sources.files(store, item.source)}
        content = contents.get(item.source or "", {}).get(item.file or "")
        made = list(_rows_of(item, resolved, options, content))
        plan.items[item.task] += bool(made)
        if not made:
            plan.left_out[item.task][_why_left_out(item, resolved)] += 1
        yield from made


def _ready_items(store: Store, tasks: Iterable[str]) -> Iterator[tuple[Item, Resolved]]:
    found = items.find(store, tasks=sorted(tasks), statuses=READY)
    while batch := list(islice(found, 500)):
        given = items.annotations(store, [item.id for item in batch])
        for item in batch:
            resolved = resolve(given[item.id])
            if resolved.status in READY:  # it may have been taken back since
                yield item, resolved


def _chosen(item: Item, options: FreezeOptions) -> bool:
    return (options.origins is None or item.origin in options.origins) and (
        options.sources is None or item.source is None or item.source in options.sources
    )


def _rows_of(item: Item, resolved: Resolved, options: FreezeOptions, content: str | None) -> Iterator[_Draft]:
    task = get_task(item.task)
    answer = _answer(task, item, resolved)
    if answer is None:
        return
    for lang in sorted(set(options.langs)):
        row = task.render(item, answer, resolved.explanation.get(lang), lang)
        if row is not None:
            yield _draft(item, row, options, content)


def _answer(task: Task, item: Item, resolved: Resolved) -> dict[str, Any] | None:
    """The answer to learn from; None when there is none, or only a part of it is known. "No target, no callback" is learned from where the
    task's answer can say it with its defaults alone."""
    if resolved.action == "incomplete":
        return None
    if resolved.answer is not None:
        return resolved.answer
    if task.kind == "pair":
        return item.payload
    if resolved.action == "none" and not any(f.is_required() for f in task.Answer.model_fields.values()):
        return task.check({})
    return None


def _why_left_out(item: Item, resolved: Resolved) -> str:
    choice = (resolved.answer or {}).get("choice")
    if choice in ("tie", "both_bad"):
        return str(choice)
    return resolved.action if resolved.action in ("none", "external", "incomplete") else "language"


def _draft(item: Item, row: TrainingRow | PreferenceRow, options: FreezeOptions, content: str | None) -> _Draft:
    prompt = [m.model_dump() for m in row.prompt]
    fields: dict[str, Any] = {
        "id": stable_id(item.id, row.lang), "task": row.task, "lang": row.lang, "origin": item.origin, "group": "", "prompt": prompt,
        "meta": canonical_json({"item": item.id}),
    }
    subject = subject_of(prompt)
    keys = [f"item/{item.id}", f"group/{item.group}", f"prompt/{_fingerprint(subject)}"]
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
    return _Draft(config, fields, item.id, keys, subject)


def subject_of(prompt: list[dict[str, str]]) -> str:
    """What a prompt is about, without what all prompts of its task begin with: its last message from the first `// file:` line on if it
    has one, the names of the files left out."""
    text = prompt[-1]["content"]
    start = _FILE_HEADER.search(text)
    return _FILE_HEADER.sub("", text[start.start():]).strip() if start else text.strip()


def _fingerprint(text: str) -> str:
    """Equal for texts that differ in white space only."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def _split(drafts: list[_Draft], options: FreezeOptions, plan: _Plan) -> None:
    """Fills plan.rows and plan.groups. drafts: by row id, so that the order of import changes nothing."""
    texts = list(dict.fromkeys(d.subject for d in drafts))
    near = dict(zip(texts, clusters(texts, threshold=options.near), strict=True))
    extra: dict[str, list[str]] = defaultdict(list)  # subject -> keys added because it leaked
    while True:
        joined = join([[*d.keys, f"near/{near[d.subject]}", *extra[d.subject]] for d in drafts])
        names = _group_names(drafts, joined)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for name, draft in zip(names, drafts, strict=True):
            counts[name][draft.fields["task"]] += 1
        fractions = {"train": 1 - options.validation - options.test, "validation": options.validation, "test": options.test}
        chosen = assign(counts, fractions, options.seed)
        found = near_leaks([(chosen[name], d.subject) for name, d in zip(names, drafts, strict=True)], options.near)
        if not found:
            break
        plan.rejoined += len(found)
        for number, (a, b) in enumerate(found):
            key = f"leak/{plan.rejoined}/{number}"
            extra[a].append(key)
            extra[b].append(key)
    for name, draft in zip(names, drafts, strict=True):
        plan.rows.append(FrozenRow(draft.config, chosen[name], {**draft.fields, "group": name}))
    near_sizes = Counter(near.values())
    for name, members in _members(names, drafts).items():
        plan.groups[name] = {"split": chosen[name], "rows": len(members), "reason": _reason(members, near, near_sizes)}


def _group_names(drafts: list[_Draft], joined: list[int]) -> list[str]:
    """Each row's group, named by the hash of the least item in it: another item in the dataset changes no other group's name."""
    least: dict[int, str] = {}
    for root, draft in zip(joined, drafts, strict=True):
        least[root] = min(least.get(root, draft.item_id), draft.item_id)
    return [f"g-{least[root]}" for root in joined]


def _members(names: list[str], drafts: list[_Draft]) -> dict[str, list[_Draft]]:
    members: dict[str, list[_Draft]] = defaultdict(list)
    for name, draft in zip(names, drafts, strict=True):
        members[name].append(draft)
    return dict(sorted(members.items()))


def _reason(members: list[_Draft], near: dict[str, int], near_sizes: Counter[int]) -> list[str]:
    """What holds the group together: the kinds of keys that two different items in it share; ["alone"] for one item."""
    items_of: dict[str, set[str]] = defaultdict(set)
    for draft in members:
        for key in draft.keys:
            items_of[key].add(draft.item_id)
        if near_sizes[near[draft.subject]] > 1:
            items_of[f"near/{near[draft.subject]}"].add(draft.item_id)
    return sorted({key.split("/", 1)[0] for key, who in items_of.items() if len(who) > 1}) or ["alone"]


def near_leaks(subjects: Iterable[tuple[str, str]], threshold: float) -> list[tuple[str, str]]:
    """Pairs of nearly equal subjects in different splits. subjects: (split, subject). Every text is looked up among those of the other
    splits, the larger splits in the index."""
    texts: dict[str, list[str]] = {}
    for split, subject in dict.fromkeys(subjects):
        texts.setdefault(split, []).append(subject)
    found: list[tuple[str, str]] = []
    known = NearTexts(threshold)
    by_number: list[str] = []
    for split in sorted(texts, key=lambda s: (-len(texts[s]), s)):
        if by_number:
            for text in texts[split]:
                nearest = known.nearest(text)
                if nearest is not None:
                    found.append((by_number[cast(int, nearest[0])], text))
        for text in texts[split]:
            known.add(len(by_number), text)
            by_number.append(text)
    return found


def leaks(rows: list[FrozenRow], threshold: float) -> dict[str, Any]:
    """What the rows as written tell of one split in another: numbers of equal prompts, of nearly equal ones, and of groups torn."""
    prompts: dict[str, set[str]] = defaultdict(set)
    groups: dict[str, set[str]] = defaultdict(set)
    subjects = []
    for row in sorted(rows, key=lambda row: row.fields["id"]):
        subject = subject_of(row.fields["prompt"])
        subjects.append((row.split, subject))
        prompts[_fingerprint(subject)].add(row.split)
        groups[row.fields["group"]].add(row.split)
    return {
        "exact": sum(len(s) > 1 for s in prompts.values()), "near": len(near_leaks(subjects, threshold)),
        "torn_groups": sum(len(s) > 1 for s in groups.values()), "threshold": threshold, "prompts": len(prompts),
    }


def _write(folder: Path, plan: _Plan, options: FreezeOptions, version: int) -> dict[str, Any]:
    rows_of = manifest.write_data(folder, plan.rows)
    written = manifest.read_rows(folder)
    leaked = leaks(written, options.near)
    if leaked["exact"] or leaked["near"] or leaked["torn_groups"]:
        raise RuntimeError(f"the split leaks, which the joining above must have prevented: {leaked}")
    listed = manifest.listed_rows(written)
    configs = {c: [s for s in SPLITS if f"{c}/{s}.jsonl" in rows_of] for c in manifest.CONFIGS}
    about: dict[str, Any] = {
        "format": manifest.FORMAT, "name": options.name, "version": version,
        "hash": manifest.dataset_hash(listed, options.recorded()), "frozen_at": now(), "seed": options.seed, "options": options.recorded(),
        "tasks": {p.task: _task_entry(plan, p) for task in _tasks(options) if (p := _task_preview(plan, task)).rows},
        "configs": {c: splits for c, splits in configs.items() if splits}, "rows": listed, "groups": plan.groups,
        "leaks": {**leaked, "joined_because_of_leaks": plan.rejoined},
        "versions": {"python": platform.python_version(), "pyarrow": importlib.metadata.version("pyarrow")},
    }
    (folder / "README.md").write_text(card.readme(about), encoding="utf-8", newline="\n")
    (folder / "croissant.json").write_text(card.croissant(folder, about), encoding="utf-8", newline="\n")
    manifest.seal(folder, about, rows_of)
    return about


def _task_entry(plan: _Plan, task: TaskPreview) -> dict[str, Any]:
    return {
        "metrics": get_task(task.task).metrics(), "counts": task.splits, "langs": sorted(task.langs), "items": task.items,
        "goal": None if task.goal is None else list(task.goal), "left_out": task.left_out,
    }


def _task_preview(plan: _Plan, task: Task) -> TaskPreview:
    mine = [row for row in plan.rows if row.fields["task"] == task.name]
    by_split = Counter(row.split for row in mine)
    return TaskPreview(
        task.name, len(mine), plan.items[task.name], {s: by_split[s] for s in SPLITS if by_split[s]},
        dict(sorted(Counter(row.fields["lang"] for row in mine).items())), task.goal, dict(sorted(plan.left_out[task.name].items())),
    )


def _warnings(plan: _Plan, tasks: list[TaskPreview], options: FreezeOptions) -> Iterator[Warn]:
    if not plan.rows:
        yield Warn("warn_nothing", {})
        return
    groups_of: dict[str, set[str]] = defaultdict(set)
    for row in plan.rows:
        groups_of[row.fields["task"]].add(row.fields["group"])
    wanted = ["train", *(s for s in ("validation", "test") if getattr(options, s) > 0)]
    for task in tasks:
        if task.goal is not None and task.rows < task.goal[0]:
            yield Warn("warn_below_minimum", {"task": task.task, "rows": task.rows, "minimum": task.goal[0]})
        if task.rows and len(groups_of[task.task]) == 1:
            yield Warn("warn_one_group", {"task": task.task})
        elif task.rows and (empty := [s for s in wanted if not task.splits.get(s)]):
            yield Warn("warn_empty_split", {"task": task.task, "splits": ", ".join(empty)})
    largest = max(plan.groups.values(), key=lambda g: g["rows"])["rows"]
    if largest * 2 > len(plan.rows) and len(plan.groups) > 1:
        yield Warn("warn_large_group", {"percent": round(100 * largest / len(plan.rows))})


def _why_nothing(plan: _Plan) -> str:
    said = [f"{task}: " + ", ".join(f"{n} {why}" for why, n in sorted(left.items())) for task, left in sorted(plan.left_out.items()) if left]
    return "no item of the chosen tasks, origins and languages has an answer to learn from" + (f" ({'; '.join(said)})" if said else "")


def _versions_in(home: Path) -> list[int]:
    return [int(p.name[1:]) for p in home.iterdir() if re.fullmatch(r"v\d{4,}", p.name)]
