"""Where is the index of a folder or an imported source, and is it up to date?

>>> index, report = indexed_folder(Path("linux"), index_dir(settings, "folder", "/src/linux"), jobs=2)
>>> report.counts["functions"]
527113

A small corpus needs none: it is read into memory each time (propose.index_folder). An index folder serves one that is too big for that,
or that is asked again and again; it is made by `python -m curation index`, and brought up to date wherever it is used.
"""
from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from curation.csource import Program
from curation.csource.incremental.folder_index import State, open_index
from curation.csource.incremental.indexer import MakeReport, Progress, make_index
from curation.csource.incremental.pool import MEMORY_BYTES, TIME_LIMIT_S
from curation.csource.sources.texts import DiskTexts, Place, folder_texts
from curation.errors import NotFound
from curation.settings import Settings
from curation.sourcing.blobs import blob_path
from curation.store import Store
from curation.store import sources as rows


@dataclass(frozen=True)
class Limits:
    """jobs: processes. time_limit_s: processor time a file. memory_bytes: of one process. retry: see making.make_index."""

    jobs: int = 1
    time_limit_s: float = TIME_LIMIT_S
    memory_bytes: int = MEMORY_BYTES
    retry: bool = False


def index_dir(settings: Settings, kind: str, name: str) -> Path:
    """The index folder of a folder (kind "folder", its absolute path) or an imported source (kind "source"), made or not."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")[-40:]
    digest = hashlib.sha256(f"{kind}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return settings.cache_dir / "index" / f"{readable}-{digest}"


def is_made(folder: Path) -> bool:
    """Whether there is an index in the folder."""
    return (folder / "state.json").is_file()


def texts_of_folder(path: Path) -> DiskTexts:
    """Raises NotFound."""
    if not path.exists():
        raise NotFound(kind="folder", name=str(path))
    return folder_texts(path)


def texts_of_source(store: Store, settings: Settings, source: str) -> DiskTexts:
    """The texts of an imported source that could be decoded, where they lie. Raises NotFound."""
    if rows.origin_of(store, source) is None:
        raise NotFound(kind="source", name=source)
    return DiskTexts({
        row.path: Place(str(blob_path(settings.blobs_dir, row.sha256)), row.sha256)
        for row in rows.files(store, source) if row.problem is None and row.encoding is not None})


def bring_up_to_date(texts: DiskTexts, folder: Path, limits: Limits, progress: Progress | None = None) -> MakeReport:
    """Makes the index in the folder, or what changed since. Raises IndexBusy."""
    return make_index(
        folder, texts, jobs=limits.jobs, time_limit_s=limits.time_limit_s, memory_bytes=limits.memory_bytes, retry=limits.retry,
        progress=progress)


def up_to_date_index(texts: DiskTexts, folder: Path, limits: Limits, progress: Progress | None = None) -> tuple[Program, MakeReport]:
    """The index of the texts as they are now. Raises IndexBusy."""
    report = bring_up_to_date(texts, folder, limits, progress)
    return open_index(folder, texts), report


def current_index(texts: DiskTexts, folder: Path) -> Program | None:
    """The index in the folder, where it is whole and of these very texts; else None. Nothing is made."""
    try:
        state = State(folder)
    except (FileNotFoundError, ValueError):
        return None
    if state.files != list(texts) or state.stamps != [place.stamp for place in texts.places.values()]:
        return None
    return open_index(folder, texts)
