"""Stages in any order and alone; a change redoes what depends on it and nothing else. A worker in this process runs recipes that only say
what they were given."""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.errors import BadConfig, RunFailed
from tests.training.frozen_fixture import write_frozen
from tests.training.stage_fixture import complete
from training import config, inputs, runs, starting, tuned, worker
from training.fit.checkpoints import follow_move
from training.reading import DamagedFile
from training.runs import launching, process
from training.stage import StageContext, recipes, stage_folders

STAGES = ["sft", "merge", "quantize", "evaluate", "package"]
WEIGHTS = {"method": "lora", "base": "00-prepare/teacher", "adapter": "01-sft/best", "model": None}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that ran, in order; none does any work, and no process is started."""
    order: list[str] = []

    def run(name: str) -> Any:
        def stage(ctx: StageContext) -> dict[str, Any]:
            order.append(name)
            (ctx.stage_dir / "made").write_text(name)
            if name == "prepare":
                return {"teacher": "00-prepare/teacher", "student": None, "models": {}}
            if name == "sft":
                return WEIGHTS
            return {"model": "02-merge/teacher", "base": "b", "teacher": "02-merge/teacher", "student": None} if name == "merge" else {}
        return stage

    for name, recipe in recipes().items():
        monkeypatch.setattr(recipe, "run", run(name))
    launcher = SimpleNamespace(launch=lambda *_: {}, alive=lambda handle: False, terminate=None, kill=None)
    monkeypatch.setattr(process, "launchers", lambda: {"local": launcher})
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker, "_start_heartbeat", lambda journal: None)
    return order


@pytest.fixture
def run_dir(tmp_path: Path, ran: list[str]) -> Path:
    frozen = write_frozen(tmp_path / "made" / "v0001", rows=10, pairs=0)
    made = runs.start(config.load("tiny", {"stages": STAGES}), tmp_path / "runs", dataset_dir=frozen, name="one")
    assert worker.main(made) == 0 and ran == ["prepare", *STAGES]
    ran.clear()
    return made


def _go_on(run_dir: Path, ran: list[str]) -> list[str]:
    assert worker.main(run_dir) == 0, runs.poll(run_dir).error
    done, ran[:] = list(ran), []
    return done


@pytest.mark.parametrize(
    ("overrides", "again"),
    [
        ({}, []),
        ({"package.num_ctx": 512}, ["package"]),
        ({"evaluate.batch_size": 3}, ["evaluate", "package"]),
        ({"quantize.types": ["Q8_0"]}, ["quantize", "evaluate", "package"]),
        ({"merge.compare_rows": 1}, ["merge", "quantize", "evaluate", "package"]),
        ({"sft.max_steps": 3}, ["sft", "merge", "quantize", "evaluate", "package"]),
        ({"seed": 4}, ["prepare", *STAGES]),
        ({"threads": 2}, []),
        ({"dpo.beta": 0.3}, []),  # a stage that is not part of the run
    ],
)
def test_a_changed_setting_redoes_what_depends_on_it(run_dir: Path, ran: list[str], overrides: dict[str, Any], again: list[str]) -> None:
    outdated = runs.extend(run_dir, overrides=overrides)
    assert list(outdated) == again
    assert _go_on(run_dir, ran) == again
    assert runs.poll(run_dir).state == "done"
    aside = sorted(path.name for path in (run_dir / "earlier").iterdir()) if again else []
    assert [name[3:-2] for name in aside] == again and all((run_dir / "earlier" / name / "made").is_file() for name in aside)
    assert list(runs.extend(run_dir)) == [] and _go_on(run_dir, ran) == []


def test_a_stage_is_done_again_when_asked_and_with_it_what_reads_it(run_dir: Path, ran: list[str]) -> None:
    assert runs.extend(run_dir, ["evaluate"]) == {"evaluate": ["again"], "package": ["stage evaluate"]}
    assert _go_on(run_dir, ran) == ["evaluate", "package"]


def test_a_done_run_gets_more_stages_where_they_belong(run_dir: Path, ran: list[str]) -> None:
    runs.extend(run_dir, ["dpo"])
    assert [stage.name for stage in runs.poll(run_dir).stages] == ["prepare", "sft", "dpo", "merge", "quantize", "evaluate", "package"]
    assert _go_on(run_dir, ran) == ["dpo", "merge", "quantize", "evaluate", "package"]
    assert (run_dir / "01-sft" / "COMPLETE").is_file()  # it stands, in its folder


def test_an_edited_configuration_is_refused_and_names_the_keys(run_dir: Path, ran: list[str]) -> None:
    text = (run_dir / "config.yaml").read_text()
    (run_dir / "config.yaml").write_text(text.replace("num_ctx: 8192", "num_ctx: 4096").replace("seed: 17", "seed: 18"))
    (run_dir / "exit.json").write_text('{"state": "stopped"}')
    with pytest.raises(RunFailed, match=r"seed, package\.num_ctx"):
        runs.resume(run_dir)
    assert worker.main(run_dir) == 1 and ran == []  # nor by the worker's own start
    error = runs.poll(run_dir).error
    assert error is not None and "package.num_ctx" in error["text"] and "continue one --set" in error["text"]
    assert runs.extend(run_dir, overrides={"package.num_ctx": 512}).keys() == {"package"}
    assert config.load(run_dir / "config.yaml").seed == 17


def test_an_edit_that_changes_no_value_is_none(run_dir: Path, ran: list[str]) -> None:
    file = run_dir / "config.yaml"
    file.write_text("# a note of mine\n" + file.read_text().replace("seed: 17", "seed:   17"))
    (run_dir / "exit.json").write_text('{"state": "stopped"}')
    runs.resume(run_dir)
    assert _go_on(run_dir, ran) == []


def test_a_broken_off_stage_with_other_settings_begins_anew(run_dir: Path, ran: list[str]) -> None:
    (run_dir / "01-sft" / "COMPLETE").unlink()  # as if killed in it
    runs.extend(run_dir, overrides={"sft.max_steps": 7})
    assert _go_on(run_dir, ran) == ["sft", "merge", "quantize", "evaluate", "package"]
    assert (run_dir / "earlier" / "01-sft-1" / "made").is_file()


def test_a_run_of_an_earlier_version_stands(run_dir: Path, ran: list[str]) -> None:
    for file in run_dir.glob("*/inputs.json"):
        file.unlink()
    assert runs.extend(run_dir, overrides={"sft.max_steps": 3}) == {}
    settings = config.load(run_dir / "config.yaml")
    manifest = runs.read_manifest(run_dir)
    folders = stage_folders(run_dir, manifest["stages"])
    now = inputs.inputs_of(settings, manifest, folders, "sft")
    without = {**now, "settings": {k: v for k, v in now["settings"].items() if k != "keep"}}
    assert inputs.changed(without, now, "sft") == []  # a setting that came with a later version counts with its default


def test_a_run_that_was_moved_goes_on_and_a_dataset_that_was_moved_is_told(run_dir: Path, ran: list[str], tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "two"
    moved.parent.mkdir()
    shutil.move(run_dir, moved)
    runs.extend(moved, ["package"])
    assert _go_on(moved, ran) == ["package"]
    shutil.move(tmp_path / "made", tmp_path / "data")
    with pytest.raises(RunFailed, match=r"dataset\.path in manifest\.json"):
        runs.extend(moved)
    assert runs.extend(moved, ["evaluate"], dataset_dir=tmp_path / "data" / "v0001").keys() == {"evaluate", "package"}
    other = write_frozen(tmp_path / "other", rows=12, pairs=0)
    with pytest.raises(RunFailed, match="another version"):
        runs.extend(moved, dataset_dir=other)


def test_the_best_checkpoint_of_a_moved_run_is_its_own(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoints" / "checkpoint-8"
    checkpoint.mkdir(parents=True)
    state = {"best_model_checkpoint": "/gone/runs/one/01-sft/checkpoints/checkpoint-4", "global_step": 8, "max_steps": 9}
    (checkpoint / "trainer_state.json").write_text(json.dumps(state))
    follow_move(checkpoint)
    told = json.loads((checkpoint / "trainer_state.json").read_text())
    assert told == {"best_model_checkpoint": str(tmp_path / "checkpoints" / "checkpoint-4"), "global_step": 8, "max_steps": 9}


@pytest.mark.parametrize("text", ["{", "[]", '{"global_step": 8}', '{"global_step": "8", "max_steps": 9}'])
def test_a_damaged_checkpoint_names_itself_and_says_how_to_go_on(text: str, tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text(text)
    with pytest.raises(DamagedFile, match=r"trainer_state\.json is damaged.*Remove the folder of this checkpoint"):
        follow_move(tmp_path)


def test_a_worker_whose_status_is_damaged_says_so_and_ends(run_dir: Path, ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (run_dir / "status.json").write_text("{")
    assert worker.main(run_dir) == 1 and ran == []
    assert "status.json is damaged" in capsys.readouterr().out and runs.poll(run_dir).state == "damaged"


def test_an_order_that_cannot_work_leaves_the_run_as_it_was(run_dir: Path) -> None:
    before = (run_dir / "manifest.json").read_text()
    with pytest.raises(BadConfig, match="distill needs a `student`"):
        runs.extend(run_dir, ["distill"], overrides={"student": None})
    assert (run_dir / "manifest.json").read_text() == before and runs.poll(run_dir).state == "done"


@pytest.mark.parametrize("file", ["manifest.json", "status.json", "launch.json", "exit.json"])
@pytest.mark.parametrize("bytes_", [b"{", b"[1]", b"\xff\xfe", b"[" * 50_000, b'{"stages": 5, "state": 7, "stage": [1], "launcher": []}'])
def test_a_damaged_run_is_listed_as_such_beside_the_others(run_dir: Path, file: str, bytes_: bytes, tmp_path: Path) -> None:
    shutil.copytree(run_dir, tmp_path / "runs" / "two")
    (run_dir / file).write_bytes(bytes_)
    found = {run.name: run for run in runs.list_runs(tmp_path / "runs")}
    assert found["two"].state == "done" and found["one"].state == "damaged"
    assert found["one"].error and found["one"].error["text"] and not found["one"].active
    with pytest.raises(RunFailed):
        runs.resume(run_dir)


def test_a_full_disk_is_told_and_the_torn_checkpoint_goes(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.extend(run_dir, ["sft"])

    def full(ctx: StageContext) -> dict[str, Any]:
        whole, torn = (ctx.stage_dir / "checkpoints" / f"checkpoint-{step}" for step in (4, 8))
        for folder in (whole, torn):
            folder.mkdir(parents=True)
        (whole / "COMPLETE").touch()
        raise RuntimeError(f"Error while serializing: I/O error: {os.strerror(28)} (os error 28)")  # as safetensors says it

    monkeypatch.setattr(recipes()["sft"], "run", full)
    assert worker.main(run_dir) == 1
    error = runs.poll(run_dir).error
    assert error is not None and error["code"] == "run_failed" and "No space left" in error["text"] and "resume" in error["text"]
    assert [path.name for path in (run_dir / "01-sft" / "checkpoints").iterdir()] == ["checkpoint-4"]


# ---- which weights a stage goes on from ----


def _ctx(tmp_path: Path, results: dict[str, Any], name: str) -> StageContext:
    names = ["prepare", *results, name]
    folders = {stage: tmp_path / f"{i:02d}-{stage}" for i, stage in enumerate(names)}
    complete(folders["prepare"], {"teacher": "T", "student": "S" if "distill" in names else None})
    for stage, result in results.items():
        complete(folders[stage], result)
    return StageContext(name=name, run_dir=tmp_path, stage_dir=folders[name], config=None, settings=None, dataset_dir=tmp_path, seed=1,
                        folders=folders, write_event=lambda event: None)


FULL = {"method": "full", "base": "T", "adapter": None}


def test_the_newest_weights_count_and_a_skipped_stage_has_none(tmp_path: Path) -> None:
    ctx = _ctx(tmp_path, {"sft": {**FULL, "model": "one"}, "dpo": {"skipped": "no_preference_rows"}}, "merge")
    assert tuned.current(ctx)["model"] == "one" and tuned.made(ctx, "student") is None
    assert tuned.whole(ctx) == {"model": "one", "base": "T", "teacher": "one", "student": None}


def test_without_any_tuning_the_untuned_model_is_what_is_quantized(tmp_path: Path) -> None:
    assert tuned.whole(_ctx(tmp_path, {}, "quantize"))["model"] == "T"


def test_an_adapter_that_was_not_merged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="Put merge before it"):
        tuned.whole(_ctx(tmp_path, {"sft": WEIGHTS}, "quantize"))


def test_the_student_is_shipped_and_the_teacher_stays_beside_it(tmp_path: Path) -> None:
    pruned = {**FULL, "model": "cut", "role": "student"}
    ctx = _ctx(tmp_path, {"sft": {**FULL, "model": "one"}, "prune": pruned}, "distill")
    assert tuned.current(ctx, "student")["model"] == "cut" and tuned.current(ctx, "teacher")["model"] == "one"
    assert tuned.whole(ctx)["model"] == "cut"


def test_another_run_an_adapter_and_a_model_can_be_started_from(
    run_dir: Path, ran: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "check_local", lambda choice: None)
    made = runs.start_stages(["quantize", "package"], "one", run_dir.parent, name="again", settings={"quantize.types": ["Q8_0"]})
    started = config.load(made / "config.yaml")
    assert started.start is not None and started.start.run == str(run_dir) and started.stages == ["quantize", "package"]
    assert started.teacher.path == str(run_dir / "00-prepare" / "teacher")
    assert starting.weights_of({"run": str(run_dir)})["model"] == str(run_dir / "02-merge" / "teacher")
    assert _go_on(made, ran) == ["prepare", "quantize", "package"]

    adapter = tmp_path / "adapter"
    adapter.mkdir()
    base = tmp_path / "base"
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "org/base"}))
    (adapter / "adapter_model.safetensors").touch()
    values = {"start": {"adapter": str(adapter)}, "stages": ["merge", "quantize"]}
    assert config.load(values).teacher.path == "org/base"
    assert config.load({**values, "teacher": {"path": str(base)}}).teacher.path == str(base)
    with pytest.raises(BadConfig, match="quantize needs merge between it and start"):
        config.load({**values, "stages": ["quantize"]})
    with pytest.raises(BadConfig, match="give one of"):
        config.load({"start": {"adapter": "a", "model": "b"}, "teacher": {"path": "t"}, "stages": ["merge"]})
