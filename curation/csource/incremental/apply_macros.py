"""What does the rest of the corpus make of one file's facts? Its macros expanded, from the raw part of an index folder.

>>> FileExpander(folder).record("drivers/rtc/class.c")

One file at a time, in any order and process: what a file makes of macros is not known to the others until the next round
(stages.expand_all).
"""
from __future__ import annotations

from pathlib import Path

from curation.csource.arrays.pack import Pack
from curation.csource.facts.model import Macro
from curation.csource.incremental.records import expanded_record
from curation.csource.incremental.state import State
from curation.csource.macros.apply import Expander
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import Macros
from curation.csource.macros.reparse import Reparser
from curation.csource.sources.files import DiskTexts
from curation.csource.storage.folder_tables import FolderFacts, KeyedNames, macro_table, macros_in


class FileExpander:
    """folder: an index folder with a draft state (see state.py). limit_s: processor time after which a file's further macros stay
    unexpanded."""

    def __init__(self, folder: Path, limit_s: float) -> None:
        state = State(folder, "draft.json")
        raw = Pack(folder, "raw")
        self.asked = Dependencies()
        numbers = {file: number for number, file in enumerate(state.files)}
        included = {inner for listed in state.included.values() for _, inner in listed}
        macros = Macros(macro_table(state, raw, self.asked), included, self.asked, state.graph)
        self.facts = FolderFacts(state.files, raw, state.raw_at, state.problems, kept=0)
        texts = DiskTexts(dict(zip(state.files, state.paths, strict=True)))

        def macros_of(file: str) -> list[Macro]:
            return macros_in(raw, state.raw_at[numbers[file]], file)

        reparser = Reparser(self.facts, texts, macros, state.included, macros_of)
        functions = KeyedNames([state.postings("raw_functions"), state.postings("made")], self.asked)
        fields = KeyedNames([state.postings("raw_fields")], self.asked)
        callables = KeyedNames([state.postings("raw_callables")], self.asked)
        self.expander = Expander(macros, functions, fields, callables, reparser, self.asked)
        self.expander.limit_s = limit_s

    def record(self, file: str, *, plain: bool = False) -> bytes:
        """The expanded record of a file; plain: without expansion. Raises KeyError for a file that is not in the corpus."""
        self.asked.take()
        self.facts.forget()  # expansion changes what was read
        facts = self.expander.expand(file) if not plain else self.facts[file]
        return expanded_record(facts, self.asked.macros, self.asked.names)
