"""`pip install .` gives one program, `flowsight`, that works in any folder and puts no other name of ours beside the packages of others."""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from curation import __version__
from tests.copy_of_project import ROOT, copy_project

ROOMS = ("curation", "training", "ui", "pages", "datasets", ".streamlit")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("project"))
    out = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-build-isolation", "-w", str(out), str(project))
    [built] = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the program in it. What it depends on is not installed again (1.7 GB): this one's packages are lent."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False)
    _pip("--python", str(home / "bin" / "python"), "install", str(wheel))
    [packages] = home.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def _pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *words, "-q", "--no-deps", "--no-index"], check=True)


def _environment(home: Path | None = None) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWSIGHT_", "PYTHONPATH", "PYTEST"))}
    return kept if home is None else {**kept, "FLOWSIGHT_HOME": str(home)}


def _run(installed: Path, words: list[str], cwd: Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "bin" / words[0]), *words[1:]], cwd=cwd, env=_environment(home), capture_output=True, text=True
    )


def test_every_tracked_file_of_the_house_is_in_the_wheel(wheel: Path) -> None:
    """Words, styles, the viewer's bundle, knowledge rows, presets, seeds and demo: not one is forgotten when it is added."""
    tracked = subprocess.run(["git", "ls-files", "-z", *ROOMS, "app.py"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    wanted = {name for name in tracked.split("\0") if name and not name.startswith("ui/code_view/frontend/") and (ROOT / name).is_file()}
    held = {name.removeprefix("flowsight/house/") for name in zipfile.ZipFile(wheel).namelist()}
    assert wanted <= held, wanted - held
    assert len(wanted) > 200


def test_the_wheel_brings_one_top_level_name_and_no_dataset_of_anybody(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"flowsight", f"flowsight_workbench-{__version__}.dist-info"}
    assert not [name for name in names if re.search(r"datasets/[^/]+/v\d{4}/|node_modules|__pycache__|\.sqlite", name)]


def test_the_wheel_asks_for_what_requirements_txt_pins(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as held:
        [name] = [name for name in held.namelist() if name.endswith("METADATA")]
        told = held.read(name).decode()
    asked = {_plain(line.split(": ")[1]) for line in told.splitlines() if line.startswith("Requires-Dist: ")}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert asked == {_plain(line) for line in lines if line and not line.startswith("#")}


def _plain(requirement: str) -> str:
    """Without its marker, the name written as the index writes it (PEP 503)."""
    return requirement.split(";")[0].strip().lower().replace("_", "-")


def test_the_builders_are_pinned_alike_for_pip_and_for_the_tests() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["build-system"]["requires"]) <= set((ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines())


def test_one_version_is_told_by_all_three_programs(installed: Path, tmp_path: Path) -> None:
    for words in (["flowsight", "--version"], ["flowsight", "curation", "--version"], ["flowsight", "training", "--version"]):
        told = _run(installed, words, tmp_path)
        assert told.returncode == 0 and told.stdout.strip().endswith(f" {__version__}"), told


def test_the_package_datasets_of_others_is_what_is_imported(installed: Path, tmp_path: Path) -> None:
    """Our `datasets/` holds data only, so it is never more than a portion of a namespace, which a real package wins over."""
    code = (
        "import sys, flowsight; sys.path.insert(0, str(flowsight.HOUSE)); import datasets;"
        "assert (flowsight.HOUSE / 'datasets').is_dir(); print(datasets.__version__, datasets.__file__)"
    )
    told = _run(installed, ["python", "-c", code], tmp_path)
    assert told.returncode == 0 and told.stdout.split()[1].startswith(sysconfig.get_path("purelib")), told


def test_an_installed_program_keeps_its_workspace_with_the_user_and_its_help_names_itself(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, flowsight; sys.path.insert(0, str(flowsight.HOUSE)); from curation.settings import load_settings;"
        "s = load_settings(); print(s.home, s.datasets_dir)"
    )
    given = {**_environment(), "XDG_DATA_HOME": str(tmp_path / "data")}
    python = str(installed / "bin" / "python")
    told = subprocess.run([python, "-c", code], cwd=tmp_path, env=given, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(tmp_path / "data" / "flowsight"), str(tmp_path / "data" / "flowsight" / "datasets")]
    shown = _run(installed, ["flowsight", "curation", "verify", "--help"], tmp_path).stdout
    assert "flowsight curation verify datasets/flow/v0001" in shown and "python -m" not in shown


def test_the_installed_command_line_proposes_in_any_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "lamp.c").write_text("static void on(void) {}\nvoid (*light)(void) = on;\nvoid press(void) { light(); }\n")
    told = _run(installed, ["flowsight", "curation", "propose", ".", "--task", "function_pointer"], tmp_path, tmp_path / "home")
    assert told.returncode == 0 and '"press"' in told.stdout, told


def test_the_installed_app_is_served_from_any_folder(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (tmp_path / ".streamlit").mkdir()  # another project's settings do not count
    (tmp_path / ".streamlit" / "config.toml").write_text('[server]\nbaseUrlPath = "elsewhere"\n')
    log = tmp_path / "run.log"
    with log.open("w") as said:
        server = subprocess.Popen([str(installed / "bin" / "flowsight"), "run", "--port", str(port)], cwd=tmp_path,
                                  env={**_environment(), "FLOWSIGHT_HOME": "home"}, stdout=said, stderr=said, start_new_session=True)
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert server.poll() is None, log.read_text()
                time.sleep(0.5)
        else:
            pytest.fail(log.read_text())
        for path in ("/", "/review"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as page:
                assert b"<title>" in page.read()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    known = _run(installed, ["flowsight", "curation", "sources"], tmp_path, tmp_path / "home")
    assert known.stdout.startswith("demo\t"), known  # the shipped demo was found and read on the first start, into the home beside us
