"""What is known of callback and asynchronous APIs in this workspace: the shipped rows, and those that reviewers added.

A reviewer or lead adds a row; it is kept apart from the shipped ones, in the store, and counts from the next propose on. An added
row with the id of a shipped one takes its place (Entry.shipped shows what it replaces). Its author (or a lead) changes it or
withdraws it; nothing is ever deleted.

>>> add(store, reva, {"id": "linux.my_irq", "kind": "function", "names": ["my_irq"], "handler_arg": 1, ...}, op)
>>> with using(knowledge(store)):
...     propose_index(index)
"""
from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from curation.errors import NotAllowed, NotFound, Reason, UserError, joined
from curation.knowledge import Knowledge, Row, faults, load, parse
from curation.knowledge.subsystems import SUBSYSTEMS
from curation.model import Actor
from curation.people.access import allowed, require
from curation.store import Store
from curation.store import knowledge as stored
from curation.store.knowledge import Change, RowTaken
from curation.tasks import site_tasks

__all__ = [
    "RowTaken", "add", "add_text", "change", "check", "entries", "knowledge", "named", "suggested_id", "unusable", "view", "withdraw",
]
MOST_PLACES = 8  # places of use shown with a row
ADD = "add knowledge rows"


class BadKnowledgeRow(UserError):
    """`problems`: one line a fault, key and what is wrong."""

    code = "bad_knowledge_row"
    text = "The row {name!r} cannot be used:\n{problems}\nMend the named keys; leave out what is not known."


@dataclass(frozen=True)
class Entry:
    """One row as it counts here. user, added_at: who added it and when it was changed last; None: shipped. shipped: the shipped row that it
    takes the place of."""

    row: Row
    user: str | None = None
    added_at: str | None = None
    shipped: Row | None = None


@dataclass(frozen=True)
class Use:
    """A site to label for which this row was proposed. line: 1-based."""

    item_id: str
    task: str
    source: str
    file: str
    line: int


@dataclass(frozen=True)
class RowView:
    """One row with what surrounds it. counts: sites proposed by it, by source. history: its changes, oldest first. problem: why the added
    row does not count (made under other rules); None: it counts."""

    entry: Entry
    counts: Mapping[str, int]
    places: list[Use]
    history: list[Change]
    siblings: list[Row]
    may_change: bool


_KNOWN: WeakKeyDictionary[Store, tuple[int, Knowledge, list[Entry], list[Change]]] = WeakKeyDictionary()


def knowledge(store: Store) -> Knowledge:
    """The rows that count in this workspace; the same object until somebody changes a row."""
    return _current(store)[1]


def entries(
    store: Store, *, search: str | None = None, subsystem: str | None = None, runs_in: str | None = None, mechanism: str | None = None,
    added: bool | None = None,
) -> list[Entry]:
    """Rows as they count here, by subsystem; in each the shipped ones in the order of their files, then the added ones. None: not
    restricted; runs_in "unknown": rows with a handler that state none. search: every word of it is found in some key of the row,
    whatever the case."""
    words = (search or "").casefold().split()
    kept: Iterable[Entry] = _current(store)[2]
    tests: list[Callable[[Entry], bool]] = []
    if subsystem is not None:
        tests.append(lambda e: e.row.subsystem == subsystem)
    if runs_in == "unknown":
        tests.append(lambda e: e.row.takes_handler and e.row.runs_in is None)
    elif runs_in is not None:
        tests.append(lambda e: e.row.runs_in == runs_in)
    if mechanism is not None:
        tests.append(lambda e: e.row.mechanism == mechanism)
    if added is not None:
        tests.append(lambda e: (e.user is not None) == added)
    if words:
        tests.append(lambda e: all(word in _text(e.row) for word in words))
    return [entry for entry in kept if all(test(entry) for test in tests)]


def unusable(store: Store) -> list[Change]:
    """Added rows that do not count, because they are not valid any more under this version's rules."""
    return _current(store)[3]


def named(store: Store, name: str) -> list[Entry]:
    """The rows of an id, of a function or macro, or of "struct.field". Raises NotFound."""
    found = [e for e in _current(store)[2] if name in (e.row.id, *e.row.names, *(f"{e.row.struct}.{field}" for field in e.row.fields))]
    if not found:
        raise NotFound(kind="knowledge row", name=name)
    return found


def view(store: Store, actor: Actor, row_id: str) -> RowView:
    """Raises NotFound."""
    entry = next((e for e in _current(store)[2] if e.row.id == row_id), None)
    if entry is None:
        raise NotFound(kind="knowledge row", name=row_id)
    counts, places = stored.uses(store, {task.name: task.row_field for task in site_tasks() if task.row_field}, row_id, MOST_PLACES)
    history = stored.history(store, row_id)
    row = entry.row
    beside = {r.id: r for name in row.names for r in knowledge(store).function(name)}
    beside |= {r.id: r for field in row.fields for r in knowledge(store).field(row.struct or "", field)}
    siblings = [r for r in beside.values() if r.id != row.id]
    mine = entry.user is not None and (entry.user == actor.name or actor.role == "lead")
    return RowView(entry, counts, [Use(*place) for place in places], history, siblings, mine and allowed(actor, "reviewer"))


def check(keys: Mapping[str, Any]) -> Row:
    """The row of these keys; an empty value counts as one that is not given, and without an id it gets one made of its names.
    Raises BadKnowledgeRow with every fault."""
    given = {key: value for key, value in keys.items() if value not in (None, "", [], {})}
    given.setdefault("id", suggested_id(given))
    try:
        return Row.model_validate(given)
    except ValidationError as err:
        problems = [Reason("", "{field}: {why}", field=field, why=why) for field, why in faults(err)]
        raise BadKnowledgeRow(name=str(given["id"]), problems=joined(problems)) from err


def suggested_id(keys: Mapping[str, Any]) -> str:
    """platform.name or platform.struct.field; "" where the keys do not say it."""
    parts = [keys.get("platform"), keys.get("struct"), *(keys.get("fields") or keys.get("names") or [])[:1]]
    return ".".join(re.sub(r"\W", "_", str(part)) for part in parts if part)


def add(store: Store, actor: Actor, keys: Mapping[str, Any], op_id: str) -> Row:
    """Adds one row; with the id of a shipped row it takes that one's place. Raises NotAllowed, BadKnowledgeRow, RowTaken."""
    require(actor, "reviewer", action=ADD)
    row = check(keys)
    _write(store, actor, [row], op_id)
    return row


def add_text(store: Store, actor: Actor, text: str, where: str, op_id: str) -> list[Row]:
    """Adds, or changes where they are the actor's own, all rows of a YAML text in the format of the shipped files: all or none. Raises
    NotAllowed, BadKnowledgeRow, RowTaken."""
    require(actor, "reviewer", action=ADD)
    rows, problems = parse(text, where)
    problems += [f"{where}: the id {row.id} is there twice" for n, row in enumerate(rows) if row.id in {r.id for r in rows[:n]}]
    if problems:
        raise BadKnowledgeRow(name=where, problems=joined(problems))
    own = {e.row.id for e in _current(store)[2] if e.user is not None and (e.user == actor.name or actor.role == "lead")}
    _write(store, actor, rows, op_id, changes=own)
    return rows


def change(store: Store, actor: Actor, row_id: str, keys: Mapping[str, Any], op_id: str) -> Row:
    """Changes an added row of one's own (a lead: of anybody); its id stays. Raises NotAllowed, NotFound, BadKnowledgeRow."""
    _own(store, actor, row_id)
    row = check({**keys, "id": row_id})
    _write(store, actor, [row], op_id, changes={row_id})
    return row


def withdraw(store: Store, actor: Actor, row_id: str, op_id: str) -> None:
    """Takes an added row of one's own (a lead: of anybody) out of use; a shipped row that it replaced counts again. Raises NotAllowed,
    NotFound."""
    _own(store, actor, row_id)
    stored.change(store, {row_id: None}, user=actor.name, op_id=op_id)


def _write(store: Store, actor: Actor, rows: list[Row], op_id: str, changes: Container[str] = ()) -> None:
    kept = {row.id: row.model_dump(mode="json", exclude_defaults=True) for row in rows}
    stored.change(store, kept, user=actor.name, op_id=op_id, fresh={row.id for row in rows if row.id not in changes})


def _own(store: Store, actor: Actor, row_id: str) -> None:
    require(actor, "reviewer", action=ADD)
    if not any(c.row_id == row_id and c.row is not None for c in stored.latest(store)):
        raise NotFound(kind="added knowledge row", name=row_id)
    if actor.role != "lead" and _author(store, row_id) != actor.name:
        raise NotAllowed(user=actor.name, role=actor.role, action="change the knowledge row of somebody else")


def _author(store: Store, row_id: str) -> str:
    """Who added the row (anew, after it was withdrawn)."""
    author = ""
    for one in stored.history(store, row_id):
        author = "" if one.row is None else author or one.user
    return author


def _current(store: Store) -> tuple[int, Knowledge, list[Entry], list[Change]]:
    revision = stored.revision(store)
    known = _KNOWN.get(store)
    if known is None or known[0] != revision:
        known = _KNOWN[store] = _read(store, revision)
    return known


def _read(store: Store, revision: int) -> tuple[int, Knowledge, list[Entry], list[Change]]:
    shipped = load()
    added: dict[str, Entry] = {}
    broken = []
    for one in stored.latest(store):
        if one.row is None:
            continue
        try:
            row = Row.model_validate(one.row)
        except ValidationError:
            broken.append(one)
            continue
        added[row.id] = Entry(row, _author(store, row.id), one.created_at, shipped.by_id.get(row.id))
    counting = [added.get(row.id) or Entry(row) for row in shipped.rows] + [e for e in added.values() if e.shipped is None]
    order = {name: n for n, name in enumerate(SUBSYSTEMS)}
    listed = sorted(counting, key=lambda entry: order[entry.row.subsystem])
    return revision, Knowledge(e.row for e in counting) if added else shipped, listed, broken


def _text(row: Row) -> str:
    words = row.trigger.en + " " + row.trigger.zh if row.trigger else ""
    parts = [row.id, *row.names, row.struct or "", *row.fields, words, row.header or "", row.source, row.notes or "", row.subsystem,
             row.mechanism or "", *row.chain]
    return " ".join(parts).casefold()
