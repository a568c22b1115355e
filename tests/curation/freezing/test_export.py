"""What leaves for other tools: it can be read back, appears whole or not at all, and replaces nothing."""
from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from curation import formats
from curation.errors import BadValue, TouchedDataset, UnknownFormat
from curation.formats.records import Record, parse
from curation.freezing import export
from tests.curation.freezing.test_freeze import Workspace


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("export") / "home", pairs=10, preferences=5)


@pytest.fixture(scope="module")
def frozen(work: Workspace) -> Path:
    return work.freeze().path


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv"])
@pytest.mark.parametrize("name", sorted(formats.all_formats()))
def test_every_format_is_read_back_as_it_was(frozen, tmp_path, name, ending):
    out = tmp_path / f"out{ending}"
    number = export.export_frozen(frozen, out, format=name)
    assert number == (5 if formats.get_format(name).TASK == "preference" else 10)
    if ending == ".csv" and name not in ("alpaca", "qa", "alpaca_preference", "preference", "unpaired", "distilabel"):
        return  # a list in a cell is JSON text, which no CSV reader takes for a list
    rows = list(formats.read(out.read_text(encoding="utf-8"), out.name, name))
    assert len(rows) == number and all(isinstance(row, formats.Row) for row in rows)
    assert all("" not in (row.payload.get("instruction"), row.payload.get("prompt")) for row in rows)


def test_without_a_format_the_columns_come_as_they_are_and_filters_hold(frozen, tmp_path):
    assert export.export_frozen(frozen, tmp_path / "a.jsonl") == 10
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert {"id", "prompt", "completion", "group", "meta"} <= first.keys()
    assert export.export_frozen(frozen, tmp_path / "t.jsonl", split="test") == 1
    assert export.export_frozen(frozen, tmp_path / "z.jsonl", lang="zh") == 0 and (tmp_path / "z.jsonl").read_text() == ""
    assert export.export_frozen(frozen, tmp_path / "z.json", lang="zh") == 0 and json.loads((tmp_path / "z.json").read_text()) == []


def test_a_touched_dataset_is_not_exported(work, tmp_path):
    path = work.freeze(name="touched").path
    (path / "sft" / "train.jsonl").write_text("{}\n")
    with pytest.raises(TouchedDataset):
        export.export_frozen(path, tmp_path / "a.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_answers_leave_with_their_state_and_who_gave_them(work, tmp_path):
    assert export.export_annotations(work.store, tmp_path / "a.csv", tasks=["preference"]) == 5
    with open(tmp_path / "a.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["answered"] * 5 and json.loads(rows[0]["users"]) == ["local"]
    assert json.loads(rows[0]["answer"])["choice"] in "ab" and json.loads(rows[0]["payload"])["prompt"]
    assert export.export_annotations(work.store, tmp_path / "b.jsonl", statuses=["accepted"]) == 10


def test_nothing_is_replaced_and_nothing_half_written_stays(work, frozen, tmp_path):
    (tmp_path / "a.jsonl").write_text("mine")
    with pytest.raises(BadValue, match="there already"):
        export.export_frozen(frozen, tmp_path / "a.jsonl")
    with pytest.raises(BadValue, match="ending"):
        export.export_frozen(frozen, tmp_path / "a.xlsx")
    with pytest.raises(BadValue, match="folder"):
        export.export_frozen(frozen, tmp_path / "none" / "a.jsonl")
    with pytest.raises(UnknownFormat):
        export.export_frozen(frozen, tmp_path / "b.jsonl", format="klingon")

    def broken():
        yield {"a": 1}
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        export.write_records(broken(), tmp_path / "c.jsonl", None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl"] and (tmp_path / "a.jsonl").read_text() == "mine"


def test_a_csv_opens_in_a_spreadsheet_program_and_holds_no_formula(tmp_path):
    said = ["=HYPERLINK(1)", "+f(x)", "-1", "@x", "\tt", "'=quoted", "'", "plain 中文", ""]
    out = tmp_path / "a.csv"
    export.write_records(({"question": f"q{n}", "answer": text} for n, text in enumerate(said)), out, None)
    assert out.read_bytes()[:3] == b"\xef\xbb\xbf"
    with open(out, encoding="utf-8-sig", newline="") as file:
        assert not [row["answer"] for row in csv.DictReader(file) if row["answer"][:1] in ("=", "+", "-", "@", "\t")]
    read = [record.fields["answer"] for record in parse(out.read_text(encoding="utf-8"), "a.csv") if isinstance(record, Record)]
    assert read == said
