"""Which of two answers is better? A person chooses A, B, a tie, or that both are bad, and says why.

A and B are the stored answers; PreferencePrompt.shown_first says which of them stands left, drawn when the pair was made and never by
the page, so that left_share() can show whether people simply like the left one.

>>> item = next_pair(store, actor)
>>> choose(store, actor, item.id, op_id, "b", reason="A invents a function")
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from curation.errors import BadValue, Reason
from curation.labeling import label
from curation.labeling.label import SECOND_OPINION_BELOW, check_reason, undo_latest
from curation.labeling.resolve import latest_by_user, resolve
from curation.model import Actor, Annotation, Item, PreferencePrompt, Resolved
from curation.people.access import require
from curation.store import Store, items, queues
from curation.tasks import all_tasks, get_task

Choice = Literal["a", "b", "tie", "both_bad"]


@dataclass(frozen=True)
class PreferView:
    """mine: the actor's own word, None if there is none. draft: {"reason": text} that was typed and not saved, None if there is none."""

    item: Item
    pair: PreferencePrompt
    resolved: Resolved
    mine: Annotation | None
    draft: dict[str, Any] | None

    def sides(self) -> tuple[Literal["a", "b"], Literal["a", "b"]]:
        """Which answer stands left and which right, as recorded."""
        return ("a", "b") if self.pair.shown_first == "a" else ("b", "a")


def next_pair(store: Store, actor: Actor, after: str | None = None) -> Item | None:
    """The next pair on which the actor has no word: open ones behind `after` (then from the start), then skipped ones, then the sample that
    gets a second opinion. None: nothing left."""
    require(actor, "reviewer", action="choose between answers")
    tasks = _tasks()
    found = queues.next_for(store, user=actor.name, tasks=tasks, status="open", after=after) if after else None
    for status in ("open", "skipped"):
        found = found or queues.next_for(store, user=actor.name, tasks=tasks, status=status)
    found = found or queues.next_for(
        store, user=actor.name, tasks=tasks, status="answered", answers=1, id_below=SECOND_OPINION_BELOW
    )
    return items.get(store, found) if found else None


def view(store: Store, actor: Actor, item_id: str) -> PreferView:
    """Raises NotFound; BadValue if the item is no preference pair."""
    item = items.get(store, item_id)
    _task_of(item)
    given = items.annotations(store, [item_id])[item_id]
    pair = PreferencePrompt.model_validate(item.payload)
    resolved = resolve(given, get_task(item.task))
    return PreferView(item, pair, resolved, latest_by_user(given).get(actor.name), items.draft(store, item_id, actor.name))


def save_draft(store: Store, actor: Actor, item_id: str, reason: str) -> None:
    """Keeps a reason that is being typed; the actor's choice drops it."""
    require(actor, "reviewer", action="choose between answers")
    label.save_draft(store, actor, item_id, {"reason": reason})


def choose(
    store: Store, actor: Actor, item_id: str, op_id: str, choice: Choice, reason: str | None = None, elapsed_ms: int | None = None
) -> Annotation:
    """Writes the choice. The same op_id again changes nothing. Raises NotAllowed, NotFound, BadValue."""
    require(actor, "reviewer", action="choose between answers")
    if choice not in get_args(Choice):
        raise BadValue(
            field="choice", value=choice, why=Reason("no_choice", "is no choice"),
            todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(get_args(Choice))),
        )
    task = _task_of(items.get(store, item_id))
    answer = get_task(task).check({"choice": choice})
    return items.annotate(
        store, item_id=item_id, actor=actor, op_id=op_id, action="choose", answer=answer, reason=check_reason(reason), elapsed_ms=elapsed_ms
    )


def set_aside(
    store: Store, actor: Actor, item_id: str, op_id: str, action: Literal["skip", "flag"], reason: str | None = None
) -> Annotation:
    """Chooses nothing: later or somebody else (skip), or something is wrong with the pair itself (flag)."""
    require(actor, "reviewer", action="choose between answers")
    _task_of(items.get(store, item_id))
    return items.annotate(store, item_id=item_id, actor=actor, op_id=op_id, action=action, reason=check_reason(reason))


def undo(store: Store, actor: Actor, op_id: str) -> Annotation | None:
    """Takes back the actor's latest choice; the annotation written names the item. None: nothing to take back."""
    require(actor, "reviewer", action="choose between answers")
    return undo_latest(store, actor, op_id, _tasks())


def left_share(store: Store) -> tuple[int, int]:
    """(choices that fell on the left answer, choices that fell on A or B). Far from a half with many choices: a bias of position."""
    first = {i.id: i.payload["shown_first"] for i in items.find(store, tasks=_tasks(), statuses=("answered", "disputed"))}
    left = decided = 0
    for item_id, given in items.annotations(store, first).items():
        for word in latest_by_user(given).values():
            choice = (word.answer or {}).get("choice")
            decided += choice in ("a", "b")
            left += choice == first[item_id]
    return left, decided


def _tasks() -> list[str]:
    return [t.name for t in all_tasks().values() if t.kind == "preference"]


def _task_of(item: Item) -> str:
    if get_task(item.task).kind != "preference":
        raise BadValue(
            field="item", value=item.id, why=Reason("no_preference", "is not a preference pair"),
            todo=Reason("open_own_page", "Open it on its own page."),
        )
    return item.task
