"""What does a macro stand for whatever its arguments are? Read once a definition, with marks in the arguments' places.

>>> skeleton_of(macros, macro, 2, functions).calls      # of #define log_it(dev, x) _log_it(dev, "", x)
[('_log_it', [Arg('_mark0_', ...), Arg('""'), Arg('_mark1_', ...)])]

Most macros of a big program (logging, locking, checking) only call functions by name; an invocation's calls are then made of the
skeleton's, without expanding and parsing anything again. A macro that does more is `heavy` and read anew at each invocation.
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from functools import lru_cache

from curation.csource.facts.model import Arg, Call, FileFacts, Macro, Operand
from curation.csource.macros.expand import MAX_TEXT, Macros
from curation.csource.parsing.file_parser import parse_fragment
from curation.csource.typesystem.c_types import parse_type

VARIANTS = 3  # definitions of one macro that are tried
_MARK = re.compile(r"_mark(\d+)_")
_FUNCTION_TYPE = re.compile(
    r"(?:fn|fun|func|function|cb|callback|handler|hook|proc|routine|actor|filler|iter|notify|method|action|entry)(?:_?t|_?type|_?ptr|_?p)?$",
    re.IGNORECASE)
_PASTED = re.compile(r"[A-Za-z0-9_]_mark\d+_|_mark\d+_[A-Za-z0-9_]")


@dataclass
class Skeleton:
    """heavy: it does more than call functions by name. calls: (name, arguments with marks)."""

    heavy: bool = False
    calls: list[tuple[str, list[Arg]]] = field(default_factory=list)


def skeleton_of(macros: Macros, macro: Macro, count: int, functions: Set[str]) -> Skeleton:
    """Of a function-like macro that is invoked with `count` arguments."""
    marks = [f"_mark{i}_" for i in range(count)]
    found = Skeleton()
    told: set[str] = set()
    texts: set[str] = set()
    stale = False
    for mine, others in choices(macros, macro.name, macro.file):
        if others and stale:
            continue
        macros.pinned, macros.variant = (macro.name, mine), others
        text = macros.expand(f"{macro.name}({', '.join(marks)})", macro.file)
        stale = text in texts
        if stale:
            continue
        texts.add(text)
        if len(text) >= MAX_TEXT or _PASTED.search(text):
            found.heavy = True
            break
        facts = parse_fragment(text, macro.file, 1, 1, "@", set(marks), macro.name)
        if _does_more(facts, functions):
            found.heavy = True
            break
        for call in facts.calls:
            if call.callee_name is not None and call.callee_name != macro.name and call.callee_name not in told:
                found.calls.append((call.callee_name, call.args))
        told.update(name for name, _ in found.calls)
    macros.pinned, macros.variant = None, 0
    return found


def choices(macros: Macros, name: str, file: str) -> list[tuple[int, int]]:
    """(definition of the macro itself, definition of those within it) that are tried: where one has two, that says nothing of the other.
    Those within that have no other definition give the same text again."""
    own = min(macros.definitions(name, file), VARIANTS)
    return [(mine, others) for mine in range(own) for others in range(VARIANTS)]


def _does_more(facts: FileFacts, functions: Set[str]) -> bool:
    return (
        bool(facts.functions or facts.structs or facts.typedefs)
        or any(call.kind == "indirect" for call in facts.calls)
        or any(use.name in functions for use in facts.uses)
    )


def calls_of(skeleton: Skeleton, invocation: Call) -> list[Call]:
    """The calls that an invocation stands for, each at its place."""
    return [
        replace(
            invocation, callee=name, callee_name=name, kind="direct", args=[_filled(arg, invocation.args) for arg in args],
            operand=Operand(name, name), macro=invocation.callee_name, others=[])
        for name, args in skeleton.calls
    ]


def _filled(arg: Arg, given: list[Arg]) -> Arg:
    def text_of(mark: re.Match[str]) -> str:
        at = int(mark.group(1))
        return given[at].text if at < len(given) else mark.group()

    operands: list[Operand] = []
    for operand in arg.operands:
        mark = _MARK.fullmatch(operand.base or "")
        if mark is None:
            operands.append(operand)
        elif int(mark.group(1)) < len(given):
            operands.extend(_joined(operand, inner) for inner in given[int(mark.group(1))].operands)
    return Arg(_MARK.sub(text_of, arg.text), operands)


def _joined(outer: Operand, inner: Operand) -> Operand:
    """`&(MARK)->lock` with `dev->queue` for MARK is `&dev->queue->lock`."""
    if not outer.fields:
        return replace(inner, address=inner.address or outer.address, cast=outer.cast or inner.cast)
    steps = outer.fields[1:] if inner.address and outer.fields[0] in ("*", "[]") else outer.fields
    return Operand(inner.text, inner.base, inner.fields + steps, outer.address, inner.cast, inner.call)


def shape_of(text: str, file: str) -> Operand | None:
    """The place or call that an expression is; None for a computed value."""
    found = parse_fragment(f"v = {text};", file, 1, 1, "@", set(), "").assignments
    return next((a.right[0] for a in found if a.left.base == "v" and a.right), None)


def is_shapeless(macros: Macros, macro: Macro) -> bool:
    """Whether a function-like macro stands for a computed value, whatever its arguments are."""
    marks = [f"_mark{i}_" for i in range(len(macro.params or ()))]
    text = macros.expand(f"{macro.name}({', '.join(marks)})", macro.file)
    return len(text) < MAX_TEXT and not _PASTED.search(text) and shape_of(text, macro.file) is None


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
    """Whether a thing of the type can be a pointer to a function, as far as the text and the custom of naming such types say."""
    return "(" in type_text or not type_text or _FUNCTION_TYPE.search(parse_type(type_text).base) is not None
