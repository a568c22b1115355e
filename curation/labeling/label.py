"""What does the annotator label next, and what was said about it? Sites only: pairs are reviewed, preferences chosen.

A save is one transaction, safe to send twice (op_id), and takes a confirmed answer from the stored proposal, never from the client.

>>> item = next_item(store, actor, task="function_pointer")
>>> save(store, actor, item.id, op_id, "confirm", elapsed_ms=4200)
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from curation.errors import BadAnswer, BadValue, Reason
from curation.labeling.resolve import latest_by_user, resolve
from curation.model import Action, Actor, Annotation, Item, Lang, Proposal, Resolved
from curation.people.access import require
from curation.store import Store, claims, items, queues
from curation.store.queues import Order
from curation.tasks import Task, get_task, site_tasks

ACTIONS: tuple[Action, ...] = ("confirm", "mend", "none", "unknown", "external", "incomplete", "skip", "flag")
EXPLANATION_MAX = 20_000  # characters of one language
REASON_MAX = 2_000
DRAFT_MAX = 200_000  # characters of a draft as JSON
SECOND_OPINION_BELOW = "1a"  # ids are hashes: about a tenth (26/256) of the items is offered to a second annotator, to measure agreement


@dataclass(frozen=True)
class LabelView:
    """All that the screen shows of one item. mine: the actor's own word, None if there is none. draft: what was typed and not saved."""

    item: Item
    proposal: Proposal
    resolved: Resolved
    mine: Annotation | None
    draft: dict[str, Any] | None


@dataclass(frozen=True)
class SiteMark:
    """A site in a file, for the viewer. status: of model.Resolved."""

    item_id: str
    task: str
    line: int
    column: int
    status: str


def next_item(
    store: Store, actor: Actor, task: str | None = None, source: str | None = None, after: str | None = None, order: Order = "seq",
    among: Sequence[str] | None = None,
) -> Item | None:
    """The next site on which the actor has no word: open ones behind `after` (then from the start), then those that others skipped or could
    not tell, then the sample that gets a second opinion. None: nothing left. order "uncertain": lowest proposal score first.
    Nobody else gets it until the actor has saved something on it, or has given no sign of life for claims.LEASE_S.
    among: only these ids (selection.py)."""
    require(actor, "annotator", "reviewer", action="label")
    tasks = [_site_task(task).name] if task else [t.name for t in site_tasks()]
    if not tasks:
        return None
    ask: dict[str, Any] = {"user": actor.name, "tasks": tasks, "source": source, "order": order, "among": among}
    found = claims.claim_next(store, status="open", after=after, **ask) if after else None
    for status in ("open", "skipped", "unknown"):
        found = found or claims.claim_next(store, status=status, **ask)
    found = found or claims.claim_next(store, status="answered", answers=1, id_below=SECOND_OPINION_BELOW, **ask)
    return items.get(store, found) if found else None


def view(store: Store, actor: Actor, item_id: str) -> LabelView:
    """Raises NotFound; BadValue if the item is no site."""
    item = items.get(store, item_id)
    _site_task(item.task)
    given = items.annotations(store, [item_id])[item_id]
    return LabelView(
        item=item,
        proposal=Proposal.model_validate(item.payload),
        resolved=resolve(given, get_task(item.task)),
        mine=latest_by_user(given).get(actor.name),
        draft=items.draft(store, item_id, actor.name),
    )


def save(
    store: Store,
    actor: Actor,
    item_id: str,
    op_id: str,
    action: Action,
    answer: dict[str, Any] | None = None,
    explanation: Mapping[Lang, str] | None = None,
    reason: str | None = None,
    elapsed_ms: int | None = None,
    *,
    shown: dict[str, Any] | None = None,
) -> Annotation:
    """Writes the actor's word on a site; drops the draft. The same op_id again changes nothing. shown: the proposal's answer that was on
    the screen; confirming another one is refused. None: not checked.

    Raises NotAllowed, NotFound, BadAnswer (answer or explanation), BadValue (action)."""
    require(actor, "annotator", "reviewer", action="label")
    if action not in ACTIONS:
        raise BadValue(
            field="action", value=action, why=Reason("no_label_action", "does not label a site"),
            todo=Reason("give_one_of", "Give one of {known}.", known=", ".join(ACTIONS)),
        )
    item = items.get(store, item_id)
    checked = _answer(_site_task(item.task), item, action, answer, shown)
    return items.annotate(
        store,
        item_id=item_id,
        actor=actor,
        op_id=op_id,
        action=action,
        answer=checked,
        explanation=check_explanation(explanation),
        reason=check_reason(reason),
        elapsed_ms=elapsed_ms if elapsed_ms is not None and 0 <= elapsed_ms < 2**31 else None,
    )


def undo(store: Store, actor: Actor, op_id: str) -> Annotation | None:
    """Takes back the actor's latest word on any site; the annotation written names the item and what it `undoes`. None: nothing to take
    back. The same op_id again takes back nothing more."""
    return undo_latest(store, actor, op_id, [t.name for t in site_tasks()])


def undo_latest(store: Store, actor: Actor, op_id: str, tasks: list[str]) -> Annotation | None:
    """undo() for items of the given tasks (prefer.py uses it too)."""
    done = [a for a in items.operation(store, op_id) if a.user == actor.name]
    if done:
        return done[0]
    latest = items.latest_live(store, actor.name, tasks)
    if latest is None:
        return None
    return items.annotate(store, item_id=latest.item_id, actor=actor, op_id=op_id, action="undo", undoes=latest.id)


def save_draft(store: Store, actor: Actor, item_id: str, fields: dict[str, Any]) -> None:
    """Keeps what the actor has typed so far. Raises NotAllowed, NotFound, BadValue (larger than DRAFT_MAX)."""
    require(actor, "annotator", "reviewer", action="label")
    size = len(items.storable_json(fields))
    if size > DRAFT_MAX:
        raise BadValue(
            field="draft", value=size, why=Reason("too_many_characters", "characters are more than {most}", most=DRAFT_MAX),
            todo=Reason("shorten", "Shorten the text."),
        )
    items.save_draft(store, item_id, actor.name, fields)
    claims.renew(store, item_id, actor.name)


def sites_in_file(store: Store, source: str, file: str) -> list[SiteMark]:
    """The sites of all tasks in one file, by line and column."""
    kinds = {t.name for t in site_tasks()}
    found = [
        SiteMark(m["item_id"], m["task"], m["line"] or 1, m["column"], m["status"])
        for m in queues.marks(store, source, file)
        if m["task"] in kinds
    ]
    return sorted(found, key=lambda mark: (mark.line, mark.column, mark.task))


def check_explanation(explanation: Mapping[Lang, str] | None) -> dict[Lang, str]:
    """The texts by language, stripped, without empty ones. Raises BadAnswer for another language or a text over EXPLANATION_MAX."""
    kept: dict[Lang, str] = {}
    for lang, text in (explanation or {}).items():
        if lang not in get_args(Lang):
            raise BadAnswer(why=Reason("no_lang", "explanation: {lang!r} is none of {known}", lang=lang, known=", ".join(get_args(Lang))))
        if len(text) > EXPLANATION_MAX:
            raise BadAnswer(why=Reason("long_explanation", "explanation ({lang}): {length} characters are more than {most}",
                                       lang=lang, length=len(text), most=EXPLANATION_MAX))
        if text.strip():
            kept[lang] = text.strip()
    return kept


def check_reason(reason: str | None) -> str | None:
    """Stripped; None when empty. Raises BadAnswer over REASON_MAX characters."""
    if reason is not None and len(reason) > REASON_MAX:
        raise BadAnswer(why=Reason("long_reason", "reason: {length} characters are more than {most}", length=len(reason), most=REASON_MAX))
    return (reason or "").strip() or None


def _site_task(name: str) -> Task:
    task = get_task(name)
    if task.kind != "site":
        raise BadValue(
            field="task", value=name, why=Reason("no_site_task", "is not labeled in the source"),
            todo=Reason("open_review", "Open it on the review or preference page."),
        )
    return task


def _answer(
    task: Task, item: Item, action: Action, given: dict[str, Any] | None, shown: dict[str, Any] | None
) -> dict[str, Any] | None:
    """confirm: the stored proposal's, which must be the one `shown`: the site may have been proposed anew meanwhile. mend, incomplete: the
    one given. none, external, incomplete: what the task has them stand for, so that it equals the same answer given by hand. Everything
    else has no answer."""
    if action == "confirm":
        proposed = task.check(Proposal.model_validate(item.payload).answer)
        if shown is not None and task.check(shown) != proposed:
            raise BadAnswer(why=Reason("proposed_anew", "the site was proposed anew after this form was drawn"))
        return proposed
    if action in ("mend", "incomplete") and given is None:
        raise BadAnswer(why=Reason("no_answer", "{action}: the answer is missing", action=action))
    if action == "mend":
        return task.check(given or {})
    if action not in ("none", "external", "incomplete"):
        return None
    return task.says(action, given if action == "incomplete" else None)
