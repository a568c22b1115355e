"""One lister says which files are read, which only where they are included, and which are passed over."""
from __future__ import annotations

from pathlib import Path

from curation.csource.sources.files import DiskTexts, StampedFile, c_files, list_folder, list_known


def test_a_folder_gives_its_c_files_the_others_and_those_passed_over(tmp_path: Path) -> None:
    for name in ("z.c", "a/b.H", "a/ops.def", "x.ino", "scan.h.in", "Makefile.inc", ".git/c.c", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.c").symlink_to(tmp_path / "z.c")
    files = list_folder(tmp_path)
    assert list(files.places) == ["a/b.H", "z.c"] == sorted(name for name, _ in c_files(tmp_path))
    assert files.passed_over == ["scan.h.in", "x.ino"]
    assert list(files.included(["../ops.def", "gone.def"], files.places)) == ["a/ops.def"]
    assert files.included(["ops.def"], {"a/ops.def"}) == {}
    assert list(list_folder(tmp_path / "z.c").places) == ["z.c"]


def test_of_chosen_files_those_that_are_only_ever_included_wait_for_it() -> None:
    files = list_known({name: StampedFile(f"/blobs/{name}", name) for name in ("b.pc", "a.c", "ops.def")})
    assert (list(files.places), dict(files.others)) == (["a.c", "b.pc"], {"ops.def": "/blobs/ops.def"})


def test_a_text_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"int a\0;")
    assert DiskTexts({"a.c": str(tmp_path / "a.c"), "b.c": str(tmp_path / "gone.c")})["a.c"] == ""
