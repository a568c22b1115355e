"""Tokens are made once a run; training refuses when too many rows are too long."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.fit_fixture import run_of_its_own, small_settings
from training import data, encoded, models
from training.recipes import sft
from training.stage import Stopped


def test_tokens_are_made_once_and_again_when_the_system_prompt_changes(line: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(encoded, "BATCH", 20)
    events: list[dict[str, Any]] = []
    ctx = run_of_its_own(line, tmp_path, small_settings(), events)
    tokenizer = models.load_tokenizer(line / "base")
    first = encoded.sft_rows(ctx, tokenizer, "train", 512)
    made = [event for event in events if event.get("doing") == "tokenizing"]
    assert made[-1]["step"] == made[-1]["total"] == 48
    again = encoded.sft_rows(ctx, tokenizer, "train", 512)
    assert again == first and len([e for e in events if e.get("doing") == "tokenizing"]) == len(made)
    for file in (ctx.run_dir / "encoded").iterdir():
        file.write_bytes(b"cut")
    assert encoded.sft_rows(ctx, tokenizer, "train", 512) == first  # a damaged file is made anew
    ctx.config.system_prompt = "Be brief."
    assert encoded.sft_rows(ctx, tokenizer, "train", 512).sizes != first.sizes
    ctx.stop.set()
    ctx.config.system_prompt = "Be long."
    with pytest.raises(Stopped):
        encoded.sft_rows(ctx, tokenizer, "train", 512)


def test_what_given_rows_ask_is_tokenized_once_and_is_what_a_prompt_is(line: Path, tmp_path: Path, monkeypatch: Any) -> None:
    ctx = run_of_its_own(line, tmp_path, small_settings())
    tokenizer, rows = models.load_tokenizer(line / "base"), data.read_rows(data.open_dataset(line / "dataset"), "sft", "train")[3:8]
    asked = encoded.given_prompts(ctx, tokenizer, rows)
    assert asked == [data.prompt_ids(tokenizer, row["prompt"]) for row in rows]
    assert [row.input_ids[: row.start] for row in encoded.given_rows(ctx, tokenizer, rows)] == asked
    monkeypatch.setattr(data, "prompt_batch", None)  # it would fail if it were called
    assert encoded.given_prompts(ctx, tokenizer, rows) == asked
    with pytest.raises(TypeError):
        encoded.given_prompts(ctx, tokenizer, rows[1:])


def test_training_refuses_to_start_when_too_many_rows_are_too_long(line: Path, tmp_path: Path) -> None:
    ctx = run_of_its_own(line, tmp_path, small_settings())
    median = encoded.histogram(encoded.sft_rows(ctx, models.load_tokenizer(line / "base"), "train", 512).sizes)["median"]
    with pytest.raises(encoded.TooManyDropped, match="keeps 90 %"):
        sft.run(run_of_its_own(line, tmp_path, small_settings(max_length=median)))
    kept = encoded.Kept(rows=[data.Encoded([1], [1])] * 9, too_long=["a"], sizes=[10] * 9 + [900])
    kept.require(small_settings(), "train")
    with pytest.raises(encoded.TooManyDropped, match="1 of 10 rows"):
        kept.require(small_settings(allow_dropped=0.05), "train")
    with pytest.raises(data.NoRows, match="Raise max_length"):
        encoded.Kept(rows=[], too_long=["a"], sizes=[900]).require(small_settings(), "train")
