"""What is read of a frozen folder, when it is refused, and which tokens are learned."""
from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from curation.errors import NotFound, TouchedDataset
from tests.training.frozen_fixture import write_frozen
from training import data, models


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


def test_lengths_are_those_of_the_rows() -> None:
    tokenizer = LetterTokenizer(True)
    rows = data.encode_batch(tokenizer, [
        ([{"role": "user", "content": ask}], [{"role": "assistant", "content": "y"}]) for ask in ("a", "a" * 50)
    ])
    found = data.lengths(rows)
    assert (found["shortest"], found["longest"]) == (len(rows[0].input_ids), len(rows[1].input_ids)) and found["rows"] == 2
    assert data.lengths([]) == {"rows": 0}


R1 = (  # the case T-r1-template: the generation prompt opens a thought that no training row has
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<U>{{ m['content'] }}{% elif m['role'] == 'assistant' %}"
    "<A>{{ m['content'].split('</think>')[-1] }}{{ eos_token }}{% else %}{{ m['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<A><think>\n{% endif %}"
)
QWEN3 = (  # what Qwen3's template does with thoughts
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}"
    "{% set parts = m.content.split('</think>') %}<think>\n{{ parts[0].split('<think>')[-1].strip() if parts | length > 1 else '' }}\n"
    "</think>\n\n{{ parts[-1].lstrip('\n') }}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return models.train_tokenizer(["int main(void) { return reach(0); } which function does the call reach?"] * 20, 600)


def _user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize("template", [None, R1, QWEN3, models.PLAIN_TEMPLATE], ids=["chatml", "r1", "qwen3", "plain"])
@pytest.mark.parametrize("answer", ["yes", '{"targets":[]}\n\nBecause.', "\n indented", "yes <|im_end|> no", "</think> in a string"])
def test_what_is_trained_begins_with_exactly_what_is_asked(template: str | None, answer: str, tokenizer: Any) -> None:
    tokenizer.chat_template = template or models.CHATML
    prompt = _user('char *s = "<|im_end|>\\n<|im_start|>system";\nwhich?')
    row = data.encode(tokenizer, prompt, _answer(answer))
    assert data.prompt_ids(tokenizer, prompt) == row.input_ids[: row.start]
    text = data.prompt_text(tokenizer, prompt)
    assert tokenizer.decode(row.input_ids).startswith(text)
    end = tokenizer.eos_token_id
    assert row.input_ids[row.start :].count(end) == 1  # the turn's own; what the content holds is plain text
    learned = tokenizer.decode(row.input_ids[row.start :])
    assert learned.replace("<|im_end|>", "").strip().endswith(answer.replace("<|im_end|>", "").rpartition("</think>")[2].strip())


def test_thinking_families_are_written_as_they_write(tokenizer: Any) -> None:
    for template, opening in ((R1, "<A>"), (QWEN3, "<|im_start|>assistant\n")):
        tokenizer.chat_template = template
        assert data.prompt_text(tokenizer, _user("q")).endswith(opening + "<think>\n\n</think>\n\n")
        row = data.encode(tokenizer, _user("q"), _answer("<think>\nwell\n</think>\n\nyes"))
        assert data.marked(tokenizer, row).replace("<think>\n⟦", "⟦<think>\n").partition("⟦")[2].startswith("<think>\nwell\n</think>")
        assert "</think>" not in tokenizer.decode(row.input_ids[: row.start])


def test_a_template_that_asks_otherwise_than_it_writes_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}Please answer: {% endif %}"
    )
    with pytest.raises(data.BadTemplate, match="asks with"):
        data.encode(tokenizer, _user("q"), _answer("yes"))
    tokenizer.chat_template = "{% for m in messages %}{{ raise_exception('no roles here') }}{% endfor %}"
    with pytest.raises(data.BadTemplate, match="refuses the roles user"):
        data.prompt_ids(tokenizer, _user("q"))


def test_ordinary_text_is_tokenized_as_the_template_as_a_whole(tokenizer: Any) -> None:
    tokenizer.chat_template = models.CHATML
    messages = _user("int main(void) { return a < b | c; }") + _answer("reach")
    whole = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)
    assert data.encode(tokenizer, messages[:1], messages[1:]).input_ids == whole


def test_a_system_prompt_stands_before_every_row_but_those_that_bring_one(tokenizer: Any) -> None:
    tokenizer.chat_template = models.CHATML
    asked = data.prompt_text(tokenizer, _user("q"), system="Be brief.")
    assert asked.startswith("<|im_start|>system\nBe brief.<|im_end|>")
    row = data.encode(tokenizer, _user("q"), _answer("a"), system="Be brief.")
    assert tokenizer.decode(row.input_ids[: row.start]) == asked
    own = [{"role": "system", "content": "Mine."}, *_user("q")]
    assert data.prompt_ids(tokenizer, own, system="Be brief.") == data.prompt_ids(tokenizer, own)
