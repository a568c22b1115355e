"""The search screen: code is found by its shape, looked at, and the sites that stand there are labeled."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.model import Actor
from curation.settings import load_settings
from curation.sourcing import propose, sources
from curation.store import Store, items
from tests.pages.conftest import page, press, texts

LEAD = Actor(name="local", role="lead")
CODE = """struct ops { int (*open)(int); int (*close)(int); };
static int disk_open(int n) { return n; }
static const struct ops disk = { .open = disk_open, .close = disk_open };
int start(const struct ops *ops, int n)
{
\treturn ops->open(n);
}
int stop(const struct ops *ops, int n)
{
\tif (n < 0)
\t\treturn n;
\treturn ops->close(n);
}
"""


@pytest.fixture
def disk(workspace: Store, tmp_path: Path) -> Store:
    """The store with CODE as the source "disk"."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.c").write_text(CODE)
    sources.import_folder(workspace, load_settings(), LEAD, tmp_path / "disk", "disk", from_shell=True)
    return workspace


def test_hits_are_shown_with_their_lines_and_what_the_holes_stand_for(disk: Store) -> None:
    app = page("search", source="disk", what="$x->$f($$$)")
    said = texts(app).replace("\\", "")
    assert "Hits: 2 · files: 1" in said
    assert "a.c:6 · start()" in said and "a.c:12 · stop()" in said
    assert "▸     6  \treturn ops->open(n);" in [c.value for c in app.code][0]
    assert "` f ` = ` open `" in said


@pytest.mark.parametrize(("lang", "says"), [("en", "line 1, column 5"), ("zh", "第 1 行第 5 列")])
def test_a_wrong_pattern_is_told_with_its_place(disk: Store, lang: str, says: str) -> None:
    app = page("search", lang=lang, source="disk", what="f($x$)")
    assert says in app.error[0].value.replace("\\", "")
    assert not app.code


def test_a_query_that_names_no_node_of_c_is_told_with_its_place(disk: Store) -> None:
    app = page("search", source="disk", kind="query", what="(call_expresion) @c")
    assert "line 1, column" in app.error[0].value.replace("\\", "")


def test_a_pattern_is_typed_and_searched_for(disk: Store) -> None:
    app = page("search")
    app.text_area[0].input("if ($c) return $e;")
    next(b for b in app.button if b.label == "Search").click().run()
    assert not app.exception
    assert app.query_params["what"] in ("if ($c) return $e;", ["if ($c) return $e;"])
    assert "Hits: 1 · files: 1" in texts(app)


def test_the_sites_on_the_lines_of_the_hits_become_a_queue_of_their_own(disk: Store) -> None:
    propose.propose_source(disk, load_settings(), LEAD, "disk", ["function_pointer"])
    first, second = items.find(disk, tasks=["function_pointer"])
    app = press(page("search", source="disk", what="$x->close($$$)"), "label_these")
    assert "_label_hits" not in app.session_state  # it was gone to
    kept = next(path.name for path in (load_settings().blobs_dir).rglob("*") if path.is_file() and b"selection-1" in path.read_bytes())
    label = page("label", hits=kept)
    assert label.query_params["item"] in (second.id, [second.id])
    assert "0 of 1 selected sites done" in texts(label)
    label = press(label, f"main:{second.id}")
    assert "item" not in label.query_params  # nothing is left of the queue, though there is another site
    assert len(items.annotations(disk, [first.id])[first.id]) == 0


def test_hits_without_a_site_say_what_to_do(disk: Store) -> None:
    app = press(page("search", source="disk", what="$x->close($$$)"), "label_these")
    assert any("No proposed site" in text for text in app.session_state["_notes"])


def test_without_a_source_there_is_nothing_to_search(workspace: Store) -> None:
    assert "No source yet" in texts(page("search"))
