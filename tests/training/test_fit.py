"""The training loop on tiny models: the losses of plain TRL, no backward below the first adapted layer, options that arrive, resumes."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.training.frozen_fixture import write_frozen
from tests.training.stage_fixture import complete, context
from training import data, encoded, models
from training.recipes import dpo, sft

SIZE = models.RandomModel(layers=3, hidden_size=256, intermediate_size=256, heads=2, kv_heads=1, vocab_size=512, context=1024)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory behind `prepare`: a dataset and a random model."""
    import torch

    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("fit") / "run"
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=60, pairs=24))
    rows = data.read_rows(frozen, "sft", "train")
    tokenizer = models.train_tokenizer((m["content"] for r in rows for m in [*r["prompt"], *r["completion"]]), SIZE.vocab_size)
    models.make_random(run / "base", SIZE, tokenizer, seed=3)
    (run / "manifest.json").write_text(json.dumps({"stages": ["prepare", "sft", "dpo"]}), encoding="utf-8")
    complete(run / "00-prepare", {"teacher": "base", "student": None})
    return run


def _settings(**given: Any) -> sft.Settings:
    small = {"method": "lora", "max_steps": 4, "batch_size": 4, "gradient_accumulation": 2, "learning_rate": 1e-3, "log_every": 1,
             "save_every": 2, "eval_rows": 4, "max_length": 512, "adapter": {"rank": 4, "dropout": 0.0}}
    return sft.Settings.model_validate({**small, **given})


def _context(line: Path, tmp_path: Path, settings: Any, events: list[Any] | None = None, stage: str = "sft") -> Any:
    """A run of its own that shares the dataset and the model."""
    run = tmp_path / "run"
    if not run.exists():
        run.mkdir()
        for name in ("base", "dataset"):
            (run / name).symlink_to(line / name)
        for name in ("manifest.json", "00-prepare"):
            copy = shutil.copytree if (line / name).is_dir() else shutil.copy
            copy(line / name, run / name)
    return context(run, stage, settings, events)


def _trl_losses(line: Path, settings: sft.Settings, **arguments: Any) -> list[float]:
    """The losses of TRL's own trainer on the same rows, with nothing of ours in it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset  # type: ignore[attr-defined]

    tokenizer, model = models.load_tokenizer(line / "base"), models.load_model(line / "base", device="cpu", dtype="float32")
    rows = data.read_rows(data.open_dataset(line / "dataset"), "sft", "train")
    if settings.method != "full":
        torch.manual_seed(5)
        model = get_peft_model(model, LoraConfig(r=4, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
    trainer = SFTTrainer(
        model=model, processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": r["prompt"], "completion": r["completion"]} for r in rows]),
        args=SFTConfig(
            output_dir=str(line / "trl"), max_steps=settings.max_steps, per_device_train_batch_size=4, gradient_accumulation_steps=2,
            learning_rate=1e-3, lr_scheduler_type="cosine", warmup_steps=0.03, logging_steps=1, save_strategy="no", seed=5, data_seed=5,
            use_cpu=True, bf16=False, activation_checkpointing=False, report_to=[], disable_tqdm=True, max_length=None, **arguments,
        ),
    )
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def _losses(events: list[dict[str, Any]]) -> list[float]:
    return [event["loss"] for event in events if event["kind"] == "step" and "loss" in event]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_losses_are_those_of_trl_to_four_decimals(method: str, line: Path, tmp_path: Path) -> None:
    settings = _settings(method=method, sampling="random", eval_rows=0)
    events: list[dict[str, Any]] = []
    result = sft.run(_context(line, tmp_path, settings, events))
    theirs = _trl_losses(line, settings)
    assert len(theirs) == 4
    assert _losses(events) == pytest.approx(theirs, abs=5e-5)
    assert result["train_loss"] == pytest.approx(sum(theirs) / 4, abs=5e-5)
    assert result["tokens_per_second"] > 0


def test_the_loss_of_a_validation_row_is_that_of_the_whole_logits(line: Path, tmp_path: Path) -> None:
    import torch

    ctx = _context(line, tmp_path, _settings(max_steps=1, learning_rate=1e-12, eval_rows=3, batch_size=1))
    result = sft.run(ctx)
    model, tokenizer = models.load_model(line / "base", device="cpu", dtype="float32"), models.load_tokenizer(line / "base")
    held = encoded.sft_rows(ctx, tokenizer, "validation", 512, limit=3).rows
    with torch.no_grad():
        losses = [model(input_ids=torch.tensor([r.input_ids]), labels=torch.tensor([r.labels])).loss.item() for r in held]
    assert result["validation_loss"] == pytest.approx(sum(losses) / 3, abs=1e-4)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("entries", [64, 10**6])
def test_the_head_in_chunks_gives_the_loss_and_the_gradients_of_cross_entropy(bias: bool, entries: int, monkeypatch: Any) -> None:
    import torch

    from training import losses

    monkeypatch.setattr(losses, "CHUNK_ENTRIES", entries)
    torch.manual_seed(0)
    hidden, weight = torch.randn(7, 8, requires_grad=True), torch.randn(32, 8, requires_grad=True)
    shift = torch.randn(32, requires_grad=True) if bias else None
    targets = torch.randint(0, 32, (7,))
    given = [hidden, weight, *([shift] if bias else [])]
    logits = torch.nn.functional.linear(hidden, weight, shift)
    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    total, right = losses.cross_entropy_at(hidden, weight, shift, targets)
    assert total.item() == pytest.approx(plain.item(), abs=1e-5) and right.item() == (logits.argmax(-1) == targets).sum().item()
    for ours, theirs in zip(torch.autograd.grad(total / 3, given), torch.autograd.grad(plain / 3, given), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_nothing_is_computed_backwards_below_the_first_adapted_layer(line: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from training import loop

    made: list[Any] = []

    def keep(cls: Any) -> Any:
        def trainer(**given: Any) -> Any:
            made.append(cls(**given))
            return made[-1]

        return trainer

    monkeypatch.setattr(sft, "trainer_class", lambda: keep(loop.trainer_class()))
    adapter = {"rank": 4, "dropout": 0.0, "layers_to_transform": "1-2"}
    sft.run(_context(line, tmp_path, _settings(max_steps=1, eval_rows=0, adapter=adapter)))
    model = made[0].model
    adapted = {name.split("layers.")[1].split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert adapted == {"1", "2"}
    blocks = model.get_base_model().model.layers
    grads: dict[int, bool] = {}
    for i, block in enumerate(blocks):
        block.register_forward_pre_hook(lambda _, given, i=i: grads.__setitem__(i, given[0].requires_grad))
    import torch

    model.train()
    model(input_ids=torch.tensor([[1, 2, 3]]))
    assert grads == {0: False, 1: False, 2: True}
    assert not any(isinstance(module, torch.nn.Dropout) and module.p == 0 for module in model.modules())


def test_batches_hold_rows_of_like_length_and_an_epoch_draws_them_anew() -> None:
    from training.loop import LengthGrouped

    sizes = [(i * 37) % 101 for i in range(203)]
    sampler = LengthGrouped(sizes, 4, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(203)) and list(sampler) == first
    padding = sum(max(sizes[i] for i in first[at : at + 4]) * len(first[at : at + 4]) for at in range(0, 203, 4)) - sum(sizes)
    assert padding < 0.05 * sum(sizes)
    sampler.set_epoch(1)
    assert list(sampler) != first and sorted(sampler) == list(range(203))
    assert list(LengthGrouped(sizes, 4, seed=4)) != first


def _dpo(**given: Any) -> dpo.Settings:
    small = {"max_steps": 4, "batch_size": 2, "gradient_accumulation": 1, "learning_rate": 1e-3, "log_every": 1, "save_every": 2,
             "eval_rows": 4, "max_length": 512}
    return dpo.Settings.model_validate({**small, **given})


@pytest.fixture(scope="module")
def tuned(line: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run behind sft: an adapter after one step."""
    folder = tmp_path_factory.mktemp("tuned")
    ctx = _context(line, folder, _settings(max_steps=1, eval_rows=0))
    complete(ctx.stage_dir, sft.run(ctx))
    return folder / "run"


def test_preferences_that_do_not_help_are_not_carried_on_and_few_pairs_are_warned_of(tuned: Path) -> None:
    events: list[dict[str, Any]] = []
    before = json.loads((tuned / "01-sft" / "result.json").read_text())
    bad = dpo.run(context(tuned, "dpo", _dpo(learning_rate=1e-12, precompute_reference=True), events))
    assert not bad["carried_on"] and bad["adapter"] == before["adapter"] and bad["warnings"] == ["few_pairs"]
    assert [e["code"] for e in events if e["kind"] == "warning"] == ["few_pairs", "dpo_not_carried_on"]
    shutil.rmtree(tuned / "02-dpo")
    good = dpo.run(context(tuned, "dpo", _dpo(), events := []))
    assert good["carried_on"] and good["best_validation_loss"] < 0.6931 and good["adapter"] == "02-dpo/best"
    assert _losses(events)[0] == pytest.approx(0.6931, abs=1e-3)
