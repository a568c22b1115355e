"""What does one line on each run say? How far it is, how long its present stage will still take, its best figure. No torch.

The time left is taken from the real steps: the times and numbers of the last events of the present stage. Before two steps have come, in
a stage without steps, and for a run that is not active, it is None; what the stages after it will take is not guessed.

>>> board(Path("workspace/runs"), now=time.time())[0].left_s
412.0
"""
from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from training import report, runs
from training.reading import DamagedFile, read_object
from training.runs import RunStatus
from training.stage import read_result, stage_folders

TAIL_BYTES = 65_536  # of events.jsonl: some hundred steps
STEPS_SEEN = 20  # the pace is that of the last ones: a stage's first step is often its slowest
LEARNING = ("distill", "dpo", "sft")  # the last one that is done tells the loss


@dataclass(frozen=True)
class Line:
    """One run. left_s: of its present stage. best: ("score" of the tuned model | "validation_loss" | "loss", value), the first there is."""

    run: RunStatus
    left_s: float | None
    best: tuple[str, float] | None


def board(runs_dir: Path, now: float) -> list[Line]:
    """Every run, newest first. now: seconds since the epoch."""
    return [line(run, now) for run in runs.list_runs(runs_dir)]


def line(run: RunStatus, now: float) -> Line:
    left = seconds_left(_tail(run.run_dir), run.stage, now) if run.active else None
    try:
        best = best_figure(run)
    except (DamagedFile, OSError, ValueError, KeyError, TypeError, AttributeError):
        best = None  # a damaged result has no figure; the run's own page says what is wrong with it
    return Line(run=run, left_s=left, best=best)


def seconds_left(events: Sequence[dict[str, Any]], stage: str | None, now: float) -> float | None:
    """Of the present stage at `now`, by the pace of its last steps; None where nothing can be said."""
    seen: list[tuple[float, int]] = []
    total: int | None = None
    for event in events:
        kind, step, when = event.get("kind"), event.get("step"), _seconds(event.get("time"))
        if event.get("stage") != stage:
            continue
        if kind in ("stage_started", "resumed"):
            seen = []
        elif kind == "step" and isinstance(step, int) and when is not None and (not seen or step != seen[-1][1]):
            if seen and step < seen[-1][1]:
                seen = []  # another count began: rows were tokenized before the first step
            seen.append((when, step))
            total = event.get("total") if isinstance(event.get("total"), int) else total
    if len(seen) < 2 or not total:
        return None
    (began, first), (ended, last) = seen[-STEPS_SEEN:][0], seen[-1]
    pace = (ended - began) / (last - first)
    return max(0.0, pace * (total - last) - max(0.0, now - ended))


def best_figure(run: RunStatus) -> tuple[str, float] | None:
    done = {stage.name for stage in run.stages if stage.state == "done"}
    folders = stage_folders(run.run_dir, [stage.name for stage in run.stages])
    if "evaluate" in done and (found := read_result(folders["evaluate"])) is not None:
        file = run.run_dir / found["report"]
        score = _score(file, os.stat(file).st_mtime_ns)
        if score is not None:
            return "score", score
    for stage in LEARNING:
        result = read_result(folders[stage]) if stage in done else None
        if result is not None and result.get("best_validation_loss") is not None:
            return "validation_loss", float(result["best_validation_loss"])
    return None if run.loss is None else ("loss", run.loss)


@lru_cache(maxsize=256)
def _score(file: Path, changed_ns: int) -> float | None:
    """The tuned model's mean score in a report, which is large; `changed_ns` makes a report that was written again be read again."""
    evaluation = read_object(file)
    if not report.older(evaluation):
        score = evaluation["overall"][report.AFTER]["score"]
        return None if score is None else float(score["value"])
    scores = [(about["answered"], about["figures"][report.AFTER]["score"]) for about in evaluation["tasks"].values()]
    rows = sum(count for count, score in scores if score)
    return sum(count * score["value"] for count, score in scores if score) / rows if rows else None


def _tail(run_dir: Path) -> list[dict[str, Any]]:
    file = run_dir / "events.jsonl"
    size = file.stat().st_size if file.is_file() else 0
    return runs.read_events(run_dir, max(0, size - TAIL_BYTES))[0]


def _seconds(written: Any) -> float | None:
    try:
        return datetime.fromisoformat(written).timestamp()
    except (TypeError, ValueError):
        return None
