"""What does an index folder say of itself, and how is its next state written beside the one that holds?

The folder holds three packs (raw, expanded: see records.py; constraints: see file_constraints.py), and `tables.N`, the arrays of one state
of the corpus; `state.json` names the state that is whole. A file of the corpus is known by its number, its position in the sorted list of
files. Processes that expand macros open the draft; renaming state.json is what makes it the state. One writer, see indexer.py.

>>> draft = NextState(folder, 2, places)
>>> draft.begin(tables, made, graph); draft.keep(records, includes={}, unanswered={}, problems={}, counts={}); draft.finish().number
2
"""
from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curation.csource.arrays.postings import Numbers, Postings, load_array
from curation.csource.facts.encoding import VERSION
from curation.csource.sources.files import StampedFile
from curation.csource.sources.include_graph import IncludeGraph
from curation.csource.sources.inclusions import IncludePaths, Unanswered, read_in_place

RAW_LAYOUT = f"6.{VERSION}"  # of raw records: raised when their form changes
LAYOUT = f"8.{RAW_LAYOUT}"  # of the folder


class State:
    """One whole state of an index folder. files: in order. Places are (where, length) in a pack, length 0 for what is not there."""

    def __init__(self, folder: Path, head_name: str = "state.json") -> None:
        """Raises FileNotFoundError where there is none, ValueError where it is of another layout."""
        head = json.loads((folder / head_name).read_text(encoding="utf-8"))
        if head.get("layout") != LAYOUT:
            raise ValueError(f"the index in {folder} is of layout {head.get('layout')}, not {LAYOUT}")
        self.folder = folder
        self.number: int = head["number"]
        self.tables = folder / f"tables.{self.number}"
        listed = json.loads((self.tables / "files.json").read_bytes().decode("utf-8", "surrogatepass"))
        self.files: list[str] = listed["files"]
        self.stamps: list[str] = listed["stamps"]
        self.paths: list[str] = listed["paths"]
        self.includes: dict[str, list[tuple[int, str]]] = {f: [(n, p) for n, p in found] for f, found in listed["includes"].items()}
        self.problems: dict[str, list[list[object]]] = listed["problems"]
        self.counts: dict[str, int] = listed["counts"]
        self.unanswered: dict[str, list[Unanswered]] = {
            file: [Unanswered(file, *row) for row in rows] for file, rows in listed["unanswered"].items()}
        self.raw_at = load_array(self.tables / "raw_at", np.uint64).reshape(-1, 2)
        self.expanded_at = load_array(self.tables / "expanded_at", np.uint64).reshape(-1, 2)
        self.constraints_at = load_array(self.tables / "constraints_at", np.uint64).reshape(-1, 2)
        self.included = read_in_place(IncludePaths(self.files), self.includes)
        self.graph = IncludeGraph.load(self.tables, self.files)

    def postings(self, name: str) -> Postings:
        return Postings.load(self.tables, name)


class NextState:
    """number: of the state. tables: its folder."""

    def __init__(self, folder: Path, number: int, places: Mapping[str, StampedFile]) -> None:
        """places: of the files, in order."""
        self.folder, self.number, self.places = folder, number, places
        self.tables = folder / f"tables.{number}"

    def begin(self, tables: Mapping[str, Postings], made: Numbers, graph: IncludeGraph) -> None:
        """tables: of what was read. made: keys of the functions that macros make."""
        if self.tables.exists():
            shutil.rmtree(self.tables)
        self.tables.mkdir()
        for name, table in tables.items():
            table.save(self.tables, name)
        Postings(made, np.zeros(len(made), np.uint32), None).save(self.tables, "made")
        graph.save(self.tables)
        _write_json(self.folder / "draft.json", self._head())

    def keep(
        self, records: Mapping[str, Numbers], *, includes: Mapping[str, Any], unanswered: Mapping[str, list[Unanswered]],
        problems: Mapping[str, Any], counts: dict[str, int],
    ) -> None:
        """records: where those of each file are, by pack."""
        for name, found in records.items():
            found.tofile(self.tables / name)
        known = self.places
        rows = {file: [one[1:] for one in listed] for file, listed in unanswered.items()}
        _write_json(self.tables / "files.json", {
            "files": list(known), "stamps": [place.stamp for place in known.values()], "paths": [place.path for place in known.values()],
            "includes": includes, "unanswered": rows, "problems": problems, "counts": counts})

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
