"""Pruning: the right blocks and neurons go, sizes and figures are true, and a mask is kept through training and merge."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from curation.errors import BadConfig  # noqa: E402
from tests.training.frozen_fixture import write_frozen  # noqa: E402
from tests.training.stage_fixture import complete  # noqa: E402
from training import config, data, masks, models, tuned  # noqa: E402
from training.recipes import prune  # noqa: E402
from training.stage import StageContext  # noqa: E402

SIZE = models.RandomModel(layers=4, intermediate_size=512, heads=2, kv_heads=1, vocab_size=512)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("prune")
    frozen = data.open_dataset(write_frozen(run / "dataset", rows=20, pairs=0))
    texts = [m["content"] for row in data.read_rows(frozen, "sft", "train") for m in [*row["prompt"], *row["completion"]]]
    models.make_random(run / "base", SIZE, models.train_tokenizer(texts, SIZE.vocab_size), seed=1)
    return run


def _ctx(run: Path, into: Path, stages: list[str], **settings: Any) -> StageContext:
    folders = {name: into / f"{i:02d}-{name}" for i, name in enumerate(stages)}
    complete(folders["prepare"], {"teacher": str(run / "base"), "student": None})
    folders["prune"].mkdir()
    whole = SimpleNamespace(device="cpu", dtype="float32", student=None, system_prompt=None)
    return StageContext(name="prune", run_dir=into, stage_dir=folders["prune"], config=whole,
                        settings=prune.Settings(calibration_rows=2, **settings), dataset_dir=run / "dataset", seed=1, folders=folders,
                        write_event=lambda event: None)


def test_blocks_and_neurons_go_and_the_folder_is_a_whole_model(base: Path, tmp_path: Path) -> None:
    ctx = _ctx(base, tmp_path, ["prepare", "prune", "distill"], layers=3, mlp_width=256)
    result = prune.run(ctx)
    model = models.load_model(tmp_path / result["model"], device="cpu")
    assert len(model.model.layers) == len(result["layers"]) == 3 and model.config.intermediate_size == 256
    assert sum(p.numel() for p in model.parameters()) == result["parameters"]["after"] < result["parameters"]["before"]
    assert result["role"] == "student" and result["mask"] is None and result["zeros"] == 0
    assert result["bytes"]["after"] == (tmp_path / result["model"] / "model.safetensors").stat().st_size
    assert model(input_ids=torch.tensor([[5, 6, 7]])).logits.isfinite().all()
    complete(ctx.stage_dir, result)
    ctx.name = "distill"
    assert tuned.current(ctx, "student")["model"] == "01-prune/model" and tuned.untuned(ctx, "student") == str(base / "base")


def test_a_block_that_changes_nothing_and_neurons_that_are_silent_go_first(base: Path, tmp_path: Path) -> None:
    model = models.load_model(base / "base", device="cpu")
    with torch.no_grad():
        model.model.layers[2].self_attn.o_proj.weight.zero_()
        model.model.layers[2].mlp.down_proj.weight.zero_()
        model.model.layers[1].mlp.up_proj.weight[100:].zero_()
    ctx = _ctx(base, tmp_path, ["prepare", "prune"])
    row = data.Encoded(input_ids=[5, 6, 7, 8], labels=[5, 6, 7, 8])
    influence = prune.block_influence(model, [row], ctx)
    assert influence[2] == pytest.approx(0, abs=1e-6) and all(influence[i] > 1e-3 for i in (0, 1, 3))
    figures = prune.neuron_importance(model, [row], ctx)[1]
    assert figures[100:].sum() == 0 and (figures[:100] > 0).all()


@pytest.mark.parametrize(("pattern", "share"), [("free", 0.6), ("2:4", 0.5), ("4:8", 0.5)])
def test_the_mask_holds_what_it_says(base: Path, tmp_path: Path, pattern: str, share: float) -> None:
    ctx = _ctx(base, tmp_path, ["prepare", "prune"], sparsity=0.6, pattern=pattern)
    result = prune.run(ctx)
    mask = masks.load(tmp_path / result["mask"])
    model = models.load_model(tmp_path / result["model"], device="cpu")
    weights = dict(model.named_parameters())
    assert all((weights[name] == 0).equal(~kept) for name, kept in mask.items())
    total = sum(kept.numel() for kept in mask.values())
    assert result["zeros"] == sum(int((weights[name] == 0).sum()) for name in mask) == pytest.approx(share * total, rel=1e-3)
    assert result["sparsity"] == pytest.approx(result["zeros"] / result["parameters"]["after"], abs=1e-6)
    if pattern == "2:4":
        name = next(iter(mask))
        assert (mask[name].view(-1, 4).sum(dim=1) == 2).all()
    assert result["bytes"]["after"] >= result["bytes"]["before"]  # zeros take the same room


def test_an_adapter_over_pruned_weights_is_masked_and_merges_into_the_same_function(base: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    result = prune.run(_ctx(base, tmp_path, ["prepare", "prune"], sparsity=0.5))
    mask = masks.load(tmp_path / result["mask"])
    torch.manual_seed(2)
    wanted = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, lora_dropout=0.0)
    model = get_peft_model(models.load_model(tmp_path / result["model"], device="cpu"), wanted).eval()
    ids = torch.tensor([[5, 6, 7, 8]])
    plain = model(input_ids=ids).logits
    masks.mask_adapters(model, mask)
    masked = model(input_ids=ids).logits
    assert not torch.allclose(plain, masked, atol=1e-3)
    merged = model.merge_and_unload(safe_merge=True)
    masks.zero(merged, mask)
    assert torch.allclose(merged(input_ids=ids).logits, masked, atol=1e-4)
    assert all((dict(merged.named_parameters())[name][~kept] == 0).all() for name, kept in mask.items())


def test_what_cannot_be_pruned_is_told(base: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="set layers, mlp_width or sparsity"):
        prune.run(_ctx(base, tmp_path / "a", ["prepare", "prune"]))
    with pytest.raises(BadConfig, match=r"prune\.layers: 9 is more"):
        prune.run(_ctx(base, tmp_path / "b", ["prepare", "prune"], layers=9))


def test_the_student_preset_halves_the_model() -> None:
    student = config.load("smollm2-135m-student")
    assert student.stages.index("prune") < student.stages.index("distill") and student.student is None
    cut = config.settings_of(student, "prune")
    block = 2 * 576 * 576 + 2 * 576 * 192 + 3 * 576 * cut.mlp_width + 2 * 576
    assert 0.45 < (49152 * 576 + cut.layers * block + 576) / 134_515_008 < 0.55
