"""Which checkpoints does a run have, and how does it go on from one that is not its last? Files are renamed, none is deleted.

A stage goes on from its newest complete checkpoint (training/fit/checkpoints.py). To go on from an earlier one the later ones are set
aside under names that nothing looks for; they go when the stage is complete, as all checkpoints do.

>>> [checkpoint.name for checkpoint in complete(Path("runs/one"))]
['checkpoint-20', 'checkpoint-40']
"""
from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curation.errors import BadValue, Reason
from training.fit import CHECKPOINTS
from training.stage import COMPLETE

ASIDE = "later-"  # before the name of one that is set aside


def complete(run_dir: Path) -> list[Path]:
    """The whole checkpoints of the stages that are not done, in the order of stages and steps."""
    found = [folder for folder in run_dir.glob(f"[0-9][0-9]-*/{CHECKPOINTS}/checkpoint-*")
             if (folder / COMPLETE).is_file() and not (folder.parent.parent / COMPLETE).is_file() and step_of(folder) is not None]
    return sorted(found, key=lambda folder: (folder.parent.parent.name, step_of(folder)))


def step_of(folder: Path) -> int | None:
    """The step in a checkpoint's name; None where there is no number."""
    number = folder.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 12 else None


def named(run_dir: Path, name: str) -> Path:
    """The run's checkpoint of a name ("checkpoint-40"), a step ("40") or a path. Raises BadValue: there is none such, or it is of another
    run."""
    there = complete(run_dir)
    same = [folder for folder in there if name in (folder.name, str(step_of(folder))) or _is(folder, Path(name), run_dir)]
    if len(same) == 1:
        return same[0]
    if not same and Path(name).is_dir() and not Path(name).resolve().is_relative_to(run_dir.resolve()):
        why = Reason("of_another_run", "is not a checkpoint of the run {run}", run=run_dir.name)
    elif same:
        why = Reason("of_many_stages", "is in more than one stage of the run {run}", run=run_dir.name)
    else:
        why = Reason("no_checkpoint", "is no complete checkpoint of the run {run}", run=run_dir.name)
    known = ", ".join(folder.relative_to(run_dir).as_posix() for folder in there) or "–"
    raise BadValue(field="checkpoint", value=name, why=why, todo=Reason("give_checkpoint", "There are: {known}.", known=known))


def _is(folder: Path, given: Path, run_dir: Path) -> bool:
    return folder.resolve() in (given.resolve(), (run_dir / given).resolve())


@contextmanager
def going_on_from(checkpoint: Path) -> Iterator[None]:
    """Inside, the checkpoint is its stage's newest. The later ones come back when what is inside fails."""
    step = step_of(checkpoint) or 0
    later = [folder for folder in checkpoint.parent.glob("checkpoint-*") if (step_of(folder) or 0) > step]
    for folder in later:
        aside = folder.with_name(ASIDE + folder.name)
        if aside.exists():  # of an earlier time: it has been computed again since
            shutil.rmtree(aside)
        folder.rename(aside)
    try:
        yield
    except BaseException:
        for folder in later:
            folder.with_name(ASIDE + folder.name).rename(folder)
        raise
