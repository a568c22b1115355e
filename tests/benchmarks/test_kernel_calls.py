"""The parts of benchmarks/kernel_calls that need no kernel: reading the table, classes of context, names, paths and lists of files."""
from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[2] / f"benchmarks/kernel_calls/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


observe = _module("observe")
timing = _module("timing")


def test_a_table_gives_its_used_slots_with_full_addresses():
    free = observe.SLOT.pack(0, 0, 0, 0, 0)
    used = observe.SLOT.pack(7, 0x81000010, 0x81000200, 3, 5)
    claimed_but_not_written = observe.SLOT.pack(9, 0, 0, 0, 0)
    table = free + used + claimed_but_not_written + used[:10]
    assert list(observe.entries(table)) == [(0xFFFFFFFF81000010, 0xFFFFFFFF81000200, 3, 5)]


@pytest.mark.parametrize(
    ("mask", "name"),
    [(0, "process"), (128, "process"), (256 | 128, "process"), (1, "atomic"), (2, "atomic"), (4, "atomic"),
     (8, "softirq"), (8 | 2, "softirq"), (16 | 8 | 1, "hardirq"), (32 | 16, "nmi"), (64, "boot")],
)
def test_the_strictest_condition_names_the_class_of_a_context(mask: int, name: str):
    assert observe.context_class(mask) == name


def test_a_summary_adds_up_counts_by_class_and_tells_the_conditions():
    told = observe.summary(Counter({0: 2, 1: 3, 2 | 128: 4}))
    assert told == {"classes": {"atomic": 7, "process": 2}, "conditions": {"process": 2, "irqs_off": 3, "preempt_off+kthread": 4}}


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("f", "f"), ("f.constprop.0", "f"), ("f.isra.0.cold", "f"), ("f.part.12", "f"), ("__x64_sys_read", "__x64_sys_read"),
     ("f.localalias", "f"), ("f.7", "f.7")],
)
def test_what_the_compiler_appends_is_no_part_of_a_name(symbol: str, name: str):
    assert observe.plain_name(symbol) == name


def test_a_path_is_told_from_the_root_of_the_source():
    assert observe.relative("/w/src/./fs/../fs/open.c", ["/other", "/w/src/"]) == "fs/open.c"
    assert observe.relative("/w/build/include/generated/x.h", ["/w/src"]) is None
    assert observe.relative("/w/src2/x.c", ["/w/src"]) is None


def test_a_command_file_names_its_source_and_its_headers():
    text = (
        "savedcmd_fs/open.o := gcc -c -o fs/open.o /w/src/fs/open.c\n\nsource_fs/open.o := /w/src/fs/open.c\n\n"
        "deps_fs/open.o := \\\n    $(wildcard include/config/X) \\\n  /w/src/include/linux/fs.h \\\n  include/generated/a.h \\\n\n"
        "fs/open.o: $(deps_fs/open.o)\n"
    )
    assert observe.command_files(text) == ["/w/src/fs/open.c", "/w/src/include/linux/fs.h", "include/generated/a.h"]
    assert observe.command_files("cmd_x := ld -o x y\n") == []


def test_compiled_files_are_listed_and_linked(tmp_path: Path):
    source = tmp_path / "linux"
    for name in ("fs/open.c", "include/linux/fs.h", "fs/unused.c"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    work = tmp_path / "work"
    (work / "build/fs").mkdir(parents=True)
    (work / "build/fs/.open.o.cmd").write_text(
        f"source_fs/open.o := {source}/fs/open.c\n\ndeps_fs/open.o := \\\n  {source}/include/linux/fs.h \\\n  include/generated/a.h \\\n\n"
    )
    out = tmp_path / "compiled.txt"
    assert observe.compiled(work, source, out, tmp_path / "tree") == 2
    assert out.read_text().split() == ["fs/open.c", "include/linux/fs.h"]
    assert (tmp_path / "tree/fs/open.c").read_text() == "fs/open.c"
    assert not (tmp_path / "tree/fs/unused.c").exists()




def _said(function: str, context: str | None, may_sleep: bool | None) -> dict[str, object]:
    return {"file": "a.c", "function": function, "context": context, "may_sleep": may_sleep, "registered_via": "x"}


def _seen(function: str, **classes: int) -> dict[str, object]:
    return {"file": "a.c", "callee": function, "classes": classes}


def test_a_function_said_to_sleep_that_was_seen_in_an_interrupt_is_a_contradiction():
    figures, wrong = timing.compared(
        [_said("f", "process", True), _said("g", "process", True), _said("h", "softirq", False), _said("h", "process", True),
         _said("n", "process", True)],
        [_seen("f", process=3, hardirq=1), _seen("g", process=1, boot=2), _seen("h", softirq=1), _seen("n", boot=1)],
    )
    assert (figures["functions"], figures["said to sleep"], figures["said to sleep, seen where it must not"]) == (3, 2, 1)
    assert (figures["context agrees"], figures["context contradicts"]) == (2, 1)
    assert wrong == ["SLEEP a.c f: said process, may sleep True, by x; seen hardirq+process"]


@pytest.mark.parametrize(
    ("said", "seen", "fits"),
    [("process", {"atomic"}, True), ("process", {"process", "softirq"}, False), ("atomic", {"softirq"}, True),
     ("atomic", {"process"}, False), ("softirq", {"softirq", "process"}, True),
     ("hardirq", {"nmi"}, True), ("signal", {"process"}, None), (None, {"process"}, None)],
)
def test_a_said_context_is_held_against_the_seen_ones(said: str | None, seen: set[str], fits: bool | None):
    assert timing.agrees(said, seen) is fits
