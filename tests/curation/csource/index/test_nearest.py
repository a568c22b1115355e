"""Of many functions those that are defined nearest to a call come first."""
from __future__ import annotations

from pathlib import Path

from curation.csource.index.nearest import DefiningFiles


def test_the_nearest_functions_come_first_and_what_has_no_file_last(tmp_path: Path) -> None:
    made = DefiningFiles.of([None, "far/a.c", "net/b.c", "net/c.c", None])
    made.save(tmp_path)
    for files in (made, DefiningFiles.load(tmp_path)):
        assert files.nearest([0, 1, 2, 3, 4], "net/c.c", 9) == [3, 2, 1, 0, 4]
        assert files.nearest([0, 1, 2, 3], "net/new.c", 2) == [2, 3]
        assert files.nearest([], "net/c.c", 2) == []
