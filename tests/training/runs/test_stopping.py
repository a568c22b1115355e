"""Stop and resume: a grace, one worker, only runs that ended early."""
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from curation.errors import RunFailed
from tests.training.runs_fixture import leave, small_config
from training import runs
from training.runs import continuing


def test_a_stop_asks_and_after_the_grace_kills(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    assert runs.stop(run_dir).state == "stopping"
    assert [call for call, _ in fake.calls] == ["launch", "terminate"]
    assert runs.stop(run_dir, grace_s=0.0).state == "stopped"
    assert [call for call, _ in fake.calls][-1] == "kill"
    runs.resume(run_dir)
    assert runs.poll(run_dir).state == "starting"  # the old wish to stop is forgotten


def test_only_a_run_that_ended_early_is_resumed(frozen: Path, tmp_path: Path, fake: SimpleNamespace) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
    with pytest.raises(RunFailed, match="starting"):
        runs.resume(run_dir)
    fake.living = False
    leave(run_dir, "stopped")
    runs.resume(run_dir)
    run = runs.poll(run_dir)
    assert run.state == "starting" and run.attempt == 2 and not (run_dir / "exit.json").exists()
    fake.living = False
    leave(run_dir, "done")
    with pytest.raises(RunFailed, match="done"):
        runs.resume(run_dir)


def test_two_who_resume_at_once_start_one_worker(
    frozen: Path, tmp_path: Path, fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = runs.start(small_config(), tmp_path / "runs", dataset_dir=frozen)
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

    monkeypatch.setattr(continuing, "poll", slow_poll)
    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(runs.resume, run_dir) for _ in range(2)]
    assert sorted(type(each.exception()).__name__ for each in ended) == ["NoneType", "RunFailed"]
    assert [what for what, _ in fake.calls] == ["launch"]
