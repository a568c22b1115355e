"""What do the stages leave in memory? Facts by file, names as sets, tables as dicts: for a corpus that is read anew each time.

>>> storage = MemoryStorage(texts, reader)
>>> run_stages(storage); storage.program.functions("lamp_open")
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from curation.csource.facts.model import FactsProblem, FileFacts
from curation.csource.index.call_kinds import set_call_kinds
from curation.csource.index.lookup import ReadCorpus
from curation.csource.index.source_lines import SourceLines
from curation.csource.index.symbol_tables import MemoryTables
from curation.csource.macros.apply import Expander
from curation.csource.macros.callables import callable_names, function_types
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import Macros
from curation.csource.macros.reparse import Reparser
from curation.csource.program import Program
from curation.csource.sources.include_graph import IncludeGraph
from curation.csource.sources.inclusions import IncludePaths, includes_of, paths_of, quoted_of, read_in_place, together, unanswered
from curation.csource.typesystem.c_types import Types

_NOT_READ = ("too_slow", "crashed")  # by a process that was ended; the file is not read in this one


class _KnownNames(AbstractSet[str]):
    """The functions of the corpus: those that are written out, and those that macros make. Who asks for another name than the first is
    noted: it may be of the second in another round."""

    def __init__(self, written: AbstractSet[str], made: AbstractSet[str], asked: Dependencies) -> None:
        self.written, self.made, self.asked = written, made, asked

    def __contains__(self, name: object) -> bool:
        if name in self.written:
            return True
        if isinstance(name, str):
            self.asked.names.add(name)
        return name in self.made

    def __iter__(self) -> Iterator[str]:
        return iter(self.written | self.made)

    def __len__(self) -> int:
        return len(self.written | self.made)


class _AsRead(Mapping[str, FileFacts]):
    """The facts of files as they were read: all of the one that is being expanded (`given`), which changes them, the functions of the
    others."""

    def __init__(self, functions: Mapping[str, FileFacts]) -> None:
        self.functions = functions
        self.given: FileFacts | None = None

    def __getitem__(self, file: str) -> FileFacts:
        return self.given if self.given is not None and self.given.file == file else self.functions[file]

    def __iter__(self) -> Iterator[str]:
        return iter(self.functions)

    def __len__(self) -> int:
        return len(self.functions)


class MemoryStorage:
    """See stages.Storage. Names are sets of strings."""

    def __init__(
        self, texts: Mapping[str, str], reader: Callable[[Iterable[str]], Iterator[tuple[str, FileFacts]]],
        unread: Mapping[str, FactsProblem], progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """reader: gives the facts of files as they are read, as they come. unread: files without a text. progress: gets (done, all)
        files."""
        self.readable, self.reader, self.unread, self.progress = list(texts), reader, unread, progress
        self.texts = {**texts, **dict.fromkeys(unread, "")}
        self.files = sorted(self.texts) if unread else list(texts)
        self.facts: dict[str, FileFacts] = {}  # as read, then as expanded
        self.asked: dict[str, AbstractSet[str]] = {}

    def read(self) -> bool:
        found = {file: FileFacts(file, problems=[problem]) for file, problem in self.unread.items()}
        for file, facts in self.reader(self.readable):
            found[file] = facts
            if self.progress is not None:
                self.progress(len(found), len(self.files))
        self.facts = {file: found[file] for file in self.files}
        return True

    def link(self) -> None:
        texts, every = self.texts, list(self.facts.values())
        paths = IncludePaths(self.files)
        wanted = {file: listed for file, text in texts.items() if (listed := includes_of(text))}
        self.included = read_in_place(paths, wanted)
        self.unanswered = {
            file: found for file, text in texts.items() if (found := unanswered(paths, file, quoted_of(text), wanted.get(file, ())))}
        self.macros = Macros.of(
            (macro for one in every for macro in one.macros), {inner for listed in self.included.values() for _, inner in listed},
            IncludeGraph.of({file: paths_of(text) for file, text in texts.items()}))
        self.own_macros = {one.file: one.macros for one in every}
        self.written = _AsRead({one.file: FileFacts(one.file, functions=list(one.functions)) for one in every})
        self.functions = frozenset(f.name for one in every for f in one.functions)
        self.fields = frozenset(f.name for one in every for s in one.structs for f in s.fields)
        types = frozenset(name for one in every for name in function_types(one))
        self.callables = frozenset(name for one in every for name in callable_names(one, types))

    def to_expand(self) -> tuple[set[int], AbstractSet[str]]:
        self.fresh = dict(self.facts)  # nothing was expanded yet
        failed = {file for file, one in self.facts.items() if file in self.unread or any(p.code in _NOT_READ for p in one.problems)}
        return {number for number, file in enumerate(self.files) if file not in failed}, frozenset()

    def expand(self, files: set[int], made: AbstractSet[str]) -> AbstractSet[str]:
        asked = Dependencies()
        reparser = Reparser(self.written, self.texts, self.macros, self.included, lambda file: self.own_macros[file])
        functions = _KnownNames(self.functions, made, asked)
        expander = Expander(self.macros, functions, self.fields, self.callables, reparser, asked)
        todo = [self.files[number] for number in sorted(files)]
        again = dict(self.reader(file for file in todo if file not in self.fresh))
        for file in todo:
            self.written.given = self.fresh.pop(file, None) or again[file]
            asked.take()
            self.facts[file] = expander.expand(file)
            self.asked[file] = asked.names
        self.written.given = None
        return frozenset(f.name for one in self.facts.values() for f in one.functions) - self.functions

    def same(self, names: AbstractSet[str], others: AbstractSet[str]) -> bool:
        return names == others

    def asking(self, before: AbstractSet[str], now: AbstractSet[str]) -> set[int]:
        told = before ^ now
        return {number for number, file in enumerate(self.files) if not told.isdisjoint(self.asked.get(file, ()))}

    def define(self, expanded: set[int]) -> None:
        facts = self.facts
        self.corpus = ReadCorpus(
            facts, SourceLines(self.texts), MemoryTables(facts), Types.of(facts.values()), self.macros, together(self.included),
            self.unanswered)

    def constrain(self, expanded: set[int]) -> None:
        """Constraints are made when the solution is first asked for, of calls that have their kinds."""
        self.program = Program(self.corpus)
        for one in self.facts.values():
            set_call_kinds(self.program, one)
