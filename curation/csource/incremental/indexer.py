"""How does a corpus become an index folder, and how does a changed corpus become the folder's next state?

>>> report = make_index(Path("cache/linux"), list_folder(Path("linux")), jobs=2)
>>> report.read, report.expanded
(1, 3)

The stages are those of stages.py; what each leaves in the folder is in storage/folder.py.
"""
from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curation.csource.incremental.records import problems_of
from curation.csource.incremental.report import IndexReport, Told
from curation.csource.processes.pool import MEMORY_BYTES, TIME_LIMIT_S, Readers
from curation.csource.sources.files import SourceFiles
from curation.csource.stages import run_stages
from curation.csource.storage.folder import FolderStorage
from curation.errors import UserError


class IndexBusy(UserError):
    code = "index_busy"
    text = "Another process is writing the index in {folder}. Wait until it is done, or give another folder."


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer a folder. Raises IndexBusy."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IndexBusy(folder=str(folder)) from None
        yield


def make_index(
    folder: Path, files: SourceFiles, *, jobs: int = 1, time_limit_s: float = TIME_LIMIT_S, memory_bytes: int = MEMORY_BYTES,
    retry: bool = False, progress: Told | None = None,
) -> IndexReport:
    """Brings the folder to the state of the files. retry: read files again that were too slow or crashed, though they did not change.
    Raises IndexBusy, OSError."""
    with _locked(folder), Readers(min(jobs, max(1, len(files.places))), time_limit_s=time_limit_s, memory_bytes=memory_bytes) as readers:
        storage = FolderStorage(folder, files, readers, progress, retry)
        seconds = run_stages(storage)
        state = storage.finish(len(seconds) > 1)
    report = storage.report
    report.seconds, report.counts = seconds, state.counts
    report.problems = [problem for file, listed in state.problems.items() for problem in problems_of(listed, file)]
    return report
