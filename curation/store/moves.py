"""Items whose code moved: the same item, with its labels, at another place; and those whose code is not there any more.

>>> relocate(store, {"3f1c...": item_at_its_new_place})
1
>>> mark_stale(store, {"9a02...": "gone"})
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from sqlalchemy import select, update

from curation.model import Item, canonical_json
from curation.store.engine import Store
from curation.store.items import storable, storable_json
from curation.store.tables import item_states
from curation.store.tables import items as items_table

Stale = Literal["moved", "gone"]


def relocate(store: Store, places: Mapping[str, Item]) -> int:
    """Gives items (by id) the place, payload and excerpt of another; what was said of them stays. Returns how many changed."""
    c, changed = items_table.c, 0
    with store.write() as db:
        for item_id in sorted(places):
            item = places[item_id]
            stored = db.execute(select(c.file, c.line, c.payload, c.excerpt, c.meta).where(c.id == item_id).with_for_update()).first()
            values = {
                "file": item.file, "line": item.line, "payload": storable_json(item.payload), "excerpt": storable(item.excerpt),
                "meta": storable_json(item.meta),
            }
            if stored is None or tuple(stored) == tuple(values.values()):
                continue
            changed += 1
            db.execute(update(items_table).where(c.id == item_id).values(**values))
            column = item.payload.get("column")
            placed = {"site_column": column if isinstance(column, int) else 1}
            db.execute(update(item_states).where(item_states.c.item_id == item_id).values(**placed))
    return changed


def mark_stale(store: Store, states: Mapping[str, Stale | None]) -> None:
    """Says of items (by id) that their code moved so that the answer's places hold no more, or is gone; None: it is there as it was."""
    c = items_table.c
    with store.write() as db:
        for item_id in sorted(states):
            found = db.execute(select(c.meta).where(c.id == item_id).with_for_update()).scalar()
            if found is None:
                continue
            meta = {key: value for key, value in json.loads(found).items() if key != "stale"}
            if states[item_id] is not None:
                meta["stale"] = states[item_id]
            if (text := canonical_json(meta)) != found:
                db.execute(update(items_table).where(c.id == item_id).values(meta=text))
