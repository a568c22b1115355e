import json
import os
import signal
import subprocess
import sys
import time

import pytest

from curation import PROJECT, jobs
from curation.errors import NotFound
from curation.pairs import generate
from curation.process_identity import identity
from curation.settings import load_settings
from curation.store import ledger, open_store
from tests.fake_endpoint import running
from tests.patience import PATIENCE_S


@pytest.fixture
def settings(tmp_path):
    return load_settings(tmp_path / "home")


def argv(server, count=4):
    return ["generate", "--campaign=first", "--task=self_instruct", f"--count={count}", f"--base-url={server.base_url}", "--model=fake",
            "--per-request=2", "--concurrency=1"]


def until(condition, timeout_s=PATIENCE_S):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_job_runs_a_command_to_its_end_and_keeps_what_it_printed(settings):
    with running() as server:
        job = jobs.start(settings, "generate", argv(server))
        ended = jobs.wait(settings, job, PATIENCE_S)
    assert (ended.state, ended.exit_code, ended.kind) == ("done", 0, "generate"), jobs.log_tail(settings, job)
    assert ended.ended_at is not None and ended.ended_at > ended.started_at
    assert "4 rows" in jobs.log_tail(settings, job)
    assert jobs.latest(settings, "generate") == job and jobs.latest(settings, "propose") is None
    store = open_store(settings.store_url)
    assert generate.status(store, "first").rows == 4
    store.close()


def test_a_job_outlives_who_started_it_refuses_a_twin_and_stops_when_asked(settings):
    with running("pairs", delay_s=0.2) as server:
        start = "import sys; from curation import jobs, settings; from pathlib import Path;" \
                "print(jobs.start(settings.load_settings(Path(sys.argv[1])), 'generate', sys.argv[2:]))"
        command = [sys.executable, "-c", start, str(settings.home), *argv(server, count=1000)]
        job = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
        until(lambda: len(server.requests) >= 2)  # who started it is gone, it goes on
        assert jobs.status(settings, job).state == "running"
        pid = json.loads((settings.home / "jobs" / job / "process.json").read_text())["pid"]
        assert os.getsid(pid) == pid  # a session of its own: a hang-up or Ctrl+C at the web process does not reach it
        with pytest.raises(jobs.JobRuns, match=job):
            jobs.start(settings, "generate", argv(server))
        jobs.stop(settings, job)
        ended = jobs.wait(settings, job, PATIENCE_S)
        assert (ended.state, ended.exit_code) == ("stopped", 0)
        store = open_store(settings.store_url)
        assert generate.status(store, "first").answered == len(server.requests)  # what was under way is kept
        assert list(ledger.calls(store, "first", "sent")) == []
        store.close()


def test_a_killed_job_is_seen_as_dead(settings):
    with running("pairs", delay_s=30) as server:
        job = jobs.start(settings, "generate", argv(server))
        until(lambda: len(server.requests) == 1)
        process = json.loads((settings.home / "jobs" / job / "process.json").read_text())
        os.kill(process["pid"], signal.SIGKILL)
        ended = jobs.wait(settings, job, PATIENCE_S)
    assert (ended.state, ended.exit_code, ended.ended_at) == ("died", None, None)


def test_another_process_with_the_same_pid_is_not_taken_for_the_job(settings):
    folder = settings.home / "jobs" / "generate-20260101-000000-000000-abcd"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"kind": "generate", "argv": [], "started_at": "2026-01-01T00:00:00.000Z"}))
    (folder / "process.json").write_text(json.dumps({**identity(os.getpid()), "started": 1}))
    assert jobs.status(settings, folder.name).state == "died"
    jobs.stop(settings, folder.name, kill=True)  # and is not harmed


def test_a_command_that_fails_leaves_its_code_and_its_words(settings):
    job = jobs.start(settings, "generate", ["generate", "--task=knitting", "--count=1", "--base-url=http://127.0.0.1:1/v1", "--model=m"])
    ended = jobs.wait(settings, job, PATIENCE_S)
    assert (ended.state, ended.exit_code) == ("failed", 2)
    assert "knitting" in jobs.log_tail(settings, job)


@pytest.mark.parametrize("name", ["nothing", "../home", "", "."])
def test_a_name_that_is_no_jobs_is_refused(settings, name):
    with pytest.raises(NotFound):
        jobs.status(settings, name)
