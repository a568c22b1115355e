"""Where is a name defined, called, used as a value, over a whole corpus? Lookup only: what flows, and which functions a call reaches, is
asked of a program (program.py).

>>> index = build_index([("a.c", text)])
>>> index.functions("my_open")[0].line

Invariants: the facts are those after expansion, and their calls have their kinds (call_kinds.py); nothing here changes them. File names are
as given (relative to the source, `/`), lines are 1-based, lists are in the order of the files given and of the lines in them.
"""
from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import (
    Call,
    FactsProblem,
    FileFacts,
    Function,
    Macro,
    NameUse,
    Prototype,
    Struct,
    Typedef,
    Variable,
)
from curation.csource.index.source_lines import SourceLines
from curation.csource.index.symbol_tables import SymbolTables
from curation.csource.macros.expand import Macros
from curation.csource.sources.inclusions import Unanswered
from curation.csource.typesystem.c_types import Types, parse_type

_HEADER = re.compile(r"\.h\w{0,2}\Z")
_KEPT_FILES = 8_000  # whose functions are kept in order


@dataclass(frozen=True)
class ReadCorpus:
    """What the stages make of the files, in memory or on disk. facts: after expansion; of a big corpus read again at each access. units:
    see inclusions.together. unanswered: by file, the #includes that no file answers."""

    facts: Mapping[str, FileFacts]
    source: SourceLines
    tables: SymbolTables
    types: Types
    macros: Macros
    units: Mapping[str, set[str]]
    unanswered: Mapping[str, list[Unanswered]]


class _FoldersOf(Container[str]):
    """The files of the folders in which the given ones lie."""

    def __init__(self, files: Iterable[str]) -> None:
        self._folders = {dirname(file) for file in files}

    def __contains__(self, file: object) -> bool:
        return isinstance(file, str) and dirname(file) in self._folders


class Index:
    """The facts of a corpus, looked up by name or place."""

    def __init__(self, corpus: ReadCorpus, only: Iterable[str] | None = None) -> None:
        """only: the files that are gone through, where they are not all: files() and calls_here() tell no others, calls_to() and uses()
        none of other folders."""
        self.corpus = corpus
        self.facts, self.tables, self.types = corpus.facts, corpus.tables, corpus.types
        self._only: list[str] | None = list(only) if only is not None else None
        self._folders = _FoldersOf(self._only) if self._only is not None else None
        self._ordered = Recent[str, tuple[list[int], list[Function]]](_KEPT_FILES)

    # ---- files and their texts

    def files(self) -> list[str]:
        """The files that were given, with or without facts."""
        return list(self.facts) if self._only is None else list(self._only)

    def in_folder(self, folder: str) -> list[str]:
        """The files that lie in a folder, in order, whether they are gone through or not."""
        return [file for file in self.facts if dirname(file) == folder]

    def text(self, file: str) -> str:
        """The decoded text of a file. Raises KeyError for a file that was not given."""
        return self.corpus.source.text(file)

    def lines(self, file: str) -> list[str]:
        """See SourceLines.lines."""
        return self.corpus.source.lines(file)

    def line_text(self, file: str, line: int) -> str:
        """See SourceLines.line_text."""
        return self.corpus.source.line_text(file, line)

    def conditional(self, file: str, line: int) -> bool:
        """See SourceLines.conditional."""
        return self.corpus.source.conditional(file, line)

    def is_cplusplus(self, file: str) -> bool:
        """See SourceLines.is_cplusplus."""
        return self.corpus.source.is_cplusplus(file)

    def problems(self) -> list[FactsProblem]:
        """Why files or parts of them gave no facts."""
        return self.tables.problems()

    def unanswered(self, file: str | None = None) -> list[Unanswered]:
        """The #includes that no file of the corpus answers, of one file or of all."""
        if file is not None:
            return self.corpus.unanswered.get(file, [])
        return [one for listed in self.corpus.unanswered.values() for one in listed]

    @cached_property
    def lacks_code(self) -> bool:
        """Whether a text that would be read in the place of an #include is not there."""
        return any(one.in_place for one in self.unanswered())

    def condition(self, file: str, line: int) -> list[str]:
        """The conditions of the #if branches that a line stands in, the outer one first: ["ifdef CONFIG_PM", "else of if MAX > 2"]. []
        for a line that is always compiled, as far as its file says."""
        one = self.facts.get(file)
        return [text for first, last, text in one.conditions if first < line < last] if one is not None else []

    # ---- functions and calls

    def is_program(self, file: str) -> bool:
        """Whether the file defines `main`: its functions belong to one program of several."""
        return file in self._with_main

    @cached_property
    def _with_main(self) -> set[str]:
        return {f.file for f in self.tables.functions.get("main", [])}

    def functions(self, name: str, file: str | None = None) -> list[Function]:
        """Definitions of a name. With `file`: those that a mention in that file can mean (its own static one alone, else all that
        are not static in another file)."""
        found = self.tables.functions.get(name, [])
        if file is None:
            return list(found)
        own = [f for f in found if f.file == file]
        unit = self.corpus.units.get(file, ())
        return own or [f for f in found if not f.static or f.file.endswith((".h", ".inc")) or f.file in unit]

    def all_functions(self) -> list[Function]:
        return [f for one in self.facts.values() for f in one.functions]

    def calls(self, file: str | None = None) -> list[Call]:
        """Every call site and macro invocation, of one file or of all."""
        if file is not None:
            return self.facts[file].calls if file in self.facts else []
        return [c for one in self.facts.values() for c in one.calls]

    def calls_to(self, name: str) -> list[Call]:
        """Direct calls of a function or macro by that name (also where no definition is in the corpus)."""
        return self.tables.calls_to(name, self._folders)

    def calls_here(self, name: str) -> list[Call]:
        """Those of calls_to in the files that are gone through."""
        return self.tables.calls_to(name, self._only)

    def uses(self, name: str) -> list[NameUse]:
        """Places where the name is used as a value; local variables of that name are left out."""
        return self.tables.uses(name, self._folders)

    def enclosing(self, file: str, line: int) -> Function | None:
        """The function definition that holds the line; None at file scope."""
        known = self._ordered.get(file)
        if known is None:
            listed = sorted(self.tables.functions_of(file), key=lambda f: f.start_line)
            known = self._ordered.put(file, ([f.start_line for f in listed], listed))
        starts, ordered = known
        at = bisect_right(starts, line) - 1
        return ordered[at] if at >= 0 and line <= ordered[at].end_line else None

    # ---- variables

    def variable(self, name: str, file: str, function: str | None) -> Variable | None:
        """What a name means at a place: local or parameter of the function, else a variable at file scope (this file's first, then
        those that all see, then the static ones of headers)."""
        for found in self.tables.locals(file, function) if function else []:
            if found.name == name:
                return found
        known = self.tables.globals.get(name, [])
        own = [v for v in known if v.file == file]
        unit = self.corpus.units.get(file, ())
        ranked = own or [v for v in known if not v.static or v.file in unit] or _in_headers(known, file) or _of_includers(known, file)
        return next((v for v in ranked if not v.extern), ranked[0] if ranked else None)

    def is_function(self, name: str) -> bool:
        """Whether a function of that name is defined or declared anywhere."""
        return name in self.tables.functions or name in self.tables.prototypes

    def has_variable(self, name: str) -> bool:
        """Whether there is a variable of that name at file scope anywhere."""
        return name in self.tables.globals

    def function_in(self, file: str, name: str) -> Function | None:
        """The first definition of a name in one file."""
        return next((f for f in self.tables.functions.get(name, []) if f.file == file), None)

    def enclosing_named(self, file: str, name: str | None, line: int) -> Function | None:
        """The function that a fact says it stands in; of several of that name in the file, the one around the line."""
        found = [f for f in self.tables.functions.get(name, []) if f.file == file] if name is not None else []
        return next((f for f in found if f.start_line <= line <= f.end_line), found[0] if found else None)

    # ---- types and macros

    def structs(self, name: str) -> list[Struct]:
        """Definitions of "struct tag" (also by a typedef's name)."""
        known = self.tables.structs
        return known.get(name, []) or [s for text in self.typedefs(name)[:1] for s in known.get(parse_type(text.type).base, [])]

    def typedefs(self, name: str) -> list[Typedef]:
        return self.tables.typedefs.get(name, [])

    def macros(self, name: str) -> list[Macro]:
        """Every #define of a name."""
        return self.corpus.macros.by_name.get(name, [])

    def macro(self, name: str, file: str) -> Macro | None:
        """The #define that a name means in a file: its own first, one with a body first."""
        return self.corpus.macros.get(name, file)

    def prototypes(self, name: str) -> list[Prototype]:
        return self.tables.prototypes.get(name, [])


def _of_includers(known: list[Variable], file: str) -> list[Variable]:
    """Static variables that the code in a header can mean: those of the sources in its folder, one of which includes it."""
    folder = file.rpartition("/")[0]
    return [v for v in known if v.file.rpartition("/")[0] == folder] if file.endswith(".h") else []


def _in_headers(known: list[Variable], file: str) -> list[Variable]:
    """Static variables of headers (`static struct command commands[] = {...}` that one source includes): those of the file's own folder,
    or all where they stand in one header."""
    headers = [v for v in known if _HEADER.search(v.file)]
    folder = file.rpartition("/")[0]
    return [v for v in headers if v.file.rpartition("/")[0] == folder] or (headers if len({v.file for v in headers}) == 1 else [])
