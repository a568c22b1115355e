"""What does a command line's DATA name: a frozen version's folder, or a plain file that is made into one?"""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training import data, plain_data

PLAIN = ".data"  # in the folder of runs: what was made of plain files


def dataset_dir(given: Path, runs_dir: Path, seed: int) -> Path:
    """A frozen version's folder; of a plain file one is made beside the runs, under the hash of the file, so that a run can be resumed."""
    return plain_data.frozen_from(given, runs_dir / PLAIN, seed) if plain_data.is_plain(given) else given


@contextmanager
def opened(given: Path, seed: int) -> Iterator[data.Dataset]:
    """The verified dataset; what a plain file is made into is gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="flowsight-"))
    try:
        yield data.open_dataset(dataset_dir(given, scratch, seed))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
