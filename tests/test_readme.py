"""Every command of the README is executed, in order, in a copy of the project as a newcomer would have it."""
from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.copy_of_project import ROOT, copy_project
from tests.patience import PATIENCE_S

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.strip().splitlines()]
LONG = [line for block in re.findall(r"```sh long\n(.*?)```", README, re.S) for line in block.strip().splitlines()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("newcomer"))


def _environment() -> dict[str, str]:
    """A newcomer's: nothing of this project is set yet, and Python keeps what it compiled (else every command compiles all of it again)."""
    ours = ("FLOWSIGHT_HOME", "FLOWSIGHT_STORE", "PYTEST", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_make_run_serves_the_app_from_an_empty_workspace(project: Path) -> None:
    assert "make run" in COMMANDS
    port = _free_port()
    log = (project / "run.log").open("w")
    server = subprocess.Popen(
        ["make", "run", f"PORT={port}"], cwd=project, env=_environment(), stdout=log, stderr=log, start_new_session=True
    )
    try:
        for _ in range(2 * PATIENCE_S):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert server.poll() is None, (project / "run.log").read_text()
                time.sleep(0.5)
        else:
            pytest.fail((project / "run.log").read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as page:
            assert b"<title>" in page.read()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(PATIENCE_S)


def test_make_test_and_make_check_name_what_they_run(project: Path) -> None:
    """`make test` cannot run itself here: that its recipe reaches pytest over this very file is seen by reading what make would do."""
    assert "make test" in COMMANDS
    plan = subprocess.run(["make", "-n", "test"], cwd=project, env=_environment(), capture_output=True, text=True, check=True).stdout
    assert plan.count("-m pytest") == 2 and "training tools --build" in plan and "real-parts" in plan
    check = subprocess.run(["make", "-n", "check"], cwd=project, env=_environment(), capture_output=True, text=True, check=True).stdout
    assert "ruff check" in check and "mypy" in check


@pytest.mark.line
@pytest.mark.timeout(7200)
def test_the_whole_line_runs_from_a_shell_as_the_readme_says(project: Path) -> None:
    lines = [line for line in COMMANDS if not line.startswith("make ")]
    assert len(lines) > 15
    for line in lines:
        done = subprocess.run(shlex.split(line), cwd=project, env=_environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    run = project / "workspace" / "runs" / "first"
    assert json.loads((run / "exit.json").read_text())["state"] == "done"
    for stage in ("sft", "dpo", "distill", "merge", "evaluate", "quantize", "package"):
        assert list(run.glob(f"*-{stage}/COMPLETE")), stage
    bundles = list(run.glob("*-package/**/*.gguf"))
    assert bundles and all(Path(f"{b}.sha256").is_file() or b.with_suffix(".sha256").is_file() for b in bundles)
    assert list(run.glob("*-package/**/Modelfile")) and list(run.glob("*-package/**/version.json"))
    records = [json.loads(text) for text in (project / "proposals.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {record["task"] for record in records} == {"function_pointer", "callback_timing", "async_pattern"}
    assert all({"task", "file", "line", "column", "function"} <= record.keys() for record in records)


def test_the_commands_of_the_real_model_are_ones_that_the_programs_know() -> None:
    """They take twenty minutes and are run by `make test-learning`; here their words are parsed and their datasets and names fit."""
    from curation.__main__ import parser as curation_parser
    from training.__main__ import parser as training_parser

    assert len(LONG) >= 6
    for line in LONG:
        _, module, program, *arguments = shlex.split(line)
        assert module == "-m"
        {"curation": curation_parser, "training": training_parser}[program]().parse_args(arguments)  # SystemExit where one is unknown


@pytest.mark.learning
@pytest.mark.timeout(7200)
def test_the_real_model_learns_as_the_readme_says(project: Path) -> None:
    for line in LONG:
        done = subprocess.run(shlex.split(line), cwd=project, env=_environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    run = project / "workspace" / "runs" / "first-real"
    [report] = run.glob("*-evaluate/report.json")
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["change"]["score"]["low"] > 0.15
    assert told["overall"]["tuned"]["parse_rate"]["value"] >= 0.98
