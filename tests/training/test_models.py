"""Model folders that are refused, each with what to do; the small random model with its own tokenizer."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.errors import BadModelFolder
from training import models


def _safetensors(data: bytes = b"\0" * 8) -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    (tmp_path / "model.safetensors").write_bytes(_safetensors())
    (tmp_path / "tokenizer.json").write_text("{}")
    return tmp_path


def test_a_whole_folder_is_accepted(folder: Path) -> None:
    models.check_model_folder(folder)


def _break(folder: Path, how: str) -> None:
    if how == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    elif how == "no config":
        (folder / "config.json").unlink()
    elif how == "config is prose":
        (folder / "config.json").write_text("hello")
    elif how == "no weights":
        (folder / "model.safetensors").unlink()
    elif how == "pickled":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif how == "truncated":
        (folder / "model.safetensors").write_bytes(_safetensors()[:-3])
    elif how == "empty weights":
        (folder / "model.safetensors").write_bytes(b"")
    elif how == "own code":
        (folder / "config.json").write_text(json.dumps({"model_type": "x", "auto_map": {"AutoModelForCausalLM": "modeling.X"}}))
    elif how == "adapter":
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "/elsewhere"}))
    elif how == "missing shard":
        index = {"weight_map": {"w": "model-00001-of-00002.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no tokenizer", "no tokenizer.*Put the tokenizer files"), ("no config", "no config.json"),
        ("config is prose", "config.json: it is not JSON"),
        ("no weights", "no \\*.safetensors"), ("pickled", "pickled.*Convert them to safetensors"), ("truncated", "lays out.*Download"),
        ("empty weights", "not a whole safetensors"), ("own code", "never run"), ("adapter", "Merge"),
        ("missing shard", "00001-of-00002.safetensors is missing"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_what_to_do(folder: Path, how: str, told: str) -> None:
    _break(folder, how)
    with pytest.raises(BadModelFolder, match=told):
        models.check_model_folder(folder)


@pytest.mark.parametrize("path", ["/no/such/folder", "./nowhere", "one-word", "../../x/y"])
def test_a_path_that_is_neither_folder_nor_hub_name_is_refused_without_the_network(path: str) -> None:
    with pytest.raises(BadModelFolder, match="no such folder"):
        models.find(models.ModelChoice(path=path))


def test_a_hub_that_cannot_be_reached_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def unreachable(*_: object, **given: object) -> str:
        assert "*.bin" not in given["allow_patterns"] and not any(str(p).endswith(".py") for p in given["allow_patterns"])  # type: ignore[attr-defined, operator]
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(BadModelFolder, match="HF_ENDPOINT"):
        models.find(models.ModelChoice(path="owner/name"))


def test_a_random_model_reads_back_with_its_tokenizer_and_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    texts = ["static int probe(struct device *d) { return d->ops->start(d); }", "回调在哪里运行？", "{\"targets\":[]}"] * 5
    size = models.RandomModel(layers=1, vocab_size=512)
    for name in ("a", "b"):
        models.make_random(tmp_path / name, size, models.train_tokenizer(texts, 512), seed=3)
    models.check_model_folder(tmp_path / "a")
    assert dict(models.hashes(tmp_path / "a")) == dict(models.hashes(tmp_path / "b"))
    tokenizer = models.load_tokenizer(tmp_path / "a")
    for text in (*texts, "never seen: émigré 漢字 \t\x00"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    asked = [{"role": "user", "content": "q"}]
    assert tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True).endswith("<|im_start|>assistant\n")
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") == tokenizer.eos_token_id


def test_the_plain_template_asks_for_an_answer_where_it_begins() -> None:
    from transformers import Qwen2Tokenizer

    tokenizer = Qwen2Tokenizer()
    tokenizer.chat_template = models.PLAIN_TEMPLATE
    asked = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": "A"}], tokenize=False)
    assert prompt == "S\n\n### Instruction:\nQ\n\n### Response:\n" and whole == prompt + "A"
