"""What is read of a frozen folder, when it is refused, and which tokens are learned."""
from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from curation.errors import NotFound, TouchedDataset
from tests.training.frozen_fixture import write_frozen
from training import data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_frozen(tmp_path / "made" / "v0001", rows=30, pairs=10)


def test_a_whole_folder_gives_its_rows_in_order(folder: Path) -> None:
    dataset = data.open_dataset(folder)
    rows = data.read_rows(dataset, "sft", "train")
    assert [row["id"] for row in rows] == [f"row{i:04d}" for i in range(24)]
    assert rows[0]["prompt"][0]["role"] == "user"
    assert data.read_rows(dataset, "preference", "train")[0]["rejected"][0]["content"].startswith("{}")
    assert dataset.count("sft", "test") == 3


def test_a_dataset_without_preferences_has_no_preference_row(tmp_path: Path) -> None:
    dataset = data.open_dataset(write_frozen(tmp_path / "d", rows=10, pairs=0))
    assert data.read_rows(dataset, "preference", "train") == []


def test_one_changed_byte_anywhere_is_refused(folder: Path) -> None:
    draw = random.Random(3)
    for file in sorted(folder.rglob("*.*")):
        whole = file.read_bytes()
        at = draw.randrange(len(whole) - 1)  # not the last byte: manifest.sha256 ends in a newline that says nothing
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(TouchedDataset):
            data.open_dataset(folder)
        file.write_bytes(whole)
    data.open_dataset(folder)


def test_a_missing_an_added_and_a_foreign_file_are_refused(folder: Path) -> None:
    test = folder / "sft" / "test.parquet"
    whole = test.read_bytes()
    test.unlink()
    with pytest.raises(TouchedDataset, match="is missing"):
        data.open_dataset(folder)
    test.write_bytes(whole)
    (folder / "sft" / "extra.parquet").write_bytes(whole)
    with pytest.raises(TouchedDataset, match="was added"):
        data.open_dataset(folder)
    (folder / "sft" / "extra.parquet").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../../etc/passwd"] = {"sha256": "0", "bytes": 1, "rows": 0}
    raw = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(hashlib.sha256(raw).hexdigest())
    with pytest.raises(TouchedDataset, match="outside"):
        data.open_dataset(folder)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="manifest"):
        data.open_dataset(tmp_path)


class LetterTokenizer:
    """One token a character, 0 is the end; a template of brackets that writes the end token or not."""

    eos_token_id = 0

    def __init__(self, writes_end: bool) -> None:
        self.writes_end = writes_end

    def __len__(self) -> int:
        return 256

    def apply_chat_template(self, messages, tokenize, add_generation_prompt, enable_thinking):  # type: ignore[no-untyped-def]
        text = "".join(f"[{m['role'][0]}:{m['content']}]" for m in messages) + ("[a:" if add_generation_prompt else "")
        return text + ("\0" if self.writes_end and not add_generation_prompt else "")

    def __call__(self, texts, add_special_tokens):  # type: ignore[no-untyped-def]
        return {"input_ids": [[ord(c) for c in text] for text in texts]}

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(i) if i else "$" for i in ids)


@pytest.mark.parametrize("writes_end", [True, False])
def test_only_the_answer_and_its_end_are_learned(writes_end: bool) -> None:
    tokenizer = LetterTokenizer(writes_end)
    row = data.encode(tokenizer, [{"role": "user", "content": "ask"}], [{"role": "assistant", "content": "yes"}])
    assert data.marked(tokenizer, row) == "[u:ask][a:⟦yes]$⟧"
    assert row.labels.count(0) == 1 and len(row.labels) == len(row.input_ids)


def test_rows_that_do_not_fit_are_left_out_whole_and_named() -> None:
    tokenizer = LetterTokenizer(True)
    rows = [
        {"id": name, "prompt": [{"role": "user", "content": ask}], "completion": [{"role": "assistant", "content": "y"}]}
        for name, ask in (("short", "a"), ("long", "a" * 50))
    ]
    kept, left_out = data.encode_rows(tokenizer, rows, max_length=20)
    assert len(kept) == 1 and left_out == ["long"]
    assert data.lengths(kept)["longest"] == len(kept[0].input_ids)
    assert data.lengths([]) == {"rows": 0}


def test_no_row_at_all_is_told_with_what_to_do() -> None:
    with pytest.raises(data.NoRows, match="Raise max_length"):
        data.require_rows([], "train", 16, 4)
