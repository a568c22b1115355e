"""A folder gives the same proposals, byte for byte, whether its program is kept in memory or in an index folder."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from curation.sourcing import propose
from curation.sourcing.indexing import Indexed, index_folder

HERE = Path(__file__).resolve().parent
FIXTURES = {"flows": HERE / "pointsto" / "flows", "knowledge": HERE.parent / "knowledge" / "fixtures",
            "patterns": HERE.parent / "knowledge" / "patterns"}
OPS = "struct ops { int (*go)(int); };\nstatic int run(struct ops *o) { return o->go(1); }\n"
CORPORA: dict[str, dict[str, str]] = {
    "a table that ops.def fills": {
        "ops.h": OPS,
        "a.c": '#include "ops.h"\nstatic int add(int v) { return v; }\nstatic int sub(int v) { return -v; }\n#define OP(f) { f },\n'
               'static struct ops table[] = {\n#include "ops.def"\n};\nint all(int i) { return run(&table[i]); }\n',
        "ops.def": "OP(add)\nOP(sub)\n", "notes.def": "OP(wrong)\n"},
    "a list that is included, and no macro at all": {
        "a.c": "struct ops { int (*go)(int); };\nstatic int add(int v) { return v; }\n"
               'static struct ops table[] = {\n#include "rows.tbl"\n};\n'
               "int all(int i) { return table[i].go(1); }\n",
        "rows.tbl": "{ add },\n"},
    "functions that a macro of another file makes": {
        "a.c": '#include "make.h"\nint first(int v) { struct ops o = { late_open }; return run(&o); }\n'
               "#define USE(o) (o)->go(lamp_open(2))\nint second(struct ops *o) { return USE(o); }\n",
        "make.h": OPS + "#define DEFINE_OPEN(name) int name##_open(int v) { return v; }\n#define DEFINE_TWO(name) DEFINE_OPEN(name)\n",
        "z.c": '#include "make.h"\nDEFINE_OPEN(lamp)\nDEFINE_TWO(late)\nstruct ops lamps = { lamp_open };\n'
               "int go(void) { return run(&lamps); }\n"},
    "a field whose type is a function's in another file": {
        "types.h": "typedef int (*visit)(int);\nstruct node { visit v; };\n#define EACH(n, f) walk_nodes(n, f)\n",
        "walk.c": '#include "types.h"\nint walk_nodes(struct node *n, visit f) { return f(1) + n->v(2); }\n'
                  "static int one(int v) { return v; }\nint all(struct node *n) { n->v = one; return EACH(n, n->v); }\n"},
    "a template under two names, and a file that is no text": {
        "a.c": '#define NAME(x) wide_##x\n#include "walk_impl.c"\n#undef NAME\n#define NAME(x) thin_##x\n#include "walk_impl.c"\n'
               "static int (*steps[])(int) = { wide_step, thin_step };\nint go(int i) { return steps[i](1); }\n",
        "walk_impl.c": "static int NAME(step)(int x)\n{\n    return x;\n}\n", "binary.c": "int a\0;"},
}


@pytest.fixture(params=[*FIXTURES, *CORPORA])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    place = tmp_path / "src"
    place.mkdir()
    if request.param in FIXTURES:
        for file in sorted(FIXTURES[request.param].glob("*.c")):
            (place / file.stem).mkdir()
            shutil.copy(file, place / file.stem / file.name)
    for file, text in CORPORA.get(request.param, {}).items():
        (place / file).write_text(text)
    return place


def _lines(found: Indexed) -> list[str]:
    return [json.dumps(propose.record_of(proposal), sort_keys=True) for proposal in propose.propose_index(found.program)]


def test_both_storages_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    in_memory, on_disk = index_folder(folder), index_folder(folder, index_dir=tmp_path / "index", jobs=1)
    assert _lines(in_memory) == _lines(on_disk)
    assert in_memory.program.files() == on_disk.program.files()
    assert in_memory.program.unanswered() == on_disk.program.unanswered()
    assert sorted(map(str, in_memory.problems)) == sorted(map(str, on_disk.problems))
    if folder.joinpath("a.c").exists():
        names = {c.name for call in on_disk.program.calls() if call.kind == "indirect" for c in on_disk.program.resolve(call)}
        assert names & {"add", "lamp_open", "wide_step"}, "the corpus shows what it is there for"
