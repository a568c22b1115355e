"""Publishing: a version is in the store and on disk, or in neither, whatever is killed when."""
from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from curation.freezing.freeze import verify_version
from curation.freezing.publish import INTENT, recover
from curation.store import frozen
from tests.curation.freezing.test_freeze import Workspace

ROOT = Path(__file__).resolve().parents[3]
# Where a freeze is killed, as code that puts os._exit there.
KILLED = {
    "while it writes": "freezing._write = lambda *a: die()",
    "before it is verified": "freezing.verify = lambda *a: die()",
    "before the intent is written": "publish._recorded = publish.json.dump = lambda *a: die()",
    "before the folder is renamed": "os.rename = lambda *a: die()",
    "after the folder was renamed": "real = os.rename; os.rename = lambda *a: (real(*a), die())",
    "after it was recorded": "real = publish._record; publish._record = lambda *a: (real(*a), die())",
}
FREEZE = """
import os, sys
from pathlib import Path
from curation.freezing import freeze as freezing, publish
from curation.people.users import local_lead
from curation.settings import load_settings
from curation.store import open_store
def die(): os._exit(9)
settings = load_settings(Path({home!r}))
store = open_store(settings.store_url)
{kill}
freezing.freeze(store, settings, local_lead(store), freezing.FreezeOptions(name="flow", seed=3))
"""


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", pairs=6, preferences=0)


def _killed(work: Workspace, where: str) -> None:
    code = FREEZE.format(home=str(work.settings.home), kill=KILLED[where])
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True).returncode == 9


@pytest.mark.parametrize("where", KILLED)
def test_after_a_kill_anywhere_every_folder_is_recorded_and_every_record_has_its_folder(work: Workspace, where: str) -> None:
    _killed(work, where)
    finished = recover(work.store, work.settings.datasets_dir)
    home = work.settings.datasets_dir / "flow"
    recorded = frozen.all_versions(work.store, "flow")
    assert sorted(path.name for path in home.iterdir()) == sorted(f"v{row.version:04d}" for row in recorded)
    assert finished == (["flow/v0001"] if where == "after the folder was renamed" else [])
    assert all(verify_version(work.settings, row) and row.created_by == "local" for row in recorded)
    again = work.freeze()
    assert again.version == len(recorded) + 1 and recover(work.store, work.settings.datasets_dir) == []


def test_the_next_freeze_mends_what_a_kill_left(work: Workspace) -> None:
    _killed(work, "after the folder was renamed")
    assert work.freeze().version == 2
    assert [row.version for row in frozen.all_versions(work.store, "flow")] == [2, 1]


def test_what_a_living_process_writes_or_publishes_is_left_alone(work: Workspace) -> None:
    home = work.settings.datasets_dir / "flow"
    busy, dead = home / ".writing-busy", home / ".writing-dead"
    busy.mkdir(parents=True)
    dead.mkdir()
    held = os.open(busy, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with open(home / f"{INTENT}v0001.json", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert recover(work.store, work.settings.datasets_dir) == []
        assert sorted(path.name for path in home.iterdir()) == [f"{INTENT}v0001.json", ".writing-busy"]
    os.close(held)
    recover(work.store, work.settings.datasets_dir)
    assert list(home.iterdir()) == []


def test_a_folder_that_is_not_what_was_meant_is_recorded_nowhere_and_not_removed(work: Workspace) -> None:
    _killed(work, "after the folder was renamed")
    home = work.settings.datasets_dir / "flow"
    (home / "v0001" / "sft" / "train.jsonl").write_text("{}\n")
    assert recover(work.store, work.settings.datasets_dir) == [] and (home / "v0001").is_dir()
    assert frozen.all_versions(work.store, "flow") == []
    assert work.freeze().version == 2
