"""Which names may hold a function, as far as their declared types and the custom of naming such types say?

>>> may_hold_function("int (*)(int)"), may_hold_function("irq_handler_t"), may_hold_function("struct dev *")
(True, True, False)
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import lru_cache

from curation.csource.facts.model import FileFacts
from curation.csource.typesystem.c_types import parse_type

_FUNCTION_TYPE = re.compile(
    r"(?:fn|fun|func|function|cb|callback|handler|hook|proc|routine|actor|filler|iter|notify|method|action|entry)(?:_?t|_?type|_?ptr|_?p)?$",
    re.IGNORECASE)


def function_types(facts: FileFacts) -> Iterator[str]:
    """Names of typedefs for functions and pointers to them, as a file defines them."""
    return (t.name for t in facts.typedefs if "(" in t.type)


def callable_names(facts: FileFacts, types: Set[str] = frozenset()) -> Iterator[str]:
    """Names of fields, and of variables at file scope, that may hold a function. types: typedefs for such elsewhere in the corpus."""
    known = types or frozenset(function_types(facts))

    def holds(text: str) -> bool:
        return may_hold_function(text) or parse_type(text).base in known

    yield from (f.name for s in facts.structs for f in s.fields if holds(f.type))
    yield from (v.name for v in facts.variables if v.function is None and holds(v.type))


@lru_cache(maxsize=65536)
def may_hold_function(type_text: str) -> bool:
    """Whether a thing of the type can be a pointer to a function."""
    return "(" in type_text or not type_text or _FUNCTION_TYPE.search(parse_type(type_text).base) is not None
