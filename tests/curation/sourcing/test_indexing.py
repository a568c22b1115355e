"""Proposals from an index folder are those of the corpus in memory, of the files asked for."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.errors import NotFound
from curation.settings import load_settings
from curation.sourcing import indexing, propose

DEMO = Path(__file__).resolve().parents[3] / "datasets" / "demo" / "src"


def test_proposals_of_an_index_folder_are_those_of_the_corpus_in_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "index"
    assert main(["index", str(DEMO), "--index", str(place), "--jobs", "1", "--solve"]) == 0
    assert "18 files, 94 functions" in capsys.readouterr().out
    found = indexing.index_folder(DEMO, jobs=1, index_dir=place)
    index = found.program
    assert found.problems == []
    told = [propose.record_of(p) for p in propose.propose_index(index)]
    assert told == [propose.record_of(p) for p in propose.propose_folder(DEMO)]

    file = next(record["file"] for record in told if record["task"] == "function_pointer")
    assert main(["propose", str(DEMO), "--index", str(place), "--task", "function_pointer", "--file", file]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert shown == [record for record in told if record["task"] == "function_pointer" and record["file"] == file]


def test_a_file_that_the_index_does_not_hold_is_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.c").write_text("int f(void) { return 0; }\n")
    index = indexing.index_folder(tmp_path).program
    assert propose.within(index, ["sub/"]) == ["sub/a.c"]
    with pytest.raises(NotFound):
        propose.within(index, ["sub/b.c"])


def test_folders_and_sources_of_one_name_have_indexes_of_their_own(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert indexing.index_dir(settings, "folder", "demo") != indexing.index_dir(settings, "source", "demo")
    assert not indexing.is_made(indexing.index_dir(settings, "source", "../../demo"))
    assert indexing.index_dir(settings, "source", "../../demo").parent == settings.cache_dir / "index"
