"""The only SQL: tables, queries, migrations. One module a subject; each function takes the Store first.

>>> from curation.store import open_store, items
>>> store = open_store("sqlite:///w/store.sqlite")
>>> items.get(store, item_id)
"""
from curation.store.engine import Store, now
from curation.store.opening import open_store

__all__ = ["Store", "now", "open_store"]
