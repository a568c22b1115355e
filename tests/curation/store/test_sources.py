"""Sources and frozen versions, over both databases."""
from __future__ import annotations

import threading

import pytest

from curation.store import Store, frozen, sources
from curation.store.frozen import VersionTaken
from curation.store.sources import FileRow


def row(path: str, sha256: str = "a" * 64, problem: str | None = None) -> FileRow:
    return FileRow(path, sha256, 10, None if problem else "utf-8", None if problem else 2, problem)


def test_a_source_is_brought_to_the_files_given(store: Store):
    sources.put(store, "lib", "/srv/lib", None, "ann", [row("a.c"), row("b/驱动.c"), row("c.c", problem='{"code":"nul"}')])
    (seen,) = sources.all_sources(store)
    assert (seen.name, seen.origin, seen.files, seen.bytes, seen.problems, seen.created_by) == ("lib", "/srv/lib", 3, 30, 1, "ann")
    changed = row("a.c", "b" * 64)
    sources.put(store, "lib", "/srv/lib2", "f" * 40, "bob", [changed, row("b/驱动.c"), row("new.c")])
    assert sources.files(store, "lib") == [changed, row("b/驱动.c"), row("new.c")]
    (seen,) = sources.all_sources(store)
    assert (seen.origin, seen.revision, seen.created_by) == ("/srv/lib2", "f" * 40, "ann")
    assert sources.origin_of(store, "lib") == "/srv/lib2" and sources.origin_of(store, "none") is None
    assert sources.file(store, "lib", "a.c") == changed and sources.file(store, "lib", "gone.c") is None


def test_many_files_are_put_and_taken_away(store: Store):
    many = [row(f"{n}.c") for n in range(1501)]
    sources.put(store, "big", "x", None, "ann", many)
    sources.put(store, "big", "x", None, "ann", many[:1])
    assert sources.files(store, "big") == many[:1]


def test_a_put_that_fails_leaves_what_was(store: Store):
    sources.put(store, "lib", "x", None, "ann", [row("a.c")])

    def broken():
        yield row("b.c")
        raise OSError("the disk is gone")

    with pytest.raises(OSError):
        sources.put(store, "lib", "y", None, "ann", broken())
    assert sources.files(store, "lib") == [row("a.c")] and sources.origin_of(store, "lib") == "x"


def test_a_version_and_its_folder_appear_together_or_not_at_all(store: Store):
    def fail() -> None:
        raise OSError("cannot rename")

    with pytest.raises(OSError):
        frozen.record(store, "flow", 1, "h1", {}, {}, "ann", publish=fail)
    assert frozen.all_versions(store) == [] and frozen.highest(store, "flow") == 0
    frozen.record(store, "flow", 1, "h1", {"seed": 1}, {"qa": {"train": 3}}, "ann", publish=lambda: None)
    (version,) = frozen.all_versions(store, "flow")
    assert (version.hash, version.options, version.counts, version.created_by) == ("h1", {"seed": 1}, {"qa": {"train": 3}}, "ann")


def test_of_two_freezes_at_once_one_gets_the_number(store: Store):
    published: list[int] = []
    lost: list[VersionTaken] = []
    gate = threading.Barrier(4)

    def one(number: int) -> None:
        gate.wait()
        try:
            frozen.record(store, "flow", 1, f"h{number}", {}, {}, "ann", publish=lambda: published.append(number))
        except VersionTaken as err:
            lost.append(err)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(published) == 1 and len(lost) == 3
    assert [v.hash for v in frozen.all_versions(store)] == [f"h{published[0]}"]
