from __future__ import annotations

import re
from pathlib import Path

import pytest

from curation.knowledge import BadKnowledge, load, load_folder
from curation.knowledge.mechanisms import MECHANISMS
from curation.knowledge.subsystems import SUBSYSTEMS

GOOD = """
subsystem: libc
platform: posix
rows:
- {id: demo.at_end, kind: function, names: [at_end], handler_arg: 0, runs_in: exit, may_sleep: true, source: at_end(3),
   trigger: {en: the end, zh: 结束时}}
"""


def test_the_shipped_rows_are_valid_and_cover_the_promised_subsystems() -> None:
    knowledge = load()
    assert len(knowledge.rows) >= 600
    assert len({r.subsystem for r in knowledge.rows}) >= 40
    for name in (
        "signal",
        "sigaction",
        "atexit",
        "qsort",
        "bsearch",
        "pthread_create",
        "timer_create",
        "uv_queue_work",
        "request_threaded_irq",
        "INIT_WORK",
        "module_init",
        "timer_setup",
        "tasklet_setup",
        "kthread_run",
        "call_rcu",
        "register_netdevice_notifier",
        "wait_for_completion",
        "wait_event",
    ):
        assert knowledge.function(name), name
    for struct, field in (
        ("file_operations", "open"),
        ("platform_driver", "probe"),
        ("hrtimer", "function"),
        ("net_device_ops", "ndo_start_xmit"),
    ):
        assert knowledge.field(struct, field), (struct, field)


def test_the_structs_of_a_field_are_told_in_the_order_of_the_rows_in_every_run() -> None:
    knowledge = load()
    rows = [row.struct for row in knowledge.rows if row.kind == "field" and "remove" in row.fields]
    assert knowledge.structs_by_field["remove"] == list(dict.fromkeys(rows)) and len(rows) > 3


def test_a_row_says_which_argument_is_the_handler_and_where_it_runs() -> None:
    handler, thread = load().function("request_threaded_irq")
    assert (handler.handler_arg, handler.runs_in, handler.may_sleep) == (1, "hardirq", False)
    assert (thread.handler_arg, thread.runs_in, thread.may_sleep) == (2, "process", True)


def test_what_is_not_known_is_found_as_nothing() -> None:
    assert load().function("no_such_function") == []
    assert load().field("no_such_struct", "open") == []


def test_every_trigger_is_told_in_both_languages_and_the_chinese_one_is_chinese() -> None:
    for row in load().rows:
        if row.trigger is not None:
            assert re.search(r"[一-鿿]", row.trigger.zh), row.id
            assert not re.search(r"[一-鿿]", row.trigger.en), row.id


def test_nothing_that_may_not_sleep_is_said_to_run_where_sleeping_is_right_only_by_mistake() -> None:
    for row in load().rows:
        if row.runs_in in ("softirq", "hardirq", "atomic", "signal"):
            assert row.may_sleep is False, row.id


def test_every_mechanism_with_a_trigger_row_can_be_bound() -> None:
    phases = {m: {p for r in load().rows if r.mechanism == m for p in r.phases} for m in MECHANISMS}
    assert [m for m, found in phases.items() if "trigger" in found and "bind" not in found] == []


def test_all_faults_of_all_files_are_told_at_once_with_file_row_and_key(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        GOOD + "- {id: demo.other, kind: function, names: [f], handler_arg: zero, source: f(3), colour: red}\n"
    )
    (tmp_path / "b.yaml").write_text(
        "subsystem: libc\nplatform: posix\nrows:\n- {id: b.x, kind: field, struct: s, source: none}\n- just text\n"
    )
    (tmp_path / "c.yaml").write_text("rows: [\n")
    with pytest.raises(BadKnowledge) as caught:
        load_folder(tmp_path)
    problems = caught.value.params["problems"].split("\n")
    assert [p.split(":")[0] for p in problems[:4]] == [
        "- a.yaml, row 2 (demo.other)",
        "- a.yaml, row 2 (demo.other)",
        "- b.yaml, row 1 (b.x)",
        "- b.yaml, row 2 ('just text')",
    ]
    assert "handler_arg" in caught.value.params["problems"] and "colour" in caught.value.params["problems"]
    assert problems[-1].startswith("- c.yaml: not YAML")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("runs_in: exit", "runs_in: somewhere"),
        ("trigger: {en: the end, zh: 结束时}", "notes: none"),
        ("handler_arg: 0", "handler_arg: -1"),
        ("source: at_end(3)", "notes: none"),
        ("names: [at_end]", "names: []"),
        ("kind: function", "kind: field"),
        ("runs_in: exit", "mechanism: telepathy"),
    ],
)
def test_a_row_with_a_wrong_or_missing_value_is_refused(tmp_path: Path, change: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(GOOD.replace(change, said))
    with pytest.raises(BadKnowledge, match="demo.at_end"):
        load_folder(tmp_path)


def test_an_id_may_be_there_only_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD.replace("subsystem: libc", "subsystem: signal"))
    with pytest.raises(BadKnowledge, match="demo.at_end is there twice"):
        load_folder(tmp_path)


def test_no_subsystem_is_without_rows() -> None:
    assert set(SUBSYSTEMS) == {r.subsystem for r in load().rows}
