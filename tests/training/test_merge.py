"""Merging: the files say what the trained model said, and no more than a few places' logits are ever made at once."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.training.frozen_fixture import write_frozen  # noqa: E402
from tests.training.stage_fixture import complete  # noqa: E402
from training import config, data, losses, models  # noqa: E402
from training.recipes import merge  # noqa: E402
from training.stage import StageContext  # noqa: E402

SIZE = models.RandomModel(layers=1, intermediate_size=256, heads=2, kv_heads=1, vocab_size=512)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("merge")
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=40, pairs=0))
    texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
    models.make_random(run / "base", SIZE, models.train_tokenizer(texts, SIZE.vocab_size), seed=1)
    return run


def _ctx(run: Path, into: Path, left: dict[str, Any], /, **settings: Any) -> StageContext:
    folders = {name: into / f"{i:02d}-{name}" for i, name in enumerate(("prepare", "sft", "merge"))}
    complete(folders["prepare"], {"teacher": str(run / "base"), "student": None})
    complete(folders["sft"], left)
    folders["merge"].mkdir()
    own = merge.Settings(**settings)
    whole = SimpleNamespace(device="cpu", dtype="float32", system_prompt=None, sft=SimpleNamespace(max_length=2048))
    return StageContext(name="merge", run_dir=into, stage_dir=folders["merge"], config=whole, settings=own, dataset_dir=run / "dataset",
                        seed=1, folders=folders, write_event=lambda event: None)


def _adapter(run: Path, folder: Path) -> Path:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(4)
    model = get_peft_model(models.load_model(run / "base", device="cpu"), LoraConfig(target_modules="all-linear", init_lora_weights=False))
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_is_merged_and_compared_a_few_places_at_a_time(
    method: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = []
    apply_head = losses.apply_head
    monkeypatch.setattr(losses, "apply_head", lambda model, hidden: most.append(len(hidden)) or apply_head(model, hidden))
    adapter = _adapter(base, tmp_path / "adapter")
    ctx = _ctx(base, tmp_path, {"method": method, "base": str(base / "base"), "adapter": str(adapter), "model": None}, compare_rows=3)
    result = merge.run(ctx)
    told = result["difference"]["teacher"]
    assert told["into"] == {"lora": "original", "qlora": "dequantized"}[method]
    assert told["kl"] < 1e-5 and told["same_top"] > 0.97 and told["max_logit"] < 0.01
    assert 3 <= told["tokens"] <= 3 * merge.MOST_PLACES
    assert max(most) <= merge.CHUNK
    assert sorted(path.name for path in ctx.stage_dir.iterdir()) == ["teacher"]  # nothing else is left
    assert result["base"] == str(base / "base") and result["model"] == "02-merge/teacher"


def test_a_difference_is_seen(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged into the original weights, what QLoRA learned over NF4 ones is another function."""
    adapter = _adapter(base, tmp_path / "adapter")
    left = {"method": "qlora", "base": str(base / "base"), "adapter": str(adapter), "model": None}
    result = merge.run(_ctx(base, tmp_path, left, compare_rows=2, into="original"))
    assert result["difference"]["teacher"]["kl"] > 1e-4 and result["difference"]["teacher"]["into"] == "original"


def test_the_sums_are_those_of_the_formula() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(9, 7), torch.randn(9, 7)
    sums = merge.Sums()
    for some, other in zip(a.split(4), b.split(4), strict=True):
        sums.add(some, other)
    p, q = a.double().log_softmax(-1), b.double().log_softmax(-1)
    told = sums.means()
    assert told["kl"] == pytest.approx(float((p.exp() * (p - q)).sum() / 9)) and told["tokens"] == 9
    assert told["max_logit"] == pytest.approx(float((a - b).abs().max()))
    assert told["same_top"] == pytest.approx(float((a.argmax(-1) == b.argmax(-1)).float().mean()))
    assert merge.Sums().means() == {"tokens": 0, "max_logit": None, "kl": None, "same_top": None}


def test_a_whole_model_goes_through_unchanged(base: Path, tmp_path: Path) -> None:
    left = {"method": "full", "base": str(base / "base"), "adapter": None, "model": str(base / "base")}
    result = merge.run(_ctx(base, tmp_path, left, compare_rows=1))
    assert result["difference"]["teacher"]["max_logit"] == 0.0
    assert dict(models.hashes(tmp_path / result["model"]))["model.safetensors"] == dict(models.hashes(base / "base"))["model.safetensors"]


def test_the_default_order_evaluates_what_was_quantized() -> None:
    assert config.STAGES.index("quantize") < config.STAGES.index("evaluate") < config.STAGES.index("package")
