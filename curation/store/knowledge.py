"""Rows that people added to the knowledge base: an entry for each change, the last one of a row counts.

>>> knowledge.change(store, {"linux.my_irq": {...}}, user="reva", op_id=op)
>>> [(c.row_id, c.user, c.row is None) for c in knowledge.latest(store)]
[('linux.my_irq', 'reva', False)]
"""
from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, text

from curation.errors import BadValue, Reason, UserError
from curation.model import canonical_json
from curation.store.engine import Store, now
from curation.store.tables import items, knowledge_changes


@dataclass(frozen=True)
class Change:
    """One change of one row. row: its keys; None: withdrawn. created_at: UTC ISO 8601, `Z`."""

    id: int
    row_id: str
    row: dict[str, Any] | None
    user: str
    op_id: str
    created_at: str


class RowTaken(UserError):
    code = "row_taken"
    text = "There is an added row {name!r} by {user} already. Change that one, or give another id."


def change(
    store: Store, rows: Mapping[str, dict[str, Any] | None], *, user: str, op_id: str, fresh: Container[str] = ()
) -> list[Change]:
    """Writes one change of each row (None withdraws it) in one transaction, all or none. The same op_id for the same row again writes
    nothing and returns the first. fresh: ids under which no added row may be yet. Raises RowTaken, and BadValue if the op_id is somebody
    else's."""
    with store.write() as db:
        _lock(db)
        return [_change(db, row_id, row, user, op_id, row_id in fresh) for row_id, row in rows.items()]


def _change(db: Connection, row_id: str, row: dict[str, Any] | None, user: str, op_id: str, fresh: bool) -> Change:
    c = knowledge_changes.c
    before = db.execute(select(knowledge_changes).where(c.row_id == row_id).order_by(c.id.desc())).mappings().all()
    same = next((one for one in before if one["op_id"] == op_id), None)
    if same is not None and same["user"] != user:
        raise BadValue(
            field="op_id", value=op_id, why=Reason("others_form", "belongs to somebody else's form"),
            todo=Reason("reload", "Reload the page and try again."),
        )
    if same is not None:
        return _made(same)
    if fresh and before and before[0]["row"] is not None:
        raise RowTaken(name=row_id, user=before[0]["user"])
    content = None if row is None else canonical_json(row)
    db.execute(insert(knowledge_changes).values(row_id=row_id, row=content, user=user, op_id=op_id, created_at=now()))
    return _made(db.execute(select(knowledge_changes).where(c.row_id == row_id, c.op_id == op_id)).mappings().one())


def latest(store: Store) -> list[Change]:
    """The last change of every row, withdrawn ones too, in the order in which the rows were first added."""
    newest = select(func.max(knowledge_changes.c.id)).group_by(knowledge_changes.c.row_id)
    first = select(knowledge_changes.c.row_id, func.min(knowledge_changes.c.id)).group_by(knowledge_changes.c.row_id)
    with store.read() as db:
        order = {row_id: at for row_id, at in db.execute(first).tuples()}
        rows = [_made(row) for row in db.execute(select(knowledge_changes).where(knowledge_changes.c.id.in_(newest))).mappings()]
    return sorted(rows, key=lambda change: order[change.row_id])


def history(store: Store, row_id: str) -> list[Change]:
    """Every change of a row, oldest first."""
    c = knowledge_changes.c
    with store.read() as db:
        return [_made(row) for row in db.execute(select(knowledge_changes).where(c.row_id == row_id).order_by(c.id)).mappings()]


def revision(store: Store) -> int:
    """Grows with every change; 0 before the first."""
    with store.read() as db:
        return int(db.execute(select(func.coalesce(func.max(knowledge_changes.c.id), 0))).scalar_one())


def uses(
    store: Store, fields: Mapping[str, str], row_id: str, most: int
) -> tuple[dict[str, int], list[tuple[str, str, str, str, int]]]:
    """In how many sites to label the machine proposed this row: by source, and the first `most` as (item id, task, source, file, line).
    fields: task -> the field of its answer that names a row."""
    c = items.c
    named = json.dumps(row_id)
    there = or_(*((c.task == task) & c.payload.contains(f'"{field}":{named}', autoescape=True) for task, field in fields.items()))
    with store.read() as db:
        counts = db.execute(select(c.source, func.count()).where(there).group_by(c.source).order_by(c.source)).tuples().all()
        listed = select(c.id, c.task, c.source, c.file, c.line).where(there).order_by(c.seq).limit(most)
        first = db.execute(listed).tuples().all() if counts else []
    return {str(source): int(count) for source, count in counts}, [(i, task, str(s), str(f), int(n)) for i, task, s, f, n in first]


def _lock(db: Connection) -> None:
    """One change at a time, so that ids grow in the order of commits (SQLite's write lock does it by itself)."""
    if db.dialect.name == "postgresql":
        db.execute(text("SELECT pg_advisory_xact_lock(730121)"))  # any constant of our own


def _made(row: RowMapping) -> Change:
    content = None if row["row"] is None else json.loads(row["row"])
    return Change(int(row["id"]), row["row_id"], content, row["user"], row["op_id"], row["created_at"])
