"""Which dataset versions were frozen, with which hash?

>>> [(v.name, v.version, v.hash[:8]) for v in all_versions(store)]
[('flow', 1, '5be3a1c0')]
"""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

from curation.errors import UserError
from curation.model import canonical_json
from curation.store.engine import Store, now
from curation.store.tables import frozen


class VersionTaken(UserError):
    code = "version_taken"
    text = "Version {version} of {name} was frozen by somebody else at the same moment. Look at it, and freeze again if yours differs."


@dataclass(frozen=True)
class VersionRow:
    """counts: task -> split -> number of rows."""

    name: str
    version: int
    hash: str
    options: dict[str, Any]
    counts: dict[str, dict[str, int]]
    created_at: str
    created_by: str


def highest(store: Store, name: str) -> int:
    """The highest version recorded under a name; 0 when there is none."""
    with store.read() as db:
        return db.execute(select(func.max(frozen.c.version)).where(frozen.c.name == name)).scalar() or 0


def record(
    store: Store, name: str, version: int, hash_: str, options: dict[str, Any], counts: dict[str, dict[str, int]], created_by: str,
    publish: Callable[[], None],
) -> None:
    """Records a version and calls `publish` (which renames the finished folder) inside the same transaction: when either fails,
    neither is seen. Raises VersionTaken when somebody recorded this version in the meantime."""
    mine = (frozen.c.name == name, frozen.c.version == version)
    with store.write() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT pg_advisory_xact_lock(730119)"))  # any constant of our own; SQLite's write lock does the same
        if db.execute(select(frozen.c.version).where(*mine)).first() is not None:
            raise VersionTaken(name=name, version=version)
        db.execute(frozen.insert().values(
            name=name, version=version, hash=hash_, options=canonical_json(options), counts=canonical_json(counts),
            created_at=now(), created_by=created_by,
        ))
        publish()


def all_versions(store: Store, name: str | None = None) -> list[VersionRow]:
    """Versions by name, newest first. name None: of every name."""
    query = select(frozen).order_by(frozen.c.name, frozen.c.version.desc())
    if name is not None:
        query = query.where(frozen.c.name == name)
    with store.read() as db:
        return [
            VersionRow(r.name, r.version, r.hash, json.loads(r.options), json.loads(r.counts), r.created_at, r.created_by)
            for r in db.execute(query)
        ]
