"""The sources screen: bring code in, see what was wrong with it, look around, propose."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import jobs
from curation.model import Actor
from curation.settings import load_settings
from curation.sourcing import sources
from curation.store import Store
from tests.pages.conftest import page, press, texts

LEAD = Actor(name="local", role="lead")


def asked(app: AppTest, name: str) -> str:
    """A value of the URL (AppTest gives a text or a list)."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lib"
    (made / "net").mkdir(parents=True)
    (made / "main.c").write_text("int main(void)\n{\n\treturn go();\n}\n")
    (made / "net" / "go.c").write_text("int go(void)\n{\n\treturn 0;\n}\n")
    (made / "long.c").write_text("int x;" * 30_000)
    return made


def test_a_folder_is_imported_and_its_problems_are_listed(workspace: Store, folder: Path) -> None:
    app = page("sources")
    app.text_input(key="import_path").input(str(folder))
    next(b for b in app.button if b.label == "Import").click().run()
    assert not app.exception
    assert "lib: 3 new files" in texts(app).replace("\\", "")
    assert list(app.dataframe[0].value["File"]) == ["long.c"]
    assert [s.name for s in sources.list_sources(workspace)] == ["lib"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_an_import_did_not_find_is_listed(workspace: Store, folder: Path, lang: str) -> None:
    (folder / "table.c").write_text('#include "config.h"\nint (*t[])(void) = {\n#include "rows.def"\n};\n')
    (folder / "lamp.ino").write_text("void setup() { }\n")
    app = page("sources", lang=lang)
    app.text_input(key="import_path").input(str(folder))
    next(b for b in app.button if b.label in ("Import", "导入")).click().run()
    assert not app.exception
    _, unanswered, passed_over = app.dataframe
    assert list(unanswered.value.iloc[:, 0]) == ["rows.def", "config.h"] and list(unanswered.value.iloc[:, 1]) == ["table.c:3", "table.c:1"]
    assert list(passed_over.value.iloc[:, 0]) == ["lamp.ino"]


def test_a_folder_that_is_not_there_is_an_error_and_the_page_goes_on(workspace: Store) -> None:
    app = page("sources")
    app.text_input(key="import_path").input("/no/such/folder")
    next(b for b in app.button if b.label == "Import").click().run()
    assert not app.exception
    assert "There is no folder" in app.error[0].value
    assert sources.list_sources(workspace) == []


def test_folders_are_opened_one_at_a_time_and_a_file_is_shown(workspace: Store, folder: Path) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    app = page("sources")
    app = press(app, "folder:net")
    app = press(app, "file:net/go.c")
    assert asked(app, "file") == "net/go.c"


def test_a_file_that_cannot_be_read_says_why(workspace: Store, folder: Path) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    app = press(page("sources"), "file:long.c")
    assert "cannot be shown" in app.error[0].value


def test_the_text_of_a_source_is_searched(workspace: Store, folder: Path) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    app = page("sources")
    app.text_input(key="source_query").input("return go").run()
    app = press(app, "hit:0")
    assert asked(app, "file") == "main.c"
    assert asked(app, "line") == "3"


def test_a_filter_finds_files_in_all_folders(workspace: Store, folder: Path) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    app = page("sources")
    app.text_input(key="file_filter").input("GO").run()
    assert [b.key for b in app.button if b.key and b.key.startswith("file:")] == ["file:net/go.c"]


def test_proposing_runs_as_a_job_of_its_own(workspace: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    started: list[list[str]] = []
    monkeypatch.setattr(jobs, "start", lambda settings, kind, argv: started.append([kind, *argv]))
    next(b for b in page("sources").button if b.label == "Propose sites").click().run()
    assert started == [["propose", "propose", "--source", "lib", "--user", "local"]]


def test_a_reviewer_looks_but_does_not_import_or_propose(workspace: Store, folder: Path, be: Callable[[str, str], Actor]) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    be("li", "reviewer")
    labels = {b.label for b in page("sources").button}
    assert "Import" not in labels and "Propose sites" not in labels


def test_the_problems_of_an_import_are_told_in_the_language_of_the_page(workspace: Store, folder: Path) -> None:
    app = page("sources", lang="zh")
    app.text_input(key="import_path").input(str(folder))
    next(b for b in app.button if b.label == "导入").click().run()
    assert list(app.dataframe[0].value.iloc[0]) == ["long.c", "超长行", "有一行长达 180000 个字符（上限 100000）；这类生成的文本没有标注点"]
    marked = next(b for b in app.button if "long" in b.label)
    assert "有一行长达 180000 个字符" in marked.help


def test_a_button_drawn_for_a_lead_does_nothing_once_the_role_is_gone(
    workspace: Store, folder: Path, be: Callable[[str, str], Actor]
) -> None:
    sources.import_folder(workspace, load_settings(), LEAD, folder, "lib", from_shell=True)
    be("wang", "lead")
    app = page("sources")
    be("wang", "annotator")
    next(b for b in app.button if b.label == "Propose sites").click().run()
    assert jobs.names(load_settings()) == []
