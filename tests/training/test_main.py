"""The command line: what it prints, what it refuses, its exit codes."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.frozen_fixture import write_frozen
from training import config, runs
from training.__main__ import main

COMMANDS = ["init-config", "validate-config", "list-gpus", "inspect-data", "train", "status", "stop", "resume", "tools"]


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    return write_frozen(tmp_path / "made" / "v0001", rows=20, pairs=10)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"Example:\n  python -m training {command}" in capsys.readouterr().out


def test_init_config_writes_a_valid_file_and_never_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my.yaml"
    assert main(["init-config", "tiny", "--out", str(out)]) == 0
    assert config.load(out) == config.load("tiny")
    out.write_text("mine")
    assert main(["init-config", "tiny", "--out", str(out)]) == 2
    assert out.read_text() == "mine" and "exists already" in capsys.readouterr().err
    assert main(["init-config", "tiny", "--out", str(tmp_path / "no" / "x.yaml")]) == 2
    assert main(["init-config"]) == 0
    assert "tiny" in capsys.readouterr().out.splitlines()


def test_validate_config_tells_every_fault_or_shows_the_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate-config", "tiny"]) == 0
    assert "sft > dpo > distill" in capsys.readouterr().out
    assert main(["validate-config", "tiny", "--set", "sft.batch_sise=2", "--set", "seed=-1", "--set", "novalue"]) == 2
    assert "no '='" in capsys.readouterr().err
    assert main(["validate-config", "tiny", "--set", "sft.batch_sise=2", "--set", "seed=-1"]) == 2
    told = capsys.readouterr().err
    assert "Did you mean batch_size?" in told and "seed" in told
    assert main(["validate-config", "tiny", "--set", "sft.max_steps=7", "--show"]) == 0
    (tmp_path / "shown.yaml").write_text(capsys.readouterr().out)
    assert config.load(tmp_path / "shown.yaml") == config.load("tiny", {"sft.max_steps": 7})


def test_inspect_data_counts_and_marks_what_is_learned(frozen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect-data", str(frozen)]) == 0
    assert "sft: train 16, validation 2, test 2" in capsys.readouterr().out
    assert main(["inspect-data", str(frozen), "--model", "tiny", "--rows", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("⟦{") == 2 and shown.count("<|im_end|>\n⟧") == 2 and "longest" in shown
    assert shown.index("<|im_start|>assistant") < shown.index("⟦")


def test_inspect_data_refuses_a_touched_folder_and_a_model_without_tokenizer(
    frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    header = b'{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    assert main(["inspect-data", str(frozen), "--model", str(model)]) == 2
    assert "has no tokenizer" in capsys.readouterr().err
    (frozen / "sft" / "test.jsonl").write_text("")
    assert main(["inspect-data", str(frozen)]) == 2
    assert "sft/test.jsonl was changed" in capsys.readouterr().err


def test_list_gpus_answers_on_a_machine_without_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["list-gpus"]) == 0
    assert "no NVIDIA GPU" in capsys.readouterr().out


def test_status_stop_and_resume_name_the_run_they_do_not_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--runs-dir", str(tmp_path)]) == 0
    assert "no run" in capsys.readouterr().out
    for command in ("status", "stop", "resume"):
        assert main([command, "nothing", "--runs-dir", str(tmp_path)]) == 2
        assert "'nothing'" in capsys.readouterr().err


def test_train_starts_nothing_on_a_wrong_dataset_or_configuration(frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs_dir = tmp_path / "runs"
    assert main(["train", "tiny", "--data", str(tmp_path / "none"), "--runs-dir", str(runs_dir)]) == 2
    assert main(["train", "nosuch", "--data", str(frozen), "--runs-dir", str(runs_dir)]) == 2
    assert main(["train", "tiny", "--data", str(frozen), "--runs-dir", str(runs_dir), "--name", "a/b"]) == 2
    assert not runs_dir.exists()
    assert capsys.readouterr().err.count("error: ") == 3


@pytest.mark.line
def test_train_follow_status_stop_and_resume_work_together(frozen: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    where = ["--runs-dir", str(tmp_path / "runs")]
    tiny = ["tiny", "--data", str(frozen), *where, "--set", "threads=1"]
    assert main(["train", *tiny, "--name", "one", "--set", "stages=[]", "--follow"]) == 0
    assert b"one: done" in capfdbinary.readouterr().out
    assert main(["train", *tiny, "--name", "two", "--set", "stages=[sft]", "--set", "sft.max_steps=100000"]) == 0
    while runs.poll(tmp_path / "runs" / "two").stage != "sft":
        assert runs.poll(tmp_path / "runs" / "two").active
    assert main(["stop", "two", *where]) == 0
    capfdbinary.readouterr()
    assert main(["status", "two", *where, "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["state"] == "stopped"
    assert main(["resume", "two", *where]) == 0
    assert main(["stop", "two", *where, "--grace-s", "0"]) == 0
    assert runs.poll(tmp_path / "runs" / "two").state == "stopped"
