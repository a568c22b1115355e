"""When constraints are kept, and when they are made again."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.csource import build_index
from curation.csource.facts.encoding import decode_facts, encode_facts
from curation.csource.incremental.indexer import make_index
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.constraint_encoding import decode_constraints, encode_constraints
from curation.csource.pointsto.constraints import constraints_of
from curation.csource.pointsto.pointer_facts import decode_pointer_facts, encode_pointer_facts, pointer_facts
from curation.csource.sources.files import list_folder
from curation.csource.storage.folder_index import open_index

_TEXTS = {
    "ops.h": "struct ops { int (*open)(int); };\nextern struct ops *now;\nint set(struct ops *o);\n",
    "set.c": '#include "ops.h"\nstruct ops *now;\nint set(struct ops *o) { now = o; return now->open(1); }\n',
    "use.c": '#include "ops.h"\nint first(int a) { return a; }\nstatic struct ops mine = { .open = first };\n'
             "void go(void) { unsigned long n = 3; int i = n; set(&mine); log_it(\"%d\", i); }\n",
    "take.c": '#include "ops.h"\nint first(int a);\nvoid take(struct ops *o) { o->open = first; }\n',
    "other.c": "int alone(int a) { return a + 1; }\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "src"
    place.mkdir()
    for file, text in _TEXTS.items():
        (place / file).write_text(text)
    return place


def _constrained(source: Path, folder: Path) -> int:
    return make_index(folder, list_folder(source)).constrained


def _reached(source: Path, folder: Path) -> list[str]:
    index = open_index(folder)
    return sorted(c.name for call in index.calls() if call.kind == "indirect" for c in index.resolve(call))


def test_what_was_written_is_read() -> None:
    index = build_index(_TEXTS.items(), jobs=0)
    for file, facts in index.facts.items():
        one = pointer_facts(facts)
        assert decode_pointer_facts(encode_pointer_facts(one), file) == one
        made = constraints_of(AccessPaths(index), one)
        assert decode_constraints(encode_constraints(made), file) == made
        assert decode_facts(encode_facts(facts), file) == facts


def test_numbers_do_not_flow() -> None:
    one = pointer_facts(build_index(_TEXTS.items(), jobs=0).facts["use.c"])
    assert [one.assignment(row).left.text for row in one.assignments if row[0] == 1 and row[3] is not None] == []


def test_after_a_change_the_constraints_of_those_it_concerns_are_made_again(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    assert _constrained(source, folder) == len(_TEXTS)
    with (source / "other.c").open("a") as out:
        out.write("int more(int a) { return alone(a); }\n")
    assert _constrained(source, folder) == 1  # other.c alone
    (source / "use.c").write_text(_TEXTS["use.c"].replace("int first", "\nint first"))
    assert _constrained(source, folder) == 2  # take.c names a function that begins at another line now
    assert _reached(source, folder) == ["first"]
    (source / "use.c").write_text(_TEXTS["use.c"].replace("int first(int a)", "static int first(int a)"))
    assert _constrained(source, folder) == 2
    (source / "ops.h").write_text(_TEXTS["ops.h"].replace("int (*open)(int);", "int (*open)(int); void *more;"))
    assert _constrained(source, folder) == len(_TEXTS)  # a type that others mention
    assert _reached(source, folder) == ["first", "first"]


@pytest.mark.parametrize("changed", [
    {"use.c": _TEXTS["use.c"].replace("first", "second")},
    {"take.c": _TEXTS["take.c"].replace("o->open", "now->open")},
    {"set.c": _TEXTS["set.c"].replace("now = o", "now = 0")},
    {"ops.h": _TEXTS["ops.h"].replace("struct ops *now", "void *now")},
    {"ops.h": _TEXTS["ops.h"] + "#define set(o) keep(o)\n", "keep.c": '#include "ops.h"\nint keep(struct ops *o) { return o->open(3); }\n'},
    {"use.c": _TEXTS["use.c"] + "int (*hook)(int) = first;\n", "set.c": _TEXTS["set.c"] + "int h(void) { return hook(1); }\n"},
])
def test_what_is_kept_flows_as_if_all_were_made_anew(source: Path, tmp_path: Path, changed: dict[str, str]) -> None:
    make_index(tmp_path / "index", list_folder(source))
    for file, text in changed.items():
        (source / file).write_text(text)
    make_index(tmp_path / "index", list_folder(source))
    make_index(tmp_path / "new", list_folder(source))
    kept, new = (open_index(tmp_path / name).flow for name in ("index", "new"))
    told = [{key: sorted(flow.name(v) for v in flow.held[node]) for node, key in enumerate(flow.nodes)} for flow in (kept, new)]
    assert told[0] == told[1]
