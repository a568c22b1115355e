"""`python -m curation knowledge`: what is known of callback and asynchronous APIs; browse, show one, add rows to the workspace."""
from __future__ import annotations

import argparse
import json
import sys
import uuid
from pathlib import Path
from typing import Any, get_args

from curation.commands import Subcommands, Workspace, add_user, declare, workspace
from curation.errors import BadValue, NotFound
from curation.knowledge.mechanisms import MECHANISMS
from curation.knowledge.subsystems import SUBSYSTEMS
from curation.model import Context
from curation.sourcing import catalog
from curation.sourcing.catalog import Entry

ACTIONS = ("list", "show", "add", "withdraw")


def add(commands: Subcommands) -> None:
    command = declare(
        commands, "knowledge", run,
        "Browse what is known of callback and asynchronous APIs, and add rows. Shipped rows come with the program; added ones are kept in "
        "the workspace and count from the next propose on. FILE.yaml is in the format of curation/knowledge/rows/*.yaml.",
        "knowledge --search irq --runs-in hardirq", "knowledge --subsystem usb --json", "knowledge show request_irq",
        "knowledge add mine.yaml --user reva", "knowledge withdraw linux.my_irq --user reva",
    )
    command.add_argument("action", nargs="?", choices=ACTIONS, default="list", help="default: list")
    command.add_argument("name", nargs="?", help="show: an id, a function or struct.field; add: a YAML file; withdraw: an id")
    command.add_argument("--search", metavar="TEXT", help="list: rows with all these words in a key")
    command.add_argument("--subsystem", metavar="S", choices=SUBSYSTEMS, help="list: rows of this subsystem (irq, usb, libuv, ...)")
    command.add_argument("--runs-in", metavar="C", choices=(*get_args(Context), "unknown"), help="list: rows whose callback runs there")
    command.add_argument("--mechanism", metavar="M", choices=MECHANISMS, help="list: rows of this asynchronous mechanism")
    command.add_argument("--added", action="store_true", help="list: only rows added in this workspace")
    command.add_argument("--json", action="store_true", help="list, show: one JSON line a row")
    add_user(command)


def run(given: argparse.Namespace) -> int:
    if given.action != "list" and given.name is None:
        raise BadValue(field="NAME", value="", why="is missing", todo=f"Write: knowledge {given.action} NAME.")
    if given.action == "list" and given.name is not None:
        raise BadValue(field="NAME", value=given.name, why="goes with show, add or withdraw", todo="Search with --search TEXT.")
    work = workspace(given)
    if given.action == "add":
        return _add(work, Path(given.name))
    if given.action == "withdraw":
        catalog.withdraw(work.store, work.actor, given.name, uuid.uuid4().hex)
        return 0
    if given.action == "show":
        found = catalog.named(work.store, given.name)
    else:
        found = catalog.entries(
            work.store, search=given.search, subsystem=given.subsystem, runs_in=given.runs_in, mechanism=given.mechanism,
            added=True if given.added else None,
        )
    _print(found, given)
    for broken in catalog.unusable(work.store):
        print(f"  the added row {broken.row_id} ({broken.user}) does not count: it is not valid under this version", file=sys.stderr)
    return 0


def _print(found: list[Entry], given: argparse.Namespace) -> None:
    if given.json:
        for entry in found:
            print(json.dumps(as_json(entry), ensure_ascii=False))
    elif given.action == "show":
        print("\n\n".join("\n".join(_lines(as_json(entry))) for entry in found))
    else:
        for entry in found:
            row = entry.row
            sleeps = {True: "sleeps", False: "no sleep", None: "?"}[row.may_sleep] if row.takes_handler else "-"
            runs = (row.runs_in or "?") if row.takes_handler else "/".join(row.phases) or "-"
            print(f"{row.id}\t{row.subsystem}\t{runs}\t{sleeps}\t{row.mechanism or '-'}\t{entry.user or 'shipped'}")
        print(f"{len(found)} rows", file=sys.stderr)


def as_json(entry: Entry) -> dict[str, Any]:
    """Every key of the row, null where it is unknown; `added_by` and `replaces_shipped` say where it comes from."""
    return {**entry.row.model_dump(mode="json"), "added_by": entry.user, "replaces_shipped": entry.shipped is not None}


def _lines(row: dict[str, Any]) -> list[str]:
    width = max(map(len, row))
    empty = (None, False)  # compared by identity: argument 0 is an argument
    shown = {k: v for k, v in row.items() if k in ("runs_in", "may_sleep") or not (v == [] or any(v is none for none in empty))}
    return [f"{key:<{width}}  {_text(value)}" for key, value in shown.items()]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " / ".join(str(part) for part in value.values())
    if isinstance(value, list):
        return ", ".join(json.dumps(part, ensure_ascii=False) if isinstance(part, dict) else str(part) for part in value)
    return "unknown" if value is None else {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _add(work: Workspace, path: Path) -> int:
    if not path.is_file():
        raise NotFound(kind="file", name=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise BadValue(field="file", value=str(path), why=str(err), todo="Save it as UTF-8.") from err
    rows = catalog.add_text(work.store, work.actor, text, path.name, uuid.uuid4().hex)
    shipped = {entry.row.id for entry in catalog.entries(work.store, added=True) if entry.shipped is not None}
    for row in rows:
        print(f"{row.id}\t{'takes the place of the shipped row' if row.id in shipped else 'added'}")
    return 0
