"""How are many small records kept in one file, so that a killed program loses none that was whole?

A pack is two files: NAME.pack, records one after the other, and NAME.keys, one fixed entry a record (its 16-byte key, place and length),
written after the record. What a kill cut off is not in the keys, and is overwritten next time.

>>> with PackWriter(folder, "raw") as pack:
...     pack.append(key, [b"one", b"two"])
>>> Pack(folder, "raw").parts(at, length)[1].tobytes()
b'two'
"""
from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_ENTRY = struct.Struct("<16sQQ")
_FLUSH_BYTES = 1 << 20

Buffer = bytes | memoryview


def key_of(*parts: bytes) -> bytes:
    """The 16-byte key of what is made from these parts."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(struct.pack("<Q", len(part)))
        digest.update(part)
    return digest.digest()


def join_parts(parts: Sequence[Buffer]) -> bytes:
    """One record of several parts, each at a multiple of 8 bytes so that numbers in it can be read in place."""
    sizes = [len(p) if isinstance(p, bytes) else p.nbytes for p in parts]
    out: list[Buffer] = [struct.pack(f"<{1 + len(parts)}Q", len(parts), *sizes)]
    for part, size in zip(parts, sizes, strict=True):
        out += [part, b"\0" * (-size % 8)]
    return b"".join(out)


_COUNT = struct.Struct("<Q")


def split_parts(record: memoryview) -> list[memoryview]:
    """Raises ValueError for what join_parts did not write."""
    try:
        (count,) = struct.unpack_from("<Q", record)
        sizes = struct.unpack_from(f"<{count}Q", record, 8) if count < 64 else ()
    except struct.error as err:
        raise ValueError(f"not a record: {err}") from err
    at = 8 * (1 + count)
    found: list[memoryview] = []
    for size in sizes:
        found.append(record[at:at + size])
        at += size + (-size % 8)
    if not sizes or found[-1].nbytes != sizes[-1]:
        raise ValueError("not a record: cut off")
    return found


def part_place(record: memoryview, number: int) -> int:
    """Where a part begins within its record, in bytes."""
    (count,) = struct.unpack_from("<Q", record)
    sizes = struct.unpack_from(f"<{count}Q", record, 8)
    return int(8 * (1 + count) + sum(size + (-size % 8) for size in sizes[:number]))


class Pack:
    """Reads records by place. The file may grow meanwhile."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.pack"
        self._map: mmap.mmap | None = None
        self._view = memoryview(b"")

    def record(self, at: int, length: int) -> memoryview:
        """Raises ValueError where the file has no such bytes."""
        if at + length > self._view.nbytes:
            self._open()
        if at + length > self._view.nbytes:
            raise ValueError(f"{self.path.name} has no bytes {at} to {at + length}")
        return self._view[at:at + length]

    def parts(self, at: int, length: int) -> list[memoryview]:
        return split_parts(self.record(at, length))

    def part(self, place: Sequence[int], number: int) -> memoryview:
        """One part of the record at a place (where, length). Raises ValueError for what join_parts did not write."""
        record = self.record(*place)
        (count,) = _COUNT.unpack_from(record)
        begin = 8 * (1 + count)
        try:
            for size in struct.unpack_from(f"<{number}Q", record, 8):
                begin += size + (-size % 8)
            (size,) = _COUNT.unpack_from(record, 8 * (1 + number))
        except struct.error as err:
            raise ValueError(f"not a record: {err}") from err
        return record[begin:begin + size]

    def line(self, at: int) -> bytes:
        """The bytes from a place to the next line end."""
        if self._map is None or at >= self._view.nbytes:
            self._open()
        assert self._map is not None
        return self._map[at:self._map.find(b"\n", at)]

    def _open(self) -> None:
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size:
                self._map = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
                self._view = memoryview(self._map)


class PackWriter:
    """Appends records. One writer at a time; see indexer.py for the lock of an index folder."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._data_path, self._keys_path = folder / f"{name}.pack", folder / f"{name}.keys"
        self._data_path.touch()
        self._keys_path.touch()
        self.places: dict[bytes, tuple[int, int]] = {}
        self._size = 0
        size = self._data_path.stat().st_size
        entries = self._keys_path.read_bytes()
        for key, at, length in _ENTRY.iter_unpack(entries[: len(entries) - len(entries) % _ENTRY.size]):
            if at + length <= size:
                self.places[key] = (at, length)
                self._size = max(self._size, at + length)
        os.truncate(self._keys_path, len(entries) - len(entries) % _ENTRY.size)
        os.truncate(self._data_path, self._size)
        self._data = self._data_path.open("ab", buffering=0)
        self._keys = self._keys_path.open("ab", buffering=0)
        self._waiting: list[bytes] = []
        self._waiting_keys: list[bytes] = []
        self._waiting_size = 0

    def append(self, key: bytes, record: bytes) -> tuple[int, int]:
        """Keeps a record under its key and returns its place and length. Readers see it after flush()."""
        padded = record + b"\0" * (-len(record) % 8)
        place = (self._size, len(record))
        self.places[key] = place
        self._size += len(padded)
        self._waiting.append(padded)
        self._waiting_keys.append(_ENTRY.pack(key, *place))
        self._waiting_size += len(padded)
        if self._waiting_size >= _FLUSH_BYTES:
            self.flush()
        return place

    def flush(self) -> None:
        for file, waiting in ((self._data, self._waiting), (self._keys, self._waiting_keys)):
            data = memoryview(b"".join(waiting))
            while data:
                data = data[file.write(data):]
            waiting.clear()
        self._waiting_size = 0

    @property
    def size(self) -> int:
        return self._size

    def close(self) -> None:
        self.flush()
        self._data.close()
        self._keys.close()

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
