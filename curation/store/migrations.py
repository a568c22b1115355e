"""The schema's history: append a step, never edit one. Each step runs once, in its own transaction with the version's write."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, select, text

from curation.errors import UserError
from curation.store import tables

if TYPE_CHECKING:
    from curation.store.engine import Store


def _v1(db: Connection) -> None:
    tables.metadata.create_all(db)


def _v2(db: Connection) -> None:
    """Derived states of items and failed sign-ins, for stores made before these tables were."""
    from curation.store import items  # here, because items imports the engine, which imports this module

    tables.metadata.create_all(db)
    items.restate_all(db)


def _v3(db: Connection) -> None:
    """The index that finds whether an annotation was undone."""
    for index in tables.annotations.indexes:
        index.create(db, checkfirst=True)


def _v4(db: Connection) -> None:
    """The column of a site among its derived states, which are made anew: what people dispute is now what the task scores."""
    from curation.store import items

    tables.item_states.drop(db, checkfirst=True)
    tables.item_states.create(db)
    items.restate_all(db)


def _v5(db: Connection) -> None:
    """Rows that people added to the knowledge base."""
    tables.knowledge_changes.create(db, checkfirst=True)


class StoreTooNew(UserError):
    code = "store_too_new"
    text = "A newer FlowSight has brought the store to schema {version}; this one knows {known}. Start the newer one, or restore a backup."


STEPS: list[Callable[[Connection], None]] = [_v1, _v2, _v3, _v4, _v5]


def migrate(store: Store) -> None:
    """Brings the store to the newest schema. Two processes may call it at once: the write lock lets one do the work. Raises StoreTooNew
    where a newer program was before: a lower version written there would make that one run its steps over its own tables."""
    version = _version(store)
    if version > len(STEPS):
        raise StoreTooNew(version=version, known=len(STEPS))
    if version == len(STEPS):
        return
    with store.write() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(730117)"))  # any constant of our own
        done = 0
        if inspect(db).has_table("schema_version"):
            done = db.execute(select(tables.schema_version.c.version)).scalar() or 0
        for step in STEPS[done:]:
            step(db)
        db.execute(tables.schema_version.delete())
        db.execute(tables.schema_version.insert().values(version=len(STEPS)))


def _version(store: Store) -> int:
    with store.read() as db:
        if not inspect(db).has_table("schema_version"):
            return 0
        return db.execute(select(tables.schema_version.c.version)).scalar() or 0
