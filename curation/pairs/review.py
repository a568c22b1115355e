"""Is this pair fit to learn from? A queue of generated and imported pairs, decisions one by one or in bulk, and undo of a whole decision.

>>> page = queue(store, flag="refusal")
>>> decide_many(store, actor, [row.item.id for row in page.rows], op_id, "reject", reason="refusal")
12
>>> undo(store, actor, another_op_id)
12
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import BadValue, Reason, UserError
from curation.labeling import label
from curation.labeling.label import check_reason
from curation.labeling.resolve import latest_by_user, resolve
from curation.model import Action, Actor, Annotation, Item, Lang, PairAnswer, Resolved
from curation.people.access import require
from curation.store import Store, items, queues
from curation.store.items import Entry
from curation.tasks import Task, all_tasks, get_task

ACTIONS: tuple[Action, ...] = ("accept", "mend", "reject", "flag", "skip")
BULK_MAX = 10_000  # items of one bulk decision: one transaction of a few seconds
# Offered by the page; any other text is a reason too.
REASONS = ("refusal", "wrong", "not_about_c", "code_broken", "duplicate", "language", "too_short", "other")


class ReasonMissing(UserError):
    code = "reason_missing"
    text = "A rejection needs a reason. Choose one or write it, then reject again."


@dataclass(frozen=True)
class ReviewRow:
    item: Item
    resolved: Resolved


@dataclass(frozen=True)
class ReviewView:
    """words: each person's latest decision, in the order given. draft: the pair the actor is mending, None if there is none."""

    item: Item
    resolved: Resolved
    words: list[Annotation]
    draft: dict[str, Any] | None


@dataclass(frozen=True)
class ReviewPage:
    """total: how many items fit the filter in all, not only on this page."""

    rows: list[ReviewRow]
    total: int


def queue(
    store: Store,
    *,
    task: str | None = None,
    lang: Lang | None = None,
    flag: str | None = None,
    status: str | None = "open",
    search: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> ReviewPage:
    """Pairs in the order they came. None: any. flag: name of a filter, "" for pairs that no filter flagged. search: part of instruction,
    input or answer."""
    found, total = queues.page(
        store, tasks=_pair_tasks(task), lang=lang, flag=flag, status=status, search=search, limit=limit, offset=max(0, offset)
    )
    given = items.annotations(store, [item.id for item in found])
    return ReviewPage([ReviewRow(item, resolve(given[item.id], get_task(item.task))) for item in found], total)


def matching(
    store: Store,
    *,
    task: str | None = None,
    lang: Lang | None = None,
    flag: str | None = None,
    status: str | None = "open",
    search: str | None = None,
) -> list[str]:
    """Ids of everything that queue() with this filter would show, at most BULK_MAX."""
    return queues.ids(store, tasks=_pair_tasks(task), lang=lang, flag=flag, status=status, search=search, limit=BULK_MAX)


def flags(store: Store, *, task: str | None = None, status: str | None = "open") -> dict[str, int]:
    """Filters that flagged something here: name -> number of pairs."""
    return queues.flag_names(store, _pair_tasks(task), status)


def view(store: Store, actor: Actor, item_id: str) -> ReviewView:
    """Raises NotFound; BadValue if the item is no pair."""
    item = items.get(store, item_id)
    _pair_task(item.task)
    given = items.annotations(store, [item_id])[item_id]
    resolved = resolve(given, get_task(item.task))
    return ReviewView(item, resolved, list(latest_by_user(given).values()), items.draft(store, item_id, actor.name))


def save_draft(store: Store, actor: Actor, item_id: str, fields: dict[str, str]) -> None:
    """Keeps a pair that is being mended; the next decision of the actor on it drops it. Raises as label.save_draft."""
    require(actor, "reviewer", action="review pairs")
    label.save_draft(store, actor, item_id, fields)


def drop_draft(store: Store, actor: Actor, item_id: str) -> None:
    """Gives up the actor's draft of the pair."""
    require(actor, "reviewer", action="review pairs")
    items.drop_draft(store, item_id, actor.name)


def decide(
    store: Store, actor: Actor, item_id: str, op_id: str, action: Action, pair: dict[str, Any] | None = None, reason: str | None = None
) -> Annotation:
    """Writes one decision. accept: the pair as stored counts; mend: `pair` counts; reject needs a reason.

    Raises NotAllowed, NotFound, BadAnswer (pair), ReasonMissing, BadValue (action, an item that is no pair)."""
    _check(actor, action, reason)
    item = items.get(store, item_id)
    answer = _pair_task(item.task).check(pair or {}) if action == "mend" else _accepted(item, action)
    return items.annotate(
        store, item_id=item_id, actor=actor, op_id=op_id, action=action, answer=answer, reason=check_reason(reason)
    )


def decide_many(store: Store, actor: Actor, item_ids: Sequence[str], op_id: str, action: Action, reason: str | None = None) -> int:
    """The same decision on many pairs in one transaction: all or none. Returns how many. Raises as decide(); "mend" is for one pair."""
    _check(actor, action, reason)
    unique = list(dict.fromkeys(item_ids))
    if action == "mend" or len(unique) > BULK_MAX:
        todo = Reason("bulk_rule", "Accept, reject, flag or skip at most {most} at a time.", most=BULK_MAX)
        raise BadValue(field="action", value=f"{action} × {len(unique)}", why=Reason("not_in_bulk", "cannot be done in one go"), todo=todo)
    entries = []
    for item in items.find(store, ids=unique):
        _pair_task(item.task)
        entries.append(Entry(item.id, action, _accepted(item, action), reason=check_reason(reason)))
    missing = set(unique) - {entry.item_id for entry in entries}
    entries += [Entry(item_id, action) for item_id in missing]  # the store names the first that is not there
    return len(items.annotate_many(store, actor=actor, op_id=op_id, entries=entries)) if entries else 0


def undo(store: Store, actor: Actor, op_id: str) -> int:
    """Takes back the actor's whole last decision on pairs, bulk or single. Returns how many items it concerned, 0 if there is nothing to
    take back. The same op_id again takes back nothing more."""
    require(actor, "reviewer", action="review pairs")
    done = [a for a in items.operation(store, op_id) if a.user == actor.name]
    if done:
        return len(done)
    entries = [Entry(a.item_id, "undo", undoes=a.id) for a in last_decision(store, actor)]
    return len(items.annotate_many(store, actor=actor, op_id=op_id, entries=entries)) if entries else 0


def last_decision(store: Store, actor: Actor) -> list[Annotation]:
    """The actor's latest decision on pairs that was not taken back: one annotation, or those of a bulk; empty if there is none."""
    latest = items.latest_live(store, actor.name, _pair_tasks(None))
    return [] if latest is None else [a for a in items.operation(store, latest.op_id) if a.user == actor.name]


def _check(actor: Actor, action: Action, reason: str | None) -> None:
    require(actor, "reviewer", action="review pairs")
    if action not in ACTIONS:
        raise BadValue(
            field="action", value=action, why=Reason("no_decision", "does not decide on a pair"),
            todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(ACTIONS)),
        )
    if action == "reject" and check_reason(reason) is None:
        raise ReasonMissing()


def _accepted(item: Item, action: Action) -> dict[str, Any] | None:
    return _pair_task(item.task).check(item.payload) if action == "accept" else None


def _pair_task(name: str) -> Task:
    task = get_task(name)
    if task.kind != "pair":
        raise BadValue(
            field="task", value=name, why=Reason("no_pair_task", "is not reviewed as a pair"),
            todo=Reason("open_own_page", "Open it on its own page."),
        )
    return task


def _pair_tasks(task: str | None) -> list[str]:
    return [_pair_task(task).name] if task else [t.name for t in all_tasks().values() if t.kind == "pair"]


def pair_of(row: ReviewRow | ReviewView) -> PairAnswer:
    """The pair as it counts now: the mended one where there is one, else as it came."""
    return PairAnswer.model_validate(row.resolved.answer or row.item.payload)
