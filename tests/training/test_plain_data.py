"""Plain files of rows become folders in the shape of a frozen version; what is wrong in them is told by line."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import NotFound
from curation.freezing.manifest import verify
from training import data, plain_data

USER, SAID = [{"role": "user", "content": "ask"}], [{"role": "assistant", "content": "yes"}]


def _jsonl(file: Path, rows: list[Any]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def _made(file: Path, seed: int = 17) -> data.Dataset:
    folder = plain_data.frozen_from(file, file.parent / "made", seed)
    verify(folder)  # the other reader of frozen versions agrees
    return data.open_dataset(folder)


def _rows(dataset: data.Dataset, config: Any = "sft") -> list[dict[str, Any]]:
    return [row for split in ("train", "validation", "test") for row in data.read_rows(dataset, config, split)]


@pytest.mark.parametrize(("row", "prompt", "completion"), [
    ({"prompt": "ask", "completion": "yes"}, USER, SAID),
    ({"prompt": USER, "completion": SAID}, USER, SAID),
    ({"messages": [{"role": "system", "content": "be"}, *USER, *SAID, *USER, *SAID]},
     [{"role": "system", "content": "be"}, *USER, *SAID, *USER], SAID),
    ({"instruction": "ask", "input": "", "output": "yes"}, USER, SAID),
    ({"instruction": "ask", "input": "this", "output": "yes"}, [{"role": "user", "content": "ask\n\nthis"}], SAID),
    ({"question": "ask", "answer": "yes", "more": 1}, USER, SAID),
])
def test_each_way_to_name_the_parts_of_a_row_gives_prompt_and_completion(tmp_path: Path, row: Any, prompt: Any, completion: Any) -> None:
    (found,) = _rows(_made(_jsonl(tmp_path / "rows.jsonl", [row])))
    assert (found["prompt"], found["completion"], found["answer"]) == (prompt, completion, None)
    assert json.loads(found["meta"]) == {"file": "rows.jsonl", "line": 1}


def test_pairs_become_preference_rows(tmp_path: Path) -> None:
    dataset = _made(_jsonl(tmp_path / "rows.jsonl", [{"prompt": "ask", "chosen": "yes", "rejected": "no"}]))
    assert _rows(dataset) == []
    (row,) = _rows(dataset, "preference")
    assert row["chosen"] == SAID and row["rejected"][0]["content"] == "no"


def test_the_same_rows_in_each_kind_of_file_are_the_same_rows(tmp_path: Path) -> None:
    rows = [{"question": f"q{i}\n\"x\", y", "answer": f"答 {i}"} for i in range(12)]
    _jsonl(tmp_path / "a.jsonl", rows)
    (tmp_path / "b.json").write_text(json.dumps(rows, indent=2), encoding="utf-8")
    cells = "".join('"{}","{}"\n'.format(*(value.replace('"', '""') for value in row.values())) for row in rows)
    (tmp_path / "c.csv").write_text("\ufeffquestion,answer\n" + cells, encoding="utf-8")
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    found = [{row["id"]: (row["prompt"], row["completion"]) for row in _rows(_made(file))} for file in sorted(tmp_path.glob("?.*"))]
    assert len(found) == 4 and len(found[0]) == 12
    assert found[0] == found[1] == found[2] == found[3]
    lines = {json.loads(row["meta"])["line"] for row in _rows(_made(tmp_path / "b.json"))}
    assert lines == {2 + 4 * i for i in range(12)}


def test_a_made_folder_is_found_again_and_a_damaged_one_made_again(tmp_path: Path) -> None:
    file = _jsonl(tmp_path / "rows.jsonl", [{"question": f"q{i}", "answer": "a"} for i in range(10)])
    first = _made(file)
    stamp = (first.path / "manifest.json").stat().st_mtime_ns
    assert _made(file).path == first.path and (first.path / "manifest.json").stat().st_mtime_ns == stamp
    (first.path / "sft" / "train.jsonl").write_text("")
    assert _made(file).hash == first.hash
    assert _made(file, seed=18).path != first.path
    assert sorted(p.name[:5] for p in (tmp_path / "made").iterdir()) == ["rows-", "rows-"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=40), st.integers(0, 5))
def test_equal_prompts_stay_in_one_split_and_equal_rows_are_kept_once(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int]], seed: int
) -> None:
    rows = [{"question": f"q {a}" if b % 2 else f" q   {a}", "answer": f"a{b}"} for a, b in drawn]
    dataset = _made(_jsonl(tmp_path_factory.mktemp("plain") / "rows.jsonl", rows), seed)
    split_of: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        for row in data.read_rows(dataset, "sft", split):
            split_of.setdefault(" ".join(row["prompt"][0]["content"].split()), set()).add(split)
    assert all(len(splits) == 1 for splits in split_of.values())
    assert len(_rows(dataset)) == len({(row["question"], row["answer"]) for row in rows})
    assert dataset.count("sft", "train") > 0
    assert len(split_of) < 3 or all(dataset.count("sft", split) for split in ("train", "validation", "test"))


@pytest.mark.parametrize(("name", "content", "told"), [
    ("a.jsonl", b'{"question": "q", "answer": "a"}\n{"question": "q"\n\n[]\n{"question": 5, "answer": "a"}\n', ["a.jsonl:2: it is not JSON",
     "a.jsonl:4: the row is no JSON object", "a.jsonl:5: question: a text that is not empty is needed"]),
    ("a.json", b'[{"question": "q", "answer": "a"},\n {"question": "q", "answer": }]', ["a.json:2: it is not JSON"]),
    ("a.json", b"[" * 100_000, ["a.json:1: it is nested deeper"]),
    ("a.jsonl", b'{"question": ' + b"[" * 5000, ["a.jsonl:1: it is nested deeper"]),
    ("a.jsonl", b'{"question": ' + b"9" * 5000 + b', "answer": "a"}', ["a.jsonl:1: it is not JSON"]),
    ("a.jsonl", b'{"question": "\xff", "answer": "a"}', ["a.jsonl:1: it is not UTF-8"]),
    ("a.jsonl", b'{"question": "\\ud800", "answer": "a"}', ["a.jsonl:1: it holds half of a character"]),
    ("a.jsonl", b'{"ask": "q", "say": "a"}\n' * 30, ["its keys are ask, say; known are: prompt + chosen + rejected; prompt + completion;"]),
    ("a.jsonl", b"", ["it holds no row"]),
    ("a.json", b"[]", ["it holds no row"]),
    ("a.csv", b"question,answer\n", ["it holds no row"]),
    ("a.csv", b"question,answer\nq,a,b\n\nq\n", ["a.csv:2: it has 3 cells", "a.csv:4: it has 1 cells"]),
    ("a.csv", b"question,question\nq,a\n", ["names question twice"]),
    ("a.csv", b'question,answer\n"q" x,a\n', ["a.csv:2: it is not CSV"]),
    ("a.csv", b"question,answer\nq,\xff\n", ["a.csv:2: it is not UTF-8"]),
    ("a.parquet", b"PAR1 and then nothing", ["it is not Parquet"]),
    ("a.parquet", b"", ["it is not Parquet"]),
    ("a.jsonl", b'{"messages": [{"role": "user", "content": "q"}]}', ["its last turn must be the assistant's"]),
    ("a.jsonl", b'{"messages": [{"role": "robot", "content": "q"}]}', ["the role 'robot' is none of"]),
    ("a.jsonl", b'{"messages": "q"}', ["a list of messages is needed"]),
    ("a.jsonl", b'{"prompt": "q", "completion": [{"role": "user", "content": "a"}]}', ["one message of the assistant"]),
])
def test_what_is_wrong_is_told_by_line_and_nothing_is_written(tmp_path: Path, name: str, content: bytes, told: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(plain_data.BadPlainData) as caught:
        plain_data.frozen_from(tmp_path / name, tmp_path / "made", 17)
    assert all(one in str(caught.value) for one in told), str(caught.value)
    assert not (tmp_path / "made").exists()


def test_at_most_twenty_faults_are_told_and_the_others_counted(tmp_path: Path) -> None:
    file = _jsonl(tmp_path / "rows.jsonl", [{"question": "q", "answer": "a"}, *({"question": "q"} for _ in range(25))])
    with pytest.raises(plain_data.BadPlainData) as caught:
        plain_data.frozen_from(file, tmp_path / "made", 17)
    assert str(caught.value).count("rows.jsonl:") == 20 and str(caught.value).endswith("- and 5 more")


def test_a_full_disk_leaves_no_half_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    file = _jsonl(tmp_path / "rows.jsonl", [{"question": "q", "answer": "a"}])
    monkeypatch.setattr(plain_data, "_write_parquet", full)
    with pytest.raises(plain_data.BadPlainData, match="No space left"):
        plain_data.frozen_from(file, tmp_path / "made", 17)
    assert list((tmp_path / "made").iterdir()) == []


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="plain file"):
        plain_data.frozen_from(tmp_path / "none.jsonl", tmp_path / "made", 17)
