"""How C code comes in, and what happens when what comes in is hostile or broken."""
from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import os
import struct
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from curation.errors import BadValue, BrokenArchive, GitFailed, NotAllowed, NotFound
from curation.model import Actor
from curation.people.users import create_user, local_lead, set_password
from curation.settings import Settings, load_settings
from curation.sourcing import sources
from curation.sourcing.archives import Limits
from curation.sourcing.blobs import BrokenBlob, blob_path
from curation.store import Store, open_store
from curation.store import sources as rows
from tests.patience import PATIENCE_S

CODE = b"int add(int a, int b)\n{\n\treturn a + b;\n}\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.store_url)


@pytest.fixture
def lead(store: Store) -> Actor:
    return local_lead(store)


def folder_of(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        place = tmp_path / "code" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return tmp_path / "code"


def tar_of(members: dict[str, bytes], mode: str = "w:gz", extra: list[tarfile.TarInfo] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for info in extra or []:
            archive.addfile(info)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def paths(store: Store, source: str) -> list[str]:
    return [f.path for f in sources.tree(store, source)]


def test_a_folder_gives_its_c_files_by_path(store, settings, lead, tmp_path):
    folder = folder_of(tmp_path, {"src/a.c": CODE, "src/a.h": b"int add(int, int);\n", "README.md": b"no", ".git/x.c": CODE})
    report = sources.import_folder(store, settings, lead, folder, name="demo")
    assert (report.source, report.added, report.unchanged, report.bytes, report.problems) == ("demo", 2, 0, len(CODE) + 19, [])
    assert paths(store, "demo") == ["src/a.c", "src/a.h"]
    assert sources.tree(store, "demo")[0].lines == 4
    assert sources.read_text(store, settings, "demo", "src/a.c").text == CODE.decode()
    assert [s.name for s in sources.list_sources(store)] == ["demo"]


def test_importing_again_takes_only_what_changed(store, settings, lead, tmp_path):
    folder = folder_of(tmp_path, {"a.c": CODE, "b.c": b"int b;\n", "c.c": b"int c;\n"})
    sources.import_folder(store, settings, lead, folder)
    (folder / "b.c").write_bytes(b"int b2;\n")
    (folder / "c.c").unlink()
    report = sources.import_folder(store, settings, lead, folder)
    assert (report.source, report.added, report.unchanged, report.removed) == ("code", 1, 1, 1)
    assert paths(store, "code") == ["a.c", "b.c"]


def test_two_folders_of_one_name_become_two_sources(store, settings, lead, tmp_path):
    first, second = folder_of(tmp_path / "1", {"a.c": CODE}), folder_of(tmp_path / "2", {"b.c": CODE})
    assert sources.import_folder(store, settings, lead, first).source == "code"
    assert sources.import_folder(store, settings, lead, second).source == "code-2"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gbk"])
def test_text_is_decoded_and_its_encoding_recorded(store, settings, lead, tmp_path, encoding):
    text = "/* 打开设备并注册中断处理函数 */\nint x;\n"
    sources.import_folder(store, settings, lead, folder_of(tmp_path, {"a.c": text.encode(encoding)}))
    found = sources.read_text(store, settings, "code", "a.c")
    assert found.text == text and found.encoding == sources.tree(store, "code")[0].encoding


def test_a_huge_line_and_nul_bytes_are_recorded_as_problems_and_the_rest_goes_on(store, settings, lead, tmp_path):
    folder = folder_of(tmp_path, {"long.c": b"int a[] = {" + b"1," * 5_000_000 + b"};\n", "nul.c": b"int x;\nab\0cd\n", "ok.c": CODE})
    report = sources.import_folder(store, settings, lead, folder)
    assert [(p.path, p.code) for p in report.problems] == [("long.c", "long_line"), ("nul.c", "undecodable")]
    assert "line 2" in report.problems[1].why
    assert paths(store, "code") == ["long.c", "nul.c", "ok.c"]
    assert [t.path for t in sources.texts(store, settings, "code")] == ["ok.c"]
    with pytest.raises(BadValue, match="NUL"):
        sources.read_text(store, settings, "code", "nul.c")


def test_a_file_over_the_limit_is_a_problem(store, settings, lead, tmp_path):
    settings = settings.model_copy(update={"max_file_bytes": 100})
    report = sources.import_folder(store, settings, lead, folder_of(tmp_path, {"big.c": b"x" * 101, "fit.c": b"x" * 100}))
    assert [(p.path, p.code) for p in report.problems] == [("big.c", "too_large")]
    assert paths(store, "code") == ["fit.c"]


def test_links_and_pipes_in_a_folder_are_not_followed(store, settings, lead, tmp_path):
    folder = folder_of(tmp_path, {"a.c": CODE})
    (tmp_path / "secret.c").write_text("secret")
    (folder / "link.c").symlink_to(tmp_path / "secret.c")
    os.mkfifo(folder / "pipe.c")
    report = sources.import_folder(store, settings, lead, folder)
    assert [(p.path, p.code) for p in report.problems] == [("link.c", "link"), ("pipe.c", "special")]
    assert paths(store, "code") == ["a.c"]


def test_what_is_not_read_and_what_no_file_answers_is_told(store, settings, lead, tmp_path):
    for name, text in {
        "a.c": '#include <stdio.h>\n#include "config.h"\nint (*table[])(int) = {\n#include "ops.def"\n#include "gone.def"\n};\n',
        "b.c": '#include "config.h"\n', "ops.def": "f,\n", "lamp.ino": "", "scan.h.in": "", "notes.txt": "",
    }.items():
        (tmp_path / name).write_text(text)
    report = sources.import_folder(store, settings, lead, tmp_path, "lamp")
    assert [entry.path for entry in sources.tree(store, "lamp")] == ["a.c", "b.c", "ops.def"]
    assert report.passed_over == ["lamp.ino", "scan.h.in"]
    assert [tuple(one) for one in report.unanswered] == [
        ("a.c", 2, "config.h", False), ("a.c", 5, "gone.def", True), ("b.c", 1, "config.h", False)]


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "w:bz2", "zip"])
def test_archives_of_every_kind_are_read(store, settings, lead, kind):
    members = {"lib-1.0/a.c": CODE, "lib-1.0/doc.txt": b"no", "lib-1.0/b.h": b"int b;\n"}
    packed = zip_of(members) if kind == "zip" else tar_of(members, kind)
    report = sources.import_archive(store, settings, lead, io.BytesIO(packed), "lib-1.0.tar.gz")
    assert (report.source, report.added, report.problems) == ("lib-1.0", 2, [])
    assert paths(store, "lib-1.0") == ["lib-1.0/a.c", "lib-1.0/b.h"]


def unsafe_tar() -> bytes:
    link, hard, device = tarfile.TarInfo("evil-link.c"), tarfile.TarInfo("hard.c"), tarfile.TarInfo("disk.c")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "/etc/passwd"
    device.type = tarfile.BLKTYPE
    return tar_of({"../up.c": CODE, "/root.c": CODE, "in/../../up2.c": CODE, "ok.c": CODE, "bad\nname.c": CODE}, extra=[link, hard, device])


def test_unsafe_members_of_a_tar_are_listed_and_the_rest_goes_on(store, settings, lead, tmp_path):
    report = sources.import_archive(store, settings, lead, io.BytesIO(unsafe_tar()), "evil.tar.gz")
    assert {(p.path, p.code) for p in report.problems} == {
        ("../up.c", "unsafe_name"), ("/root.c", "unsafe_name"), ("in/../../up2.c", "unsafe_name"), ("bad\\nname.c", "unsafe_name"),
        ("evil-link.c", "link"), ("hard.c", "link"), ("disk.c", "special"),
    }
    assert paths(store, "evil") == ["ok.c"]
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(settings.home)]
    assert outside == []


def test_unsafe_members_of_a_zip_are_listed_and_the_rest_goes_on(store, settings, lead):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link.c")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        for name in ("../up.c", "C:\\x.c", "a\\..\\..\\x.c"):
            archive.writestr(zipfile.ZipInfo(name), CODE)
        archive.writestr("bomb.c", b"\0" * 10_000_000)
        archive.writestr("ok.c", CODE)
        archive.writestr("locked.c", CODE)
    packed = bytearray(out.getvalue())
    entry = packed.rindex(b"PK\x01\x02", 0, packed.rindex(b"locked.c"))
    struct.pack_into("<H", packed, entry + 8, struct.unpack_from("<H", packed, entry + 8)[0] | 1)
    report = sources.import_archive(store, settings, lead, io.BytesIO(bytes(packed)), "evil.zip")
    assert {(p.path, p.code) for p in report.problems} == {
        ("../up.c", "unsafe_name"), ("C:\\x.c", "unsafe_name"), ("a\\..\\..\\x.c", "unsafe_name"), ("link.c", "link"),
        ("bomb.c", "bomb"), ("locked.c", "encrypted"),
    }
    assert paths(store, "evil") == ["ok.c"]


def test_a_damaged_zip_member_is_a_problem_and_the_rest_goes_on(store, settings, lead):
    packed = zip_of({"a.c": CODE * 20, "b.c": CODE})
    at = packed.index(b"a.c") + 3
    broken = packed[:at] + b"\xff\xff\xff" + packed[at + 3:]
    report = sources.import_archive(store, settings, lead, io.BytesIO(broken), "x.zip")
    assert [(p.path, p.code) for p in report.problems] == [("a.c", "damaged")] and paths(store, "x") == ["b.c"]


def noise(size: int) -> bytes:
    import random

    return random.Random(1).randbytes(size).hex().encode()


@pytest.mark.parametrize("kind", ["w", "w:gz", "w:xz", "w:bz2", "zip"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_archive_says_where_it_ends_and_leaves_nothing_behind(store, settings, lead, kind, share):
    members = {f"f{n}.{'c' if n % 2 else 'txt'}": noise(20_000) for n in range(8)}
    packed = zip_of(members) if kind == "zip" else tar_of(members, kind)
    with pytest.raises(BrokenArchive, match="lib.tar"):
        sources.import_archive(store, settings, lead, io.BytesIO(packed[: int(len(packed) * share)]), "lib.tar")
    assert sources.list_sources(store) == []


def test_a_tar_cut_between_two_members_is_noticed(store, settings, lead):
    packed = tar_of({"a.c": CODE, "b.c": CODE}, "w")
    with pytest.raises(BrokenArchive, match=r"a\.c"):
        sources.import_archive(store, settings, lead, io.BytesIO(packed[:1024]), "x.tar")


def test_what_is_no_archive_is_refused(store, settings, lead):
    for data in (b"", b"hello", CODE * 100, gzip.compress(b"no tar in here")):
        with pytest.raises(BrokenArchive):
            sources.import_archive(store, settings, lead, io.BytesIO(data), "x.tar.gz")


def test_an_archive_that_unpacks_to_too_much_is_refused(store, settings, lead):
    packed = tar_of({"a.c": CODE, "zeros.bin": b"\0" * 5_000_000})
    with pytest.raises(BrokenArchive, match="more than 1000000 bytes"):
        sources.import_archive(store, settings, lead, io.BytesIO(packed), "x.tar.gz", limits=Limits(total_bytes=1_000_000))


def test_a_giant_name_record_is_refused_before_it_is_read(store, settings, lead):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**33
    with pytest.raises(BrokenArchive, match="name record"):
        sources.import_archive(store, settings, lead, io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024), "x.tar")


def test_an_archive_without_c_says_so(store, settings, lead):
    with pytest.raises(sources.NothingToImport, match=r"\.c, \.h"):
        sources.import_archive(store, settings, lead, io.BytesIO(tar_of({"a.txt": b""})), "x.tar.gz")


def test_the_same_name_twice_in_an_archive_is_a_problem(store, settings, lead):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for data in (b"int first;\n", b"int second;\n"):
            info = tarfile.TarInfo("a.c")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    report = sources.import_archive(store, settings, lead, io.BytesIO(out.getvalue()), "x.tar")
    assert [p.code for p in report.problems] == ["twice"]
    assert "first" in sources.read_text(store, settings, "x", "a.c").text


def git_repo(place: Path) -> Path:
    place.mkdir()
    run = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*run, "init", "-q", "-b", "main"], check=True)
    (place / "a.c").write_bytes(CODE)
    (place / "hidden.c").write_bytes(CODE)
    (place / ".gitattributes").write_text("hidden.c export-ignore\n")
    (place / "link.c").symlink_to("/etc/passwd")
    subprocess.run([*run, "add", "-A"], check=True)
    subprocess.run([*run, "commit", "-q", "-m", "one"], check=True)
    subprocess.run([*run, "tag", "v1"], check=True)
    (place / "b.c").write_bytes(CODE)
    subprocess.run([*run, "add", "-A"], check=True)
    subprocess.run([*run, "commit", "-q", "-m", "two"], check=True)
    return place


def test_a_git_repository_is_fetched_at_a_revision(store, settings, lead, tmp_path):
    url = f"file://{git_repo(tmp_path / 'repo')}"
    report = sources.import_git(store, settings, lead, url)
    assert (report.source, report.added, [(p.path, p.code) for p in report.problems]) == ("repo", 3, [("link.c", "link")])
    assert paths(store, "repo") == ["a.c", "b.c", "hidden.c"]
    assert len(sources.list_sources(store)[0].revision or "") == 40
    sources.import_git(store, settings, lead, url, name="old", revision="v1")
    assert paths(store, "old") == ["a.c", "hidden.c"]
    assert list(settings.cache_dir.iterdir()) == []


@pytest.mark.parametrize("url", [
    "ext::sh -c id", "--upload-pack=id", "http://example.org/a.git", "/etc", "ftp://example.org/a", "https://example.org/a b", "-oX@h:x",
    "file://host/etc/repo", "file:/etc/repo",
])
def test_addresses_that_git_must_not_open_are_refused(store, settings, lead, url):
    with pytest.raises(BadValue):
        sources.import_git(store, settings, lead, url)


def test_a_password_stands_on_no_command_line_that_others_could_read(store, settings, lead, tmp_path, monkeypatch):
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/said
echo "$GIT_CONFIG_KEY_0 $GIT_CONFIG_VALUE_0" >> {tmp_path}/env
case "$*" in *init*) for last; do :; done; mkdir -p "$last";; *fetch*) exit 1;; esac
""")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(GitFailed):
        sources.import_git(store, settings, lead, "https://me:hunter2@example.org/a.git")
    said = (tmp_path / "said").read_text()
    assert "fetch" in said and "https://example.org/a.git" in said and "hunter2" not in said and "me:" not in said
    token = base64.b64encode(b"me:hunter2").decode()
    assert f"http.https://example.org/.extraHeader Authorization: Basic {token}" in (tmp_path / "env").read_text()


def test_a_failed_clone_names_the_address_without_its_password(store, settings, lead, tmp_path):
    with pytest.raises(GitFailed) as caught:
        sources.import_git(store, settings, lead, "https://me:hunter2@127.0.0.1:9/a.git", timeout_s=PATIENCE_S)
    assert "hunter2" not in str(caught.value) and "127.0.0.1:9/a.git" in str(caught.value)
    with pytest.raises(GitFailed, match=r"fatal: .*none"):  # git's last line is advice: "and the repository exists."
        sources.import_git(store, settings, lead, f"file://{tmp_path}/none")
    assert sources.list_sources(store) == []


def test_a_revision_cannot_be_an_option(store, settings, lead, tmp_path):
    with pytest.raises(BadValue, match="revision"):
        sources.import_git(store, settings, lead, f"file://{tmp_path}", revision="--upload-pack=id")


def test_search_finds_plain_text_with_its_lines(store, settings, lead, tmp_path):
    sources.import_folder(store, settings, lead, folder_of(tmp_path, {"a.c": CODE, "b.c": b"int Add;\n.*\n"}))
    hits = [(h.path, h.line) for h in sources.search(store, settings, "code", "add")]
    assert hits == [("a.c", 1), ("b.c", 1)]
    assert [(h.path, h.line) for h in sources.search(store, settings, "code", "Add")] == [("b.c", 1)]
    assert [(h.path, h.line) for h in sources.search(store, settings, "code", ".*")] == [("b.c", 2)]
    assert len(sources.search(store, settings, "code", "add", limit=1)) == 1
    assert sources.search(store, settings, "code", " ") == []


def test_only_a_lead_imports(store, settings, tmp_path):
    for role in ("annotator", "reviewer"):
        with pytest.raises(NotAllowed):
            sources.import_folder(store, settings, Actor(name="x", role=role), folder_of(tmp_path, {"a.c": CODE}))


def test_an_encoded_path_does_not_lead_a_git_address_out_of_the_import_roots(store, settings, lead, tmp_path):
    git_repo(tmp_path / "secret")
    (tmp_path / "open").mkdir()
    settings = settings.model_copy(update={"import_roots": [tmp_path / "open"]})
    set_password(store, lead, lead.name, "correct horse battery")
    create_user(store, lead, "wang", "annotator", "correct horse battery")
    with pytest.raises(NotAllowed, match="import_roots"):
        sources.import_git(store, settings, lead, f"file://{tmp_path}/open/%2e%2e/secret")


def test_with_a_team_only_import_roots_are_open(store, settings, lead, tmp_path):
    folder = folder_of(tmp_path, {"in/a.c": CODE, "out/a.c": CODE, "in-too/a.c": CODE})
    (folder / "in" / "way").symlink_to(folder / "out")
    set_password(store, lead, lead.name, "a long pass phrase")
    create_user(store, lead, "wang", "lead", "a long password")
    wang = Actor(name="wang", role="lead")
    with pytest.raises(NotAllowed, match="import_roots"):
        sources.import_folder(store, settings, wang, folder / "in")
    settings = settings.model_copy(update={"import_roots": [folder / "in"]})
    assert sources.import_folder(store, settings, wang, folder / "in").added == 1
    for outside in (folder / "out", folder / "in" / ".." / "out", folder / "in" / "way", folder / "in-too"):
        with pytest.raises(NotAllowed):
            sources.import_folder(store, settings, wang, outside)
    assert sources.import_folder(store, settings, wang, folder / "out", from_shell=True).added == 1


def test_what_is_not_there_is_named(store, settings, lead, tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        sources.import_folder(store, settings, lead, tmp_path / "nowhere")
    for ask in (lambda: sources.tree(store, "x"), lambda: sources.read_text(store, settings, "x", "a.c")):
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(BadValue, match="name"):
        sources.import_folder(store, settings, lead, folder_of(tmp_path, {"a.c": CODE}), name="../x")


def test_a_changed_blob_is_not_read_as_the_file(store, settings, lead, tmp_path):
    sources.import_folder(store, settings, lead, folder_of(tmp_path, {"a.c": CODE}))
    sha256 = sources.tree(store, "code")[0].sha256
    blob_path(settings.blobs_dir, sha256).write_bytes(b"int evil;\n")
    with pytest.raises(BrokenBlob, match="changed"):
        sources.read_text(store, settings, "code", "a.c")


def test_a_problem_stored_before_reasons_had_codes_is_still_told(store, settings, lead, tmp_path):
    sources.import_folder(store, settings, lead, folder_of(tmp_path, {"nul.c": b"a\0b", "ok.c": CODE}))
    row, ok = rows.files(store, "code")
    old = dataclasses.replace(row, problem='{"code": "undecodable", "why": "it is odd"}')
    rows.put(store, "code", "x", None, lead.name, [old, ok])
    found = sources.tree(store, "code")[0].problem
    assert (found.code, found.why) == ("undecodable", "it is odd")
