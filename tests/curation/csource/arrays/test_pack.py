"""What a kill left half written in a pack is no record, and is written over."""
from __future__ import annotations

from pathlib import Path

import pytest

from curation.csource.arrays.pack import Pack, PackWriter, join_parts, key_of, split_parts

FIRST, SECOND = join_parts([b"one", b"two"]), join_parts([b"three"])


def _written(folder: Path) -> dict[bytes, tuple[int, int]]:
    with PackWriter(folder, "raw") as pack:
        pack.append(key_of(b"a"), FIRST)
        pack.append(key_of(b"b"), SECOND)
        return dict(pack.places)


def test_records_are_read_by_their_places_in_this_and_the_next_process(tmp_path: Path) -> None:
    places = _written(tmp_path)
    assert [bytes(part) for part in Pack(tmp_path, "raw").parts(*places[key_of(b"a")])] == [b"one", b"two"]
    with PackWriter(tmp_path, "raw") as again:
        assert again.places == places


@pytest.mark.parametrize("lost", [1, 8, len(SECOND)])
def test_a_record_that_the_keys_name_and_the_data_does_not_hold_is_none(tmp_path: Path, lost: int) -> None:
    """The data of a file can be lost where its keys were kept: after a crash of the machine."""
    places = _written(tmp_path)
    data = (tmp_path / "raw.pack").read_bytes()
    at, length = places[key_of(b"b")]
    (tmp_path / "raw.pack").write_bytes(data[: at + length - lost])
    with PackWriter(tmp_path, "raw") as pack:
        assert set(pack.places) == {key_of(b"a")}
        place = pack.append(key_of(b"c"), SECOND)
    assert [bytes(part) for part in Pack(tmp_path, "raw").parts(*place)] == [b"three"]


@pytest.mark.parametrize("kept", [1, 31])
def test_a_key_that_was_cut_off_is_none_and_the_next_ones_are_read(tmp_path: Path, kept: int) -> None:
    places = _written(tmp_path)
    keys = (tmp_path / "raw.keys").read_bytes()
    (tmp_path / "raw.keys").write_bytes(keys[: len(keys) // 2 + kept])
    with PackWriter(tmp_path, "raw") as pack:
        assert set(pack.places) == {key_of(b"a")}
        pack.append(key_of(b"c"), SECOND)
    with PackWriter(tmp_path, "raw") as pack:
        assert set(pack.places) == {key_of(b"a"), key_of(b"c")}
        assert pack.places[key_of(b"a")] == places[key_of(b"a")]


@pytest.mark.parametrize("size", range(len(FIRST) - 5))  # "two" and five bytes that fill up
def test_a_record_that_was_cut_off_is_told_and_never_read_short(size: int) -> None:
    with pytest.raises(ValueError, match="not a record"):
        split_parts(memoryview(FIRST[:size]))
    assert [bytes(part) for part in split_parts(memoryview(FIRST))] == [b"one", b"two"]


def test_a_place_beyond_the_end_is_told(tmp_path: Path) -> None:
    _written(tmp_path)
    with pytest.raises(ValueError, match="has no bytes"):
        Pack(tmp_path, "raw").record(0, 10_000)
