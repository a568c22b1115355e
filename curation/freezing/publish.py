"""How is a version seen whole or not at all, by the store and as a folder, whatever is killed when?

A version is written in a folder beside, which its process holds locked. Then the intent is written (what will be recorded), the folder is
renamed and the version recorded in one transaction, and the intent removed. `recover` looks at what a killed process left: a folder that
was renamed but not recorded is recorded; one that was not renamed is removed with its intent. What a living process holds is left alone.

>>> with writing(home) as beside:
...     write_everything(beside)
...     publish(store, beside, Intent(name="flow", version=7, hash="5be3...", options={}, counts={}, created_by="lead"))
PosixPath('datasets/flow/v0007')

Locks are flock(2): they end with their process. Not covered: a datasets folder on a file system without them.
"""
from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.errors import UserError
from curation.freezing.manifest import verify
from curation.store import Store, frozen

WRITING = ".writing-"  # folders of versions that are not whole yet
INTENT = ".publishing-"  # files: what a version that is being published will be recorded as


@dataclass(frozen=True)
class Intent:
    """What the store will say of a version; counts: task -> split -> rows."""

    name: str
    version: int
    hash: str
    options: dict[str, Any]
    counts: dict[str, dict[str, int]]
    created_by: str

    @property
    def folder(self) -> str:
        return f"v{self.version:04d}"


@contextmanager
def writing(home: Path) -> Iterator[Path]:
    """A folder in the dataset's own to write a version in, locked while it is written; gone afterwards unless it was published."""
    beside = Path(tempfile.mkdtemp(dir=home, prefix=WRITING))
    held = os.open(beside, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.chmod(beside, 0o755)
        yield beside
    finally:
        os.close(held)
        shutil.rmtree(beside, ignore_errors=True)


def publish(store: Store, beside: Path, intent: Intent) -> Path:
    """Renames a finished folder to its version and records it; its place. Raises VersionTaken, and then neither is seen."""
    place, noted = beside.parent / intent.folder, beside.parent / f"{INTENT}{intent.folder}.json"
    with open(noted, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        json.dump(asdict(intent), file)
        file.flush()
        os.fsync(file.fileno())
        try:
            _record(store, intent, lambda: os.rename(beside, place))
        finally:
            if not place.exists() or _recorded(store, intent):
                noted.unlink(missing_ok=True)
    return place


def recover(store: Store, datasets_dir: Path, name: str | None = None) -> list[str]:
    """Finishes or takes back what killed processes left; returns the versions that were recorded now ("flow/v0007"). name: None: of every
    dataset. A renamed folder that is not what was meant is left as it is, with its intent."""
    finished = []
    for home in sorted(datasets_dir.iterdir()) if name is None and datasets_dir.is_dir() else [datasets_dir / (name or "")]:
        if not home.is_dir():
            continue
        for noted in sorted(home.glob(f"{INTENT}v*.json")):
            if _finish(store, home, noted):
                finished.append(f"{home.name}/{noted.name.removeprefix(INTENT).removesuffix('.json')}")
        for folder in home.glob(f"{WRITING}*"):
            if _free(folder):
                shutil.rmtree(folder, ignore_errors=True)
    return finished


def _finish(store: Store, home: Path, noted: Path) -> bool:
    """Whether a version was recorded now."""
    with open(noted, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False  # somebody publishes it at this moment
        intent = _read(file.read(), noted)
        place = home / intent.folder if intent else None
        if intent is None or place is None or not place.is_dir() or _recorded(store, intent):
            noted.unlink(missing_ok=True)
            return False
        try:
            if verify(place)["hash"] != intent.hash:
                return False
        except UserError:
            return False
        _record(store, intent, lambda: None)
        noted.unlink(missing_ok=True)
        return True


def _read(text: str, noted: Path) -> Intent | None:
    """None for an intent that was not written whole: nothing was renamed then."""
    try:
        intent = Intent(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    return intent if re.fullmatch(r"v\d{4,}", intent.folder) and noted.name == f"{INTENT}{intent.folder}.json" else None


def _record(store: Store, intent: Intent, rename: Callable[[], None]) -> None:
    frozen.record(
        store, intent.name, intent.version, intent.hash, intent.options, intent.counts, intent.created_by, publish=rename,
    )


def _recorded(store: Store, intent: Intent) -> bool:
    return any(row.version == intent.version for row in frozen.all_versions(store, intent.name))


def _free(folder: Path) -> bool:
    """Whether nobody who lives writes in it."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True
