"""How is a store opened? SQLite in WAL mode by default, PostgreSQL by one setting; made when it is not there, migrated when it is old.

>>> store = open_store("sqlite:////tmp/w/store.sqlite")
"""
from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from curation.errors import Reason
from curation.store.engine import Store, StoreFailed
from curation.store.migrations import NotAStore, migrate

try:  # an engine newer than the interpreter's own, where a wheel exists (SQLite before 3.51.3 has a WAL defect)
    import pysqlite3 as sqlite_module
except ImportError:
    import sqlite3 as sqlite_module  # type: ignore[no-redef]


def open_store(url: str) -> Store:
    """The store at a SQLAlchemy URL, sqlite:///PATH or postgresql+psycopg://... Raises StoreTooNew, NotAStore, StoreFailed."""
    store = Store(connected(url))
    try:
        migrate(store)
    except BaseException as err:
        store.close()
        if isinstance(err, StoreFailed) and "not a database" in err.params["why"]:
            raise NotAStore(where=store.where, why=Reason("no_database", "the file holds no database")) from err
        raise
    return store


def connected(url: str) -> Engine:
    """Connections to the database as the store wants them, whatever is in it."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    if parsed.database:
        _make_folder(Path(parsed.database).parent)
    engine = create_engine(url, module=sqlite_module)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StoreFailed(why=f"{err.strerror} ({err.filename})") from err


def _configure_sqlite(connection, _record) -> None:  # type: ignore[no-untyped-def]
    connection.isolation_level = None  # we say BEGIN ourselves
    # FULL: what was said to be saved is still there after the power went (NORMAL can lose the last commits of a WAL)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("flowsight_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
