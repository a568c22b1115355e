"""What a start writes and refuses; the launchers' contract. A launcher that starts nothing stands in for the worker."""
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from curation.errors import BadModelFolder, BadValue, TouchedDataset
from tests.training.runs_fixture import small_config
from training import config, runs
from training.launchers import launchers
from training.runs import launching


def test_a_started_run_has_its_whole_configuration_and_its_origin_on_disk(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    assert config.load(run_dir / "config.yaml") == small_config()
    manifest = json.loads((run_dir / "manifest.json").read_text())
    assert manifest["dataset"]["hash"] == json.loads((frozen / "manifest.json").read_text())["hash"]
    assert manifest["stages"] == ["prepare", "sft", "merge"] and manifest["seed"] == 17
    assert manifest["versions"]["torch"].startswith("2.") and manifest["commit"]
    ((_, environment),) = fake.calls
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    run = runs.poll(run_dir)
    assert run.state == "starting" and run.active and run.dataset == "made-v0001"
    assert [stage.state for stage in run.stages] == ["waiting"] * 3


def test_threads_of_the_configuration_reach_the_worker(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    runs.start(small_config(threads=3), tmp_path / "runs", dataset_dir=frozen)
    assert fake.calls[0][1]["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 81, "a b"])
def test_a_name_that_is_no_plain_file_name_is_refused(frozen: Path, tmp_path: Path, fake: SimpleNamespace, name: str) -> None:
    if name:
        with pytest.raises(BadValue):
            runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen, name=name)
    assert fake.calls == []


def test_a_name_that_is_taken_is_refused_and_the_run_stands(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
    before = (run_dir / "manifest.json").read_text()
    with pytest.raises(BadValue, match="name of a run already"):
        runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
    assert (run_dir / "manifest.json").read_text() == before


def test_a_model_folder_without_tokenizer_starts_nothing(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    from safetensors.numpy import save_file

    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    save_file({"w": np.zeros(2, dtype=np.float32)}, model / "model.safetensors")
    with pytest.raises(BadModelFolder, match="no tokenizer"):
        runs.start(config.load("tiny", {"teacher.path": str(model)}), tmp_path / "runs", dataset_dir=frozen, name="one")
    assert not fake.calls and not list((tmp_path / "runs").glob("*")) and not list((tmp_path / "runs").glob(".*"))


def test_a_run_whose_files_cannot_be_written_leaves_nothing_and_its_name_is_free(
    frozen: Path, tmp_path: Path, fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(launching, "write_atomically", full)
        with pytest.raises(OSError, match="No space"):
            runs.start(config.load("tiny"), tmp_path / "runs", dataset_dir=frozen, name="one")
    assert list((tmp_path / "runs").iterdir()) == [] and not fake.calls
    (tmp_path / "runs" / "one").mkdir()  # what a process killed at the wrong moment would have left before
    assert runs.start(config.load("tiny"), tmp_path / "runs", dataset_dir=frozen, name="one").name == "one"


def test_a_touched_dataset_starts_nothing(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    (frozen / "sft" / "train.jsonl").write_text("{}")
    with pytest.raises(TouchedDataset):
        runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    assert fake.calls == [] and not (tmp_path / "runs").exists()


def test_every_launcher_keeps_the_contract() -> None:
    assert "local" in launchers()
    for name, module in launchers().items():
        assert module.NAME == name and module.__doc__
        assert all(callable(getattr(module, part)) for part in ("launch", "alive", "terminate", "kill"))
