"""The command line: what it prints, what it refuses, its exit codes."""
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.training.frozen_fixture import write_frozen
from training import checkpoints, config, hardware, runs
from training.__main__ import main
from training.runs import process

COMMANDS = ["init-config", "validate-config", "list-gpus", "inspect-data", "train", "status", "stop", "resume", "tools"]


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    return write_frozen(tmp_path / "made" / "v0001", rows=20, pairs=10)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"  python -m training {command}" in shown.partition("\nExample")[2]


def test_init_config_writes_a_valid_file_and_never_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my.yaml"
    assert main(["init-config", "tiny", "--output", str(out)]) == 0
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


def test_inspect_data_puts_the_configurations_system_prompt_before_every_row(
    frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(config.dump(config.load("tiny", {"system_prompt": "You explain C."})), encoding="utf-8")
    assert main(["inspect-data", str(frozen), "--config", str(own), "--rows", "2"]) == 0
    assert capsys.readouterr().out.count("<|im_start|>system\nYou explain C.<|im_end|>") == 2
    assert main(["inspect-data", str(frozen), "--config", "tiny"]) == 0
    assert "You explain C." not in capsys.readouterr().out


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


def test_inspect_data_draws_the_same_rows_for_a_seed_in_each_format(frozen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for seed in ("1", "1", "2"):
        assert main(["inspect-data", str(frozen), "--format", "json", "--sample", "3", "--seed", seed]) == 0
        shown.append(json.loads(capsys.readouterr().out))
    assert shown[0] == shown[1] != shown[2]
    assert shown[0]["rows"]["sft"] == {"train": 16, "validation": 2, "test": 2} and len(shown[0]["sample"]) == 3
    assert main(["inspect-data", str(frozen), "--format", "table", "--sample", "3", "--seed", "1"]) == 0
    table = capsys.readouterr().out.splitlines()[-3:]
    assert [line.split()[0] for line in table] == [row["id"] for row in shown[0]["sample"]]
    assert main(["inspect-data", str(frozen), "--sample", "99"]) == 0
    assert capsys.readouterr().out.count("[assistant] {") == 16
    with pytest.raises(SystemExit):
        main(["inspect-data", str(frozen), "--sample", "-1"])


def test_what_would_steer_a_terminal_is_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"question": "\x1b[2Jclear", "answer": "\x9b31m"}) + "\n")
    for shape in ("text", "table"):
        assert main(["inspect-data", str(file), "--sample", "1", "--format", shape]) == 0
        shown = capsys.readouterr().out
        assert "\x1b" not in shown and "\x9b" not in shown and "\\x1b[2Jclear" in shown


def test_list_gpus_tells_the_processor_of_a_machine_without_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["list-gpus"]) == 0
    shown = capsys.readouterr().out
    assert "no NVIDIA GPU" in shown and "cores" in shown
    assert main(["list-gpus", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["gpus"] == [] and found["cpu"]["cores"] >= found["cpu"]["usable_cores"] >= 1


@pytest.mark.parametrize(("flags", "name", "why"), [(("amx_bf16",), "bfloat16", "amx_bf16"), ((), "float32", "neither")])
def test_list_gpus_says_what_dtype_auto_is_and_why(
    flags: tuple[str, ...], name: str, why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(hardware, "cpu_bf16", lambda: flags)
    assert main(["list-gpus"]) == 0
    assert f"dtype auto computes in {name} on the CPU" in (shown := capsys.readouterr().out) and why in shown
    assert main(["list-gpus", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["auto"]
    assert (found["device"], found["dtype"]) == ("cpu", name) and why in found["why"]


def test_list_gpus_reads_what_nvidia_smi_says(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "nvidia-smi"
    said.write_text("#!/bin/sh\necho '0, NVIDIA X, 24576, 24000, 550.1'\necho '1, NVIDIA Y, [N/A], 10, 550.1'\necho odd\n")
    said.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert main(["list-gpus", "--json"]) == 0
    assert [(gpu["name"], gpu["memory_mib"]) for gpu in json.loads(capsys.readouterr().out)["gpus"]] == [
        ("NVIDIA X", 24576), ("NVIDIA Y", "[N/A]")]


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
    assert main(["train", str(frozen), "tiny", "third", "--output-dir", str(runs_dir)]) == 2
    assert main(["train", "tiny", "--output-dir", str(runs_dir)]) == 2
    assert main(["train", str(frozen), "tiny", "--data", str(frozen), "--output-dir", str(runs_dir)]) == 2
    assert not runs_dir.exists()
    assert capsys.readouterr().err.count("error: ") == 6


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A launcher that starts nothing; `living` says whether its process runs."""
    state = SimpleNamespace(living=False)
    launcher = SimpleNamespace(launch=lambda run_dir, environment: {"pid": 1}, alive=lambda handle: state.living,
                               terminate=lambda handle: None, kill=lambda handle: None)
    monkeypatch.setattr(process, "launchers", lambda: {"local": launcher})
    return state


def test_train_takes_data_and_config_and_puts_the_run_where_it_is_told(
    frozen: Path, tmp_path: Path, started: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["train", str(frozen), "tiny", "--output-dir", str(out), "--pipeline-id", "one", "--set", "seed=3"]) == 0
    assert capsys.readouterr().out == f"{out / 'one'}\n"
    assert config.load(out / "one" / "config.yaml").seed == 3
    assert main(["train", "tiny", "--data", str(frozen), "--runs-dir", str(out), "--name", "two"]) == 0
    capsys.readouterr()
    for named in ([str(out)], ["--runs-dir", str(out)]):
        assert main(["status", *named]) == 0
        assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["two", "one"]
    assert main(["status", str(out), "--json"]) == 0
    assert [run["name"] for run in json.loads(capsys.readouterr().out)] == ["two", "one"]
    assert main(["status", str(out / "one"), "--json"]) == 3  # its worker never was: died
    assert json.loads(capsys.readouterr().out)["dataset"] == "made-v0001"


def test_train_on_a_plain_file_makes_a_dataset_beside_the_runs(
    tmp_path: Path, started: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, out = tmp_path / "rows.csv", tmp_path / "out"
    rows.write_text("question,answer\n" + "".join(f"what is {i},it is {i}\n" for i in range(20)))
    assert main(["train", str(rows), "tiny", "--output-dir", str(out), "--dry-run"]) == 0
    assert "sft: train 16, validation 2, test 2" in capsys.readouterr().out and not out.exists()
    assert main(["train", str(rows), "tiny", "--output-dir", str(out), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"]["sft"] == {"train": 16, "validation": 2, "test": 2} and told["stages"][0] == "sft" and not out.exists()
    assert told["sft"]["rows"] == 16 and told["sft"]["lengths"]["longest"] > 0 and told["steps"]["sft"]["rows"] > 0
    assert main(["train", str(rows), "tiny", "--output-dir", str(out), "--json"]) == 2 and not out.exists()
    assert "goes with --dry-run alone" in capsys.readouterr().err
    assert main(["train", str(rows), "tiny", "--output-dir", str(out), "--pipeline-id", "one"]) == 0
    assert runs.poll(out / "one").dataset == "rows-v0001"
    assert [run.name for run in runs.list_runs(out)] == ["one"]
    rows.write_text("question,answer\nx,y\nx\n")
    assert main(["train", str(rows), "tiny", "--output-dir", str(out), "--pipeline-id", "two"]) == 2
    assert "rows.csv:3: it has 1 cells where the header has 2" in capsys.readouterr().err
    assert not (out / "two").exists()


def _checkpoint(run_dir: Path, step: int) -> Path:
    folder = run_dir / "01-sft" / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "COMPLETE").touch()
    return folder


def test_train_resume_goes_on_from_the_last_checkpoint_or_the_one_named(
    frozen: Path, tmp_path: Path, started: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    same = ["train", str(frozen), "tiny", "--output-dir", str(out)]
    for name in ("one", "two"):
        assert main([*same, "--pipeline-id", name]) == 0
        for step in (10, 20, 30):
            _checkpoint(out / name, step)
    kept = lambda: sorted(folder.name for folder in (out / "one" / "01-sft" / "checkpoints").glob("checkpoint-*"))  # noqa: E731
    assert main([*same, "--pipeline-id", "one", "--resume"]) == 0
    assert kept() == ["checkpoint-10", "checkpoint-20", "checkpoint-30"] and runs.poll(out / "one").attempt == 2
    capsys.readouterr()
    theirs = out / "two" / "01-sft" / "checkpoints" / "checkpoint-20"
    for wrong, told in ((str(theirs), "not a checkpoint of the run one"), ("25", "no complete checkpoint"), ("", "does not say which run")):
        where = ["--pipeline-id", "one"] if wrong else []
        assert main([*same, *where, "--resume", *([wrong] if wrong else [])]) == 2
        assert told in capsys.readouterr().err
    assert len(kept()) == 3
    assert main([*same, "--pipeline-id", "one", "--resume", "checkpoint-20"]) == 0
    assert kept() == ["checkpoint-10", "checkpoint-20"]
    assert main([*same, "--resume", str(out / "one" / "01-sft" / "checkpoints" / "checkpoint-10")]) == 0  # the path names the run
    assert kept() == ["checkpoint-10"] and runs.poll(out / "one").attempt == 4


def test_train_resume_refuses_other_data_another_configuration_and_an_active_run(
    frozen: Path, tmp_path: Path, started: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    where = ["--output-dir", str(out), "--pipeline-id", "one"]
    assert main(["train", str(frozen), "tiny", *where]) == 0
    _checkpoint(out / "one", 10)
    _checkpoint(out / "one", 20)
    other = write_frozen(tmp_path / "other" / "v0001", rows=30, pairs=0)
    assert main(["train", str(other), "tiny", *where, "--resume"]) == 2
    assert "not what the run one was started with" in capsys.readouterr().err
    assert main(["train", str(frozen), "tiny", *where, "--resume", "--set", "sft.max_steps=7"]) == 2
    assert "in sft.max_steps" in capsys.readouterr().err
    started.living = True
    assert main(["train", str(frozen), "tiny", *where, "--resume", "10"]) == 2
    assert "it is starting" in capsys.readouterr().err
    assert (out / "one" / "01-sft" / "checkpoints" / "checkpoint-20").is_dir()


def test_checkpoints_set_aside_come_back_when_the_start_fails(tmp_path: Path) -> None:
    early, late = _checkpoint(tmp_path, 10), _checkpoint(tmp_path, 20)
    with pytest.raises(OSError), checkpoints.going_on_from(early):
        assert checkpoints.complete(tmp_path) == [early]
        raise OSError("no room")
    assert checkpoints.complete(tmp_path) == [early, late]


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
