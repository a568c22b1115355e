"""Which macros of a file open a brace that another one closes, or are the head of a struct, or of a function whose name they paste? What
stands around them cannot be read as it is written.

>>> text = "TABLE_BEGIN\\n  ENTRY(a)\\nTABLE_END\\n"
>>> macros = Macros.of([Macro("TABLE_BEGIN", "a.h", 1, None, "int t[] = {"), Macro("TABLE_END", "a.h", 2, None, "};")])
>>> sorted(brace_macros(text, openers(text), macros, "a.c"))
['TABLE_BEGIN', 'TABLE_END']
"""
from __future__ import annotations

import re
from collections.abc import Collection

from curation.csource.facts.model import Macro
from curation.csource.lexing.prepare import prepare
from curation.csource.macros.expand import Macros

_STRING = re.compile(r'"(?:\\.|[^"\\])*"?|\'(?:\\.|[^\'\\])*\'?')
_STRUCT_HEAD = re.compile(r"(?:^|[;}\s])(?:struct|union)\s+[\w#\s]+\Z", re.ASCII)
_FUNCTION_HEAD = re.compile(r"\w(?:\s*##\s*\w+)+\s*\([^(){};]*\)\s*\Z", re.ASCII)  # `int test_##name(void)`
_NAME = re.compile(r"\b[A-Za-z_]\w*\b", re.ASCII)


def brace_macros(text: str, names: Collection[str], macros: Macros, file: str) -> set[str]:
    """Those of the names that are such macros at file scope, and all macros between one that opens a brace and the one that closes it."""
    found: set[str] = set()
    opens: dict[str, int] = {}
    for name in names:
        macro = macros.get(name, file)
        if macro is None or not macro.body:
            continue
        if _STRUCT_HEAD.search(macro.body) or macro.params and _FUNCTION_HEAD.search(macro.body):
            found.add(name)
        elif net := _opened(macro, macros, file):
            opens[name] = net
    if any(net > 0 for net in opens.values()):
        found |= _between(prepare(text, file).code, opens, macros)
    return found


def _opened(macro: Macro, macros: Macros, file: str) -> int:
    """How many braces a macro opens more than it closes."""
    body = _STRING.sub("", macro.body)
    if "{" not in body and "}" not in body:
        word = _NAME.fullmatch(body.strip())
        inner = macros.get(word.group(), file) if word is not None else None  # another name for one
        body = _STRING.sub("", inner.body) if inner is not None else ""
    return body.count("{") - body.count("}")


def _between(code: str, opens: dict[str, int], macros: Macros) -> set[str]:
    found: set[str] = set()
    within: set[str] = set()
    depth = made = 0  # braces that are written and open here; those that macros opened at file scope
    for token in re.finditer(rf"[{{}}]|{_NAME.pattern}", code, re.ASCII):
        word = token.group()
        if word in "{}":
            depth = max(0, depth + (1 if word == "{" else -1))
        elif made == 0:
            if depth == 0 and opens.get(word, 0) > 0:
                made, within = opens[word], {word}
        elif word in opens and depth == 0:
            made = max(0, made + opens[word])
            within.add(word)
            if made == 0:
                found |= within
        elif word in macros.by_name:
            within.add(word)
    return found
