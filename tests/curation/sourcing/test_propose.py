"""Proposals of texts, folders and imported sources."""
import pytest

from curation.errors import BadValue, NotAllowed, NotFound
from curation.model import Actor
from curation.settings import Settings
from curation.sourcing import indexing, propose, sources
from curation.store import items

LEAD = Actor(name="local", role="lead")

CODE = "static int one(int a) { return a; }\nstatic int (*p)(int) = one;\nint f(void) { return p(1); }\n"


def test_texts_are_one_corpus():
    header = "struct o { void (*go)(void); };\n"
    found = list(
        propose.propose_texts(
            [("o.h", header), ("a.c", "void x(void) { }\nstruct o k = { x };\nvoid f(struct o *q) { q->go(); }")], ["function_pointer"]
        )
    )
    assert [(p.file, [c.name for c in p.candidates]) for p in found] == [("a.c", ["x"])]


def test_a_folder_gives_relative_names_and_names_what_it_could_not_read(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.c").write_text(CODE)
    (tmp_path / "sub" / "a.c").write_text(CODE)
    (tmp_path / "b.c").write_bytes(b"int a\0;")
    (tmp_path / "deep.c").write_text("int a = " + "(" * 100_000)
    (tmp_path / "notes.txt").write_text("no C")
    (tmp_path / "link.c").symlink_to(tmp_path / "sub" / "a.c")
    found = indexing.index_folder(tmp_path)
    assert [p.file for p in propose.propose_index(found.program, ["function_pointer"])] == ["sub/a.c"]
    assert sorted((p.file, p.code) for p in found.problems) == [("b.c", "undecodable"), ("deep.c", "too_deep")]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        list(propose.propose_folder(tmp_path / "nowhere"))


def test_a_task_without_sites_is_refused():
    with pytest.raises(BadValue, match="self_instruct"):
        propose.chosen_tasks(["self_instruct"])


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", datasets_dir=tmp_path / "datasets", store_url="sqlite://")


@pytest.fixture
def imported(store, settings, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.c").write_text(CODE)
    (folder / "b.c").write_text("void g(void (*cb)(void)) { cb(); cb(); }\n")
    sources.import_folder(store, settings, LEAD, folder, name="given")
    return "given"


def test_a_source_becomes_items_in_the_order_of_the_code_and_only_once(store, settings, imported):
    report = propose.propose_source(store, settings, LEAD, imported, ["function_pointer"])
    assert (report.sites, report.added, report.known) == ({"function_pointer": 3}, 3, 0)
    found = list(items.find(store, tasks=["function_pointer"]))
    assert [(i.file, i.line, i.group) for i in found] == [("a.c", 3, "given/a.c"), ("b.c", 1, "given/b.c"), ("b.c", 1, "given/b.c")]
    assert found[0].excerpt.startswith("// file: a.c\n") and found[0].meta["proposer"]
    again = propose.propose_source(store, settings, LEAD, imported, ["function_pointer"])
    assert (again.added, again.known) == (0, 3)


def test_what_is_no_site_any_more_is_withdrawn_unless_somebody_spoke_of_it(store, settings, imported, tmp_path):
    code = "struct o { int (*go)(int); };\nint f(struct o *q) { q->go(1); q->go(2); return q->go(3); }\n"
    (tmp_path / "given" / "b.c").write_text(code)
    sources.import_folder(store, settings, LEAD, tmp_path / "given", name=imported)
    propose.propose_source(store, settings, LEAD, imported, ["function_pointer", "callback_timing"])
    said, begun, _, *others = [i for i in items.find(store, source=imported) if i.file == "b.c"]
    assert others == []
    items.annotate(store, item_id=said.id, actor=LEAD, op_id="op", action="skip")
    items.save_draft(store, begun.id, "local", {"en": "it calls"})
    (tmp_path / "given" / "b.c").write_text("int nothing;\n")
    sources.import_folder(store, settings, LEAD, tmp_path / "given", name=imported)
    report = propose.propose_source(store, settings, LEAD, imported, ["function_pointer"])
    left = list(items.find(store, source=imported))
    assert report.withdrawn == 1
    assert [i.id for i in left if i.file == "b.c"] == [said.id, begun.id]
    assert {i.task for i in left if i.file == "a.c"} == {"function_pointer", "callback_timing"}  # of a task that was not asked for
    assert propose.propose_source(store, settings, LEAD, imported, ["function_pointer"]).withdrawn == 0
    given = {"source": imported, "tasks": ["function_pointer"], "keep": set()}
    assert items.withdraw(store, **given, keep_files={"a.c"}) == 0  # what could not be read this time may only be missing
    assert items.withdraw(store, **given) == 1


def test_an_annotator_may_not_propose(store, settings, imported):
    with pytest.raises(NotAllowed):
        propose.propose_source(store, settings, Actor(name="ann", role="annotator"), imported)


def test_a_file_of_any_name_that_a_source_includes_is_read(tmp_path):
    (tmp_path / "conv.c").write_text(
        'struct table { int (*conv)(int); };\n#include "tables.map"\nint f(struct table *t) { return t->conv(1); }\n')
    (tmp_path / "tables.map").write_text("static int to_utf8(int c) { return c; }\nstatic struct table utf8 = { to_utf8 };\n")
    (tmp_path / "notes.map").write_text("static struct table other = { wrong };\n")
    found = indexing.index_folder(tmp_path)
    assert (found.program.files(), found.problems) == (["conv.c", "tables.map"], [])
    (proposal,) = propose.propose_index(found.program, ["function_pointer"])
    assert [c.name for c in proposal.candidates] == ["to_utf8"]


def test_no_call_of_a_method_is_proposed_and_a_makefiles_fragment_is_not_c(tmp_path):
    c = "struct ops { int (*go)(int); };\nint f(struct ops *o) { return o->go(1); }\n"
    guarded = "#ifdef __cplusplus\nextern \"C\" {\nnamespace a { }\n#endif\nstatic inline int g(struct ops *o) { return o->go(2); }\n"
    for name, text in {
        "a.c": c, "b.h": guarded, "test.cc": c,
        "mock.h": "namespace mocks {\nclass M : public Base {\n int f() { return o.go(); }\n};\n}\n",
        "list.h": "template <class T>\nint h(T *o) { return o->go(3); }\n", "Makefile.inc": ".if yes\nx = $(o.go(4))\n", "d.inc": c,
    }.items():
        (tmp_path / name).write_text(text)
    index = indexing.index_folder(tmp_path).program
    assert index.files() == ["a.c", "b.h", "d.inc", "list.h", "mock.h", "test.cc"]
    assert [p.file for p in propose.propose_index(index, ["function_pointer"])] == ["a.c", "b.h", "d.inc"]
