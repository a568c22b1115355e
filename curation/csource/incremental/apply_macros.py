"""What does the rest of the corpus make of one file's facts? Its macros expanded, from the raw part of an index folder.

>>> Settling(folder).record("drivers/rtc/class.c")

One file at a time, in any order and process: what a file makes of macros is not known to the others until making.py tells the names.
"""
from __future__ import annotations

from pathlib import Path

from curation.csource.arrays.pack import Pack
from curation.csource.facts.model import Macro
from curation.csource.incremental.folder_index import State, StoredFacts, StoredNames, macro_table, macros_in
from curation.csource.incremental.records import settled_record
from curation.csource.macros.apply import Asked, Expander
from curation.csource.macros.expand import Macros
from curation.csource.macros.reparse import Rereader
from curation.csource.sources.texts import DiskTexts, Place


class Settling:
    """folder: an index folder with a draft state (see making.py). limit_s: processor time after which a file's further macros stay
    unexpanded."""

    def __init__(self, folder: Path, limit_s: float) -> None:
        state = State(folder, "draft.json")
        raw = Pack(folder, "raw")
        self.asked = Asked()
        numbers = {file: number for number, file in enumerate(state.files)}
        included = {inner for listed in state.included.values() for _, inner in listed}
        macros = Macros(macro_table(state, raw, self.asked), included, self.asked, state.sight)
        self.facts = StoredFacts(state.files, raw, state.raw_at, state.problems, kept=0)
        texts = DiskTexts({file: Place(path, "") for file, path in zip(state.files, state.paths, strict=True)})

        def macros_of(file: str) -> list[Macro]:
            return macros_in(raw, state.raw_at[numbers[file]], file)

        rereader = Rereader(self.facts, texts, macros, state.included, macros_of)
        functions = StoredNames([state.postings("raw_functions"), state.postings("made")], self.asked)
        fields = StoredNames([state.postings("raw_fields")], self.asked)
        callables = StoredNames([state.postings("raw_callables")], self.asked)
        self.expander = Expander(macros, functions, fields, callables, rereader, self.asked)
        self.expander.limit_s = limit_s

    def record(self, file: str, *, plain: bool = False) -> bytes:
        """The settled record of a file; plain: without expansion. Raises KeyError for a file that is not in the corpus."""
        self.asked.take()
        self.facts.forget()  # expansion changes what was read
        facts = self.expander.expand(file) if not plain else self.facts[file]
        return settled_record(facts, self.asked.macros, self.asked.names)
