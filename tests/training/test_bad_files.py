"""Whatever stands in the files of a run or a dataset: readers give a sensible result or a UserError, and the other runs stay.

Each file of a finished run is damaged in many ways, drawn by a seed: bytes flipped, cut off, nested deeply, values of other types."""
from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curation.errors import UserError
from curation.freezing.manifest import verify
from tests.training.frozen_fixture import write_frozen
from tests.training.report_fixture import write_reported_run
from training import config, data, reading, report, runs
from training.__main__ import main
from training.predictions import whole_lines
from training.runs import process

ODD: list[Any] = [None, True, 5, -1, 1.5, float("nan"), float("inf"), 10**400, "",
                  "x\0y", "\ud800", "x" * 5000, [], [[]], [5], {}, {"a": {}}, ["x"] * 3]
DEEP = b"[" * 3000 + b"]" * 3000


def _write_run(runs_dir: Path, name: str) -> Path:
    """A run as a worker leaves it, with an evaluation."""
    run = write_reported_run(runs_dir, name, count=12)
    (run / "config.yaml").write_text(config.dump(config.load("tiny")), encoding="utf-8")
    write = lambda file, value: (run / file).write_text(json.dumps(value), encoding="utf-8")  # noqa: E731
    write("status.json", {"state": "running", "stage": "package", "step": 3, "total": 9, "loss": 1.5, "heartbeat": 1.0, "attempt": 1})
    write("exit.json", {"state": "failed", "error": {"code": None, "params": {}, "text": "no"}, "time": "2026-01-01T00:00:00.000Z"})
    write("launch.json", {"launcher": "local", "handle": {"pid": 2**22 + 7, "started": 1, "boot": "b"}, "attempt": 1})
    events = [{"time": "t", "stage": "sft", "kind": kind, "step": i, "total": 9, "loss": 1.0, "eval_loss": 2.0}
              for i, kind in enumerate(["stage_started", "step", "eval", "resumed", "step"])]
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (run / "stdout.log").write_text("one\ntwo\n")
    return run


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value: the keys and indices that lead there, the whole first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _places(each, (*path, key))


def _put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _put(value[path[0]], path[1:], odd)
    return copy


def _without(value: Any, path: tuple[Any, ...]) -> Any:
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def _damages(whole: bytes, draw: random.Random, count: int) -> Iterator[bytes]:
    """`count` damaged forms of a file's bytes, most of them of one JSON value in it when it has any."""
    yield from (b"", b"\xff\xfe", DEEP, b"[]", b"null", b"{}", b'{"a":' * 900 + b"1" + b"}" * 900, b"9" * 5000, whole[: len(whole) // 2])
    try:
        value = json.loads(whole.split(b"\n")[0] if whole.count(b"\n{") else whole)
    except ValueError:
        value = None
    places = list(_places(value))
    for _ in range(count):
        if value is None or draw.random() < 0.2:
            at = draw.randrange(max(1, len(whole)))
            yield whole[:at] + bytes([draw.randrange(256)]) + whole[at + 1 :]
        else:
            place = draw.choice(places)
            odd = draw.choice(ODD)
            changed = _without(value, place) if place and draw.random() < 0.15 else _put(value, place, odd)
            yield json.dumps(changed).encode() + (b"\n" + whole if whole.count(b"\n{") else b"")


def _only_user_errors(what: str, call: Callable[[], Any]) -> Any:
    """Any other exception fails the test, with what was damaged."""
    try:
        return call()
    except UserError as err:
        assert str(err), what
        return None
    except Exception as err:  # noqa: BLE001 (that is what is looked for)
        raise AssertionError(f"{what}: {type(err).__name__}: {err}") from err


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run that is damaged, beside one that is whole. A launcher that starts nothing."""
    from training.launchers import local

    launcher = SimpleNamespace(launch=lambda run_dir, environment: {}, alive=local.alive, terminate=local.terminate, kill=local.kill)
    monkeypatch.setattr(process, "launchers", lambda: {"local": launcher})
    _write_run(tmp_path / "runs", "whole")
    return _write_run(tmp_path / "runs", "damaged")


FILES = ["manifest.json", "config.yaml", "status.json", "exit.json", "launch.json", "events.jsonl", "stdout.log", "02-evaluate/result.json",
         "02-evaluate/COMPLETE", "02-evaluate/report.json", "02-evaluate/rows.jsonl", "02-evaluate/predictions-base.jsonl"]


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_of_a_run_is_a_clear_error_and_hides_no_other_run(
    run: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(f"7 {file}")
    kept = (run / file).read_bytes()
    for number, damaged in enumerate(_damages(kept, draw, 6)):
        (run / file).write_bytes(damaged)
        what = f"{file}, damage {number}: {damaged[:300]!r}"
        assert "whole" in [each.name for each in runs.list_runs(run.parent)], what
        assert "whole" in _only_user_errors(what, lambda: report.reported_runs(run.parent)), what
        status = _only_user_errors(what, lambda: runs.poll(run))
        _only_user_errors(what, status.model_dump_json if status else lambda: None)
        _only_user_errors(what, lambda: report.read(run))
        _only_user_errors(what, lambda: list(report.samples(run)))
        _only_user_errors(what, lambda: runs.add_to_curves({}, runs.read_events(run)[0]))
        _only_user_errors(what, lambda: runs.read_log(run))
        _only_user_errors(what, lambda: config.load(run / "config.yaml"))
        _only_user_errors(what, lambda: list(whole_lines(run / "02-evaluate" / "predictions-base.jsonl")))
        _only_user_errors(what, lambda: runs.stop(run))
        for arguments in (["status", "damaged"], ["status", "damaged", "--json"], ["status"]):
            code = _only_user_errors(what, lambda a=arguments: main([*a, "--runs-dir", str(run.parent)]))  # type: ignore[misc]
            assert code in (0, 2, 3), what
        capsys.readouterr()
        if number % 3 == 0:  # the configuration is read whole each time
            before = {each: (run / each).read_bytes() for each in FILES}
            _only_user_errors(what, lambda: runs.resume(run))
            for each, content in before.items():
                (run / each).write_bytes(content)


@pytest.mark.parametrize("damage", ["folder", "link to nowhere", "ring of links", "pipe", "gone"])
@pytest.mark.parametrize("file", ["status.json", "launch.json", "02-evaluate/result.json", "02-evaluate/report.json"])
def test_what_is_no_plain_file_is_told(run: Path, file: str, damage: str) -> None:
    import os

    (run / file).unlink()
    if damage == "folder":
        (run / file).mkdir()
    elif damage == "pipe":
        os.mkfifo(run / file)
    elif damage != "gone":
        (run / file).symlink_to("nowhere" if damage == "link to nowhere" else run / file)
    assert {"whole", "damaged"} == {each.name for each in runs.list_runs(run.parent)}
    assert "whole" in report.reported_runs(run.parent)
    for call in (lambda: runs.poll(run), lambda: report.read(run), lambda: list(report.samples(run))):
        _only_user_errors(f"{file}: {damage}", call)


def _seal(folder: Path, manifest: bytes) -> None:
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "manifest.sha256").write_text(hashlib.sha256(manifest).hexdigest() + "\n")


def test_a_sealed_manifest_of_any_shape_is_refused_or_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_frozen(tmp_path / "made" / "v0001", rows=10, pairs=0)
    draw, kept = random.Random(11), (folder / "manifest.json").read_bytes()
    manifest = json.loads(kept)
    manifest["rows"] = manifest["rows"][:2]  # their places are not the point
    for number, damaged in enumerate(_damages(json.dumps(manifest).encode(), draw, 30)):
        _seal(folder, damaged)
        what = f"damage {number}: {damaged[:300]!r}"
        opened = _only_user_errors(what, lambda: data.open_dataset(folder))
        if opened is not None:
            _only_user_errors(what, lambda found=opened: data.read_rows(found, "sft", "train"))  # type: ignore[misc]
            assert main(["inspect-data", str(folder), "--sample", "1"]) in (0, 2), what
        _only_user_errors(what, lambda: verify(folder))
    capsys.readouterr()


@pytest.mark.parametrize("seal", [b"\xff\xfe\x80", b"", b" ", b"\0" * 64, b"0" * 64, b"[" * 5000])
def test_any_bytes_as_a_seal_are_refused(tmp_path: Path, seal: bytes) -> None:
    folder = write_frozen(tmp_path / "v0001", rows=10, pairs=0)
    (folder / "manifest.sha256").write_bytes(seal)
    for read in (data.open_dataset, verify):
        with pytest.raises(UserError, match="manifest.sha256"):
            read(folder)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside", "sft/../../outside", "link", "ring", "x\0y", "y" * 5000, ""])
def test_a_manifest_names_only_files_of_its_own_folder(tmp_path: Path, name: str) -> None:
    folder = write_frozen(tmp_path / "v0001", rows=10, pairs=0)
    (tmp_path / "outside").write_text("x")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "ring").symlink_to(folder / "ring")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1, "rows": 1}
    _seal(folder, json.dumps(manifest).encode())
    with pytest.raises(UserError):
        data.open_dataset(folder)


def test_a_parquet_file_that_is_none_is_told_though_its_hash_is_right(tmp_path: Path) -> None:
    folder = write_frozen(tmp_path / "v0001", rows=10, pairs=0)
    manifest = json.loads((folder / "manifest.json").read_text())
    for content in (b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", (folder / "sft" / "test.parquet").read_bytes()[:-20]):
        (folder / "sft" / "train.parquet").write_bytes(content)
        manifest["files"]["sft/train.parquet"]["sha256"] = hashlib.sha256(content).hexdigest()
        _seal(folder, json.dumps(manifest).encode())
        with pytest.raises(reading.DamagedFile, match="not Parquet"):
            data.read_rows(data.open_dataset(folder), "sft", "train")


@pytest.mark.parametrize("text", [
    "seed: " + "9" * 5000, "seed: .nan", "seed: .inf", "seed: 1e999", "a: &a [*a]", "- " * 3000, "[" * 3000, "seed: 2001-99-99", "!!int ''",
    "!!timestamp x", "!!bool x", "? [a]\n: b", "a: !!python/object/apply:os.system [x]", "1: 2", "!!set [a]", "a: \0",
    "teacher: {1: {2: 3}}",
    "stages: [[sft]]", "stages: {sft: 1}", "stages: " + "[" * 60 + "]" * 60, "sft: {max_steps: 99999999999999999999999}", "null: 1",
    "sft: 5", "teacher: [5]", "threads: 10000000000000000000000000", "quantize: {types: [[]]}", "\ud800", "teacher: {path: \"\\uD800\"}",
    "l0: &l0 [x]\n" + "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12)),
])
def test_a_configuration_of_any_yaml_is_refused_with_its_place(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    assert main(["validate-config", str(file)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and str(file) in told and len(told) < 20_000


def test_a_run_folder_that_was_moved_is_read_where_it_is(run: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(run, tmp_path / "elsewhere"))
    assert runs.poll(moved).name == "elsewhere"
    assert report.read(moved)["evaluation"]["format"] == 2
    assert len(list(report.samples(moved))) == 12
