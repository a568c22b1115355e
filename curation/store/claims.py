"""Who works on which item now? The next item is chosen and taken by one statement, so that two people never get the same one.

A claim is of one slot of an item: the number of people who have answered it, so that a second opinion is a slot of its own. It ends when
its user saves something on the item, or by itself at `expires_at`; then the next who asks takes it over. Nobody needs a claim to save: who
comes late, or by a link, is kept like everybody's word.

>>> claims.claim_next(store, user="wang", tasks=["function_pointer"], status="open")
'3f2a...'
"""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from curation.store import queues
from curation.store.engine import Store
from curation.store.tables import claims, item_states

LEASE_S = 900.0  # since the last sign of life: what is typed into a form is one


def claim_next(store: Store, *, user: str, now: datetime | None = None, lease_s: float = LEASE_S, **asked: Any) -> str | None:
    """Id of the first item that queues.next_for(user=user, **asked) may give and nobody else has claimed, claimed for the user; None if
    there is none. The user's own claim is given again. now: the time (default: the clock's)."""
    at = now or datetime.now(UTC)
    while True:
        with store.write() as db:
            free = queues.first_for(db, user=user, **asked).where(~_taken(user, at))
            if db.dialect.name == "postgresql":
                free = free.with_for_update(of=item_states, skip_locked=True)  # who asks at the same instant gets the one behind
            insert = (postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert)(claims)
            chosen = free.with_only_columns(
                item_states.c.item_id, item_states.c.answers, literal(user), literal(_text(at + timedelta(seconds=lease_s))),
            )
            taken = insert.from_select(["item_id", "slot", "user", "expires_at"], chosen).on_conflict_do_update(
                index_elements=["item_id", "slot"],
                set_={"user": insert.excluded.user, "expires_at": insert.excluded.expires_at},
                where=(claims.c.user == user) | (claims.c.expires_at <= _text(at)),
            ).returning(claims.c.item_id)
            found: str | None = db.execute(taken).scalar()
            if found is not None or db.execute(free.with_only_columns(item_states.c.item_id)).first() is None:
                return found


def renew(store: Store, item_id: str, user: str, now: datetime | None = None, lease_s: float = LEASE_S) -> None:
    """A sign of life: the user's claims of the item last on."""
    until = _text((now or datetime.now(UTC)) + timedelta(seconds=lease_s))
    with store.write() as db:
        db.execute(update(claims).where(claims.c.item_id == item_id, claims.c.user == user).values(expires_at=until))


def _taken(user: str, at: datetime) -> Any:
    mine = and_(claims.c.item_id == item_states.c.item_id, claims.c.slot == item_states.c.answers)
    return select(claims.c.item_id).where(mine, claims.c.user != user, claims.c.expires_at > _text(at)).exists()


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
