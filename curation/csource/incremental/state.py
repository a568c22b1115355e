"""How is the next state of an index folder written beside the one that holds, and when does it become it?

>>> draft = Draft(folder, 2, texts)
>>> draft.begin(tables, made, sight); draft.keep(places, includes={}, problems={}, counts={}); draft.finish().number
2

Processes that expand macros open the draft; renaming state.json is what makes it the state. One writer, see making.py.
"""
from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curation.csource.arrays.postings import Numbers, Postings
from curation.csource.incremental.folder_index import LAYOUT, State
from curation.csource.sources.include_graph import Sight
from curation.csource.sources.texts import DiskTexts


class Draft:
    """number: of the state. tables: its folder."""

    def __init__(self, folder: Path, number: int, texts: DiskTexts) -> None:
        self.folder, self.number, self.texts = folder, number, texts
        self.tables = folder / f"tables.{number}"

    def begin(self, tables: Mapping[str, Postings], made: Numbers, sight: Sight) -> None:
        """tables: of what was read. made: keys of the functions that macros make."""
        if self.tables.exists():
            shutil.rmtree(self.tables)
        self.tables.mkdir()
        for name, table in tables.items():
            table.save(self.tables, name)
        Postings(made, np.zeros(len(made), np.uint32), None).save(self.tables, "made")
        sight.save(self.tables)
        _write_json(self.folder / "draft.json", self._head())

    def keep(
        self, places: Mapping[str, Numbers], *, includes: Mapping[str, Any], problems: Mapping[str, Any], counts: dict[str, int],
    ) -> None:
        """places: of the records of each file, by pack."""
        for name, found in places.items():
            found.tofile(self.tables / name)
        known = self.texts.places
        _write_json(self.tables / "files.json", {
            "files": list(known), "stamps": [place.stamp for place in known.values()], "paths": [place.path for place in known.values()],
            "includes": includes, "problems": problems, "counts": counts})

    def finish(self) -> State:
        """Makes it the state of the folder."""
        _write_json(self.folder / "state.json", self._head())
        (self.folder / "draft.json").unlink(missing_ok=True)
        for other in self.folder.glob("tables.*"):
            if other != self.tables:
                shutil.rmtree(other)
        return State(self.folder)

    def _head(self) -> dict[str, Any]:
        return {"layout": LAYOUT, "number": self.number}


def _write_json(path: Path, value: Any) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".part")
    draft.write_bytes(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    draft.replace(path)
