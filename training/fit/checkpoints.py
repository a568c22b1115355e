"""From which checkpoint does a stage go on? The newest complete one, wherever its run was moved."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from curation.errors import Reason
from training.reading import damaged, read_object
from training.stage import COMPLETE, write_atomically

CHECKPOINTS = "checkpoints"  # inside the stage's folder; the worker removes it once the stage is complete
FINISHED = "FINISHED"  # in a checkpoint behind which nothing is to be trained: early stopping ended the loop there
LEARNER_FILES = ("optimizer*", "scheduler*", "scaler*", "rng_state*", "trainer_state.json", "training_args.bin", COMPLETE, FINISHED)


def last_complete_checkpoint(stage_dir: Path) -> Path | None:
    """The newest checkpoint whose COMPLETE mark stands. Those without it are removed: transformers' own search takes the highest number,
    complete or not, and its rotation counts them."""
    complete = {}
    for folder in (stage_dir / CHECKPOINTS).glob("checkpoint-*"):
        if (folder / COMPLETE).is_file():
            complete[int(folder.name.rpartition("-")[2])] = folder
        else:
            shutil.rmtree(folder)
    return complete[max(complete)] if complete else None


def follow_move(checkpoint: Path) -> None:
    """The best checkpoint, which a trainer's state names by an absolute path, is the one beside this: runs are moved and copied."""
    file, state = checkpoint / "trainer_state.json", _state_of(checkpoint)
    best = state.get("best_model_checkpoint")
    if isinstance(best, str) and Path(best) != (here := checkpoint.with_name(Path(best).name)):
        write_atomically(file, json.dumps({**state, "best_model_checkpoint": str(here)}, indent=2) + "\n")


def is_last(checkpoint: Path) -> bool:
    """Whether nothing is left to train behind it: transformers 5.23 would train one step more."""
    state = _state_of(checkpoint)
    return state["global_step"] >= state["max_steps"] or (checkpoint / FINISHED).is_file()


def _state_of(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint says of itself. Raises DamagedFile, which says how to go on without it."""
    file = checkpoint / "trainer_state.json"
    todo = Reason("remove_checkpoint", "Remove the folder of this checkpoint and resume: the run goes on from the one before it.")
    state = read_object(file, todo)
    if wrong := [key for key in ("global_step", "max_steps") if type(state.get(key)) is not int]:
        why = Reason("other_shape", "it has not the shape that was written ({said})", said=", ".join(wrong))
        raise damaged(file, ValueError(why), todo)
    return state
