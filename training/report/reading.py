"""What did the stages of a run leave: evaluation, quantized files, bundle, every answer? Files of another shape are told as damaged."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation.errors import NotFound, Reason
from training.reading import DamagedFile, damaged, parse_object, read_bytes, read_object
from training.report.files import csv_text, markdown
from training.runs import list_runs, read_manifest
from training.stage import RESULT, read_result, stage_folders


def reported_runs(runs_dir: Path) -> list[str]:
    """Names of the runs whose evaluation is complete, newest first."""
    return [run.name for run in list_runs(runs_dir) if _is_reported(run.run_dir)]


def _is_reported(run_dir: Path) -> bool:
    try:
        return _result(run_dir, "evaluate") is not None
    except DamagedFile:
        return False  # the list of runs says so; here it must not hide the others


def read(run_dir: Path) -> dict[str, Any]:
    """{"run", "created_at", "preset", "dataset": {label, hash}, "evaluation": of build, "quantized": result of quantize or None,
    "bundle": result of package with an absolute "folder", or None, "refused": the gates because of which there is none, else []}.
    Raises NotFound while there is no complete evaluation, DamagedFile for a file of another shape than was written."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    manifest, bundle = _manifest(run_dir), _result(run_dir, "package")
    path = _report_path(run_dir, found)
    about = {
        "run": run_dir.name, "created_at": manifest["created_at"], "preset": manifest.get("preset"),
        "dataset": {"label": manifest["dataset"]["label"], "hash": manifest["dataset"]["hash"]},
        "evaluation": read_object(path), "quantized": _result(run_dir, "quantize"),
        "bundle": {**bundle, "folder": str(run_dir / str(bundle["folder"]))} if bundle and bundle.get("folder") else None,
        "refused": (bundle or {}).get("refused", []),
    }
    with _whole(path):  # what every reader needs is looked at once, by writing it out
        markdown(about["evaluation"], about["quantized"], about)
        csv_text(about["evaluation"], about["quantized"])
    return about


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """What JSON of another shape brings up, as DamagedFile."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as err:
        said = f"{type(err).__name__}: {err}"
        raise damaged(path, ValueError(Reason("other_shape", "it has not the shape that was written ({said})", said=said))) from err


def _report_path(run_dir: Path, result: dict[str, Any]) -> Path:
    with _whole(stage_folders(run_dir, _manifest(run_dir)["stages"])["evaluate"] / RESULT):
        return run_dir / result["report"]


def _manifest(run_dir: Path) -> dict[str, Any]:
    if not (run_dir / "manifest.json").is_file():
        raise NotFound(kind="run", name=run_dir.name)
    return read_manifest(run_dir)


def _result(run_dir: Path, stage: str) -> dict[str, Any] | None:
    folder = stage_folders(run_dir, _manifest(run_dir)["stages"]).get(stage)
    return read_result(folder) if folder else None


def evaluated_ns(run_dir: Path) -> int:
    """When the run's report was written, so that it is known whether one has changed. Raises NotFound while there is no complete
    evaluation."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    return (run_dir / found["report"]).stat().st_mtime_ns


def samples(run_dir: Path) -> Iterator[dict[str, Any]]:
    """Every row that was evaluated, with all answers: a line of rows.jsonl and "answers": {who: its line of predictions}. Nothing for a
    report of format 1. Raises NotFound as `read`."""
    found = _result(run_dir, "evaluate")
    if found is None:
        raise NotFound(kind="finished evaluation in the run", name=run_dir.name)
    path = _report_path(run_dir, found)
    files = read_object(path).get("files")
    if files is None:
        return
    with _whole(path):
        named = {who: path.with_name(name) for who, name in files["predictions"].items()}
        rows = path.with_name(files["rows"])
    answers = {who: {p["id"]: p for p in _lines(file)} for who, file in named.items()}
    for row in _lines(rows):
        yield {**row, "answers": {who: of[row["id"]] for who, of in answers.items() if row["id"] in of}}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON Lines file, each with a text `id`; a line that is none (torn by a kill, damaged) is passed over."""
    try:
        raw = read_bytes(path)
    except ValueError as err:
        raise damaged(path, err) from err
    for line in raw.split(b"\n"):
        try:
            found = parse_object(line)
        except ValueError:
            continue
        if isinstance(found.get("id"), str):
            yield found
