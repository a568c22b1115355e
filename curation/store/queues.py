"""Which item comes next, and how many are in which state? Questions over item_states, each answered by an index.

>>> queues.next_open(store, user="wang", tasks=["function_pointer"])
'3f2a...'
"""
import json
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import JSON, ColumnElement, Connection, Select, cast, func, or_, select, true, type_coerce

from curation.model import Item, Lang, canonical_json
from curation.store.engine import Store
from curation.store.items import to_item
from curation.store.tables import annotations, item_states, items

Order = Literal["seq", "uncertain"]


def first_for(
    db: Connection,
    *,
    user: str,
    tasks: Sequence[str],
    status: str,
    source: str | None = None,
    after: str | None = None,
    order: Order = "seq",
    answers: int | None = None,
    id_below: str | None = None,
    among: Sequence[str] | None = None,
) -> Select[tuple[str]]:
    """What next_for asks: the id of the first item in this state on which the user has no word yet.

    after: an item's id; start behind it (order "seq" only). order "uncertain": the proposal with the lowest score first. answers: only
    items that so many people answered. id_below: only ids that sort before it (a fixed sample, since ids are hashes).
    among: only these ids."""
    s = item_states
    query = select(s.c.item_id).where(s.c.status == status, ~_has_word(user))
    query = query.where(s.c.task == tasks[0]) if len(tasks) == 1 else query.where(s.c.task.in_(list(tasks)))
    if source is not None:
        query = query.where(s.c.source == source)
    if answers is not None:
        query = query.where(s.c.answers == answers)
    if id_below is not None:
        query = query.where(s.c.item_id < id_below)
    if among is not None:
        query = query.where(s.c.item_id.in_(list(among)))
    query = query.order_by(*((s.c.score, s.c.seq) if order == "uncertain" else (s.c.seq,))).limit(1)
    if after is not None and order == "seq":
        query = query.where(s.c.seq > _seq(db, after))
    return query


def next_for(store: Store, **asked: Any) -> str | None:
    """The id that first_for(**asked) asks for; None if there is none."""
    with store.read() as db:
        found = db.execute(first_for(db, **asked)).first()
        return None if found is None else str(found[0])


def counts(store: Store) -> dict[tuple[str, str], int]:
    """Number of items by (task, status)."""
    query = select(item_states.c.task, item_states.c.status, func.count()).group_by(item_states.c.task, item_states.c.status)
    with store.read() as db:
        return {(task, status): n for task, status, n in db.execute(query)}


def counts_by_user(store: Store) -> dict[tuple[str, str], int]:
    """Number of items by (task, user) on which the user has a word that was not taken back."""
    a = annotations
    query = (
        select(item_states.c.task, a.c.user, func.count(a.c.item_id.distinct()))
        .join(item_states, item_states.c.item_id == a.c.item_id)
        .where(a.c.action != "undo", ~_undone(a))
        .group_by(item_states.c.task, a.c.user)
    )
    with store.read() as db:
        return {(task, user): n for task, user, n in db.execute(query)}


def shared_items(store: Store, task: str, limit: int) -> list[str]:
    """Ids of items of the task that at least two people answered, by seq."""
    s = item_states
    query = select(s.c.item_id).where(s.c.task == task, s.c.answers >= 2).order_by(s.c.seq).limit(limit)
    with store.read() as db:
        return list(db.execute(query).scalars())


def marks(store: Store, source: str, file: str) -> list[dict[str, Any]]:
    """item_id, task, line, column, status of each item of a file, by line. Payloads stay unread: one may hold hundreds of candidates."""
    query = (
        select(items.c.id.label("item_id"), items.c.task, items.c.line, item_states.c.site_column.label("column"), item_states.c.status)
        .join(item_states, item_states.c.item_id == items.c.id)
        .where(items.c.source == source, items.c.file == file)
        .order_by(items.c.line, items.c.seq)
    )
    with store.read() as db:
        return [dict(row) for row in db.execute(query).mappings()]


def statuses(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """Id -> status of those of the items that are there."""
    with store.read() as db:
        rows = db.execute(select(item_states.c.item_id, item_states.c.status).where(item_states.c.item_id.in_(list(ids))))
        return {item_id: status for item_id, status in rows}


def page(
    store: Store,
    *,
    tasks: Sequence[str],
    lang: Lang | None,
    flag: str | None,
    status: str | None,
    search: str | None,
    limit: int,
    offset: int,
) -> tuple[list[Item], int]:
    """Items by seq that fit everything given (None: any), and how many there are in all.

    flag: name of a filter; "" means items without any flag. search: text that the payload's strings contain, in any (ASCII) case."""
    with store.read() as db:
        query = _matching(db, select(items), tasks, lang, flag, status, search)
        counting = _matching(db, select(func.count()).select_from(items), tasks, lang, flag, status, search)
        rows = db.execute(query.order_by(item_states.c.seq).limit(limit).offset(offset)).mappings().all()
        return [to_item(row) for row in rows], db.execute(counting).scalar_one()


def ids(
    store: Store, *, tasks: Sequence[str], lang: Lang | None, flag: str | None, status: str | None, search: str | None, limit: int
) -> list[str]:
    """Ids of what page() would show, all of it up to `limit`."""
    with store.read() as db:
        query = _matching(db, select(items.c.id), tasks, lang, flag, status, search)
        return list(db.execute(query.order_by(item_states.c.seq).limit(limit)).scalars())


def flag_names(store: Store, tasks: Sequence[str], status: str | None) -> dict[str, int]:
    """Name of each filter that flagged an item of these tasks in this state, with the number of such items."""
    s = item_states
    query = select(items.c.flags).join(s, s.c.item_id == items.c.id).where(s.c.task.in_(list(tasks)), items.c.flags != "[]")
    if status is not None:
        query = query.where(s.c.status == status)
    found: dict[str, int] = {}
    with store.read() as db:
        for flags, n in db.execute(query.with_only_columns(items.c.flags, func.count()).group_by(items.c.flags)):
            for name in {f["filter"] for f in json.loads(flags)}:
                found[name] = found.get(name, 0) + n
    return dict(sorted(found.items()))


def _matching(
    db: Connection, query: Select[Any], tasks: Sequence[str], lang: str | None, flag: str | None, status: str | None, search: str | None
) -> Select[Any]:
    s = item_states
    query = query.join(s, s.c.item_id == items.c.id).where(s.c.task.in_(list(tasks)))
    if status is not None:
        query = query.where(s.c.status == status)
    if lang is not None:
        query = query.where(items.c.lang == lang)
    if flag == "":
        query = query.where(items.c.flags == "[]")
    elif flag is not None:
        query = query.where(items.c.flags.contains(canonical_json({"filter": flag})[1:-1], autoescape=True))
    return query.where(_contains(db, search) if search else true())


def _contains(db: Connection, search: str) -> ColumnElement[bool]:
    """The text in one of the payload's own strings, not in its JSON keys or escapes."""
    payload = cast(items.c.payload, JSON) if db.dialect.name == "postgresql" else type_coerce(items.c.payload, JSON)
    keys = ("instruction", "input", "output", "prompt", "a", "b", "expression", "function")
    return or_(*(payload[key].as_string().icontains(search, autoescape=True) for key in keys))


def _has_word(user: str) -> ColumnElement[bool]:
    """Whether the user has an annotation on the item of item_states that was not taken back."""
    a = annotations
    return select(a.c.id).where(a.c.item_id == item_states.c.item_id, a.c.user == user, a.c.action != "undo", ~_undone(a)).exists()


def _undone(a: Any) -> ColumnElement[bool]:
    undo = annotations.alias("undo")
    return select(undo.c.id).where(undo.c.undoes == a.c.id, undo.c.user == a.c.user).exists()


def _seq(db: Connection, item_id: str) -> int:
    return db.execute(select(items.c.seq).where(items.c.id == item_id)).scalar() or 0
