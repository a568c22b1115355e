"""Items to decide and what people said about them: added once, annotated append-only, filtered by derived state.

An annotation is written in one transaction together with the item's row in `item_states`, which is what resolve() makes of all its
annotations. On PostgreSQL the item's row is locked first, so that two people who save at the same instant both count; on SQLite the
write lock does the same. NUL characters and lone surrogates, which a database cannot hold, are stored as U+FFFD.

>>> items.add(store, [item])
(1, 0)
>>> items.annotate(store, item_id=item.id, actor=actor, op_id=op, action="confirm", answer={...})
"""
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, text, update

from curation.errors import BadValue, NotFound, Reason
from curation.labeling.resolve import ANSWERS, latest_by_user, resolve
from curation.model import Action, Actor, Annotation, Flag, Item, Lang, canonical_json
from curation.store.engine import Store, now
from curation.store.tables import annotations as annotations_table
from curation.store.tables import claims, drafts, item_states
from curation.store.tables import items as items_table
from curation.tasks import all_tasks

CHUNK = 500  # ids in one IN (...): under SQLite's oldest limit of 999 parameters


def add(store: Store, items: Iterable[Item], *, renew: bool = False) -> tuple[int, int]:
    """Adds items in the order given, all or none. Returns (added, known): an id already there is left as it is, or, with renew, gets the
    payload and excerpt given, unless somebody has said or begun to say something about it."""
    unique = {item.id: item for item in items}
    added = 0
    with store.write() as db:
        _lock_order(db)
        seq = db.execute(select(func.coalesce(func.max(items_table.c.seq), 0))).scalar_one()
        at = now()
        for ids in _chunks(list(unique)):
            known = set(db.execute(select(items_table.c.id).where(items_table.c.id.in_(ids))).scalars())
            fresh = [unique[i] for i in ids if i not in known]
            if renew:
                _renew(db, [unique[i] for i in ids if i in known])
            if not fresh:
                continue
            rows = [_row(item, seq + n, at) for n, item in enumerate(fresh, start=1)]
            db.execute(insert(items_table), rows)
            db.execute(insert(item_states), [_first_state(item, row["seq"]) for item, row in zip(fresh, rows, strict=True)])
            seq += len(fresh)
            added += len(fresh)
    return added, len(unique) - added


def _renew(db: Connection, known: list[Item]) -> None:
    ids, c = [item.id for item in known], items_table.c
    locked = select(c.id, c.payload, c.excerpt, c.meta).where(c.id.in_(ids)).order_by(c.id).with_for_update()  # as annotate() locks them
    stored = {row.id: (row.payload, row.excerpt, row.meta) for row in db.execute(locked)}
    touched = _touched(db, ids)
    for item in known:
        row, state = _row(item, 0, ""), _first_state(item, 0)
        if stored[item.id][:2] == (row["payload"], row["excerpt"]):
            if stored[item.id][2] != row["meta"]:  # says more of the same excerpt
                db.execute(update(items_table).where(c.id == item.id).values(meta=row["meta"]))
            continue
        if item.id in touched:
            continue
        changed = {name: row[name] for name in ("payload", "excerpt", "meta")}
        db.execute(update(items_table).where(c.id == item.id).values(changed))
        placed = {name: state[name] for name in ("score", "site_column")}
        db.execute(update(item_states).where(item_states.c.item_id == item.id).values(placed))


def withdraw(store: Store, *, source: str, tasks: Iterable[str], keep: Container[str], keep_files: Container[str] = ()) -> int:
    """Takes away the sites of a source that are not among `keep` (ids) or in `keep_files`, unless somebody has said or begun to say
    something about them. Returns how many."""
    c = items_table.c
    of_source = select(c.id, c.file).where(c.source == source, c.origin == "site", c.task.in_(list(tasks)))
    gone = 0
    with store.write() as db:
        _lock_order(db)
        listed = [row.id for row in db.execute(of_source) if row.id not in keep and row.file not in keep_files]
        for ids in _chunks(listed):
            locked = set(db.execute(select(c.id).where(c.id.in_(ids)).order_by(c.id).with_for_update()).scalars())
            free = sorted(locked - _touched(db, ids))
            db.execute(delete(item_states).where(item_states.c.item_id.in_(free)))
            db.execute(delete(items_table).where(c.id.in_(free)))
            gone += len(free)
    return gone


def _touched(db: Connection, ids: Sequence[str]) -> set[str]:
    """Those that somebody has said or begun to say something about."""
    said = select(annotations_table.c.item_id).where(annotations_table.c.item_id.in_(ids))
    return {*db.execute(said).scalars(), *db.execute(select(drafts.c.item_id).where(drafts.c.item_id.in_(ids))).scalars()}


def get(store: Store, item_id: str) -> Item:
    """Raises NotFound."""
    with store.read() as db:
        row = db.execute(select(items_table).where(items_table.c.id == item_id)).mappings().first()
    if row is None:
        raise NotFound(kind="item", name=item_id)
    return to_item(row)


def find(
    store: Store,
    *,
    tasks: Iterable[str] | None = None,
    source: str | None = None,
    file: str | None = None,
    origin: str | None = None,
    lang: Lang | None = None,
    ids: Iterable[str] | None = None,
    statuses: Iterable[str] | None = None,
    page: int = 500,
) -> Iterator[Item]:
    """Items by seq, read `page` at a time. None: any. `statuses` are those of model.Resolved. Ids that are not there are left out."""
    base = select(items_table)
    for column, value in (("source", source), ("file", file), ("origin", origin), ("lang", lang)):
        if value is not None:
            base = base.where(items_table.c[column] == value)
    if tasks is not None:
        base = base.where(items_table.c.task.in_(list(tasks)))
    if statuses is not None:
        base = base.join(item_states, item_states.c.item_id == items_table.c.id).where(item_states.c.status.in_(list(statuses)))
    if ids is None:
        yield from _pages(store, base, page)
        return
    found = [item for chunk in _chunks(list(dict.fromkeys(ids))) for item in _pages_with_seq(store, base, chunk)]
    yield from (item for _, item in sorted(found, key=lambda pair: pair[0]))


def annotate(
    store: Store,
    *,
    item_id: str,
    actor: Actor,
    op_id: str,
    action: Action,
    answer: dict[str, Any] | None = None,
    explanation: Mapping[Lang, str] | None = None,
    reason: str | None = None,
    elapsed_ms: int | None = None,
    undoes: int | None = None,
) -> Annotation:
    """Writes one annotation. The same op_id for the same item again writes nothing and returns the first. Drops the actor's draft
    and claim.

    Checks nothing of the answer: that is the services' part. Raises NotFound for an item that is not there, BadValue if the op_id
    is somebody else's."""
    entry = Entry(item_id, action, answer, explanation, reason, elapsed_ms, undoes)
    return annotate_many(store, actor=actor, op_id=op_id, entries=[entry])[0]


class Entry:
    """One annotation to be written: what annotate() takes, without who and in which operation."""

    __slots__ = ("item_id", "action", "answer", "explanation", "reason", "elapsed_ms", "undoes")

    def __init__(
        self,
        item_id: str,
        action: Action,
        answer: dict[str, Any] | None = None,
        explanation: Mapping[Lang, str] | None = None,
        reason: str | None = None,
        elapsed_ms: int | None = None,
        undoes: int | None = None,
    ) -> None:
        self.item_id = item_id
        self.action = action
        self.answer = answer
        self.explanation = explanation
        self.reason = reason
        self.elapsed_ms = elapsed_ms
        self.undoes = undoes


def annotate_many(store: Store, *, actor: Actor, op_id: str, entries: Sequence[Entry]) -> list[Annotation]:
    """annotate() for many items in one transaction and one operation: all or none are written. Returned in the order given."""
    if not op_id:
        raise BadValue(field="op_id", value=op_id, why=Reason("empty", "is empty"), todo=Reason("reload", "Reload the page and try again."))
    by_id = {entry.item_id: entry for entry in entries}
    written: dict[str, Annotation] = {}
    with store.write() as db:
        for ids in _chunks(sorted(by_id)):  # one order for everybody: two bulk operations cannot wait for each other
            lock = select(items_table.c.id).where(items_table.c.id.in_(ids)).order_by(items_table.c.id).with_for_update()
            there = set(db.execute(lock).scalars())
            for item_id in ids:
                if item_id not in there:
                    raise NotFound(kind="item", name=item_id)
            written |= {a.item_id: a for a in _of_operation(db, op_id, ids)}
            fresh = [by_id[i] for i in ids if i not in written]
            if fresh:
                db.execute(insert(annotations_table), [_annotation_row(e, actor, op_id) for e in fresh])
                fresh_ids = [e.item_id for e in fresh]
                written |= {a.item_id: a for a in _of_operation(db, op_id, fresh_ids)}
                _restate(db, fresh_ids)
                for kept in (drafts, claims):
                    db.execute(kept.delete().where(kept.c.user == actor.name, kept.c.item_id.in_(fresh_ids)))
        if any(a.user != actor.name for a in written.values()):
            raise BadValue(
                field="op_id", value=op_id, why=Reason("others_form", "belongs to somebody else's form"),
                todo=Reason("reload", "Reload the page and try again."),
            )
    return [written[entry.item_id] for entry in entries]


def annotations(store: Store, item_ids: Iterable[str]) -> dict[str, list[Annotation]]:
    """All annotations of each item, oldest first; an item without any has an empty list."""
    ids = list(dict.fromkeys(item_ids))
    with store.read() as db:
        return _annotations(db, ids)


def operation(store: Store, op_id: str) -> list[Annotation]:
    """What was written under an operation id, by item id; empty if nothing was."""
    query = select(annotations_table).where(annotations_table.c.op_id == op_id).order_by(annotations_table.c.item_id)
    with store.read() as db:
        return [to_annotation(row) for row in db.execute(query).mappings()]


def latest_live(store: Store, user: str, tasks: Sequence[str]) -> Annotation | None:
    """The user's newest annotation on items of these tasks that was not undone; None if there is none."""
    a, undo = annotations_table, annotations_table.alias("undo")
    taken_back = select(undo.c.id).where(undo.c.undoes == a.c.id, undo.c.user == user).exists()
    query = (
        select(a)
        .join(items_table, items_table.c.id == a.c.item_id)
        .where(a.c.user == user, a.c.action != "undo", items_table.c.task.in_(list(tasks)), ~taken_back)
        .order_by(a.c.id.desc())
        .limit(1)
    )
    with store.read() as db:
        row = db.execute(query).mappings().first()
    return to_annotation(row) if row else None


def save_draft(store: Store, item_id: str, user: str, fields: dict[str, Any]) -> None:
    """Keeps what somebody has typed into an item's form; one draft an item and user, the last one counts. Raises NotFound."""
    key = (drafts.c.item_id == item_id, drafts.c.user == user)
    with store.write() as db:
        if db.execute(select(items_table.c.id).where(items_table.c.id == item_id).with_for_update()).first() is None:
            raise NotFound(kind="item", name=item_id)
        values = {"fields": storable_json(fields), "saved_at": now()}
        if db.execute(update(drafts).where(*key).values(values)).rowcount == 0:
            db.execute(insert(drafts).values(item_id=item_id, user=user, **values))


def draft(store: Store, item_id: str, user: str) -> dict[str, Any] | None:
    """What save_draft kept, None if there is nothing or an annotation of the user followed."""
    query = select(drafts.c.fields).where(drafts.c.item_id == item_id, drafts.c.user == user)
    with store.read() as db:
        found = db.execute(query).scalar()
    return None if found is None else json.loads(found)


def drop_draft(store: Store, item_id: str, user: str) -> None:
    with store.write() as db:
        db.execute(drafts.delete().where(drafts.c.item_id == item_id, drafts.c.user == user))


def to_item(row: RowMapping) -> Item:
    return Item(
        id=row["id"],
        task=row["task"],
        origin=row["origin"],
        source=row["source"],
        file=row["file"],
        line=row["line"],
        lang=row["lang"],
        payload=json.loads(row["payload"]),
        excerpt=row["excerpt"],
        group=row["group_key"],
        flags=[Flag(**f) for f in json.loads(row["flags"])],
        meta=json.loads(row["meta"]),
    )


def to_annotation(row: RowMapping) -> Annotation:
    values = dict(row)
    values["answer"] = None if row["answer"] is None else json.loads(row["answer"])
    values["explanation"] = json.loads(row["explanation"])
    return Annotation(**values)


def storable(value: str) -> str:
    """The text with NUL and lone surrogates as U+FFFD: what both databases can hold."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def storable_json(value: Any) -> str:
    """Canonical JSON of the value, with every string storable."""
    return canonical_json(_storable_value(value))


def _storable_value(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(k): _storable_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_value(v) for v in value]
    return value


def _row(item: Item, seq: int, at: str) -> dict[str, Any]:
    return {
        "id": item.id,
        "task": item.task,
        "origin": item.origin,
        "source": item.source,
        "file": item.file,
        "line": item.line,
        "lang": item.lang,
        "payload": storable_json(item.payload),
        "excerpt": storable(item.excerpt),
        "group_key": storable(item.group),
        "flags": storable_json([f.model_dump(mode="json") for f in item.flags]),
        "meta": storable_json(item.meta),
        "seq": seq,
        "created_at": at,
    }


def _first_state(item: Item, seq: int) -> dict[str, Any]:
    score, column = item.payload.get("score"), item.payload.get("column")
    return {
        "item_id": item.id,
        "task": item.task,
        "source": item.source,
        "seq": seq,
        "score": float(score) if isinstance(score, int | float) else 0.0,
        "site_column": column if isinstance(column, int) else 1,
        "status": "open",
        "answers": 0,
    }


def _annotation_row(entry: Entry, actor: Actor, op_id: str) -> dict[str, Any]:
    return {
        "item_id": entry.item_id,
        "user": actor.name,
        "role": actor.role,
        "op_id": op_id,
        "action": entry.action,
        "answer": None if entry.answer is None else storable_json(entry.answer),
        "explanation": storable_json(dict(entry.explanation or {})),
        "reason": None if entry.reason is None else storable(entry.reason),
        "elapsed_ms": entry.elapsed_ms,
        "undoes": entry.undoes,
        "created_at": now(),
    }


def _restate(db: Connection, item_ids: Sequence[str]) -> None:
    """Writes anew what resolve() says of these items; their rows are locked by the caller."""
    same: dict[tuple[str, int], list[str]] = {}
    rows = db.execute(select(items_table.c.id, items_table.c.task).where(items_table.c.id.in_(item_ids)))
    tasks = {item_id: task for item_id, task in rows}
    for item_id, given in _annotations(db, item_ids).items():
        answers = sum(a.action in ANSWERS for a in latest_by_user(given).values())
        same.setdefault((resolve(given, all_tasks().get(tasks[item_id])).status, answers), []).append(item_id)
    for (status, answers), ids in same.items():
        db.execute(update(item_states).where(item_states.c.item_id.in_(ids)).values(status=status, answers=answers))


def restate_all(db: Connection) -> None:
    """Makes `item_states` anew from the items and their annotations (migrations use it)."""
    db.execute(item_states.delete())
    last = 0
    while rows := db.execute(select(items_table).where(items_table.c.seq > last).order_by(items_table.c.seq).limit(CHUNK)).mappings().all():
        db.execute(insert(item_states), [_first_state(to_item(row), row["seq"]) for row in rows])
        _restate(db, [row["id"] for row in rows])
        last = rows[-1]["seq"]


def _of_operation(db: Connection, op_id: str, item_ids: Sequence[str]) -> list[Annotation]:
    a = annotations_table
    query = select(a).where(a.c.op_id == op_id, a.c.item_id.in_(item_ids))
    return [to_annotation(row) for row in db.execute(query).mappings()]


def _annotations(db: Connection, item_ids: Sequence[str]) -> dict[str, list[Annotation]]:
    found: dict[str, list[Annotation]] = {item_id: [] for item_id in item_ids}
    a = annotations_table
    for ids in _chunks(item_ids):
        for row in db.execute(select(a).where(a.c.item_id.in_(ids)).order_by(a.c.id)).mappings():
            found[row["item_id"]].append(to_annotation(row))
    return found


def _pages(store: Store, base: Select[Any], page: int) -> Iterator[Item]:
    last = 0
    while True:
        query = base.where(items_table.c.seq > last).order_by(items_table.c.seq).limit(page)
        with store.read() as db:
            rows = db.execute(query).mappings().all()
        yield from (to_item(row) for row in rows)
        if len(rows) < page:
            return
        last = rows[-1]["seq"]


def _pages_with_seq(store: Store, base: Select[Any], ids: Sequence[str]) -> list[tuple[int, Item]]:
    with store.read() as db:
        return [(row["seq"], to_item(row)) for row in db.execute(base.where(items_table.c.id.in_(ids))).mappings()]


def _lock_order(db: Connection) -> None:
    """Only one adder at a time, so that no two items share a seq (SQLite's write lock does it by itself)."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(730118)"))  # any constant of our own


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
