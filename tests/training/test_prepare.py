"""The first stage: which untuned models a run starts from."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.errors import BadConfig, BadModelFolder
from tests.training.frozen_fixture import write_frozen
from training import config, data, models
from training.recipes import prepare
from training.stage import StageContext

SMALL = models.RandomModel(layers=1, heads=2, kv_heads=1, intermediate_size=256, vocab_size=512)
TEXTS = ["static int probe(void) { return 0; }", "回调在哪里运行？"] * 3


def _ctx(tmp_path: Path, **overrides: Any) -> StageContext:
    frozen = tmp_path / "made" / "v0001"
    if not frozen.exists():
        write_frozen(frozen, rows=20, pairs=0)
    loaded = config.load("tiny", overrides)
    stage_dir = tmp_path / "run" / "00-prepare"
    stage_dir.mkdir(parents=True, exist_ok=True)
    return StageContext(
        name="prepare", run_dir=tmp_path / "run", stage_dir=stage_dir, config=loaded, settings=prepare.Settings(), dataset_dir=frozen,
        seed=loaded.seed, folders={"prepare": stage_dir}, write_event=lambda event: None,
    )


def _local(folder: Path, texts: list[str] = TEXTS) -> Path:
    models.make_random(folder, SMALL, models.train_tokenizer(texts, 512), seed=1)
    return folder


def test_random_models_share_one_tokenizer_that_has_not_seen_the_test_split(tmp_path: Path) -> None:
    ctx = _ctx(tmp_path)
    found = prepare.run(ctx)
    assert found["teacher"] == "00-prepare/teacher" and found["student"] == "00-prepare/student" and found["tokenizer_made"]
    teacher, student = (models.load_tokenizer(ctx.path(found[role])) for role in ("teacher", "student"))
    assert teacher.get_vocab() == student.get_vocab()
    train = data.read_rows(data.open_dataset(ctx.dataset_dir), "sft", "train")
    of_train = models.train_tokenizer((m["content"] for row in train for m in [*row["prompt"], *row["completion"]]), 2048)
    assert teacher.get_vocab() == of_train.get_vocab()
    again = prepare.run(ctx)  # a stage that was killed is run again in its folder
    assert again["models"] == found["models"]


def test_without_distillation_no_student_is_prepared(tmp_path: Path) -> None:
    assert prepare.run(_ctx(tmp_path, stages=["sft", "merge"]))["student"] is None


def test_a_local_model_is_used_where_it_lies(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    found = prepare.run(_ctx(tmp_path, teacher={"path": str(local)}, stages=["sft"]))
    assert Path(found["teacher"]) == local.resolve() and not found["tokenizer_made"]
    assert set(found["models"]["teacher"]["files"]) >= {"config.json", "model.safetensors", "tokenizer.json"}


def test_a_model_without_a_template_gets_the_plain_one_and_stays_as_it_was(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    (local / "chat_template.jinja").unlink()
    before = dict(models.hashes(local))
    ctx = _ctx(tmp_path, teacher={"path": str(local)}, stages=["sft"])
    for _ in range(2):
        folder = ctx.path(prepare.run(ctx)["teacher"])
        assert models.load_tokenizer(folder).chat_template == models.PLAIN_TEMPLATE
        models.check_model_folder(folder)
    assert dict(models.hashes(local)) == before


def test_a_student_of_another_family_is_refused(tmp_path: Path) -> None:
    teacher, student = _local(tmp_path / "a"), _local(tmp_path / "b", ["quite other words"] * 3)
    with pytest.raises(BadConfig, match="tokenizer is not the teacher's"):
        prepare.run(_ctx(tmp_path, teacher={"path": str(teacher)}, student={"path": str(student)}))


def test_a_model_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    local = _local(tmp_path / "local")
    (local / "tokenizer.json").unlink()
    with pytest.raises(BadModelFolder, match="has no tokenizer"):
        prepare.run(_ctx(tmp_path, teacher={"path": str(local)}, stages=["sft"]))
