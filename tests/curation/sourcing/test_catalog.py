"""Rows that people add: kept apart from the shipped ones, theirs alone to change, and in use from the next propose on."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.csource import build_index
from curation.errors import BadValue, NotAllowed, NotFound
from curation.knowledge import in_use, load, using
from curation.knowledge.matching import corpus_of
from curation.settings import load_settings
from curation.sourcing import catalog, propose, sources
from curation.sourcing.catalog import BadKnowledgeRow, RowTaken
from curation.store import Store, items
from curation.store import knowledge as stored
from tests.curation.conftest import LEAD, REVA, WANG, ZOE

KEYS: dict[str, Any] = {
    "kind": "function", "names": ["my_register"], "handler_arg": 1, "runs_in": "hardirq", "may_sleep": False, "subsystem": "irq",
    "platform": "linux", "source": "my driver's manual", "trigger": {"en": "my device calls", "zh": "设备触发时"},
}
CODE = """#include <linux/module.h>
static void on_event(void)
{
}
void set_up(void)
{
	my_register(dev, on_event);
}
"""
YAML = """
subsystem: irq
platform: linux
rows:
- {id: linux.one, kind: function, names: [one], handler_arg: 0, runs_in: softirq, may_sleep: false, source: manual,
   trigger: {en: a, zh: 一}}
- {id: linux.two, kind: function, names: [two], object_arg: 0, source: manual}
"""


def test_an_added_row_is_in_use_from_the_next_propose_on(sqlite_store: Store, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.c").write_text(CODE)
    settings = load_settings(tmp_path / "home")
    sources.import_folder(sqlite_store, settings, LEAD, tmp_path / "src", "mine")
    propose.propose_source(sqlite_store, settings, LEAD, "mine", ["callback_timing"])
    assert [i for i in items.find(sqlite_store) if i.payload["answer"]["context"] == "hardirq"] == []
    catalog.add(sqlite_store, REVA, KEYS, "op")
    propose.propose_source(sqlite_store, settings, LEAD, "mine", ["callback_timing"])
    found = [i for i in items.find(sqlite_store) if i.payload["answer"]["context"] == "hardirq"]
    assert [(i.line, i.payload["answer"]["registered_via"]) for i in found] == [(2, "my_register")]
    view = catalog.view(sqlite_store, WANG, "linux.my_register")
    assert view.counts == {"mine": 1} and [(u.file, u.line) for u in view.places] == [("a.c", 2)]


def test_it_is_kept_apart_and_told_with_its_author(store: Store) -> None:
    row = catalog.add(store, REVA, KEYS, "op")
    assert row.id == "linux.my_register"
    assert [(e.row, e.user, e.shipped) for e in catalog.entries(store, added=True)] == [(row, "reva", None)]
    assert len(catalog.entries(store)) == len(load().rows) + 1 and len(catalog.entries(store, added=False)) == len(load().rows)
    assert row.id not in load().by_id


def test_an_added_row_takes_the_place_of_the_shipped_one_with_its_id_until_it_is_withdrawn(store: Store) -> None:
    keys = {**load().by_id["linux.request_irq"].model_dump(), "runs_in": "process", "may_sleep": True}
    catalog.add(store, REVA, keys, "op")
    assert [r.runs_in for r in catalog.knowledge(store).function("request_irq")] == ["process"]
    entry = catalog.named(store, "linux.request_irq")[0]
    assert entry.shipped is load().by_id["linux.request_irq"]
    catalog.withdraw(store, REVA, "linux.request_irq", "op2")
    assert catalog.knowledge(store).function("request_irq") == load().function("request_irq")
    assert [(c.user, c.row is None) for c in catalog.view(store, WANG, "linux.request_irq").history] == [("reva", False), ("reva", True)]


def test_an_annotator_may_look_but_not_add(store: Store) -> None:
    with pytest.raises(NotAllowed):
        catalog.add(store, WANG, KEYS, "op")
    with pytest.raises(NotAllowed):
        catalog.add_text(store, WANG, YAML, "a.yaml", "op")
    catalog.add(store, REVA, KEYS, "op")
    with pytest.raises(NotAllowed):
        catalog.change(store, WANG, "linux.my_register", KEYS, "op2")
    with pytest.raises(NotAllowed):
        catalog.withdraw(store, WANG, "linux.my_register", "op2")


def test_only_its_author_and_a_lead_change_or_withdraw_a_row(store: Store) -> None:
    catalog.add(store, REVA, KEYS, "op")
    with pytest.raises(NotAllowed):
        catalog.change(store, ZOE, "linux.my_register", {**KEYS, "handler_arg": 0}, "op2")
    with pytest.raises(NotAllowed):
        catalog.withdraw(store, ZOE, "linux.my_register", "op2")
    assert catalog.change(store, REVA, "linux.my_register", {**KEYS, "handler_arg": 0}, "op3").handler_arg == 0
    assert catalog.change(store, LEAD, "linux.my_register", {**KEYS, "handler_arg": 2}, "op4").handler_arg == 2
    assert catalog.view(store, REVA, "linux.my_register").may_change and not catalog.view(store, ZOE, "linux.my_register").may_change
    assert catalog.entries(store, added=True)[0].user == "reva"


def test_the_id_of_an_added_row_belongs_to_its_author_and_is_free_again_after_it_was_withdrawn(store: Store) -> None:
    catalog.add(store, REVA, KEYS, "op")
    with pytest.raises(RowTaken):
        catalog.add(store, ZOE, KEYS, "op2")
    catalog.withdraw(store, REVA, "linux.my_register", "op3")
    catalog.add(store, ZOE, KEYS, "op4")
    assert catalog.entries(store, added=True)[0].user == "zoe"


def test_the_same_operation_twice_writes_once_and_that_of_another_is_refused(store: Store) -> None:
    catalog.add(store, REVA, KEYS, "op")
    catalog.add(store, REVA, KEYS, "op")
    assert len(stored.history(store, "linux.my_register")) == 1
    with pytest.raises(BadValue):
        catalog.add(store, ZOE, KEYS, "op")


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"handler_arg": -1}, "handler_arg"), ({"runs_in": "somewhere"}, "runs_in"), ({"trigger": {"en": "x", "zh": ""}}, "trigger.zh"),
        ({"source": ""}, "source"), ({"subsystem": "astrology"}, "subsystem"), ({"trigger": None}, "row"), ({"colour": "red"}, "colour"),
        ({"id": "no id"}, "id"), ({"object_arg": "first"}, "object_arg"), ({"platform": ""}, "platform"),
    ],
)
def test_a_wrong_row_is_refused_with_the_name_of_the_key(sqlite_store: Store, keys: dict[str, Any], field: str) -> None:
    with pytest.raises(BadKnowledgeRow) as caught:
        catalog.add(sqlite_store, REVA, {**KEYS, **keys}, "op")
    assert any(line.startswith(field) for line in str(caught.value).split("\n"))
    assert catalog.entries(sqlite_store, added=True) == []


def test_a_file_of_rows_is_added_whole_or_not_at_all_and_again_by_its_author(store: Store) -> None:
    with pytest.raises(BadKnowledgeRow, match="row 2"):
        catalog.add_text(store, REVA, YAML.replace("names: [two]", "names: []"), "a.yaml", "op")
    assert catalog.entries(store, added=True) == []
    assert [r.id for r in catalog.add_text(store, REVA, YAML, "a.yaml", "op2")] == ["linux.one", "linux.two"]
    catalog.add_text(store, REVA, YAML.replace("softirq", "atomic"), "a.yaml", "op3")
    assert catalog.knowledge(store).function("one")[0].runs_in == "atomic"
    with pytest.raises(RowTaken):
        catalog.add_text(store, ZOE, YAML, "a.yaml", "op4")


def test_rows_are_found_by_words_subsystem_context_and_mechanism(sqlite_store: Store) -> None:
    found = catalog.entries(sqlite_store, search="REQUEST irq", subsystem="irq", runs_in="hardirq", mechanism="irq")
    assert "linux.request_irq" in [e.row.id for e in found]
    assert all(e.row.subsystem == "irq" and e.row.runs_in == "hardirq" and e.row.mechanism == "irq" for e in found)
    unknown = catalog.entries(sqlite_store, runs_in="unknown")
    assert unknown and all(e.row.takes_handler and e.row.runs_in is None for e in unknown)
    assert catalog.entries(sqlite_store, search="no such words here") == []


def test_a_row_is_found_by_function_by_field_and_by_id(sqlite_store: Store) -> None:
    assert {e.row.id for e in catalog.named(sqlite_store, "request_threaded_irq")} == {
        "linux.request_threaded_irq.handler", "linux.request_threaded_irq.thread_fn",
    }
    assert catalog.named(sqlite_store, "file_operations.open")[0].row.id == "linux.file_operations.open"
    with pytest.raises(NotFound):
        catalog.named(sqlite_store, "no_such_api")


def test_an_added_row_that_is_not_valid_any_more_is_left_out_and_told(sqlite_store: Store) -> None:
    stored.change(sqlite_store, {"linux.odd": {"id": "linux.odd", "kind": "spell"}}, user="reva", op_id="op")
    assert [c.row_id for c in catalog.unusable(sqlite_store)] == ["linux.odd"]
    assert catalog.knowledge(sqlite_store) is load()


def test_the_same_rows_are_the_same_object_until_somebody_changes_one(sqlite_store: Store) -> None:
    catalog.add(sqlite_store, REVA, KEYS, "op")
    one = catalog.knowledge(sqlite_store)
    assert catalog.knowledge(sqlite_store) is one
    catalog.withdraw(sqlite_store, REVA, "linux.my_register", "op2")
    assert catalog.knowledge(sqlite_store) is not one


def test_the_rows_in_use_end_with_the_block_and_an_index_is_read_anew_with_others(sqlite_store: Store) -> None:
    index = build_index([("a.c", CODE)])
    catalog.add(sqlite_store, REVA, KEYS, "op")
    mine = catalog.knowledge(sqlite_store)
    assert corpus_of(index).knowledge is load()
    with using(mine):
        assert in_use() is mine and corpus_of(index).knowledge is mine
    assert in_use() is load() and corpus_of(index).knowledge is load()
