"""Definitions and references of names, as the source viewer asks for them."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation import jobs
from curation.csource import Program, build_index
from curation.errors import NotFound
from curation.model import Actor
from curation.settings import Settings, load_settings
from curation.sourcing import browse, indexing, sources
from curation.sourcing.browse import Place
from curation.store import Store, open_store

A = """struct ops { int (*open)(int n); };
enum color { RED, GREEN };
#define TWICE(x) ((x) + (x))
static int limit = 3;
static int disk_open(int n) { return n + limit; } /* limit */
static const struct ops disk = { .open = disk_open };
int start(const struct ops *ops, int limit)
{
	int n = TWICE(limit);
	limit = RED;
	return ops->open(n) + puts("limit disk_open");
}
"""
B = """extern int start(const void *, int);
struct other { int open; };
int go(struct other *o) { return start(0, o->open); }
static int helper(void) { return 1; }
int two(void) { return helper(); }
"""
C = "static int helper(void) { return 2; }\nint three(void) { return helper() + nowhere(); }\n"


@pytest.fixture(scope="module")
def index() -> Program:
    return build_index([("a.c", A), ("sub/b.c", B), ("sub/c.c", C)])


def asked(text: str, line: int, name: str, nth: int = 0) -> tuple[int, int]:
    """(line, column) of a mention of the name in a line."""
    at = -1
    for _ in range(nth + 1):
        at = text.split("\n")[line - 1].index(name, at + 1)
    return line, at + 1


def defined(index: Program, file: str, line: int, name: str, nth: int = 0) -> list[tuple[str, int, str]]:
    text = {"a.c": A, "sub/b.c": B, "sub/c.c": C}[file]
    return [(p.file, p.line, p.kind) for p in browse.definitions(index, name, file, *asked(text, line, name, nth)).places]


def used(index: Program, file: str, line: int, name: str, nth: int = 0) -> list[tuple[str, int, str]]:
    text = {"a.c": A, "sub/b.c": B, "sub/c.c": C}[file]
    return [(p.file, p.line, p.kind) for p in browse.references(index, name, file, *asked(text, line, name, nth)).places]


def test_a_name_is_found_by_what_it_means_where_it_stands(index: Program) -> None:
    assert defined(index, "a.c", 6, "disk_open") == [("a.c", 5, "function")]
    assert defined(index, "a.c", 9, "TWICE") == [("a.c", 3, "macro")]
    assert defined(index, "a.c", 10, "RED") == [("a.c", 2, "enumerator")]
    assert defined(index, "a.c", 5, "limit") == [("a.c", 4, "variable")]
    assert defined(index, "a.c", 10, "limit") == [("a.c", 7, "parameter")]
    assert defined(index, "a.c", 11, "n", nth=2) == [("a.c", 9, "local")]
    assert defined(index, "a.c", 7, "ops") == [("a.c", 1, "struct")]
    assert defined(index, "a.c", 7, "ops", nth=1) == [("a.c", 7, "parameter")]


def test_a_member_is_that_of_the_struct_in_front_of_it(index: Program) -> None:
    assert defined(index, "a.c", 11, "open") == [("a.c", 1, "field")]
    assert defined(index, "sub/b.c", 3, "open") == [("sub/b.c", 2, "field")]
    assert defined(index, "a.c", 6, "open", nth=0) == [("a.c", 1, "field")]


def test_a_static_function_is_that_of_the_file_and_a_definition_goes_before_declarations(index: Program) -> None:
    assert defined(index, "sub/b.c", 5, "helper") == [("sub/b.c", 4, "function")]
    assert defined(index, "sub/c.c", 2, "helper") == [("sub/c.c", 1, "function")]
    assert defined(index, "sub/b.c", 3, "start") == [("a.c", 7, "function")]
    assert defined(index, "sub/c.c", 2, "nowhere") == []


def test_of_several_definitions_the_nearest_comes_first() -> None:
    text = "int f(void) { return 1; }\n"
    index = build_index([("a/f.c", text), ("b/f.c", text), ("b/deep/f.c", text), ("b/use.c", "int g(void) { return f(); }\n")])
    found = browse.definitions(index, "f", "b/use.c", 1, 22).places
    assert [p.file for p in found] == ["b/f.c", "b/deep/f.c", "a/f.c"]


def test_references_leave_out_comments_strings_members_and_other_variables_of_the_name(index: Program) -> None:
    assert used(index, "a.c", 5, "limit") == [("a.c", 4, "variable"), ("a.c", 5, "use")]
    assert used(index, "a.c", 10, "limit") == [("a.c", 7, "parameter"), ("a.c", 9, "use"), ("a.c", 10, "write")]
    assert used(index, "a.c", 5, "disk_open") == [("a.c", 5, "function"), ("a.c", 6, "use")]
    assert used(index, "sub/b.c", 3, "start") == [("sub/b.c", 1, "declaration"), ("sub/b.c", 3, "call"), ("a.c", 7, "function")]
    assert used(index, "a.c", 2, "color") == [("a.c", 2, "enum")]


def test_a_place_shows_its_line_with_the_name_marked(index: Program) -> None:
    place = browse.references(index, "limit", "a.c", *asked(A, 10, "limit")).places[-1]
    assert place == Place("a.c", 10, 2, "write", "limit = RED;", 0, "start")


def test_a_file_that_the_index_does_not_have_is_said(index: Program) -> None:
    with pytest.raises(NotFound):
        browse.definitions(index, "x", "none.c", 1, 1)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, Settings]:
    """A workspace with A as the file a.c of the source "lib"."""
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    settings = load_settings()
    store = open_store(settings.store_url)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.c").write_text(A)
    sources.import_folder(store, settings, Actor(name="local", role="lead"), tmp_path / "lib", "lib", from_shell=True)
    return store, settings


def test_the_index_of_a_source_is_made_by_a_job_and_made_anew_when_the_source_changes(
    source: tuple[Store, Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, settings = source
    asked: list[list[str]] = []

    def start(settings: Settings, kind: str, argv: list[str]) -> str:
        asked.append([kind, *argv])
        indexing.bring_up_to_date(
            indexing.files_of_source(store, settings, "lib"), indexing.index_dir(settings, "source", "lib"), indexing.ReadingLimits())
        return "index-1"

    monkeypatch.setattr(jobs, "start", start)
    assert browse.index_of(store, settings, "lib") is None
    index = browse.index_of(store, settings, "lib")
    assert index is not None and index is browse.index_of(store, settings, "lib")
    (tmp_path / "lib" / "b.c").write_text(B)
    sources.import_folder(store, settings, Actor(name="local", role="lead"), tmp_path / "lib", "lib", from_shell=True)
    assert browse.index_of(store, settings, "lib") is None
    again = browse.index_of(store, settings, "lib")
    assert again is not None and again.functions("go")
    assert asked == [["index", "index", "--source", "lib"]] * 2


def test_the_outline_has_symbols_within_symbols_and_what_can_be_folded(source: tuple[Store, Settings]) -> None:
    store, settings = source
    sha256 = sources.read_text(store, settings, "lib", "a.c").sha256
    found = browse.outline(settings, sha256)
    assert [(s["kind"], s["name"], s["line"]) for s in found["symbols"]] == [
        ("struct", "ops", 1), ("enum", "color", 2), ("macro", "TWICE", 3), ("variable", "limit", 4), ("function", "disk_open", 5),
        ("variable", "disk", 6), ("function", "start", 7)]
    assert [c["name"] for c in found["symbols"][1]["children"]] == ["RED", "GREEN"]
    assert [8, 2, 12, 1] in found["folds"]
    assert browse.enclosing(settings, sha256, (10, 2), (10, 7))["ranges"][:2] == [[10, 2, 10, 7], [10, 2, 10, 13]]
