"""How is the store read and written? Every write is one short transaction: `with store.write() as db`.

On SQLite it is BEGIN IMMEDIATE, because a transaction that reads first and then writes fails under concurrency otherwise (measured:
2113/s against 49/s with millions of lock errors), and writers stand in line for it (turns.py).
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from curation.errors import Reason, UserError
from curation.store.turns import TurnNotCome, WriteTurns


class StoreFailed(UserError):
    """The database's own words: a full disk, missing rights, a lock that is held too long, a server that is down, a damaged file."""

    code = "store_failed"
    text = "The store cannot be read or written: {why}. Nothing was changed. Check the disk's space and rights, then try again."


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except DatabaseError as err:
        if type(err) not in (DatabaseError, OperationalError):  # the others are what we did wrong: a constraint, a statement
            raise
        raise StoreFailed(why=" ".join(str(err.orig).split())[:300]) from err
    except TurnNotCome as err:
        raise StoreFailed(why=Reason("others_write", "others have been writing for too long")) from err


class Store:
    """A handle on one database. Cheap to share between threads; not across fork."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        self._turns = WriteTurns(Path(file)) if file and file != ":memory:" else None

    @property
    def where(self) -> str:
        """Its URL without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _told(), self.engine.connect() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with _told(), self._turns.turn() if self._turns else nullcontext():
            with self.engine.connect().execution_options(flowsight_write=True) as db, db.begin():
                yield db

    def close(self) -> None:
        self.engine.dispose()


def now() -> str:
    """The time as the store writes it: UTC, ISO 8601, milliseconds, `Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
