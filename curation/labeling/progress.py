"""How far is each task, who did how much, and how far do people agree?

>>> progress(store)[0]
TaskProgress(task='async_pattern', total=310, open=250, answered=52, ..., goal_min=1000, goal_wanted=3000, by_user={'wang': 60})
"""
from __future__ import annotations

from dataclasses import dataclass

from curation.labeling.agreement import field_alpha
from curation.labeling.resolve import ANSWERS, answer_of, latest_by_user
from curation.model import Annotation
from curation.store import Store, items, queues
from curation.tasks import Task, all_tasks

AGREEMENT_ITEMS = 5_000  # the first so many items with two answers are compared: a page must not wait for more


@dataclass(frozen=True)
class TaskProgress:
    """Numbers of items by state (model.Resolved.status): `answered` holds accepted pairs too; the states add up to `total`. goal_min and
    goal_wanted: rows wanted in a frozen dataset, None without a goal. by_user: items on which somebody's word stands, by name."""

    task: str
    total: int
    open: int
    answered: int
    flagged: int
    disputed: int
    skipped: int
    unknown: int
    rejected: int
    goal_min: int | None
    goal_wanted: int | None
    by_user: dict[str, int]


def progress(store: Store) -> list[TaskProgress]:
    """One entry a task, in the order of their names, also for a task without items."""
    states = queues.counts(store)
    people = queues.counts_by_user(store)
    found = []
    for name, task in all_tasks().items():
        by_status = {status: n for (of, status), n in states.items() if of == name}
        goal_min, goal_wanted = task.goal or (None, None)
        found.append(
            TaskProgress(
                task=name,
                total=sum(by_status.values()),
                open=by_status.get("open", 0),
                answered=by_status.get("answered", 0) + by_status.get("accepted", 0),
                flagged=by_status.get("flagged", 0),
                disputed=by_status.get("disputed", 0),
                skipped=by_status.get("skipped", 0),
                unknown=by_status.get("unknown", 0),
                rejected=by_status.get("rejected", 0),
                goal_min=goal_min,
                goal_wanted=goal_wanted,
                by_user={user: n for (of, user), n in sorted(people.items()) if of == name},
            )
        )
    return found


@dataclass(frozen=True)
class TaskAgreement:
    """items: how many had at least two people's answers. alphas: Krippendorff's alpha by scored field of the answer, None where it is not
    defined. A task whose fields are not scored has "choice" or "decision" instead."""

    task: str
    items: int
    alphas: dict[str, float | None]


def agreement(store: Store) -> list[TaskAgreement]:
    """One entry a task that has items answered by at least two people."""
    found = []
    for name, task in all_tasks().items():
        ids = queues.shared_items(store, name, AGREEMENT_ITEMS)
        given = items.annotations(store, ids)
        words = [[_with_answer(w, task) for w in latest_by_user(given[i]).values() if w.action in ANSWERS] for i in ids]
        if ids:
            fields = task.compared() or {"decision": {"metric": "accuracy"}}
            found.append(TaskAgreement(name, len(ids), {f: field_alpha(words, f, m) for f, m in fields.items()}))
    return found


def _with_answer(word: Annotation, task: Task) -> Annotation:
    return word.model_copy(update={"answer": answer_of(word, task)})
