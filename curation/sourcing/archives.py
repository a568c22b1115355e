"""Which files does an archive hold, and which of its members must not be trusted?

Members are streamed one by one and handed over as bytes; nothing is ever unpacked under a name that the archive chose.

>>> for found in read_members(open("libuv.tar.gz", "rb"), "libuv.tar.gz", Limits(), wanted=lambda path: path.endswith(".c")):
...     print(found.path, len(found.data) if isinstance(found, Member) else found.code)

`../`, absolute and odd names, links, devices, encrypted members, members too large or packed too tightly are given as Problems, and
the rest goes on. An archive that is cut off or damaged raises BrokenArchive naming the member at which it ends.

Not covered: archives inside archives (a member that is one is passed over like any file that is not wanted), and .7z, .rar.
"""
from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from curation.errors import BrokenArchive, Reason, reason_in

BLOCK = 512  # bytes of a tar block
LONGEST_NAME = 1000  # characters of a path that the store keeps
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, NotImplementedError, ValueError)


@dataclass(frozen=True)
class Limits:
    """file_bytes: the largest member taken. total_bytes: the most that one archive may unpack to, unwanted members included.
    ratio: how many times larger than packed a zip member may be (C text packs 3 to 10 times; deflate's most is about 1032)."""

    file_bytes: int = 16 * 2**20
    total_bytes: int = 16 * 2**30
    ratio: int = 200


@dataclass(frozen=True)
class Member:
    path: str
    data: bytes


@dataclass(frozen=True)
class Problem:
    """Why a file was not taken, or gives no facts."""

    path: str
    why: Reason

    @property
    def code(self) -> str:
        """A short word for the screens and the command line."""
        return self.why.code


def read_members(packed: IO[bytes], filename: str, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[Member | Problem]:
    """The wanted regular members in the archive's order, and a Problem for each member that is unsafe.

    packed: readable, and seekable for a .zip. filename: for messages only; the kind is told by the first bytes.
    Raises BrokenArchive when it is no archive, is cut off or damaged, or unpacks to more than limits.total_bytes."""
    start = packed.read(8)
    packed.seek(0)
    progress = _Progress(filename)
    try:
        if start[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
            yield from _zip_members(packed, progress, limits, wanted)
        else:
            yield from _tar_members(_unpacked(packed, start), progress, limits, wanted)
    except DAMAGE as err:
        raise BrokenArchive(where=filename, why=progress.describe(err)) from err


class _Progress:
    """Where reading has come to, for the message when it ends there."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.members = 0
        self.last: str | None = None

    def at(self, name: str) -> None:
        self.members += 1
        self.last = name

    def describe(self, err: BaseException) -> Reason:
        what = Reason("ends_too_soon", "it ends too soon") if isinstance(err, EOFError) else reason_in(err)
        if self.last is None:
            return Reason("before_first", "{what} (before the first member)", what=what)
        return Reason("at_member", "{what} (at member {number}, {member})", what=what, number=self.members, member=printable(self.last))


def safe_path(name: str) -> str | None:
    """A member's name as a path relative to the source, `/`; None when it leads out of it or could not be kept.

    >>> safe_path("./lib//uv.c"), safe_path("../uv.c"), safe_path("/etc/passwd"), safe_path("C:\\\\uv.c")
    ('lib/uv.c', None, None, None)
    """
    name = name.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or len(name) > LONGEST_NAME or not _storable(name):
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if ".." in parts or not parts else "/".join(parts)


def _storable(name: str) -> bool:
    """No control characters, and none of the half characters that stand for undecodable bytes."""
    return all(ord(c) >= 32 and ord(c) != 127 and not 0xD800 <= ord(c) < 0xE000 for c in name)


def printable(name: str) -> str:
    """A name of any origin that can be printed and stored: odd characters are escaped, long names cut."""
    text = "".join(c if _storable(c) else c.encode("unicode_escape", "backslashreplace").decode() for c in name)
    return text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME - 1] + "…"


def _zip_members(packed: IO[bytes], progress: _Progress, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[Member | Problem]:
    with zipfile.ZipFile(packed) as archive:
        unpacked = 0
        for info in archive.infolist():
            progress.at(info.filename)
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            kind = stat.S_IFMT(mode)
            path = safe_path(info.filename)
            if (problem := unsafe(info.filename, path, kind in (0, stat.S_IFREG), kind == stat.S_IFLNK)) is not None:
                yield problem
            elif path is not None and wanted(path):
                found = _zip_member(archive, info, path, limits)
                if isinstance(found, Member):
                    unpacked += len(found.data)
                    _check_total(unpacked, limits)
                yield found


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, limits: Limits) -> Member | Problem:
    if info.flag_bits & 1:
        return Problem(path, Reason("encrypted", "the member is encrypted; pack it without a password"))
    if info.file_size > limits.file_bytes:
        return too_large(path, limits.file_bytes)
    if info.file_size > 2**16 and info.file_size > limits.ratio * max(info.compress_size, 1):
        return Problem(path, Reason("bomb", "it unpacks to more than {ratio} times its packed size", ratio=limits.ratio))
    try:
        with archive.open(info) as stream:
            data = stream.read(limits.file_bytes + 1)  # the header's size may lie
    except DAMAGE + (RuntimeError,) as err:
        return Problem(path, Reason("damaged", "the member cannot be unpacked: {said}", said=printable(str(err))))
    if len(data) > limits.file_bytes:
        return too_large(path, limits.file_bytes)
    return Member(path, data)


def _unpacked(packed: IO[bytes], start: bytes) -> IO[bytes]:
    """The stream of the tar inside; the compression is told by its first bytes."""
    if start[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value]
    if start[:6] == b"\xfd7zXZ\x00":
        return lzma.LZMAFile(packed)  # type: ignore[return-value]
    if start[:3] == b"BZh":
        return bz2.BZ2File(packed)  # type: ignore[return-value]
    return packed


class _TarStream:
    """Reads through, counting. Remembers whether the last block was zeros: a whole tar ends so, and one that was cut between two
    members would pass for whole otherwise."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self.stream = stream
        self.limits = limits
        self.total = 0
        self.tail = b""

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.total += len(data)
        _check_total(self.total, self.limits)
        self.tail = (self.tail + data)[-BLOCK:]
        return data

    def drain(self) -> None:
        while self.read(2**20):
            pass
        if self.tail.strip(b"\0"):
            raise EOFError


_RECORDS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class _TarMember(tarfile.TarInfo):
    """Refuses name and attribute records that would be read into memory whole whatever their size."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _RECORDS and self.size > 2**20:
            raise tarfile.ReadError(Reason("name_record", "a name record of {size} bytes", size=self.size))
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def _tar_members(stream: IO[bytes], progress: _Progress, limits: Limits, wanted: Callable[[str], bool]) -> Iterator[Member | Problem]:
    counted = _TarStream(stream, limits)
    with tarfile.open(fileobj=counted, mode="r|", tarinfo=_TarMember, errors="surrogateescape") as archive:  # type: ignore[call-overload]
        for info in archive:
            archive.members = []  # they are never asked for again, and there may be millions
            progress.at(info.name)
            if info.isdir():
                continue
            path = safe_path(info.name)
            if (problem := unsafe(info.name, path, info.isreg(), info.issym() or info.islnk())) is not None:
                yield problem
            elif path is not None and wanted(path):
                if info.size > limits.file_bytes:
                    yield too_large(path, limits.file_bytes)
                else:
                    yield Member(path, archive.extractfile(info).read())  # type: ignore[union-attr]
    counted.drain()


def unsafe(name: str, path: str | None, regular: bool, link: bool) -> Problem | None:
    """Why a file of this name and kind is not taken; None when it may be. path: what `safe_path` makes of the name."""
    if path is None:
        return Problem(printable(name), Reason("unsafe_name", "the name is absolute, leads elsewhere, or cannot be kept"))
    if link:
        return Problem(path, Reason("link", "links are not followed"))
    if not regular:
        return Problem(path, Reason("special", "it is a device, a pipe or another special file"))
    return None


def too_large(path: str, limit: int) -> Problem:
    return Problem(path, Reason("too_large", "more than the limit of {limit} bytes (max_file_bytes in the settings)", limit=limit))


def _check_total(total: int, limits: Limits) -> None:
    if total > limits.total_bytes:
        raise tarfile.ReadError(Reason("unpacks_to", "it unpacks to more than {limit} bytes", limit=limits.total_bytes))
