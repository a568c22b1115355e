"""How long rows are for a tokenizer, and how many each max_length keeps."""
from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from curation.errors import BadValue
from curation.freezing.lengths import LIMITS, TEMPLATE, lengths, tokenizer_of
from curation.freezing.manifest import FrozenRow
from curation.settings import load_settings
from curation.tokens import identity


def row(task: str, words: int) -> FrozenRow:
    said = [{"role": "assistant", "content": "b"}]
    return FrozenRow("sft", "train", {"task": task, "prompt": [{"role": "user", "content": " ".join("a" * words)}], "completion": said})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    (tmp_path / "models" / "small").mkdir(parents=True)
    made.save(str(tmp_path / "models" / "small" / "tokenizer.json"))
    return tmp_path / "models" / "small"


def test_rows_are_counted_with_room_for_the_template(model):
    found = lengths([row("x", 256 - TEMPLATE - 1), row("x", 256 - TEMPLATE), row("y", 5000)], str(model))
    assert found.of("x") == [256 - TEMPLATE, 257 - TEMPLATE] and found.median("y") == 5001
    assert found.kept("x")[256] == 1 and found.kept("x")[384] == 2 and found.kept()[4096] == 2
    assert found.histogram() == {"x": [2, *[0] * len(LIMITS)], "y": [*[0] * len(LIMITS), 1]}


def test_a_preference_row_is_as_long_as_its_longer_answer(model):
    said = [[{"role": "assistant", "content": " ".join("b" * n)}] for n in (3, 9)]
    pair = FrozenRow("preference", "train", {
        "task": "preference", "prompt": [{"role": "user", "content": "a"}], "chosen": said[0], "rejected": said[1]})
    assert lengths([pair], str(model)).of("preference") == [10]


def test_a_model_of_the_workspace_is_found_by_its_name_and_no_hub_is_asked(model, tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWSIGHT_TOOLS", str(tmp_path / "tools"))
    settings = load_settings(tmp_path)
    assert tokenizer_of(settings, "small") == str(model) and tokenizer_of(settings, None) is None
    assert tokenizer_of(settings, str(model / "tokenizer.json")) == str(model / "tokenizer.json")
    for wrong in ("gpt2", "../models/small", "some/name"):
        with pytest.raises(BadValue, match="tokenizer"):
            tokenizer_of(settings, wrong)


def test_a_tokenizer_is_the_same_wherever_it_lies(model, tmp_path):
    (tmp_path / "copy.json").write_bytes((model / "tokenizer.json").read_bytes())
    assert identity(str(model)) == identity(str(tmp_path / "copy.json")) != identity("other")
