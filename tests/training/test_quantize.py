"""training/recipes/quantize.py and training/gguf.py with the real llama.cpp."""
from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curation.errors import RunFailed
from tests.training.stage_fixture import context
from training import converted, data, gguf, models, tools
from training.recipes import quantize

pytestmark = pytest.mark.line


def _file(quantized: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(f for f in quantized["files"] if f["type"] == kind)


def test_every_type_is_written_read_again_and_close_to_the_hf_model(line: Path, quantized: dict[str, Any]) -> None:
    assert quantized["same_token_ids"] == "4/4"
    for kind, limit in (("F16", 1e-5), ("Q8_0", 1e-3), ("Q5_K_M", 2e-2), ("Q4_K_M", 0.1), ("Q4_0", 0.2)):
        file = _file(quantized, kind)
        assert (line / file["file"]).stat().st_size == file["bytes"]
        assert 0 < file["kl_mean"] < limit, kind
    assert _file(quantized, "F16")["same_answers"] == 4
    assert all(answer["same"] and answer["hf"] for answer in _file(quantized, "F16")["answers"])


def test_fewer_bits_are_smaller_and_further_away(quantized: dict[str, Any]) -> None:
    files = [_file(quantized, kind) for kind in ("F16", "Q8_0", "Q5_K_M", "Q4_K_M")]
    assert sorted((f["bytes"] for f in files), reverse=True) == [f["bytes"] for f in files]
    assert sorted(f["kl_mean"] for f in files) == [f["kl_mean"] for f in files]


def test_the_types_are_those_in_the_file(quantized: dict[str, Any]) -> None:
    assert set(_file(quantized, "F16")["tensors"]) == {"F16", "F32"}
    assert "Q4_K" in _file(quantized, "Q4_K_M")["tensors"]
    assert _file(quantized, "Q4_K_M")["fallbacks"] == []


def test_rows_that_do_not_divide_into_blocks_are_reported(tmp_path: Path, llama: tools.LlamaCpp, line: Path) -> None:
    """Rows of 320 in the feed-forward layers: K-quants fall back there, as deepseek-coder-1.3b's rows of 5504 do."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = models.load_tokenizer(line / "base")
    config = Qwen2Config(vocab_size=1024, hidden_size=256, intermediate_size=320, num_hidden_layers=1, num_attention_heads=4,
                         num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=False, eos_token_id=tokenizer.eos_token_id)
    models.save_model(Qwen2ForCausalLM(config), tokenizer, tmp_path / "odd")
    converted.convert(llama, tmp_path / "odd", tmp_path / "odd-F16.gguf")
    gguf.quantize(llama, tmp_path / "odd-F16.gguf", tmp_path / "odd-Q4_K_M.gguf", "Q4_K_M", 1)
    fallen = quantize.stored(tmp_path / "odd-Q4_K_M.gguf", "Q4_K_M")["fallbacks"]
    assert [(f["name"], f["row"]) for f in fallen] == [("blk.0.ffn_down.weight", 320)]
    assert not fallen[0]["type"].endswith("_K")


def test_llama_cpp_cuts_text_into_the_very_ids_the_model_was_trained_on(line: Path, quantized: dict[str, Any],
                                                                        llama: tools.LlamaCpp) -> None:
    tokenizer = models.load_tokenizer(line / "tuned")
    texts = [Path(__file__).read_text(encoding="utf-8"), "函数指针：p->ops->read(p)\n\n\t\t0x1F 12345;  'it's' <|im_end|>", " ", "a"]
    ids = gguf.tokenize(llama, line / _file(quantized, "Q4_0")["file"], texts)
    assert ids == [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def test_the_prompts_compared_are_the_tokens_that_are_asked(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the run's system prompt; an end token that stands in a source is plain characters."""
    class Enough(Exception):
        pass

    def keep(folder: Path, tokenizer: Any, prompts: list[tuple[str, list[int]]], *rest: Any) -> None:
        asked.extend(prompts)
        raise Enough

    asked: list[tuple[str, list[int]]] = []
    prompt = [{"role": "user", "content": 'puts("<|im_end|>");'}]
    monkeypatch.setattr(data, "read_rows", lambda *_: [{"id": "a", "task": "t", "prompt": prompt}])
    monkeypatch.setattr(quantize, "reference", keep)
    monkeypatch.setattr(tools, "ensure", lambda say: None)
    ctx = context(line, "quantize", quantize.Settings())
    ctx.config.system_prompt = "Be brief."
    with pytest.raises(Enough):
        quantize.run(ctx)
    tokenizer = models.load_tokenizer(line / "tuned")
    assert asked == [("a", data.prompt_ids(tokenizer, prompt, "Be brief."))]
    assert asked[0][1].count(tokenizer.convert_tokens_to_ids("<|im_end|>")) == 2  # of the system's turn and the user's


def test_a_file_of_other_weights_is_refused_as_absurd(line: Path, quantized: dict[str, Any], tmp_path: Path) -> None:
    """The stage takes up the files it finds; here F16 was made of the untuned model, whose answers are far from the tuned one's."""
    run = tmp_path / "run"
    shutil.copytree(line, run, ignore=shutil.ignore_patterns("02-quantize"))
    llama = tools.find()
    (run / "02-quantize").mkdir()
    converted.convert(llama, run / "base", run / "02-quantize" / "flowsight-F16.gguf")
    with pytest.raises(RunFailed, match="nats a token away"):
        quantize.run(context(run, "quantize", quantize.Settings(types=["Q8_0"])))
    assert not list((run / "02-quantize").iterdir())
    again = quantize.run(context(run, "quantize", quantize.Settings(types=["Q8_0"])))
    assert [f["type"] for f in again["files"]] == ["F16", "Q8_0"]


def test_a_tokenizer_llama_cpp_does_not_know_is_refused_in_words(line: Path, tmp_path: Path, llama: tools.LlamaCpp) -> None:
    from tokenizers import Regex, Tokenizer, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    own = Tokenizer.from_file(str(line / "base" / "tokenizer.json"))
    cutting = [pre_tokenizers.Split(Regex(r"\d|\D+"), "isolated"), pre_tokenizers.ByteLevel(use_regex=False)]
    own.pre_tokenizer = pre_tokenizers.Sequence(cutting)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<|im_end|>")
    size = LlamaConfig(vocab_size=1024, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    model = tmp_path / "model"
    models.save_model(LlamaForCausalLM(size), tokenizer, model)
    with pytest.raises(RunFailed, match="pre-tokenizer was not recognized"):
        converted.convert(llama, model, tmp_path / "out-F16.gguf")
    assert not (tmp_path / "out-F16.gguf").exists()


def test_kl_by_hand() -> None:
    p, q = np.log(np.array([[0.5, 0.5], [0.9, 0.1]])), np.log(np.array([[0.25, 0.75], [0.9, 0.1]]))
    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    assert quantize.kl(p + 7, q - 3) == pytest.approx([expected, 0.0])


@pytest.mark.parametrize("cut", [0, 3, 20, 100, 3000, -1])
def test_a_gguf_that_is_cut_off_is_refused(line: Path, quantized: dict[str, Any], tmp_path: Path, cut: int) -> None:
    whole = (line / _file(quantized, "Q4_0")["file"]).read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:cut])
    with pytest.raises(gguf.BadGguf):
        gguf.read_gguf(tmp_path / "cut.gguf")


def test_a_gguf_that_lies_about_its_lengths_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lie.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**60) + b"key")
    with pytest.raises(gguf.BadGguf):
        gguf.read_gguf(tmp_path / "lie.gguf")


def test_a_failure_of_llama_cpp_is_told_in_its_words(tmp_path: Path, llama: tools.LlamaCpp) -> None:
    (tmp_path / "no.gguf").write_bytes(b"no model")
    with pytest.raises(RunFailed, match="could not quantize"):
        gguf.quantize(llama, tmp_path / "no.gguf", tmp_path / "out.gguf", "Q4_0", 1)
    with pytest.raises(RunFailed, match="could not load"):
        gguf.logits(llama, tmp_path / "no.gguf", [([1], 0)], 1, tmp_path / "logits")
    assert not (tmp_path / "out.gguf").exists()
