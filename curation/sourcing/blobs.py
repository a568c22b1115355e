"""Where are the bytes of imported files? In home/blobs, each under the SHA-256 of its content; equal files are kept once.

>>> sha256 = put(settings.blobs_dir, b"int x;\\n")   # blobs/ab/abcd...
>>> get(settings.blobs_dir, sha256)
b'int x;\\n'

A blob is written beside its place and renamed, so it is whole or absent. Names come from content alone, never from an archive.
Blobs that no source names any more stay; they are not reachable from any screen.
"""
from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from curation.errors import Reason, UserError


class BrokenBlob(UserError):
    code = "broken_blob"
    text = "The stored bytes {sha256} are {why}. Import the source again; what was labeled is kept."


def put(blobs_dir: Path, data: bytes) -> str:
    """Keeps the bytes and returns their SHA-256 in hex. The same bytes again write nothing."""
    sha256 = hashlib.sha256(data).hexdigest()
    place = blob_path(blobs_dir, sha256)
    if place.is_file() and place.stat().st_size == len(data):
        return sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=place.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(beside, place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    return sha256


def get(blobs_dir: Path, sha256: str) -> bytes:
    """The bytes of that hash. Raises BrokenBlob when they are missing or no longer have the hash."""
    try:
        data = blob_path(blobs_dir, sha256).read_bytes()
    except FileNotFoundError:
        raise BrokenBlob(sha256=sha256, why=Reason("blob_missing", "missing")) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BrokenBlob(sha256=sha256, why=Reason("blob_changed", "changed on disk"))
    return data


def blob_path(blobs_dir: Path, sha256: str) -> Path:
    return blobs_dir / sha256[:2] / sha256
