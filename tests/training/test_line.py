"""The training stages for real, on a tiny model: what is learned, what is merged, and that a killed run ends in the same bits."""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from curation import PROJECT
from tests.patience import PATIENCE_S
from tests.training.frozen_fixture import write_frozen
from training import config, runs

pytestmark = pytest.mark.line
TEACHER = {"random": {"layers": 1, "heads": 2, "kv_heads": 1, "intermediate_size": 256, "vocab_size": 512}}
STUDENT = {"random": {"layers": 1, "heads": 2, "kv_heads": 1, "intermediate_size": 256, "vocab_size": 512}}


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frozen(tmp_path_factory.mktemp("line") / "made" / "v0001", rows=60, pairs=12)


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def _sft(method: str, **more: Any) -> config.Config:
    return config.load("tiny", {
        "stages": ["sft"], "teacher": TEACHER, "student": None, "threads": 1, "sft.method": method, "sft.max_steps": 24,
        "sft.batch_size": 4, "sft.save_every": 8, "sft.log_every": 1, "sft.adapter.rank": 4, "sft.adapter.dropout": 0.1,
        "sft.eval_rows": 2, **more})


def _wait(run_dir: Path, until: Any = lambda run: not run.active, timeout_s: float = PATIENCE_S) -> runs.RunStatus:
    deadline = time.monotonic() + timeout_s
    while not until(run := runs.poll(run_dir)):
        assert time.monotonic() < deadline, runs.read_log(run_dir)
        time.sleep(0.1)
    return run


def _done(run_dir: Path) -> runs.RunStatus:
    run = _wait(run_dir)
    assert run.state == "done", runs.read_log(run_dir)
    return run


def _weights(run_dir: Path) -> bytes:
    (file,) = (run_dir / "01-sft" / "last").glob("*.safetensors")
    return file.read_bytes()


def _result(run_dir: Path, stage: str) -> dict[str, Any]:
    (folder,) = run_dir.glob(f"[0-9][0-9]-{stage}")
    assert (folder / "COMPLETE").is_file()
    return json.loads((folder / "result.json").read_text())


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_a_run_killed_in_mid_tuning_ends_in_the_same_bits(method: str, frozen: Path, runs_dir: Path) -> None:
    whole = runs.start(_sft(method), runs_dir, dataset_dir=frozen, name=f"whole-{method}")
    _done(whole)

    killed = runs.start(_sft(method), runs_dir, dataset_dir=frozen, name=f"killed-{method}")
    _wait(killed, lambda run: run.stage == "sft" and run.loss is not None and (run.step or 0) >= 11)
    runs.kill(killed)
    assert runs.poll(killed).state == "died" and not (killed / "exit.json").exists()
    (killed / "01-sft" / "checkpoints" / "checkpoint-20").mkdir()  # one that was being written: transformers would take it for the newest
    runs.resume(killed)
    run = _done(killed)
    assert run.attempt == 2 and _result(killed, "sft")["resumed_from"] in (8, 16)
    assert _weights(killed) == _weights(whole)
    assert not (whole / "01-sft" / "checkpoints").exists()
    curves: dict[str, runs.Curve] = {}
    runs.add_to_curves(curves, runs.read_events(killed)[0])
    assert sorted(curves["sft"].points) == list(range(1, 25))


def test_a_run_stopped_in_mid_tuning_saves_first_and_ends_in_the_same_bits(frozen: Path, runs_dir: Path) -> None:
    """Compared with the whole run of the test before; the checkpoint lies between two evaluations."""
    stopped = runs.start(_sft("lora"), runs_dir, dataset_dir=frozen, name="stopped-lora")
    _wait(stopped, lambda run: run.stage == "sft" and run.loss is not None and (run.step or 0) >= 3)
    assert runs.stop(stopped, grace_s=120).state == "stopped"
    assert json.loads((stopped / "exit.json").read_text())["state"] == "stopped"
    runs.resume(stopped)
    _done(stopped)
    assert 3 <= _result(stopped, "sft")["resumed_from"] < 24
    whole = runs_dir / "whole-lora"
    if not whole.exists():  # this test alone
        _done(runs.start(_sft("lora"), runs_dir, dataset_dir=frozen, name="whole-lora"))
    assert _weights(stopped) == _weights(whole)


def test_the_stages_learn_prefer_distill_and_merge(frozen: Path, runs_dir: Path) -> None:
    settings = {
        "stages": ["sft", "dpo", "distill", "merge"], "teacher": TEACHER, "student": STUDENT, "threads": 1, "sft.max_steps": 30,
        "sft.batch_size": 4, "sft.save_every": 10, "dpo.max_steps": 6, "dpo.save_every": 3, "distill.max_steps": 30,
        "distill.batch_size": 4, "distill.save_every": 10,
        "distill.alpha": 0.5, "distill.learning_rate": 0.001,  # half the weight on the divergence: what is asked for below
    }
    run_dir = runs.start(config.load("tiny", settings), runs_dir, dataset_dir=frozen, name="chain")
    _done(run_dir)
    curves: dict[str, runs.Curve] = {}
    runs.add_to_curves(curves, runs.read_events(run_dir)[0])
    for stage, factor in (("sft", 0.6), ("dpo", 0.8), ("distill", 0.6)):
        losses = [point["loss"] for _, point in sorted(curves[stage].points.items()) if "loss" in point]
        assert losses[-1] < factor * losses[0], stage
    assert curves["dpo"].points[1]["loss"] == pytest.approx(0.6931, abs=1e-3)  # log 2: policy and reference begin as one
    assert _result(run_dir, "distill")["divergence"]["after"] < 0.5 * _result(run_dir, "distill")["divergence"]["before"]

    merged = _result(run_dir, "merge")
    assert merged["model"] == merged["student"] and merged["base"] == "00-prepare/student"
    assert merged["difference"]["teacher"]["into"] == "dequantized"
    assert merged["difference"]["teacher"]["kl"] < 1e-6 and merged["difference"]["teacher"]["same_top"] == 1.0
    assert merged["difference"]["student"]["max_logit"] < 1e-4
    manifest = json.loads((run_dir / "manifest.json").read_text())
    assert len(manifest["models"]["teacher"]["files"]["model.safetensors"]) == 64

    from training import data, models

    for role in ("teacher", "student"):
        folder = run_dir / merged[role]
        models.check_model_folder(folder)
        tokenizer = models.load_tokenizer(folder)
        assert tokenizer.chat_template == models.load_tokenizer(run_dir / "00-prepare" / role).chat_template
        model = models.load_model(folder, device="cpu")
        row = data.read_rows(data.open_dataset(frozen), "sft", "test")[0]
        asked = tokenizer(data.prompt_text(tokenizer, row["prompt"]), return_tensors="pt")
        assert model.generate(**asked, max_new_tokens=3, do_sample=False).shape[1] > asked["input_ids"].shape[1]


def test_a_dpo_stage_killed_in_its_middle_keeps_its_reference(frozen: Path, runs_dir: Path) -> None:
    settings = {
        "stages": ["sft", "dpo"], "teacher": TEACHER, "student": None, "threads": 1, "sft.max_steps": 2, "sft.batch_size": 4,
        "sft.eval_rows": 0, "dpo.max_steps": 16, "dpo.save_every": 4, "dpo.log_every": 1, "dpo.eval_rows": 0,
    }
    weights = []
    for name in ("dpo-whole", "dpo-killed"):
        run_dir = runs.start(config.load("tiny", settings), runs_dir, dataset_dir=frozen, name=name)
        if name == "dpo-killed":
            _wait(run_dir, lambda run: run.stage == "dpo" and run.loss is not None and (run.step or 0) >= 6)
            runs.kill(run_dir)
            runs.resume(run_dir)
        _done(run_dir)
        files = list((run_dir / "02-dpo" / "last").rglob("*.safetensors"))
        assert len(files) == 1  # the reference adapter is not shipped
        weights.append(files[0].read_bytes())
    assert weights[0] == weights[1]


def test_without_preferences_dpo_is_skipped_and_a_whole_model_is_passed_on(tmp_path: Path, runs_dir: Path) -> None:
    plain = write_frozen(tmp_path / "plain" / "v0001", rows=30, pairs=0)
    settings = {
        "stages": ["sft", "dpo", "merge"], "teacher": TEACHER, "student": None, "threads": 1, "sft.method": "full", "sft.max_steps": 2,
        "sft.batch_size": 4,
    }
    run_dir = runs.start(config.load("tiny", settings), runs_dir, dataset_dir=plain, name="plain")
    run = _done(run_dir)
    assert {stage.name: stage.state for stage in run.stages} == {"prepare": "done", "sft": "done", "dpo": "skipped", "merge": "done"}
    difference = _result(run_dir, "merge")["difference"]["teacher"]
    assert difference["into"] == "whole" and difference["max_logit"] == 0.0
    events, _ = runs.read_events(run_dir)
    assert [event["reason"] for event in events if event["kind"] == "stage_skipped"] == ["no_preference_rows"]


def test_packed_rows_are_learned_too(frozen: Path, runs_dir: Path) -> None:
    packed = _sft("lora", **{"sft.packing": True, "sft.max_steps": 4, "sft.max_length": 512})
    run_dir = runs.start(packed, runs_dir, dataset_dir=frozen, name="packed")
    _done(run_dir)
    assert _result(run_dir, "sft")["steps"] == 4


def test_a_dataset_touched_before_a_resume_and_rows_that_do_not_fit_end_the_run_with_a_reason(tmp_path: Path, runs_dir: Path) -> None:
    own = write_frozen(tmp_path / "own" / "v0001", rows=30, pairs=0)
    run_dir = runs.start(_sft("lora", **{"sft.max_length": 16}), runs_dir, dataset_dir=own, name="too-long")
    run = _wait(run_dir)
    assert run.state == "failed" and run.error is not None and run.error["code"] == "no_rows"
    assert run.error["params"]["left_out"] == 24
    (own / "sft" / "train.jsonl").write_text("{}")
    runs.resume(run_dir)
    run = _wait(run_dir)
    assert run.state == "failed" and run.error is not None and run.error["code"] == "touched_dataset"


def test_a_second_worker_on_the_same_run_is_refused(frozen: Path, runs_dir: Path) -> None:
    import subprocess
    import sys

    run_dir = runs.start(_sft("lora", **{"sft.max_steps": 100000}), runs_dir, dataset_dir=frozen, name="twice")
    try:
        _wait(run_dir, lambda run: run.state == "running")
        done = subprocess.run(
            [sys.executable, "-m", "training.worker", str(run_dir)], cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 1 and "another worker" in done.stderr
    finally:
        runs.kill(run_dir)


def test_what_we_say_is_learned_is_what_trl_learns(frozen: Path, tmp_path: Path) -> None:
    """Our encode() against SFTTrainer's own preparation of the same prompt/completion rows."""
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset  # type: ignore[attr-defined]
    from training import data, models

    rows = data.read_rows(data.open_dataset(frozen), "sft", "train")[:6]
    tokenizer = models.train_tokenizer((m["content"] for row in rows for m in [*row["prompt"], *row["completion"]]), 512)
    models.make_random(tmp_path / "m", models.RandomModel.model_validate(TEACHER["random"]), tokenizer, seed=1)
    trainer = SFTTrainer(
        model=models.load_model(tmp_path / "m", device="cpu"), processing_class=models.load_tokenizer(tmp_path / "m"),
        args=SFTConfig(
            output_dir=str(tmp_path / "o"), use_cpu=True, bf16=False, activation_checkpointing=False, report_to=[], max_length=None),
        train_dataset=Dataset.from_list([{"prompt": row["prompt"], "completion": row["completion"]} for row in rows]),
    )
    for row, theirs in zip(rows, trainer.train_dataset, strict=True):
        ours = data.encode(tokenizer, row["prompt"], row["completion"])
        assert ours.input_ids == theirs["input_ids"] and ours.labels == theirs["labels"]
