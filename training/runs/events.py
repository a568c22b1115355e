"""What has a run said so far? Its events from a byte offset on, the curves that they make, the end of its log."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.reading import number, parse_object

NO_CURVE = ("step", "total", "epoch", "num_tokens", "eval_num_tokens", "attempt", "seconds")  # numbers of an event that are no figures


@dataclass
class Curve:
    """One stage's figures by step: "loss", "validation_loss" and whatever else was logged with them ("learning_rate", "grad_norm", ...);
    any may be missing."""

    points: dict[int, dict[str, float]] = field(default_factory=dict)
    begun_anew: bool = False


def read_events(run_dir: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events written after byte `offset`, and the offset to ask with next time. A line that is still being written, or was torn when
    a worker was killed, is not given."""
    path = run_dir / "events.jsonl"
    if not path.is_file():
        return [], offset
    with open(path, "rb") as events:
        events.seek(offset)
        whole, newline, _ = events.read().rpartition(b"\n")
    found = []
    for line in whole.split(b"\n"):
        try:
            found.append(parse_object(line))
        except ValueError:
            continue  # torn by a kill; the worker began a new line after it
    return found, offset + len(whole) + len(newline)


def add_to_curves(curves: dict[str, Curve], events: list[dict[str, Any]]) -> None:
    """Adds events to the curves, stage by stage, in place. Where a stage went on from a checkpoint, or began anew, the points that are
    computed again are dropped first. Events without a loss (rows evaluated, files written) are no points."""
    for event in events:
        stage, kind, step = event.get("stage"), event.get("kind"), event.get("step") or 0
        if not isinstance(stage, str) or not isinstance(step, int) or step.bit_length() > 53:
            continue
        curve = curves.setdefault(stage, Curve())
        if kind == "stage_started":
            curve.begun_anew = True
        elif kind == "resumed":
            curve.begun_anew = False
            curve.points = {at: point for at, point in curve.points.items() if at <= step}
        elif kind in ("step", "eval") and event.get("loss" if kind == "step" else "eval_loss") is not None:
            if curve.begun_anew:
                curve.points, curve.begun_anew = {}, False
            curve.points.setdefault(step, {}).update(_figures(event))


def _figures(event: dict[str, Any]) -> dict[str, float]:
    """The numbers of an event that make a curve; those of the validation begin with validation_, speeds and counters are left out."""
    numbers = {name: value for name, value in event.items() if isinstance(value, float) or number(value) is not None}
    kept = {name: value for name, value in numbers.items() if name not in NO_CURVE and not name.endswith(("_runtime", "_per_second"))}
    return {f"validation_{name[5:]}" if name.startswith("eval_") else name: float(value) for name, value in kept.items()}


def read_log(run_dir: Path, max_bytes: int = 16_384) -> str:
    """The end of stdout.log, whole lines."""
    path = run_dir / "stdout.log"
    if not path.is_file():
        return ""
    with open(path, "rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - max_bytes))
        text = log.read().decode("utf-8", errors="replace")
    return text if size <= max_bytes else text.partition("\n")[2]
