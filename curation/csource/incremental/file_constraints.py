"""Which constraints do the facts of one file give, once the tables of its index folder are whole?

>>> FileConstraints(folder).record("drivers/rtc/class.c")

A record has three parts: the constraints (constraint_encoding.py), keys of the names that were looked up in the corpus, and keys of the
functions of other files that are values in it: their lines are in it too.
"""
from __future__ import annotations

import zlib
from pathlib import Path

from curation.csource.arrays.keys import keys_of
from curation.csource.arrays.pack import Pack, join_parts
from curation.csource.incremental.records import FLOW, flow_facts_of
from curation.csource.incremental.state import State
from curation.csource.index.lookup import Index
from curation.csource.macros.dependencies import Dependencies
from curation.csource.pointsto.access_paths import AccessPaths
from curation.csource.pointsto.constraint_encoding import encode_constraints
from curation.csource.pointsto.constraints import constraints_of
from curation.csource.pointsto.nodes import DefinedFunction
from curation.csource.storage.folder_index import read_corpus
from curation.csource.storage.folder_tables import FolderTables

CONSTRAINTS, LOOKED_UP, VALUES = range(3)  # parts of a record
_KEPT_NAMES = 40_000  # of each table: a process has a limit of memory


class FileConstraints:
    """folder: an index folder with a draft state and all its tables (see state.py)."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder, "draft.json")
        self.asked = Dependencies()
        self.expanded = Pack(folder, "expanded")
        self.index = Index(read_corpus(self.state, self.asked, _KEPT_NAMES))
        self.paths = AccessPaths(self.index)
        self.numbers = {file: number for number, file in enumerate(self.state.files)}

    def record(self, file: str) -> bytes:
        """Of a file that has facts. Raises KeyError for one that is not in the corpus."""
        self.asked.take()
        at, length = self.state.expanded_at[self.numbers[file]].tolist()
        one = flow_facts_of(self.expanded.parts(at, length)[FLOW], file)
        assert isinstance(self.index.tables, FolderTables)
        self.index.tables.know_locals(file, one.locals())
        made = constraints_of(self.paths, one)
        values = {value.name for value in made.values if isinstance(value, DefinedFunction) and value.file != file}
        return join_parts([zlib.compress(encode_constraints(made), 1), keys_of(self.asked.macros), keys_of(values)])
