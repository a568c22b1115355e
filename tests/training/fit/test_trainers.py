"""The losses of plain TRL, no backward below the first adapted layer, batches of like length."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.fit_fixture import losses_of, run_of_its_own, small_settings
from training import data, encoded, models
from training.fit.trainers import trainer_class
from training.recipes import sft


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


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_losses_are_those_of_trl_to_four_decimals(method: str, line: Path, tmp_path: Path) -> None:
    settings = small_settings(method=method, sampling="random", eval_rows=0)
    events: list[dict[str, Any]] = []
    result = sft.run(run_of_its_own(line, tmp_path, settings, events))
    theirs = _trl_losses(line, settings)
    assert len(theirs) == 4
    assert losses_of(events) == pytest.approx(theirs, abs=5e-5)
    assert result["train_loss"] == pytest.approx(sum(theirs) / 4, abs=5e-5)
    assert result["tokens_per_second"] > 0


def test_the_loss_of_a_validation_row_is_that_of_the_whole_logits(line: Path, tmp_path: Path) -> None:
    import torch

    ctx = run_of_its_own(line, tmp_path, small_settings(max_steps=1, learning_rate=1e-12, eval_rows=3, batch_size=1))
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
    made: list[Any] = []

    def keep(cls: Any) -> Any:
        def trainer(**given: Any) -> Any:
            made.append(cls(**given))
            return made[-1]

        return trainer

    monkeypatch.setattr(sft, "trainer_class", lambda: keep(trainer_class()))
    adapter = {"rank": 4, "dropout": 0.0, "layers_to_transform": "1-2"}
    sft.run(run_of_its_own(line, tmp_path, small_settings(max_steps=1, eval_rows=0, adapter=adapter)))
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
    from training.fit.trainers import LengthGrouped

    sizes = [(i * 37) % 101 for i in range(203)]
    sampler = LengthGrouped(sizes, 4, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(203)) and list(sampler) == first
    padding = sum(max(sizes[i] for i in first[at : at + 4]) * len(first[at : at + 4]) for at in range(0, 203, 4)) - sum(sizes)
    assert padding < 0.05 * sum(sizes)
    sampler.set_epoch(1)
    assert list(sampler) != first and sorted(sampler) == list(range(203))
    assert list(LengthGrouped(sizes, 4, seed=4)) != first
