"""Estimates from a model's shape: what autograd was seen to save, what fits on which card, hours and price, and what is refused."""
from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from curation.errors import BadConfig, NotFound
from training import config
from training import estimate as reckon
from training.__main__ import main
from training.estimate.cards import card_of
from training.estimate.shapes import known_models, shape_in

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def counting() -> ModuleType:
    spec = importlib.util.spec_from_file_location("memory_estimate", ROOT / "benchmarks" / "memory_estimate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", ["lora float32", "lora float32, upper half", "lora bfloat16", "full bfloat16"])
def test_activations_are_what_autograd_saves_within_a_twentieth(case: str, counting: ModuleType) -> None:
    asked = counting.CASES[case]
    assert counting.reckoned_bytes(**asked) == pytest.approx(counting.saved_bytes(**asked), rel=0.05)


def test_known_models_have_the_size_of_their_names() -> None:
    sizes = {"smollm2-135m": 0.1345e9, "qwen/qwen2.5-coder-7b-instruct": 7.6e9, "qwen/qwen2.5-coder-1.5b": 1.54e9,
             "deepseek-ai/deepseek-coder-6.7b-instruct": 6.74e9, "deepseek-ai/deepseek-coder-1.3b-base": 1.35e9}
    for name, size in sizes.items():
        assert known_models()[name].parameters == pytest.approx(size, rel=0.01), name
    assert shape_in({"num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2, "vocab_size": 9,
                     "num_experts": 8}) is None


def test_a_7b_is_tuned_by_qlora_on_24_gb_and_not_wholly() -> None:
    qlora = config.load("qwen2.5-coder-7b", {"stages": ["sft"]})
    found = reckon.estimate(qlora, lengths=[400] * 1600, card=card_of("RTX-4090"), price=0.5)
    assert [of.fits for of in found.stages] == [True] and found.plan is not None and found.plan.change == {}
    assert found.hours is not None and 0.1 < found.hours < 10 and found.cost == pytest.approx(found.hours * 0.5)
    measured = reckon.estimate(qlora, lengths=[400] * 1600, card=card_of("rtx-4090"), tokens_per_second=1000.0)
    assert measured.hours == pytest.approx(measured.stages[0].tokens / 1000 / 3600)
    full = config.load("qwen2.5-coder-7b", {"stages": ["sft"], "sft.method": "full"})
    found = reckon.estimate(full, lengths=[], card=card_of("a100-80"), gpus=8)
    assert found.stages[0].fits is False and found.plan is not None and found.plan.change["sft.method"] == "qlora"
    assert found.zero == 2  # the optimizer and the gradients in eighths; the weights are whole on each card


def test_a_plan_keeps_the_effective_batch_and_loads() -> None:
    wanted = config.load("deepseek-coder-6.7b", {"stages": ["sft", "merge"], "sft.batch_size": 12, "sft.gradient_accumulation": 2})
    plan = reckon.fitting(wanted, card_of("a10"), 4096)
    assert plan is not None and plan.change
    changed = config.load(config.plain(wanted), plan.change)
    assert changed.sft.batch_size * changed.sft.gradient_accumulation == 24  # type: ignore[attr-defined]


def test_every_card_from_8_to_80_gb_is_told_with_its_source_and_larger_ones_fit_no_less() -> None:
    assert {8, 12, 16, 24, 32, 40, 48, 80} <= {card.gb for card in reckon.cards().values()}
    assert all(card.source for card in reckon.cards().values())
    fits = reckon.table(config.load("qwen2.5-coder-1.5b", {"stages": ["sft", "merge", "evaluate"]}), 2048)
    changes = [None if plan is None else len(plan.change) for _, plan in fits]
    known = [count for count in changes if count is not None]
    assert known == sorted(known, reverse=True) and changes[-1] == 0


def test_what_cannot_be_estimated_is_told() -> None:
    with pytest.raises(BadConfig, match="its size cannot be told"):
        reckon.estimate(config.load("tiny", {"teacher.path": "nobody/unheard-of", "student": None, "stages": ["sft"]}), lengths=[])
    with pytest.raises(NotFound, match="rtx-4090"):
        card_of("abacus")


def test_the_command_tells_stages_cards_and_price(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "smollm2-135m", "--card", "rtx-3060", "--price", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "sft: " in out and "evaluate: " in out and "GeForce RTX 3060 (12 GB)" in out and "as it is" in out
    assert main(["estimate", "qwen2.5-coder-7b", "--json", "--set", "stages=[sft]"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stages"][0]["memory"]["parts"]["weights"] > 3e9 and found["cards"][0]["gb"] == 8
    for bad in (["--price", "cheap"], ["--card", "abacus"], ["--gpus", "0"]):
        assert main(["estimate", "smollm2-135m", *bad]) == 2
    assert "is no price" in capsys.readouterr().err
