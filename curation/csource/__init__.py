"""C sources: read, index, solve, resolve, show.

>>> program = build_index([("a.c", "static int f(void) { return 0; } int (*p)(void) = f; int g(void) { return p(); }")])
>>> [c.name for c in program.resolve(next(c for c in program.calls() if c.kind == "indirect"))]
['f']

One trip of a text, upwards through the rooms; no room knows one above it:

 1. `sources.files.list_folder` names the file, `sources.decode.decode` gives its text.
 2. `lexing.prepare.prepare` blanks comments, strings and directives; `parsing.file_parser.parse_file` makes its facts (facts/): functions,
    calls, assignments, types, macros, as they are written.
 3. `stages.run_stages` does the rest for all files together, the same way in memory (`build.build_index`, `storage.memory`) and in an index
    folder (`incremental.indexer.make_index`, `storage.folder`): links names and #includes (`sources.inclusions`),
 4. expands what the corpus's own macros hide (`macros.apply.Expander.expand`), in rounds,
 5. makes tables of definitions and uses (`index.symbol_tables`, asked through `index.lookup.Index`) and says which calls go through
    variables (`index.call_kinds.set_call_kinds`),
 6. writes each file's constraints (`pointsto.constraints.constraints_of`); `pointsto.solver.Solver` solves them when first asked.
 7. `program.Program` is what tasks ask: the index, `flow` (`pointsto.solution.Solution`), and `resolution(call)`
    (`targets.resolve.resolve`, ranked by `targets.ranking`, with its completeness, its way and its excerpt in targets/).

typesystem/ tells the types of expressions to 4 to 7, arrays/ keeps what lies on disk, syntax/ (tree-sitter) is for what people look at.
"""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.csource.build import build_index, outline
    from curation.csource.facts.model import Arg, Call, FactsProblem, Function, Macro, NameUse, Operand, Struct, Variable
    from curation.csource.index.lookup import Index
    from curation.csource.program import Program
    from curation.csource.sources.decode import Decoded, Undecodable, decode
    from curation.csource.targets.excerpt import Slice, make_excerpt, make_slice

__all__ = [
    "Arg",
    "Call",
    "Decoded",
    "FactsProblem",
    "Function",
    "Index",
    "Macro",
    "NameUse",
    "Operand",
    "Program",
    "Slice",
    "Struct",
    "Undecodable",
    "Variable",
    "build_index",
    "decode",
    "make_excerpt",
    "make_slice",
    "outline",
]

_PLACES = {  # a process that reads one text needs no solver: what is named here is imported when it is first asked for
    "build": ("build_index", "outline"),
    "facts.model": ("Arg", "Call", "FactsProblem", "Function", "Macro", "NameUse", "Operand", "Struct", "Variable"),
    "index.lookup": ("Index",),
    "program": ("Program",),
    "sources.decode": ("Decoded", "Undecodable", "decode"),
    "targets.excerpt": ("Slice", "make_excerpt", "make_slice"),
}


def __getattr__(name: str) -> Any:
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
