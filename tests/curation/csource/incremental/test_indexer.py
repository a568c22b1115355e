"""An index folder says what the index in memory says, after any change, and after a kill."""
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from curation.csource import Program
from curation.csource.build import build_program
from curation.csource.incremental.indexer import IndexBusy, make_index
from curation.csource.incremental.report import IndexReport
from curation.csource.sources.files import list_folder
from curation.csource.storage.folder_index import open_index
from curation.tasks.function_pointer import TASK

OPS = """
struct device;
struct ops { int (*open)(struct device *); int (*close)(struct device *); };
struct device { const struct ops *ops; int state; };
#define CALL(d, what) ((d)->ops->what(d))
#define LOG(d, text) log_it(d, text)
#define DEFINE_OPEN(name) static int name##_open(struct device *d) { return 0; }
void log_it(struct device *, const char *);
"""
DRIVER = """
#include "ops.h"
DEFINE_OPEN(lamp)
static int lamp_close(struct device *d) { LOG(d, "closing"); return 0; }
const struct ops lamp_ops = { .open = lamp_open, .close = lamp_close };
"""
CORE = """
#include "ops.h"
int start(struct device *d) { d->ops = &lamp_ops; return CALL(d, open); }
static int (*hook)(struct device *);
int hooked(struct device *d, int (*given)(struct device *)) { hook = given; return hook(d) + (*given)(d); }
int stop(struct device *d) { return d->ops->close(d); }
"""


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_name(path.name.replace("_c", ".c").replace("_h", ".h"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        later = path.stat().st_mtime_ns + 1_000_000 * (1 + len(text))
        os.utime(path, ns=(later, later))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    _write(folder, ops_h=OPS, lamp_c=DRIVER, core__core_c=CORE)
    return folder


def _made(source: Path, place: Path) -> tuple[Program, IndexReport]:
    report = make_index(place, list_folder(source), jobs=1)
    return open_index(place), report


def _said(index: Program) -> list[object]:
    """All that proposals are made of."""
    calls = [(c.file, c.line, c.callee, c.callee_name, c.kind, c.macro) for file in index.files() for c in index.calls(file)]
    answers = [
        (c.file, c.line, sorted((f.name, f.file) for f in index.resolve(c))) for file in index.files() for c in index.calls(file)
        if c.kind == "indirect"]
    names = sorted((f.name, f.file, f.line) for f in index.all_functions())
    return [sorted(calls, key=repr), sorted(answers), names]


def _in_memory(source: Path) -> Program:
    return build_program(list_folder(source), jobs=0)


def test_an_index_on_disk_says_what_one_in_memory_says(source: Path, tmp_path: Path) -> None:
    index, report = _made(source, tmp_path / "index")
    assert report.read == 3
    assert _said(index) == _said(_in_memory(source))
    assert [c.name for c in index.resolve(next(c for c in index.calls("core/core.c") if c.macro == "CALL"))] == ["lamp_open"]


def test_a_kept_flow_says_what_the_solved_one_says(source: Path, tmp_path: Path) -> None:
    index, _ = _made(source, tmp_path / "index")
    solved = _proposals(index)
    assert any(candidates for _, candidates in solved)
    again = open_index(tmp_path / "index")
    assert len(again.flow.nodes) == len(index.flow.nodes)
    assert _proposals(again) == solved


def _proposals(index: Program) -> list[tuple[int, list[object]]]:
    return [(p.line, [c.model_dump() for c in p.candidates]) for p in TASK.propose(index, None)]


def test_an_unchanged_corpus_is_not_read_again(source: Path, tmp_path: Path) -> None:
    _made(source, tmp_path / "index")
    index, report = _made(source, tmp_path / "index")
    assert (report.read, report.expanded) == (0, 0)
    assert report.counts["functions"] == 5
    assert len(index.functions("lamp_open")) == 1


def test_after_a_change_only_what_it_touches_is_done_again(source: Path, tmp_path: Path) -> None:
    _made(source, tmp_path / "index")
    _write(source, core__core_c=CORE + "int more(struct device *d) { return d->ops->close(d); }\n")
    index, report = _made(source, tmp_path / "index")
    assert (report.read, report.expanded) == (1, 1)
    assert _said(index) == _said(_in_memory(source))


def test_a_changed_macro_reaches_those_who_use_it_and_nobody_else(source: Path, tmp_path: Path) -> None:
    _write(source, other_c="int alone(void) { return 1; }\n")
    _made(source, tmp_path / "index")
    _write(source, ops_h=OPS.replace("((d)->ops->what(d))", "((d)->state ? 0 : (d)->ops->what(d))\n").replace("log_it(d", "note_it(d"))
    index, report = _made(source, tmp_path / "index")
    assert report.read == 1
    assert report.expanded == 3  # ops.h, lamp.c (LOG), core.c (CALL)
    assert _said(index) == _said(_in_memory(source))


def test_another_include_gives_a_macro_another_meaning(source: Path, tmp_path: Path) -> None:
    other = OPS.replace("((d)->ops->what(d))", "((d)->ops->close(d))")
    _write(source, here__more_h=other, via_h='#include "ops.h"\n')
    _write(source, core__core_c=CORE.replace("ops.h", "via.h"))
    _made(source, tmp_path / "index")
    _write(source, via_h='#include "more.h"\n\n')
    index, report = _made(source, tmp_path / "index")
    assert (report.read, report.expanded) == (1, 4)  # via.h, core.c, which includes it, and what sees with its eyes: ops.h, more.h
    assert [c.operand.fields for c in index.calls("core/core.c") if c.macro == "CALL"] == [("ops", "close")]
    assert _said(index) == _said(_in_memory(source))


def test_files_that_come_and_go_leave_the_others_their_facts(source: Path, tmp_path: Path) -> None:
    _made(source, tmp_path / "index")
    _write(source, aa__first_c="int first(struct device *d) { return CALL(d, close); }\n", zz_c="int last(void) { return 0; }\n")
    index, report = _made(source, tmp_path / "index")
    assert report.read == 2
    assert _said(index) == _said(_in_memory(source))
    (source / "lamp.c").unlink()
    index, report = _made(source, tmp_path / "index")
    assert report.read == 0
    assert _said(index) == _said(_in_memory(source))
    assert index.functions("lamp_close") == []


def test_what_was_read_before_a_kill_is_not_read_again(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    _made(source, place)
    (place / "state.json").unlink()  # as it is before the first state is whole
    with (place / "raw.pack").open("ab") as pack:
        pack.write(b"half a record")
    index, report = _made(source, place)
    assert report.read == 0
    assert _said(index) == _said(_in_memory(source))


def test_an_index_of_another_version_is_made_anew_and_that_is_said(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    assert not _made(source, place)[1].made_anew
    state = json.loads((place / "state.json").read_text())
    (place / "state.json").write_text(json.dumps({**state, "layout": "0"}))
    (place / "settled.pack").write_bytes(b"of another version")
    index, report = _made(source, place)
    assert (report.made_anew, report.read) == (True, 3) and not (place / "settled.pack").exists()
    assert len(index.functions("lamp_close")) == 1


def test_one_bad_file_costs_itself_only_and_is_listed(source: Path, tmp_path: Path) -> None:
    _write(source, bad_c="int x = " + "(" * 40_000 + "1" + ")" * 40_000 + ";\n")
    (source / "binary.c").write_bytes(b"\x00\x01\x02" * 100)
    index, report = _made(source, tmp_path / "index")
    assert {(p.file, p.code) for p in report.problems} == {("bad.c", "too_deep"), ("binary.c", "undecodable")}
    assert {p.file for p in index.problems()} == {"bad.c", "binary.c"}
    assert len(index.functions("lamp_close")) == 1
    again = make_index(tmp_path / "index", list_folder(source))
    assert {p.file for p in again.problems} == {"bad.c", "binary.c"}


def test_a_file_that_is_too_slow_costs_itself_only(source: Path, tmp_path: Path) -> None:
    _write(source, slow_c="int f(void) { return 0; }\n" + "int v;\n" * 400_000)
    report = make_index(tmp_path / "index", list_folder(source), time_limit_s=0.4)
    assert {(p.file, p.code) for p in report.problems} == {("slow.c", "too_slow")}
    assert report.counts["functions"] == 5
    unchanged = make_index(tmp_path / "index", list_folder(source), time_limit_s=30)
    assert unchanged.read == 0
    again = make_index(tmp_path / "index", list_folder(source), time_limit_s=30, retry=True)
    assert (again.read, again.problems) == (1, [])


def test_two_cannot_write_one_index(source: Path, tmp_path: Path) -> None:
    import fcntl

    place = tmp_path / "index"
    place.mkdir()
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(IndexBusy):
            make_index(place, list_folder(source))
