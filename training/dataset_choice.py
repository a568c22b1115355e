"""Which dataset is learned from? Which frozen versions there are; and what a command line's DATA names: a frozen version's folder, or a
plain file that is made into one."""
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


def frozen_versions(datasets_dir: Path) -> dict[str, Path]:
    """NAME/vNNNN -> its folder, the newest first."""
    found = sorted(datasets_dir.glob("*/v[0-9][0-9][0-9][0-9]/manifest.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    return {f"{path.parent.parent.name}/{path.parent.name}": path.parent for path in found}


@contextmanager
def opened(given: Path, seed: int) -> Iterator[data.Dataset]:
    """The verified dataset; what a plain file is made into is gone afterwards."""
    scratch = Path(tempfile.mkdtemp(prefix="flowsight-"))
    try:
        yield data.open_dataset(dataset_dir(given, scratch, seed))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
