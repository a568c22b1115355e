"""The adapter and vLLM's command in a bundle, and installing it: whole or not at all."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from curation.errors import BadModelFolder, BadValue
from tests.training.served_fixture import write_served_run
from tests.training.stage_fixture import complete
from training import bundle, served
from training.__main__ import main


def _bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    file = folder / "flowsight-Q8_0.gguf"
    file.write_bytes(b"GGUF weights")
    (folder / f"{file.name}.sha256").write_text(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n")
    (folder / "version.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("config", "rank"), [
    ({"r": 8}, 8), ({"r": 24}, 32), ({"r": 4}, 8), ({"r": 16, "rank_pattern": {"q_proj": 100}}, 128), ({"r": 600}, None),
    ({"r": 8, "use_dora": True}, None), ({"r": "8"}, None), ({}, None),
])
def test_the_rank_is_the_next_that_vllm_allows(config: dict[str, object], rank: int | None) -> None:
    assert bundle.rank_of(config) == rank


def test_the_command_line_of_vllm_names_base_adapter_rank_and_length() -> None:
    assert bundle.vllm_command("mine", "Qwen/Qwen2.5-Coder-1.5B", 24, 4096) == (
        "vllm serve Qwen/Qwen2.5-Coder-1.5B --enable-lora --lora-modules mine=./adapter --max-lora-rank 32 --max-model-len 4096")


def test_an_adapter_in_the_bundle_names_no_path_of_this_machine(tmp_path: Path) -> None:
    source = tmp_path / "best"
    source.mkdir()
    (source / "adapter_model.safetensors").write_bytes(b"weights")
    (source / "adapter_config.json").write_text(json.dumps({"r": 16, "base_model_name_or_path": str(tmp_path)}))
    (tmp_path / "out").mkdir()
    assert bundle.put_adapter(source, tmp_path / "out", "owner/base") == 16
    assert str(tmp_path) not in (tmp_path / "out" / "adapter" / "adapter_config.json").read_text()
    assert (tmp_path / "out" / "adapter" / "adapter_model.safetensors").read_bytes() == b"weights"


def test_a_bundle_is_installed_once_and_replaced_when_told(tmp_path: Path) -> None:
    made, home = _bundle(tmp_path / "flowsight"), tmp_path / "models"
    target = bundle.install(made, "flowsight", home)
    assert sorted(file.name for file in target.iterdir()) == ["flowsight-Q8_0.gguf", "flowsight-Q8_0.gguf.sha256", "version.json"]
    with pytest.raises(BadValue, match="installed already"):
        bundle.install(made, "flowsight", home)
    (made / "version.json").write_text('{"second": 1}')
    assert bundle.install(made, "flowsight", home, replace=True) == target
    assert json.loads((target / "version.json").read_text()) == {"second": 1}
    assert {file.name for file in home.iterdir()} == {"flowsight", ".lock"}
    with pytest.raises(BadValue, match="no plain name"):
        bundle.install(made, "../out", home)


@pytest.mark.parametrize("harm", ["gguf", "seal", "version"])
def test_a_bundle_that_is_not_whole_is_not_installed_and_takes_no_others_place(tmp_path: Path, harm: str) -> None:
    made, home = _bundle(tmp_path / "flowsight"), tmp_path / "models"
    target = bundle.install(made, "flowsight", home)
    if harm == "gguf":
        (made / "flowsight-Q8_0.gguf").write_bytes(b"GGUF weightz")
    else:
        (made / {"seal": "flowsight-Q8_0.gguf.sha256", "version": "version.json"}[harm]).unlink()
    with pytest.raises(Exception, match=r"sha256|version\.json") as raised:
        bundle.install(made, "flowsight", home, replace=True)
    assert isinstance(raised.value, BadModelFolder) or harm == "version"
    assert (target / "flowsight-Q8_0.gguf").read_bytes() == b"GGUF weights"
    assert {file.name for file in home.iterdir()} == {"flowsight", ".lock"}


def test_a_runs_bundle_is_installed_from_a_shell_and_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLOWSIGHT_MODELS", str(tmp_path / "models"))
    run = write_served_run(tmp_path / "runs", package=False)
    assert main(["install", "first", "--runs-dir", str(tmp_path / "runs")]) == 2
    assert "bundle in the run" in capsys.readouterr().err
    made = run / "03-package" / "flowsight"
    _bundle(made)
    file = made / "flowsight-Q8_0.gguf"
    file.write_bytes((run / "02-quantize" / file.name).read_bytes())
    file.with_name(f"{file.name}.sha256").write_text(hashlib.sha256(file.read_bytes()).hexdigest())
    complete(run / "03-package", {"name": "flowsight", "folder": "03-package/flowsight", "files": []})
    assert main(["install", "first", "--runs-dir", str(tmp_path / "runs"), "--name", "mine"]) == 0
    assert served.find("mine", runs_dir=tmp_path / "runs").file == tmp_path / "models" / "mine" / file.name
