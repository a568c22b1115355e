"""Where do people differ, and what is the last word? A reviewer settles; the annotations that differ stay as they were given.

>>> item = disputed(store, task="callback_timing")[0]
>>> settle(store, actor, item.id, op_id, {"context": "softirq", "may_sleep": False, ...})
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from curation.labeling.label import check_explanation
from curation.labeling.resolve import latest_by_user
from curation.model import Actor, Annotation, Item, Lang
from curation.people.access import require
from curation.store import Store, items
from curation.tasks import get_task


def disputed(store: Store, task: str | None = None) -> list[Item]:
    """Items on which people differ, by seq. task None: of every task."""
    return list(items.find(store, tasks=[get_task(task).name] if task else None, statuses=("disputed",)))


def words(store: Store, item_id: str) -> list[Annotation]:
    """What each person says of the item, in the order in which it was said."""
    return list(latest_by_user(items.annotations(store, [item_id])[item_id]).values())


def settle(
    store: Store,
    actor: Actor,
    item_id: str,
    op_id: str,
    answer: dict[str, Any] | None,
    explanation: Mapping[Lang, str] | None = None,
    says: Literal["none", "external", "unknown"] = "unknown",
) -> Annotation:
    """Writes the last word: `answer`, or None for what `says` (a pair: rejected). Raises NotAllowed, NotFound, BadAnswer."""
    require(actor, "reviewer", action="settle differing annotations")
    task = get_task(items.get(store, item_id).task)
    return items.annotate(
        store,
        item_id=item_id,
        actor=actor,
        op_id=op_id,
        action="adjudicate",
        answer=None if answer is None else task.check(answer),
        explanation=check_explanation(explanation),
        reason=says if answer is None else None,
    )
