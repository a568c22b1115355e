"""What is kept on disk of one file: its facts, and by which names they are found.

Two records a file. The raw one, of its text alone: the facts as read, and apart from them its macros, one JSON line each, since millions of
constants of register headers are only ever looked up by name. The expanded one, after the corpus's macros were applied: the facts, its
definitions one JSON line each, the names it calls, uses, and asked the rest of the corpus about, what of its facts matters to flow, and
the words of the types that it names. Names are told by their keys (arrays/keys.py).
"""
from __future__ import annotations

import json
import re
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from curation.csource.arrays.keys import keys_of, name_key
from curation.csource.arrays.pack import join_parts
from curation.csource.facts.encoding import decode_facts, encode_fact, encode_facts
from curation.csource.facts.model import FactsProblem, FileFacts, Function, Prototype, Struct, Typedef, Variable
from curation.csource.macros.callables import function_types, may_hold_function
from curation.csource.pointsto.pointer_facts import PointerFacts, decode_pointer_facts, encode_pointer_facts, pointer_facts
from curation.csource.sources.inclusions import includes_of, paths_of, quoted_of
from curation.csource.typesystem.c_types import alias_of, parse_type

# parts of a raw record
HEAD, FACTS, LINES, KEYS, OFFSETS, RAW_FUNCTIONS, RAW_FIELDS, RAW_CALLABLES, RAW_FUNCTION_TYPES, RAW_TYPED = range(10)
# parts of an expanded record: HEAD to OFFSETS as above
KINDS, CALLED, USED, ASKED_MACROS, ASKED_NAMES, FLOW, MENTIONED = range(5, 12)
# kinds of definitions
FUNCTION, GLOBAL, STRUCT, TYPEDEF, PROTOTYPE, ALIAS = range(6)
_BUILT_IN = frozenset(("int", "char", "long", "short", "void", "float", "double", "unsigned", "signed", "_Bool", "bool"))
_WORD = re.compile(r"[A-Za-z_]\w*")
Definition = Function | Variable | Struct | Typedef | Prototype


def raw_record(facts: FileFacts, text: str) -> bytes:
    """The record of a file as it was read. text: to see what it includes. RAW_CALLABLES: the fields and variables whose own type may hold a
    function; RAW_TYPED: (key, key of the typedef) of those that may where the typedef is one of a function."""
    lines = [encode_fact(macro) for macro in facts.macros]
    keys = array("Q", [name_key(macro.name) for macro in facts.macros])
    held = [(f.name, f.type) for s in facts.structs for f in s.fields] + [(v.name, v.type) for v in facts.variables if v.function is None]
    return join_parts([
        json.dumps({
            "includes": includes_of(text), "quoted": quoted_of(text), "paths": paths_of(text), "problems": _problems(facts),
        }).encode("utf-8", "surrogatepass"),
        zlib.compress(encode_facts(replace(facts, macros=[])), 1),
        *_lines(lines), keys.tobytes(), _offsets(lines),
        keys_of(f.name for f in facts.functions),
        keys_of(f.name for s in facts.structs for f in s.fields),
        keys_of(name for name, kind in held if may_hold_function(kind)),
        keys_of(function_types(facts)),
        _typed(held),
    ])


def _typed(held: Iterable[tuple[str, str]]) -> bytes:
    """Pairs of keys, 16 bytes each."""
    typedefs = ((name, parse_type(kind).base) for name, kind in held if not may_hold_function(kind))
    pairs = sorted({(name_key(name), name_key(base)) for name, base in typedefs if base.isidentifier() and base not in _BUILT_IN})
    return np.array(pairs, np.uint64).tobytes()


def expanded_record(facts: FileFacts, asked_macros: Iterable[str], asked_names: Iterable[str]) -> bytes:
    """The record of a file after expansion. asked_macros: the names that were looked up among the corpus's macros; asked_names: among its
    functions and fields."""
    lines: list[bytes] = []
    keys = array("Q")
    kinds = array("B")
    listed: list[tuple[int, list[Function] | list[Variable] | list[Struct] | list[Typedef] | list[Prototype]]] = [
        (FUNCTION, facts.functions), (GLOBAL, [v for v in facts.variables if v.function is None]), (STRUCT, facts.structs),
        (TYPEDEF, facts.typedefs), (PROTOTYPE, facts.prototypes)]
    for kind, found in listed:
        for fact in found:
            lines.append(encode_fact(fact))
            keys.append(name_key(fact.name))
            kinds.append(kind)
    for typedef in facts.typedefs:
        if (made := alias_of(typedef)) is not None:
            lines.append(json.dumps([made, typedef.name]).encode("utf-8", "surrogatepass"))
            keys.append(name_key(made))
            kinds.append(ALIAS)
    called = (name for c in facts.calls if (name := c.callee_name or c.operand.base) is not None)
    counts = {
        "functions": len(facts.functions), "calls": len(facts.calls), "indirect": sum(c.kind == "indirect" for c in facts.calls),
    }
    return join_parts([
        json.dumps({"problems": _problems(facts), "counts": counts}).encode("utf-8", "surrogatepass"),
        zlib.compress(encode_facts(replace(facts, macros=[])), 1),
        *_lines(lines), keys.tobytes(), _offsets(lines), kinds.tobytes(),
        keys_of(called), keys_of({u.name for u in facts.uses}), keys_of(asked_macros), keys_of(asked_names),
        zlib.compress(encode_pointer_facts(pointer_facts(facts)), 1), keys_of(_mentioned(facts)),
    ])


def _mentioned(facts: FileFacts) -> set[str]:
    """The words of all types that the file's declarations and casts name."""
    texts = {v.type for v in facts.variables}
    for heads in (facts.functions, facts.prototypes):
        texts |= {f.return_type for f in heads} | {text for f in heads for _, text in f.params}  # type: ignore[attr-defined]
    texts |= {t.type for t in facts.typedefs} | {m.type for s in facts.structs for m in s.fields}
    texts |= {o.cast for a in facts.assignments for o in (a.left, *a.right) if o.cast}
    texts |= {o.cast for c in facts.calls for a in c.args for o in a.operands if o.cast} | {c.operand.cast or "" for c in facts.calls}
    return {word for text in texts for word in _words(text)}


@lru_cache(maxsize=50_000)
def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def flow_facts_of(part: memoryview, file: str) -> PointerFacts:
    """The facts of a FLOW part. Raises ValueError where the bytes are not what was written."""
    try:
        return decode_pointer_facts(zlib.decompress(part), file)
    except zlib.error as err:
        raise ValueError(f"not flow facts: {err}") from err


def facts_of(part: memoryview, file: str) -> FileFacts:
    """The facts of a FACTS part, without macros. Raises ValueError where the bytes are not what was written."""
    try:
        return decode_facts(zlib.decompress(part), file)
    except zlib.error as err:
        raise ValueError(f"not facts: {err}") from err


def problems_of(listed: list[list[object]], file: str) -> list[FactsProblem]:
    return [FactsProblem(file, str(code), str(why), line if isinstance(line, int) else None) for code, why, line in listed]


def _problems(facts: FileFacts) -> list[list[object]]:
    return [[p.code, p.why, p.line] for p in facts.problems]


def _lines(lines: list[bytes]) -> list[bytes]:
    return [b"".join(line + b"\n" for line in lines)]


def _offsets(lines: list[bytes]) -> bytes:
    """Where each line begins, 4 bytes each."""
    sizes = np.fromiter((len(line) + 1 for line in lines), np.uint32, len(lines))
    return (np.cumsum(sizes, dtype=np.uint32) - sizes).tobytes()
