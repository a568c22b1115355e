"""Every row against the engine: a C text made of the row's own keys, in which the callback must be found as the row says.

Where a row leaves the context to others the expectation is theirs: of a call that registers a filled object, the row of the object's
field; of a kernel call that runs the callback before it returns, the calling function.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from curation.csource import build_index
from curation.knowledge import Row, load
from curation.knowledge.callbacks.registrations import registrations
from curation.knowledge.example import call_of, example, handler_of
from curation.knowledge.matching import corpus_of
from curation.tasks import get_task

ROWS = [row for row in load().rows if row.takes_handler]


def file_of(row: Row) -> str:
    return f"{row.id}.c"


@cache
def found() -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[tuple[str, str]]]]:
    """Of one corpus with a file for each row: the proposals by file, and the (callback, row) registered, by file."""
    knowledge = load()
    index = build_index([(file_of(row), example(row, knowledge)) for row in ROWS])
    task = get_task("callback_timing")
    assert task.propose is not None and task.record is not None
    proposed: dict[str, list[dict[str, Any]]] = {}
    for proposal in task.propose(index, None):
        proposed.setdefault(proposal.file, []).append(task.record(proposal))
    registered: dict[str, list[tuple[str, str]]] = {}
    for one in registrations(corpus_of(index)):
        registered.setdefault(one.place.file, []).append((one.callback, one.row.id))
    return proposed, registered


def expected(row: Row) -> set[tuple[Any, Any]]:
    """(context, may sleep) that the proposal for the row's example may have."""
    if row.platform == "linux" and row.runs_in == "sync":
        return {("process", True), ("sync", row.may_sleep)}  # of set_up(), where its context is known
    if row.handler_field is not None and row.runs_in is None:
        struct, field = row.handler_field.split(".")
        return {(inner.runs_in, inner.may_sleep) for inner in load().field(struct, field)}
    return {(row.runs_in, row.may_sleep)}


def test_the_callback_of_every_row_is_found_where_the_row_says_it_stands() -> None:
    _, registered = found()
    missing = {row.id: example(row, load()) for row in ROWS if (handler_of(row), row.id) not in registered.get(file_of(row), [])}
    assert missing == {}


def test_the_callback_of_every_row_is_proposed_with_the_rows_context_and_sleeping() -> None:
    proposed, _ = found()
    wrong = {}
    for row in ROWS:
        if row.runs_in is None and row.handler_field is None:
            continue  # what the row leaves open may be read off the code
        said = {(r["context"], r["may_sleep"]) for r in proposed.get(file_of(row), []) if r["function"] == handler_of(row)}
        if row.may_sleep is None:
            said, wanted = {(context, None) for context, _ in said}, {(context, None) for context, _ in expected(row)}
        else:
            wanted = expected(row)
        if not said & wanted:
            wrong[row.id] = (said, wanted)
    assert wrong == {}


def test_no_two_rows_without_other_difference_speak_about_the_same_handler() -> None:
    seen: dict[tuple[Any, ...], str] = {}
    twice = []
    for row in ROWS:
        of_call: list[tuple[Any, ...]] = [(name, row.handler_arg, row.handler_name) for name in row.names]
        for place in of_call or [(row.struct, field) for field in row.fields]:
            key = (row.platform == "linux", row.handler_field, *place)
            if key in seen and row.mechanism == load().by_id[seen[key]].mechanism:
                twice.append((seen[key], row.id, place))
            seen.setdefault(key, row.id)
    assert twice == []


@pytest.mark.parametrize(
    ("row_id", "call"),
    [
        ("linux.DEVICE_ATTR_RO.show", "DEVICE_ATTR_RO(name0)"),
        ("linux.file_operations.open", "struct file_operations object = { .open = handler }"),
        ("python.PyMethodDef", "PyMethodDef object = { .ml_meth = handler }"),
        ("glib.g_timeout_add", "object = g_timeout_add(arg0, handler, context)"),
    ],
)
def test_the_call_shows_the_handler_the_context_and_the_object(row_id: str, call: str) -> None:
    assert call_of(load().by_id[row_id]) == call
