"""How does a store of any age become one that this program knows? By the steps of this folder, in the order of their numbers.

A step is a file mNNN_WHAT.py with `apply(db)`. It writes out the tables, columns and indexes that it makes, and never looks at
tables.py: that one says what the newest store holds, and a step that asked it would do another thing with every later change. A step is
appended and never edited; tables.py changes with it (a test compares what the steps make with what tables.py says, and brings up every
schema that there ever was). A step that changes what `item_states` derives says STATES_ANEW = True: they are made anew once, behind the
last step.

All steps that a store lacks, and its new version, are one transaction: it is as new as this program, or as it was before.

>>> [step.name for step in STEPS][:2]
['m001_first_tables', 'm002_item_states']
"""
from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from curation.errors import Reason, UserError
from curation.store.engine import Store
from curation.store.items import restate_all


class StoreTooNew(UserError):
    code = "store_too_new"
    text = (
        "A newer FlowSight has brought the store {where} to schema {version}; this one knows {known}. "
        "Start the newer one, or restore a backup."
    )


class NotAStore(UserError):
    code = "not_a_store"
    text = "{where} is not a FlowSight store: {why}. It was left as it is. Name another database in FLOWSIGHT_STORE_URL, or move it away."


@dataclass(frozen=True)
class Step:
    """states_anew: the derived states of items are made anew afterwards."""

    name: str
    apply: Callable[[Connection], None]
    states_anew: bool = False


def _steps() -> list[Step]:
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return [Step(name, m.apply, getattr(m, "STATES_ANEW", False)) for name, m in zip(names, modules, strict=True)]


STEPS = _steps()


def migrate(store: Store, steps: Sequence[Step] = STEPS) -> None:
    """Brings the store to the newest schema. Two processes may call it at once: one does the work, the other waits and finds it done.

    Raises StoreTooNew where a newer program was before (its version written lower would make that one run its steps over its own
    tables), NotAStore where something else keeps its tables under the names of ours."""
    with store.read() as db:
        if _version(store, db, steps) == len(steps):
            return
    with store.write() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(730117)"))  # any constant of our own
        lacking = steps[_version(store, db, steps):]
        for step in lacking:
            step.apply(db)
        if any(step.states_anew for step in lacking):
            restate_all(db)
        if lacking:
            db.execute(text("DELETE FROM schema_version"))
            db.execute(text("INSERT INTO schema_version (version) VALUES (:version)"), {"version": len(steps)})


def _version(store: Store, db: Connection, steps: Sequence[Step]) -> int:
    """How many of the steps the store has behind it; 0 for an empty database."""
    there = set(inspect(db).get_table_names())
    if "schema_version" not in there:
        if theirs := there & {"users", "items", "annotations"}:
            why = Reason("others_tables", "it holds {names} of another program", names=", ".join(sorted(theirs)))
            raise NotAStore(where=store.where, why=why)
        return 0
    version: int = db.execute(text("SELECT version FROM schema_version")).scalar() or 0
    if version > len(steps):
        raise StoreTooNew(where=store.where, version=version, known=len(steps))
    return version
