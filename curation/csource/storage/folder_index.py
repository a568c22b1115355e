"""How does an index folder become a program?

>>> program = open_index(Path("cache/linux"))
>>> program.functions("rtc_read_time")[0].file
'drivers/rtc/interface.c'

Nothing is read before it is asked for. The solution is kept with the state, once somebody asked for it.
"""
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from curation.csource.arrays.pack import Pack
from curation.csource.incremental.state import State
from curation.csource.index.call_kinds import set_call_kinds
from curation.csource.index.lookup import Index, ReadCorpus
from curation.csource.index.source_lines import SourceLines
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import Macros
from curation.csource.pointsto.constraint_encoding import read_constraints
from curation.csource.pointsto.constraints import Constraints
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solution_files import load_solution, save_solution
from curation.csource.program import Program
from curation.csource.sources.files import DiskTexts
from curation.csource.sources.inclusions import together
from curation.csource.storage.folder_tables import KEPT_NAMES, Alias, FolderFacts, FolderTables, macro_table
from curation.csource.typesystem.c_types import Types


def open_index(folder: Path) -> Program:
    """The program of the state that the folder holds. Raises FileNotFoundError where there is none, ValueError where it is of another
    layout. Texts that changed since are not seen: see indexer.make_index."""
    state = State(folder)
    corpus = read_corpus(state)
    program = Program(corpus, lambda index: solved_flow(index, state))
    assert isinstance(corpus.facts, FolderFacts)
    corpus.facts.prepare = lambda one: set_call_kinds(program, one)
    return program


def read_corpus(state: State, asked: Dependencies | None = None, kept: int = KEPT_NAMES) -> ReadCorpus:
    """asked: see FolderTables; it is told the macros too. kept: names, of each table."""
    expanded, raw = Pack(state.folder, "expanded"), Pack(state.folder, "raw")
    tables = FolderTables(state, expanded, asked, kept)
    facts = FolderFacts(state.files, expanded, state.expanded_at, state.problems)
    tables.facts = facts
    included = {inner for listed in state.included.values() for _, inner in listed}
    macros = Macros(macro_table(state, raw, asked), included, graph=state.graph)
    types = Types(tables.typedefs, tables.structs, Alias(tables.alias))
    source = SourceLines(DiskTexts(dict(zip(state.files, state.paths, strict=True))))
    return ReadCorpus(facts, source, tables, types, macros, together(state.included), state.unanswered)


def kept_constraints(state: State) -> Iterator[Constraints]:
    """Of all files, in order."""
    pack = Pack(state.folder, "constraints")
    for file, place in zip(state.files, state.constraints_at.tolist(), strict=True):
        if place[1]:
            yield read_constraints(pack.parts(*place)[0], file)


def solved_flow(index: Index, state: State) -> Solution:
    """The flow that is kept with the state; solved and kept where it is not yet."""
    place = state.tables / "flow"
    try:
        return load_solution(index, place)
    except FileNotFoundError:
        flow = Solution(index, kept_constraints(state))
    draft = state.tables / f"flow.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        save_solution(flow, draft)
        draft.replace(place)
    except OSError:  # another process kept it first, or the folder cannot be written: the flow is as good
        shutil.rmtree(draft, ignore_errors=True)
    return flow
