"""C sources: decode, read facts, index, resolve, slice.

>>> index = build_index([("a.c", "static int f(void) { return 0; } int (*p)(void) = f; int g(void) { return p(); }")])
>>> [c.name for c in index.resolve(next(c for c in index.calls() if c.kind == "indirect"))]
['f']
"""
from curation.csource.build import build_index
from curation.csource.facts.model import Arg, Call, FactsProblem, Function, Macro, NameUse, Operand, Struct, Variable
from curation.csource.index.lookup import Index
from curation.csource.outline import outline
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
