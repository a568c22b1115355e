"""What a stage of the line is given and what it gives back: the contract of training/recipes/. No torch here.

A recipe is one file `training/recipes/NAME.py` with `NAME`, `class Settings(BaseModel)` with extra="forbid" (the recipe's section of
the configuration) and `def run(ctx: StageContext) -> dict`. torch and its kin are imported inside functions only. One worker
process runs the stages in the order of the configuration's `stages`, after `prepare`, which always comes first; the worker writes what
`run` returned as result.json and then the COMPLETE marker. A stage that was killed is run again in the same folder: it
finds there what it had written, and goes on from its own checkpoints or starts over.

Paths in a result are relative to the run directory (a run may be moved); `ctx.path(...)` makes them absolute again.

What the stages give (keys others read):
  prepare  {"teacher": folder, "student": folder or null, "tokenizer_made": bool}: untuned models, each with tokenizer and chat template
  sft      {"adapter": folder or null, "model": folder or null, ...}: adapter for LoRA and QLoRA, whole model for full
  dpo      as sft, or {"skipped": "no_preference_rows"}
  distill  as sft, for the student
  merge    {"model": folder, "base": folder, "teacher": folder, "student": folder or null}: `model` is the tuned model that is evaluated
           and shipped (the merged student if there is one, else the merged teacher), `base` its untuned counterpart; all are HF folders
A recipe that makes weights says WEIGHTS = True, one that reads other results besides names them in READS: what it depends on follows
from that (inputs.py). A recipe that goes on from weights asks training/tuned.py for them (`current`, `whole`), not for a stage by name,
so that any order works.

>>> def run(ctx):
...     tuned = ctx.path(ctx.result("merge")["model"])
...     for step, row in enumerate(rows, 1):
...         ctx.check_stop()                                # raises Stopped after SIGTERM: the run can be resumed
...         ctx.emit("step", step=step, total=len(rows))    # real counts; the page draws them
...     return {"report": ctx.relative(ctx.stage_dir / "report.md")}
"""
from __future__ import annotations

import importlib
import os
import pkgutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from training.reading import read_object

COMPLETE = "COMPLETE"
RESULT = "result.json"


class Stopped(Exception):
    """Raised inside a stage when a graceful stop was asked for and what is needed to go on has been saved."""


@dataclass
class StageContext:
    """One stage of one run. `config` is the whole configuration (training.config.Config), `settings` this recipe's section of it;
    `dataset_dir` the frozen version (verified by the worker before the first stage); `folders` the folder of every stage of the
    run, in order. `stop` is set by SIGTERM."""

    name: str
    run_dir: Path
    stage_dir: Path
    config: Any
    settings: Any
    dataset_dir: Path
    seed: int
    folders: dict[str, Path]
    write_event: Callable[[dict[str, Any]], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def result(self, stage: str) -> dict[str, Any] | None:
        """What an earlier stage gave; None where it is not part of this run, was skipped, or is not complete."""
        folder = self.folders.get(stage)
        return read_result(folder) if folder is not None else None

    def need(self, stage: str) -> dict[str, Any]:
        """The result of a stage that must have come before (see NEEDS); KeyError where it did not."""
        result = self.result(stage)
        if result is None:
            raise KeyError(stage)
        return result

    def path(self, relative: str) -> Path:
        """A path out of a result (relative to the run directory, or absolute for a local base model) as an absolute one."""
        return self.run_dir / relative

    def relative(self, path: Path) -> str:
        """A path as results hold it: relative to the run directory with `/`; absolute where it lies outside of it."""
        return path.relative_to(self.run_dir).as_posix() if path.is_relative_to(self.run_dir) else str(path)

    def emit(self, kind: str, **fields: Any) -> None:
        """Appends {"time", "stage", "kind", ...fields} to events.jsonl. kind "step" with step, total and, where there is one, loss moves
        the progress that status.json shows and draws the curve."""
        self.write_event({"time": utc_now(), "stage": self.name, "kind": kind, **fields})

    def log(self, text: str) -> None:
        """One line for people, into stdout.log."""
        print(f"[{self.name}] {text}", flush=True)

    def should_stop(self) -> bool:
        return self.stop.is_set()

    def check_stop(self) -> None:
        """Raises Stopped once a stop was asked for. Call it where the stage can be taken up again."""
        if self.stop.is_set():
            raise Stopped(self.name)


def stage_folders(run_dir: Path, names: Iterable[str]) -> dict[str, Path]:
    """Stage name -> its folder, numbered in order: 00-prepare, 01-sft, ... A folder that is there keeps its number when a run gets
    more stages."""
    there = {path.name[3:]: path for path in sorted(run_dir.glob("[0-9][0-9]-*"), reverse=True)}
    return {name: there.get(name, run_dir / f"{i:02d}-{name}") for i, name in enumerate(names)}


def utc_now() -> str:
    """The time as events have it: UTC, ISO 8601, milliseconds, `Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_result(stage_dir: Path) -> dict[str, Any] | None:
    """A complete stage's result; None for one that is not complete or was skipped."""
    if not (stage_dir / COMPLETE).is_file():
        return None
    result = read_object(stage_dir / RESULT)
    return None if "skipped" in result else result


def write_atomically(path: Path, text: str) -> None:
    """Whoever reads `path` sees the former text or this one whole; it is on disk when this returns."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with open(scratch, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(scratch, path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


@cache
def recipes() -> dict[str, ModuleType]:
    """Every recipe by its NAME: the modules of training/recipes/ whose name does not start with `_`. Imports no torch."""
    import training.recipes as folder

    found = {}
    for info in pkgutil.iter_modules(folder.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{folder.__name__}.{info.name}")
            found[module.NAME] = module
    return found
