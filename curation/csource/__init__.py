"""C sources: decode, read facts, index, resolve, slice.

>>> index = build_index([("a.c", "static int f(void) { return 0; } int (*p)(void) = f; int g(void) { return p(); }")])
>>> [c.name for c in index.resolve(next(c for c in index.calls() if c.kind == "indirect"))]
['f']
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
