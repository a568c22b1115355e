"""Which proposals may a program confirm, and under which rule? For data sets that show the line at work; a real one is made by people.

Each site task states its rule (`sure`); what is confirmed by it carries the rule as its reason ("rule: flow"), so that it can be told
from a person's word for ever and taken back.

>>> confirm_sure(store, actor, tasks=["function_pointer"])
Counter({'function_pointer': 412})
"""
from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable

from curation.labeling import label
from curation.model import Actor, Item, Proposal
from curation.store import Store, items
from curation.tasks import get_task, site_tasks


def rule_of(item: Item) -> str | None:
    """The rule by which the item's proposal may be confirmed unseen; None: a person must look (or it is no site)."""
    task = get_task(item.task)
    return task.sure(Proposal.model_validate(item.payload)) if task.sure is not None else None


def confirm_sure(store: Store, actor: Actor, tasks: Iterable[str] | None = None, sources: Iterable[str] | None = None) -> Counter[str]:
    """Confirms every open site whose proposal a rule covers. Returns task -> items confirmed. Raises NotAllowed."""
    done: Counter[str] = Counter()
    operation = uuid.uuid4().hex
    names = list(tasks) if tasks is not None else [task.name for task in site_tasks()]
    for source in list(sources) if sources is not None else [None]:
        for item in list(items.find(store, tasks=names, source=source, statuses=["open"])):
            if (rule := rule_of(item)) is not None:
                label.save(store, actor, item.id, f"{operation}-{item.id}", "confirm", reason=f"rule: {rule}")
                done[item.task] += 1
    return done
