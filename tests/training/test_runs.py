"""Runs as their directory tells them: start, poll, stop, resume. A launcher that starts nothing stands in for the worker, except where
the real one is the point."""
from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import BadModelFolder, BadValue, NotFound, RunFailed, TouchedDataset
from tests.training.frozen_fixture import write_frozen
from training import config, runs
from training.launchers import launchers


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    return write_frozen(tmp_path / "made" / "v0001", rows=20, pairs=0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A launcher whose process lives as long as `living` says; `calls` are what was asked of it."""
    state = SimpleNamespace(living=True, calls=[])

    def launch(run_dir: Path, environment: dict[str, str]) -> dict[str, Any]:
        state.calls.append(("launch", environment))
        state.living = True
        return {"pid": 1}

    def kill(handle: dict[str, Any]) -> None:
        state.calls.append(("kill", handle))
        state.living = False

    launcher = SimpleNamespace(launch=launch, alive=lambda handle: bool(handle) and state.living,
                               terminate=lambda handle: state.calls.append(("terminate", handle)), kill=kill)
    monkeypatch.setattr(runs, "launchers", lambda: {"local": launcher})
    return state


def _config(**more: Any) -> config.Config:
    return config.load("tiny", {"stages": ["sft", "merge"], **more})


def test_a_started_run_has_its_whole_configuration_and_its_origin_on_disk(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    assert config.load(run_dir / "config.yaml") == _config()
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
    runs.start(_config(threads=3), tmp_path / "runs", dataset_dir=frozen)
    assert fake.calls[0][1]["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 81, "a b"])
def test_a_name_that_is_no_plain_file_name_is_refused(frozen: Path, tmp_path: Path, fake: SimpleNamespace, name: str) -> None:
    if name:
        with pytest.raises(BadValue):
            runs.start(_config(), tmp_path / "runs", dataset_dir=frozen, name=name)
    assert fake.calls == []


def test_a_name_that_is_taken_is_refused_and_the_run_stands(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
    before = (run_dir / "manifest.json").read_text()
    with pytest.raises(BadValue, match="name of a run already"):
        runs.start(_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
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
        broken.setattr(runs, "write_atomically", full)
        with pytest.raises(OSError, match="No space"):
            runs.start(config.load("tiny"), tmp_path / "runs", dataset_dir=frozen, name="one")
    assert list((tmp_path / "runs").iterdir()) == [] and not fake.calls
    (tmp_path / "runs" / "one").mkdir()  # what a process killed at the wrong moment would have left before
    assert runs.start(config.load("tiny"), tmp_path / "runs", dataset_dir=frozen, name="one").name == "one"


def test_a_touched_dataset_starts_nothing(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    (frozen / "sft" / "train.jsonl").write_text("{}")
    with pytest.raises(TouchedDataset):
        runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    assert fake.calls == [] and not (tmp_path / "runs").exists()


def _leave(run_dir: Path, state: str, error: dict[str, Any] | None = None) -> None:
    (run_dir / "exit.json").write_text(json.dumps({"state": state, "error": error}))


def test_what_a_run_is_follows_from_its_process_and_its_exit(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    status = {"state": "running", "stage": "sft", "step": 3, "total": 9, "loss": 1.5, "heartbeat": time.time(), "attempt": 1}
    (run_dir / "status.json").write_text(json.dumps(status))
    run = runs.poll(run_dir)
    assert (run.state, run.stage, run.step, run.total, run.loss) == ("running", "sft", 3, 9, 1.5)
    assert run.heartbeat_age_s is not None and run.heartbeat_age_s < 60
    fake.living = False
    assert runs.poll(run_dir).state == "died"
    for state in ("stopped", "failed", "done"):
        _leave(run_dir, state, {"code": None, "text": "x"} if state == "failed" else None)
        run = runs.poll(run_dir)
        assert run.state == state and not run.active and run.resumable == (state != "done")
        assert (run.error is not None) == (state == "failed")


def test_stages_are_told_from_their_folders(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    folders = runs.stage_folders(run_dir, ["prepare", "sft", "merge"])
    for name, result in (("prepare", {}), ("sft", {"skipped": "no_preference_rows"})):
        folders[name].mkdir()
        (folders[name] / "result.json").write_text(json.dumps(result))
        (folders[name] / "COMPLETE").write_text('{"seconds": 2.5}' if name == "prepare" else "")
    folders["merge"].mkdir()
    (folders["merge"] / "result.json").write_text("{}")  # without COMPLETE it is not done
    (run_dir / "status.json").write_text(json.dumps({"state": "running", "stage": "merge"}))
    assert [(s.name, s.state, s.skipped) for s in runs.poll(run_dir).stages] == [
        ("prepare", "done", None), ("sft", "skipped", "no_preference_rows"), ("merge", "running", None)]
    assert runs.poll(run_dir).stages[0].seconds == 2.5


def test_a_stop_asks_and_after_the_grace_kills(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    assert runs.stop(run_dir).state == "stopping"
    assert [call for call, _ in fake.calls] == ["launch", "terminate"]
    assert runs.stop(run_dir, grace_s=0.0).state == "stopped"
    assert [call for call, _ in fake.calls][-1] == "kill"
    runs.resume(run_dir)
    assert runs.poll(run_dir).state == "starting"  # the old wish to stop is forgotten


def test_only_a_run_that_ended_early_is_resumed(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    with pytest.raises(RunFailed, match="starting"):
        runs.resume(run_dir)
    fake.living = False
    _leave(run_dir, "stopped")
    runs.resume(run_dir)
    run = runs.poll(run_dir)
    assert run.state == "starting" and run.attempt == 2 and not (run_dir / "exit.json").exists()
    fake.living = False
    _leave(run_dir, "done")
    with pytest.raises(RunFailed, match="done"):
        runs.resume(run_dir)


def test_two_who_resume_at_once_start_one_worker(
    frozen: Path, tmp_path: Path, fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen)
    fake.living = False
    fake.calls.clear()
    together = threading.Barrier(2)
    poll = runs.poll

    def slow_poll(run_dir: Path) -> runs.RunStatus:
        seen = poll(run_dir)
        try:
            together.wait(timeout=1)  # both have looked before either goes on, unless one has to wait
        except threading.BrokenBarrierError:
            pass
        return seen

    monkeypatch.setattr(runs, "poll", slow_poll)
    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(runs.resume, run_dir) for _ in range(2)]
    assert sorted(type(each.exception()).__name__ for each in ended) == ["NoneType", "RunFailed"]
    assert [what for what, _ in fake.calls] == ["launch"]


def test_a_damaged_run_does_not_hide_the_others_and_a_copied_one_has_its_own_name(
    frozen: Path, tmp_path: Path, fake: SimpleNamespace
) -> None:
    run_dir = runs.start(_config(), tmp_path / "runs", dataset_dir=frozen, name="one")
    for name in ("two", "cut", "empty"):
        shutil.copytree(run_dir, tmp_path / "runs" / name)
    (tmp_path / "runs" / "cut" / "manifest.json").write_text('{"name": "cu')
    (tmp_path / "runs" / "empty" / "manifest.json").write_text("")
    states = {run.name: run.state for run in runs.list_runs(tmp_path / "runs")}
    assert states == {"one": "starting", "two": "starting", "cut": "damaged", "empty": "damaged"}


def test_runs_are_listed_newest_first_and_other_folders_passed_over(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    assert runs.list_runs(tmp_path / "nowhere") == []
    for name in ("one", "two"):
        runs.start(_config(), tmp_path / "runs", dataset_dir=frozen, name=name)
        time.sleep(0.005)
    (tmp_path / "runs" / "other").mkdir()
    assert [run.name for run in runs.list_runs(tmp_path / "runs")] == ["two", "one"]


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    for ask in (runs.poll, runs.stop, runs.kill):
        with pytest.raises(NotFound):
            ask(tmp_path)


@settings(max_examples=40)
@given(
    st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.integers() | st.text(max_size=9)), max_size=6),
    st.lists(st.integers(0, 300)),
)
def test_events_read_in_any_pieces_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, Any]], cuts: list[int],
) -> None:
    whole = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode()
    folder, offset, found = tmp_path_factory.mktemp("events"), 0, []
    for end in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        (folder / "events.jsonl").write_bytes(whole[:end])
        some, offset = runs.read_events(folder, offset)
        found += some
    assert found == events and offset == len(whole)


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"b": \n{"c": 3}\n{"d"')
    events, offset = runs.read_events(tmp_path)
    assert events == [{"a": 1}, {"c": 3}]
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"b": \n{"c": 3}\n{"d": 4}\n')
    assert runs.read_events(tmp_path, offset)[0] == [{"d": 4}]


def test_the_curve_forgets_what_a_resumed_stage_computes_again() -> None:
    curves: dict[str, runs.Curve] = {}
    step = lambda n, loss: {"stage": "sft", "kind": "step", "step": n, "loss": loss}  # noqa: E731
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, *(step(n, 9.0) for n in (1, 2, 3, 4))])
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, {"stage": "sft", "kind": "resumed", "step": 2}, step(3, 1.0)])
    assert {at: p["loss"] for at, p in curves["sft"].points.items()} == {1: 9.0, 2: 9.0, 3: 1.0}
    validated = {"stage": "sft", "kind": "eval", "step": 1, "eval_loss": 4.0}
    runs.add_to_curves(curves, [{"stage": "sft", "kind": "stage_started"}, step(1, 5.0), validated])
    assert curves["sft"].points == {1: {"loss": 5.0, "validation_loss": 4.0}}


def test_the_log_is_read_from_its_end_by_whole_lines(tmp_path: Path) -> None:
    assert runs.read_log(tmp_path) == ""
    (tmp_path / "stdout.log").write_text("".join(f"line {i}\n" for i in range(1000)))
    assert runs.read_log(tmp_path, max_bytes=25) == "line 998\nline 999\n"


# ---- the local launcher's processes ----


def test_every_launcher_keeps_the_contract() -> None:
    assert "local" in launchers()
    for name, module in launchers().items():
        assert module.NAME == name and module.__doc__
        assert all(callable(getattr(module, part)) for part in ("launch", "alive", "terminate", "kill"))
