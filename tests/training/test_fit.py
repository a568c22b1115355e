"""The training loop on tiny models: the losses of plain TRL, no backward below the first adapted layer, options that arrive, resumes."""
from __future__ import annotations

import json
import shutil
import types
from pathlib import Path
from typing import Any

import pytest

from curation.errors import BadValue, UserError
from tests.training.frozen_fixture import write_frozen
from tests.training.stage_fixture import complete, context
from training import data, encoded, fit, hardware, models
from training.recipes import dpo, sft
from training.stage import Stopped

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


def test_a_run_killed_behind_its_last_step_trains_no_step_more(line: Path, tmp_path: Path) -> None:
    """The checkpoints still lie there when the stage is run again: nothing but the end of the stage was lost."""
    ctx = _context(line, tmp_path, _settings(max_steps=3, log_every=2))
    whole = sft.run(ctx)
    weights = (ctx.stage_dir / "last" / "adapter_model.safetensors").read_bytes()
    events: list[dict[str, Any]] = []
    again = sft.run(_context(line, tmp_path, ctx.settings, events))
    assert (again["steps"], again["resumed_from"]) == (3, 3) and _losses(events) == []
    assert again["train_loss"] == whole["train_loss"] and again["validation_loss"] == whole["validation_loss"]
    assert (ctx.stage_dir / "last" / "adapter_model.safetensors").read_bytes() == weights


def test_early_stopping_ends_the_loop_and_stands_after_a_resume(line: Path, tmp_path: Path) -> None:
    settings = _settings(max_steps=9, eval_every=1, save_every=9, learning_rate=1e-12, early_stopping_patience=2,
                         early_stopping_threshold=0.5, eval_rows=2)
    ctx = _context(line, tmp_path, settings)
    result = sft.run(ctx)
    assert result["steps"] == 3 and result["stopped_early"]
    assert sft.run(ctx)["steps"] == 3


def test_the_mean_loss_and_the_patience_are_read_from_the_history() -> None:
    history = [{"step": 1, "loss": 4.0}, {"step": 1, "eval_loss": 3.0}, {"step": 4, "loss": 2.0}, {"step": 4, "eval_loss": 3.1},
               {"step": 5, "loss": 1.0}, {"step": 5, "eval_loss": 2.95}, {"step": 5, "train_loss": 9.0}]
    assert fit.mean_loss(history) == pytest.approx((4 + 3 * 2 + 1) / 5)
    assert fit.without_better(history, 0.0) == 0 and fit.without_better(history, 0.1) == 2
    assert fit.mean_loss([]) is None and fit.without_better([], 0.0) == 0


def test_every_option_of_the_loop_reaches_the_trainer(line: Path, tmp_path: Path) -> None:
    from trl import SFTConfig

    settings = _settings(
        optimizer="adafactor", scheduler="cosine_with_min_lr", scheduler_options={"min_lr_rate": 0.1}, warmup=0.2, weight_decay=0.01,
        max_grad_norm=0.5, neftune=5.0, sampling="sequential", save_every=7, eval_every=3, save_limit=2, log_every=2, epochs=3.0,
        max_steps=None, activation_checkpointing=True,
    )
    made = SFTConfig(**fit.loop_arguments(_context(line, tmp_path, settings), settings, "cpu", True))
    assert (made.optim, made.lr_scheduler_type, made.lr_scheduler_kwargs) == ("adafactor", "cosine_with_min_lr", {"min_lr_rate": 0.1})
    assert (made.warmup_steps, made.weight_decay, made.max_grad_norm, made.neftune_noise_alpha) == (0.2, 0.01, 0.5, 5.0)
    assert (made.train_sampling_strategy, made.save_steps, made.eval_steps, made.save_total_limit) == ("sequential", 7, 3, 2)
    assert (made.logging_steps, made.num_train_epochs, made.max_steps, made.activation_checkpointing) == (2, 3.0, -1, True)
    assert not made.bf16  # float32 was asked for


def test_every_option_of_the_adapter_reaches_peft_and_what_the_model_lacks_is_told(line: Path) -> None:
    model = models.load_model(line / "base", device="cpu", dtype="float32")
    given = {"rank": 3, "alpha": 5, "dropout": 0.1, "rslora": True, "dora": True, "layers_to_transform": [1]}
    made = fit.lora_config(fit.AdapterSettings.model_validate(given), model)
    assert (made.r, made.lora_alpha, made.lora_dropout, made.use_rslora, made.use_dora) == (3, 5, 0.1, True, True)
    assert made.layers_to_transform == [1] and "q_proj" in made.target_modules and "lm_head" not in made.target_modules
    named = fit.lora_config(fit.AdapterSettings(target_modules=["q_proj"]), model)
    assert set(named.target_modules) == {"q_proj"}
    with pytest.raises(BadValue, match="no linear layer"):
        fit.lora_config(fit.AdapterSettings(target_modules=["q_prj"]), model)
    with pytest.raises(BadValue, match="layers 0 to 2"):
        fit.lora_config(fit.AdapterSettings(layers_to_transform=[3]), model)


@pytest.mark.parametrize(("config", "settings", "told"), [
    ({"report_to": ["trackio"]}, {}, "trackio"), ({"attention": "flash_attention_2"}, {}, "flash-attn"),
    ({}, {"optimizer": "paged_adamw_8bit"}, "no GPU here"),
])
def test_what_this_machine_cannot_do_is_refused_with_what_to_do(config: dict, settings: dict, told: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(fit.importlib.util, "find_spec", lambda name: None)
    given = types.SimpleNamespace(**{"report_to": [], "attention": "sdpa", **config})
    with pytest.raises(UserError, match=told):
        fit.check_machine(given, _settings(**settings), "cpu")


def test_the_number_format_is_the_one_asked_for_or_what_the_processor_has(monkeypatch: Any) -> None:
    assert hardware.bf16_flags("flags\t\t: fpu avx2 avx512_bf16 amx_bf16\n") == ("amx_bf16", "avx512_bf16")
    assert hardware.bf16_flags("flags : fpu avx2\n") == () and hardware.bf16_flags("Features : fp bf16\n") == ("bf16",)
    assert hardware.dtype_of("bfloat16", "cpu").name == "bfloat16" and hardware.dtype_of("float32", "cuda").name == "float32"
    for has, name in (((), "float32"), (("avx512_bf16",), "bfloat16")):
        monkeypatch.setattr(hardware, "cpu_bf16", lambda has=has: has)
        assert hardware.dtype_of("auto", "cpu").name == name


def test_tokens_are_made_once_and_again_when_the_system_prompt_changes(line: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(encoded, "BATCH", 20)
    events: list[dict[str, Any]] = []
    ctx = _context(line, tmp_path, _settings(), events)
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
    ctx = _context(line, tmp_path, _settings())
    tokenizer, rows = models.load_tokenizer(line / "base"), data.read_rows(data.open_dataset(line / "dataset"), "sft", "train")[3:8]
    asked = encoded.given_prompts(ctx, tokenizer, rows)
    assert asked == [data.prompt_ids(tokenizer, row["prompt"]) for row in rows]
    assert [row.input_ids[: row.start] for row in encoded.given_rows(ctx, tokenizer, rows)] == asked
    monkeypatch.setattr(data, "prompt_batch", None)  # it would fail if it were called
    assert encoded.given_prompts(ctx, tokenizer, rows) == asked
    with pytest.raises(TypeError):
        encoded.given_prompts(ctx, tokenizer, rows[1:])


def test_training_refuses_to_start_when_too_many_rows_are_too_long(line: Path, tmp_path: Path) -> None:
    ctx = _context(line, tmp_path, _settings())
    median = encoded.histogram(encoded.sft_rows(ctx, models.load_tokenizer(line / "base"), "train", 512).sizes)["median"]
    with pytest.raises(encoded.TooManyDropped, match="keeps 90 %"):
        sft.run(_context(line, tmp_path, _settings(max_length=median)))
    kept = encoded.Kept(rows=[data.Encoded([1], [1])] * 9, too_long=["a"], sizes=[10] * 9 + [900])
    kept.require(_settings(), "train")
    with pytest.raises(encoded.TooManyDropped, match="1 of 10 rows"):
        kept.require(_settings(allow_dropped=0.05), "train")
    with pytest.raises(data.NoRows, match="Raise max_length"):
        encoded.Kept(rows=[], too_long=["a"], sizes=[900]).require(_settings(), "train")
