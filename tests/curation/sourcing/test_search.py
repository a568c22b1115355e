"""Structural search of a folder and of an imported source, and its command."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.errors import BadValue, NotFound
from curation.sourcing.search import search_folder

CODE = "int run(const struct ops *ops, int fd)\n{\n\treturn ops->open(fd, 1);\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    (tmp_path / "code" / "sub").mkdir(parents=True)
    (tmp_path / "code" / "a.c").write_text(CODE)
    (tmp_path / "code" / "sub" / "b.h").write_text(CODE.replace("run", "go"))
    return tmp_path / "code"


def test_the_command_prints_each_hit_with_its_place_function_holes_and_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "ops->$f($$$)", str(folder / "a.c"), "--jobs", "1"]) == 0
    told = capsys.readouterr()
    assert told.out == "a.c:3:9 in run: f = open\n     3  \treturn ops->open(fd, 1);\n"
    assert told.err == "1 hits in 1 files\n"


def test_a_source_is_searched_under_its_name_and_hits_are_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(folder), "--name", "demo"]) == 0
    capsys.readouterr()
    assert main(["search", "(call_expression) @call", "demo", "--query", "--json", "--jobs", "1"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((one["file"], one["line"], one["function"], one["text"], len(one["lines"])) for one in found) == [
        ("a.c", 3, "run", "ops->open(fd, 1)", 4), ("sub/b.h", 3, "go", "ops->open(fd, 1)", 4)]


def test_mistakes_are_told_with_their_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "foo(", str(folder)]) == 2
    assert capsys.readouterr().err == (
        "error: This cannot be searched for: it is not read as C (line 1, column 4). Mend it there and search again.\n")
    assert main(["search", "foo()", "nowhere"]) == 2
    assert "no source 'nowhere'" in capsys.readouterr().err
    with pytest.raises(NotFound):
        search_folder(folder / "away", "foo()")
    (folder / "none").mkdir()
    with pytest.raises(BadValue, match="holds no C files"):
        list(search_folder(folder / "none", "foo()"))


def test_a_search_stops_after_so_many_hits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "ops->$f($$$)", str(folder), "--most", "1", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.count("f = open") == 1
