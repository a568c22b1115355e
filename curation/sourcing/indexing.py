"""Which program is a folder, or an imported source, and where is it kept? The one place that chooses between memory and an index folder.

>>> found = index_folder(Path("linux"), index_dir=index_dir(settings, "folder", "/src/linux"))
>>> found.program.functions("rtc_read_time")[0].file
'drivers/rtc/interface.c'

A small corpus is read into memory each time. An index folder serves one that is too big for that, or that is asked again and again; it is
made by `python -m curation index`, and brought up to date wherever it is used. Both run the same stages (csource/stages.py) over the same
files (csource/sources/files.py).
"""
from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from curation.csource import FactsProblem, Program
from curation.csource.build import build_program, cores
from curation.csource.incremental.indexer import make_index
from curation.csource.incremental.report import IndexReport, Told
from curation.csource.incremental.state import State
from curation.csource.processes.pool import MEMORY_BYTES, TIME_LIMIT_S
from curation.csource.sources.files import SourceFiles, StampedFile, list_folder, list_known
from curation.csource.sources.inclusions import Unanswered
from curation.csource.storage.folder_index import open_index
from curation.errors import NotFound
from curation.settings import Settings
from curation.sourcing.blobs import blob_path
from curation.store import Store
from curation.store import sources as rows

_FILES_IN_MEMORY = 4_000  # of an imported source; more are indexed on disk
_MOST_TOLD = 20  # lines of includes that no file answers
_MOST_NAMES = 8  # of files that are passed over


@dataclass(frozen=True)
class ReadingLimits:
    """jobs: processes. time_limit_s: processor time a file. memory_bytes: of one process. retry: see indexer.make_index."""

    jobs: int = 1
    time_limit_s: float = TIME_LIMIT_S
    memory_bytes: int = MEMORY_BYTES
    retry: bool = False


@dataclass(frozen=True)
class Indexed:
    """problems: files, or parts of files, that could not be read. passed_over: see files.SourceFiles."""

    program: Program
    problems: list[FactsProblem] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def index_dir(settings: Settings, kind: str, name: str) -> Path:
    """The index folder of a folder (kind "folder", its absolute path) or an imported source (kind "source"), made or not."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")[-40:]
    digest = hashlib.sha256(f"{kind}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return settings.cache_dir / "index" / f"{readable}-{digest}"


def is_made(folder: Path) -> bool:
    """Whether there is an index in the folder."""
    return (folder / "state.json").is_file()


def made_for_folder(settings: Settings, path: Path) -> Path | None:
    """The workspace's index folder of a folder, if it was made."""
    place = index_dir(settings, "folder", str(path.absolute()))
    return place if is_made(place) else None


def index_folder(
    path: Path, *, cache_dir: Path | None = None, jobs: int | None = None, progress: Callable[[int, int], None] | None = None,
    index_dir: Path | None = None,
) -> Indexed:
    """The program that a folder's C files are. index_dir: an index folder, brought up to date and used instead of reading all into memory.
    progress is called with (done, all) files. Raises NotFound, IndexBusy."""
    return _indexed(files_of_folder(path), index_dir, cache_dir, jobs, progress)


def index_source(
    store: Store, settings: Settings, source: str, progress: Callable[[int, int], None] | None = None,
) -> Indexed:
    """The program that an imported source is: from its index folder where it has one or is big, else in memory. Raises NotFound,
    IndexBusy."""
    place = index_dir(settings, "source", source)
    files = files_of_source(store, settings, source)
    on_disk = is_made(place) or len(files.places) > _FILES_IN_MEMORY
    return _indexed(files, place if on_disk else None, settings.cache_dir, None, progress)


def _indexed(
    files: SourceFiles, place: Path | None, cache_dir: Path | None, jobs: int | None, progress: Callable[[int, int], None] | None,
) -> Indexed:
    if place is None:
        program = build_program(files, cache_dir, jobs=jobs, progress=progress)
        return Indexed(program, program.problems(), list(files.passed_over))
    told: Told | None = (lambda step: progress(step.done, step.all)) if progress is not None else None
    report = bring_up_to_date(files, place, ReadingLimits(jobs or cores()), told)
    return Indexed(open_index(place), report.problems, list(files.passed_over))


def files_of_folder(path: Path) -> SourceFiles:
    """Raises NotFound."""
    if not path.exists():
        raise NotFound(kind="folder", name=str(path))
    return list_folder(path.absolute())  # the processes that read run in another folder


def files_of_source(store: Store, settings: Settings, source: str) -> SourceFiles:
    """The files of an imported source that could be decoded, where they lie. Raises NotFound."""
    if rows.origin_of(store, source) is None:
        raise NotFound(kind="source", name=source)
    return list_known({
        row.path: StampedFile(str(blob_path(settings.blobs_dir, row.sha256)), row.sha256)
        for row in rows.files(store, source) if row.problem is None and row.encoding is not None})


def bring_up_to_date(files: SourceFiles, folder: Path, limits: ReadingLimits, progress: Told | None = None) -> IndexReport:
    """Makes the index in the folder, or what changed since. Raises IndexBusy."""
    return make_index(
        folder, files, jobs=limits.jobs, time_limit_s=limits.time_limit_s, memory_bytes=limits.memory_bytes, retry=limits.retry,
        progress=progress)


def by_path(found: Iterable[Unanswered]) -> list[tuple[Unanswered, int]]:
    """Each path that is not answered: its first #include, and how many files have one. Those that are read in place come first, as what
    they hold is lost; then those of most files."""
    listed: dict[str, list[Unanswered]] = defaultdict(list)
    for one in found:
        listed[one.path].append(one)
    told = [(min(each, key=lambda one: (not one.in_place, one.file, one.line)), len({one.file for one in each}))
            for each in listed.values()]
    return sorted(told, key=lambda pair: (not pair[0].in_place, -pair[1], pair[0].path))


def not_found(found: Iterable[Unanswered], passed_over: list[str]) -> list[str]:
    """What the command line says of #includes that no file answers, and of files that are passed over by their names."""
    told = by_path(found)
    lines = []
    for one, files in told[:_MOST_TOLD]:
        more = f", nor in {files - 1} more files" if files > 1 else ""
        lost = "; what it fills or defines is missing [include_in_place]" if one.in_place else " [include]"
        lines.append(f'  {one.file}:{one.line}: #include "{one.path}" is answered by no file{more}{lost}')
    if len(told) > _MOST_TOLD:
        lines.append(f"  and {len(told) - _MOST_TOLD} more paths that no file answers")
    if passed_over:
        names = ", ".join(passed_over[:_MOST_NAMES]) + (", ..." if len(passed_over) > _MOST_NAMES else "")
        lines.append(f"  passed over by their names: {len(passed_over)} files that are not read as C: {names}")
    return lines


def current_index(files: SourceFiles, folder: Path) -> Program | None:
    """The program in the index folder, where it is whole and of these very files; else None. Nothing is made."""
    try:
        state = State(folder)
    except (FileNotFoundError, ValueError):
        return None
    known = {file: (path, stamp) for file, path, stamp in zip(state.files, state.paths, state.stamps, strict=True)}
    same = all(files.others.get(file, known[file][0]) == known[file][0] for file in known) and (
        {file: stamp for file, (_, stamp) in known.items() if file not in files.others}
        == {file: place.stamp for file, place in files.places.items()})
    return open_index(folder) if same else None
