"""A sample dataset: archives pinned by hash, only the named folders, confirmed by rule, once."""
from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from curation.errors import NotAllowed
from curation.settings import Settings
from curation.sourcing import sample
from curation.store import Store, items
from tests.curation.conftest import LEAD, WANG

OPS = "struct ops { int (*open)(int); };\nstatic int my_open(int n) { return n; }\nstatic const struct ops my = { my_open };\n"
FILES = {
    "pkg-1.0/src/a.c": OPS + "int go(void) { return my.open(1); }\n",
    "pkg-1.0/other/b.c": "int left_out(void) { return 0; }\n",
    "pkg-1.0/src/../../escape.c": "int escape;\n",
}


def _archive(path: Path) -> str:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("pkg-1.0/src/passwd.c")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return sample._sha256(path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, datasets_dir=tmp_path / "datasets", store_url="sqlite://")


@pytest.fixture
def one(settings: Settings) -> sample.SampleSource:
    kept = settings.cache_dir / "sample"
    kept.mkdir(parents=True)
    digest = _archive(kept / "sample-pkg-1.0.tar.gz")
    return sample.SampleSource(name="sample-pkg", package="pkg", version="1.0", sha256=digest, license="MIT", inside=["src"])


def test_the_named_folders_become_a_source_whose_sure_sites_are_confirmed(
    sqlite_store: Store, settings: Settings, one: sample.SampleSource,
) -> None:
    made = sample.make_sample(sqlite_store, settings, LEAD, [one])
    assert made.confirmed["function_pointer"] == 1
    assert {item.file for item in items.find(sqlite_store, source="sample-pkg")} == {"src/a.c"}


def test_doing_it_again_confirms_nothing_more(sqlite_store: Store, settings: Settings, one: sample.SampleSource) -> None:
    sample.make_sample(sqlite_store, settings, LEAD, [one])
    assert sample.make_sample(sqlite_store, settings, LEAD, [one]).confirmed.total() == 0


def test_an_archive_of_another_hash_is_fetched_anew_and_refused_when_it_cannot_be(
    sqlite_store: Store, settings: Settings, one: sample.SampleSource, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (settings.cache_dir / "sample" / "sample-pkg-1.0.tar.gz").write_bytes(b"other")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(sample.SampleMissing, match=r"pkg 1\.0"):
        sample.make_sample(sqlite_store, settings, LEAD, [one])


def test_only_a_lead_makes_one(sqlite_store: Store, settings: Settings, one: sample.SampleSource) -> None:
    with pytest.raises(NotAllowed):
        sample.make_sample(sqlite_store, settings, WANG, [one])


def test_every_listed_archive_is_pinned_and_says_its_licence() -> None:
    assert len({one.name for one in sample.listed()}) == len(sample.listed()) >= 6
    assert all(one.license and one.inside for one in sample.listed())
