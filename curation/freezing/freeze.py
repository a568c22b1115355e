"""What goes into a dataset, how is it split, and how is it made so that nobody changes it any more?

>>> options = FreezeOptions(name="flow", seed=1)
>>> preview(store, settings, options).tasks[0]
TaskPreview(task='function_pointer', rows=4180, splits={'train': 3344, ...}, goal=(2000, 5000), left_out={'open': 310, 'disputed': 4})
>>> freeze(store, settings, actor, options).path
PosixPath('datasets/flow/v0001')

Rows that share a file (or code base), equal file content, a copied function (freezing/clones.py), a prompt, an item's group, or are near
duplicates, are one group; groups are split whole. After the split the prompts of each split are looked up among those of the others; what
is found is joined and split again until nothing leaks.

Not covered: two sites of different files whose excerpts quote the same third file (split by="source" keeps those together).
"""
from __future__ import annotations

import importlib.metadata
import platform
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.errors import NothingToFreeze, Reason, TouchedDataset, joined
from curation.freezing import card, manifest
from curation.freezing.gather import Draft, FreezeOptions, check_options, gather, tasks_of
from curation.freezing.leaks import leaks, near_leaks
from curation.freezing.manifest import FrozenRow, verify
from curation.freezing.publish import Intent, publish, recover, writing
from curation.freezing.split import SPLITS, assign, join
from curation.model import Actor
from curation.near_duplicates import clusters
from curation.people.access import require
from curation.settings import Settings
from curation.sourcing.sources import read_text
from curation.store import Store, frozen, now
from curation.store.frozen import VersionRow
from curation.tasks import Task, get_task

__all__ = [
    "FreezeOptions", "FrozenVersion", "Plan", "Preview", "TaskPreview", "Warn", "freeze", "prepare", "preview", "verify", "verify_version",
]

_VALUE = 200  # characters told of the largest value: an answer can be long


@dataclass(frozen=True)
class Warn:
    """A thing to know before freezing. code: key of its sentence in the locale files under [freeze]; params fill it."""

    code: str
    params: dict[str, Any]


@dataclass(frozen=True)
class TaskPreview:
    """rows: that would be frozen, of `items` items. goal: (minimum, wanted) items, None without
    one: a site rendered in two languages counts once. left_out: why -> number of items (states
    of model.Resolved; none, external, incomplete, tie, both_bad; nothing_to_learn, language, not_chosen)."""

    task: str
    rows: int
    items: int
    splits: dict[str, int]
    langs: dict[str, int]
    goal: tuple[int, int] | None
    left_out: dict[str, int]
    trimmed: int = 0
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    largest: dict[str, tuple[str, int, int]] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Items that have an answer, before what is not shown and what is over its share were taken out."""
        return self.items + sum(number for why, number in self.left_out.items() if why == "not_shown" or why.startswith("over_"))


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
class Plan:
    """rows: with group and split. items, left_out, trimmed, balanced: as gather counts them. groups: as the manifest lists them. rejoined:
    pairs of rows that leaked and were joined."""

    items: Counter[str]
    left_out: dict[str, Counter[str]]
    trimmed: Counter[str] = field(default_factory=Counter)
    balanced: dict[str, dict[str, dict[str, tuple[int, int]]]] = field(default_factory=dict)
    rows: list[FrozenRow] = field(default_factory=list)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    rejoined: int = 0


def preview(store: Store, settings: Settings, options: FreezeOptions, plan: Plan | None = None) -> Preview:
    """What freezing now would give; writes nothing. plan: of these options, None: made now. Raises BadValue for a wrong option."""
    plan = plan or prepare(store, options, settings)
    tasks = [_task_preview(plan, task) for task in tasks_of(options)]
    return Preview(tasks, len(plan.rows), len(plan.groups), list(_warnings(plan, tasks, options)))


def freeze(store: Store, settings: Settings, actor: Actor, options: FreezeOptions, plan: Plan | None = None) -> FrozenVersion:
    """Writes the next version of the dataset. It is seen whole or not at all (freezing/publish.py): written beside, verified, published.

    plan: of these options, for a caller who has shown its preview; None: made now. Raises NotAllowed, BadValue (option),
    NothingToFreeze."""
    require(actor, "lead", action="freeze a dataset")
    plan = plan or prepare(store, options, settings)
    if not plan.rows:
        raise NothingToFreeze(why=_why_nothing(plan))
    home = settings.datasets_dir / options.name
    home.mkdir(parents=True, exist_ok=True)
    recover(store, settings.datasets_dir, options.name)
    version = 1 + max([frozen.highest(store, options.name), *_versions_in(home)])
    with writing(home) as beside:
        about = _write(beside, plan, options, version)
        verify(beside)
        counts = {name: task["counts"] for name, task in about["tasks"].items()}
        place = publish(store, beside, Intent(options.name, version, about["hash"], options.recorded(), counts, actor.name))
    return FrozenVersion(options.name, version, place, about["hash"])


def versions(store: Store) -> list[VersionRow]:
    """Every version that was frozen here."""
    return frozen.all_versions(store)


def verify_version(settings: Settings, version: VersionRow) -> dict[str, Any]:
    """The manifest of a version that the store knows, verified as `verify` does, and against the hash that was recorded when it was
    frozen: a folder rewritten as a whole is refused too. Raises TouchedDataset."""
    place = settings.datasets_dir / version.name / f"v{version.version:04d}"
    found = verify(place)
    if found["hash"] != version.hash:
        raise TouchedDataset(
            where=str(place), why=Reason("other_dataset", "it is a valid dataset, but not the one that was frozen under this number"),
        )
    return found


def prepare(store: Store, options: FreezeOptions, settings: Settings) -> Plan:
    """All rows with their splits, nothing written. Raises BadValue for a wrong option."""
    check_options(options)
    gathered = gather(store, options, lambda source, path: read_text(store, settings, source, path).text)
    plan = Plan(gathered.items, gathered.left_out, gathered.trimmed, gathered.balanced)
    if gathered.drafts:
        _split(gathered.drafts, options, plan)
    return plan


def _split(drafts: list[Draft], options: FreezeOptions, plan: Plan) -> None:
    """Fills plan.rows and plan.groups. drafts: by row id."""
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


def _group_names(drafts: list[Draft], joined: list[int]) -> list[str]:
    """Each row's group, named by the hash of the least item in it: another item in the dataset changes no other group's name."""
    least: dict[int, str] = {}
    for root, draft in zip(joined, drafts, strict=True):
        least[root] = min(least.get(root, draft.item_id), draft.item_id)
    return [f"g-{least[root]}" for root in joined]


def _members(names: list[str], drafts: list[Draft]) -> dict[str, list[Draft]]:
    members: dict[str, list[Draft]] = defaultdict(list)
    for name, draft in zip(names, drafts, strict=True):
        members[name].append(draft)
    return dict(sorted(members.items()))


def _reason(members: list[Draft], near: dict[str, int], near_sizes: Counter[int]) -> list[str]:
    """What holds the group together: the kinds of keys that two different items in it share (content: two files); ["alone"] for one
    item."""
    items_of: dict[str, set[str]] = defaultdict(set)
    for draft in members:
        file = f"{draft.fields.get('source')}/{draft.fields.get('file')}"
        for key in draft.keys:
            items_of[key].add(file if key.startswith("content/") else draft.item_id)
        if near_sizes[near[draft.subject]] > 1:
            items_of[f"near/{near[draft.subject]}"].add(draft.item_id)
    return sorted({key.split("/", 1)[0] for key, who in items_of.items() if len(who) > 1}) or ["alone"]


def _write(folder: Path, plan: Plan, options: FreezeOptions, version: int) -> dict[str, Any]:
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
        "tasks": {p.task: _task_entry(plan, p) for task in tasks_of(options) if (p := _task_preview(plan, task)).rows},
        "configs": {c: splits for c, splits in configs.items() if splits}, "rows": listed, "groups": plan.groups,
        "leaks": {**leaked, "joined_because_of_leaks": plan.rejoined},
        "versions": {"python": platform.python_version(), "pyarrow": importlib.metadata.version("pyarrow")},
    }
    (folder / "README.md").write_text(card.readme(about), encoding="utf-8", newline="\n")
    (folder / "croissant.json").write_text(card.croissant(folder, about), encoding="utf-8", newline="\n")
    manifest.seal(folder, about, rows_of)
    return about


def _task_entry(plan: Plan, task: TaskPreview) -> dict[str, Any]:
    return {
        "metrics": get_task(task.task).metrics(), "counts": task.splits, "langs": sorted(task.langs), "items": task.items,
        "goal": None if task.goal is None else list(task.goal), "left_out": task.left_out, "answered": task.answered,
        "trimmed": task.trimmed, "classes": {value: list(counts) for value, counts in task.classes.items()},
        "largest": {
            cap: {"value": value, "before": before, "after": after} for cap, (value, before, after) in task.largest.items()
        },
    }


def _task_preview(plan: Plan, task: Task) -> TaskPreview:
    mine = [row for row in plan.rows if row.fields["task"] == task.name]
    by_split, balanced = Counter(row.split for row in mine), plan.balanced.get(task.name, {})
    return TaskPreview(
        task.name, len(mine), plan.items[task.name], {s: by_split[s] for s in SPLITS if by_split[s]},
        dict(sorted(Counter(row.fields["lang"] for row in mine).items())), task.goal, dict(sorted(plan.left_out[task.name].items())),
        plan.trimmed[task.name], balanced.get("class", {}), {cap: _largest(values) for cap, values in balanced.items()},
    )


def _largest(values: dict[str, tuple[int, int]]) -> tuple[str, int, int]:
    value, (before, after) = max(values.items(), key=lambda one: one[1][::-1])
    return value[:_VALUE], before, after


def _warnings(plan: Plan, tasks: list[TaskPreview], options: FreezeOptions) -> Iterator[Warn]:
    if not plan.rows:
        yield Warn("warn_nothing", {})
        return
    groups_of: dict[str, set[str]] = defaultdict(set)
    for row in plan.rows:
        groups_of[row.fields["task"]].add(row.fields["group"])
    wanted = ["train", *(s for s in ("validation", "test") if getattr(options, s) > 0)]
    for task in tasks:
        if task.goal is not None and task.items < task.goal[0]:
            yield Warn("warn_below_minimum", {"task": task.task, "items": task.items, "minimum": task.goal[0]})
        if task.rows and len(groups_of[task.task]) == 1:
            yield Warn("warn_one_group", {"task": task.task})
        elif task.rows and (empty := [s for s in wanted if not task.splits.get(s)]):
            yield Warn("warn_empty_split", {"task": task.task, "splits": ", ".join(empty)})
    largest = max(plan.groups.values(), key=lambda g: g["rows"])["rows"]
    if largest * 2 > len(plan.rows) and len(plan.groups) > 1:
        yield Warn("warn_large_group", {"percent": round(100 * largest / len(plan.rows))})


def _why_nothing(plan: Plan) -> Reason:
    nothing = Reason("nothing_to_learn", "no item of the chosen tasks, origins and languages has an answer to learn from")
    said = [Reason("", "{task}: {counts}", task=task, counts=_counts(left)) for task, left in sorted(plan.left_out.items()) if left]
    return Reason("", "{why} ({said})", why=nothing, said=joined(said, "; ")) if said else nothing


def _counts(left_out: Mapping[str, int]) -> Reason:
    return joined([Reason("", "{n} {left_out}", n=number, left_out=why) for why, number in sorted(left_out.items())], ", ")


def _versions_in(home: Path) -> list[int]:
    return [int(p.name[1:]) for p in home.iterdir() if re.fullmatch(r"v\d{4,}", p.name)]
