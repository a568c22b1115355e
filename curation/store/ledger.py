"""What was asked of a model endpoint, and what came back: written before sending and after, so nothing is paid for twice.

A request's hash (its body and its ordinal, never a key) is the row's name. `claim` writes it as "sent" before the request goes out; only
the process whose claim succeeds may send. Then it becomes "answered", "failed" (surely not paid: it may be claimed again) or "lost" (sent,
and perhaps paid, but no answer came: never sent again). A process that dies in between leaves "sent", which counts as lost too.

>>> call = claim(store, "first", 7, {"model": "m", "messages": [...]})
>>> answered(store, call, '{"choices": ...}', prompt_tokens=410, completion_tokens=733)
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import and_, func, select, update

from curation.model import canonical_json
from curation.store.engine import Store, now
from curation.store.items import storable, storable_json
from curation.store.tables import items, llm_calls

Status = Literal["sent", "answered", "failed", "lost"]


@dataclass(frozen=True)
class Call:
    """One request. ordinal: 0-based within its campaign. response: the answer's text; problem: why there is none, or why nothing could be
    read out of it. Tokens are None when the endpoint did not count them."""

    request_hash: str
    campaign: str
    ordinal: int
    request: dict[str, Any]
    status: Status
    response: str | None
    problem: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    created_at: str


@dataclass(frozen=True)
class Counts:
    """A campaign's sums. unread: answered calls out of which nothing could be read. rows: items made of the answers; flagged: those of them
    with a flag. last_problem: of the newest call that has one."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    lost: int = 0
    unread: int = 0
    rows: int = 0
    flagged: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last_problem: str | None = None


def request_hash(request: dict[str, Any], ordinal: int) -> str:
    return hashlib.sha256(storable_json({"ordinal": ordinal, "request": request}).encode()).hexdigest()


def claim(store: Store, campaign: str, ordinal: int, request: dict[str, Any]) -> str | None:
    """The request's hash when the caller may send it now; None when it was sent before (by anybody) and did not surely fail."""
    name = request_hash(request, ordinal)
    row = {"campaign": campaign, "ordinal": ordinal, "request": storable_json(request), "status": "sent", "created_at": now()}
    with store.write() as db:
        if db.dialect.name == "postgresql":
            db.execute(select(func.pg_advisory_xact_lock(int(name[:15], 16))))  # SQLite's write lock does the same
        status = db.execute(select(llm_calls.c.status).where(llm_calls.c.request_hash == name)).scalar()
        if status is None:
            db.execute(llm_calls.insert().values(request_hash=name, **row))
        elif status == "failed":
            db.execute(update(llm_calls).where(llm_calls.c.request_hash == name).values(status="sent", problem=None, created_at=now()))
        else:
            return None
    return name


def answered(store: Store, name: str, response: str, prompt_tokens: int | None, completion_tokens: int | None) -> None:
    """Keeps the answer of a claimed request."""
    _set(store, name, status="answered", response=storable(response), prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)


def ended(store: Store, name: str, status: Literal["failed", "lost"], problem: str) -> None:
    """Says that no answer came to a claimed request, and why."""
    _set(store, name, status=status, problem=storable(problem))


def unreadable(store: Store, name: str, problem: str) -> None:
    """Says that nothing could be read out of an answered request; it stays answered and is not asked again."""
    _set(store, name, problem=storable(problem))


def calls(store: Store, campaign: str, *statuses: Status) -> Iterator[Call]:
    """The campaign's calls by ordinal; all statuses when none is named."""
    query = select(llm_calls).where(llm_calls.c.campaign == campaign).order_by(llm_calls.c.ordinal, llm_calls.c.request_hash)
    if statuses:
        query = query.where(llm_calls.c.status.in_(statuses))
    with store.read() as db:
        rows = db.execute(query).mappings().all()
    for row in rows:
        yield Call(**{**row, "request": json.loads(row["request"])})


def next_ordinal(store: Store, campaign: str) -> int:
    """The first ordinal after all those the campaign has used; 0 for a new campaign."""
    with store.read() as db:
        last = db.execute(select(func.max(llm_calls.c.ordinal)).where(llm_calls.c.campaign == campaign)).scalar()
    return 0 if last is None else last + 1


def campaigns(store: Store) -> list[str]:
    """Names of all campaigns, the one used last first."""
    query = select(llm_calls.c.campaign).group_by(llm_calls.c.campaign).order_by(func.max(llm_calls.c.created_at).desc())
    with store.read() as db:
        return list(db.execute(query).scalars())


def counts(store: Store, campaign: str) -> Counts:
    """The sums of a campaign; all zero for one that has not begun."""
    c = llm_calls.c
    mine = c.campaign == campaign
    of_status = select(c.status, func.count(), func.sum(c.prompt_tokens), func.sum(c.completion_tokens)).where(mine).group_by(c.status)
    problem = select(c.problem).where(mine, c.problem.is_not(None)).order_by(c.created_at.desc(), c.ordinal.desc()).limit(1)
    # meta is canonical JSON, so the campaign's name stands in it in exactly one way
    made = items.c.meta.contains(f'"campaign":{canonical_json(campaign)}', autoescape=True) & (items.c.origin == "generated")
    with store.read() as db:
        rows = db.execute(of_status).all()
        unread = db.execute(select(func.count()).where(mine, c.status == "answered", c.problem.is_not(None))).scalar_one()
        item_count = db.execute(select(func.count()).select_from(items).where(made)).scalar_one()
        flagged = db.execute(select(func.count()).select_from(items).where(and_(made, items.c.flags != "[]"))).scalar_one()
        last_problem = db.execute(problem).scalar()
    return Counts(
        **{row[0]: row[1] for row in rows}, unread=unread, rows=item_count, flagged=flagged,
        prompt_tokens=sum(row[2] or 0 for row in rows), completion_tokens=sum(row[3] or 0 for row in rows), last_problem=last_problem,
    )


def _set(store: Store, name: str, **values: Any) -> None:
    with store.write() as db:
        db.execute(update(llm_calls).where(llm_calls.c.request_hash == name).values(**values))
