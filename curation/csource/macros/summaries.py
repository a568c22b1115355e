"""What does a macro stand for whatever its arguments are? Read once a definition, with marks in the arguments' places.

>>> macro = Macro("log_it", "a.h", 1, ["dev", "x"], '_log_it(dev, "", x)'); summary = summarize(Macros.of([macro]), macro, 2, set())
>>> [(name, [a.text for a in args]) for name, args in summary.calls]
[('_log_it', ['_mark0_', '""', '_mark1_'])]

Most macros of a big program (logging, locking, checking) only call functions by name; an invocation's calls are then made of the
summary's, without expanding and parsing anything again. A macro that does more is parsed anew at each invocation.
"""
from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field, replace

from curation.csource.facts.model import Arg, Call, FileFacts, Macro, Operand
from curation.csource.macros.expand import MAX_TEXT, Macros
from curation.csource.parsing.file_parser import parse_fragment

MAX_VARIANTS = 3  # definitions of one macro that are tried
_MARK = re.compile(r"_mark(\d+)_")
_PASTED = re.compile(r"[A-Za-z0-9_]_mark\d+_|_mark\d+_[A-Za-z0-9_]")


@dataclass
class MacroSummary:
    """only_calls: it does no more than call functions by name. calls: (name, arguments with marks)."""

    only_calls: bool = True
    calls: list[tuple[str, list[Arg]]] = field(default_factory=list)


def summarize(macros: Macros, macro: Macro, count: int, functions: Set[str]) -> MacroSummary:
    """Of a function-like macro that is invoked with `count` arguments. functions: of the corpus."""
    summary = MacroSummary()
    called: set[str] = set()
    texts: set[str] = set()
    repeats = False
    for own, others in variants(macros, macro.name, macro.file):
        if others and repeats:
            continue
        macros.pinned, macros.variant = (macro.name, own), others
        text = macros.expand(_marked(macro.name, count), macro.file)
        repeats = text in texts
        if repeats:
            continue
        texts.add(text)
        facts = _facts_of(text, macro, count)
        if facts is None or _does_more(facts, functions):
            summary.only_calls = False
            break
        for call in facts.calls:
            if call.callee_name is not None and call.callee_name != macro.name and call.callee_name not in called:
                summary.calls.append((call.callee_name, call.args))
        called.update(name for name, _ in summary.calls)
    macros.pinned, macros.variant = None, 0
    return summary


def _marked(name: str, count: int) -> str:
    return f"{name}({', '.join(_mark(i) for i in range(count))})"


def _mark(position: int) -> str:
    return f"_mark{position}_"


def _facts_of(text: str, macro: Macro, count: int) -> FileFacts | None:
    """None where it is too long, or pastes names of its arguments."""
    if len(text) >= MAX_TEXT or _PASTED.search(text):
        return None
    return parse_fragment(text, macro.file, 1, 1, "@", {_mark(i) for i in range(count)}, macro.name)


def variants(macros: Macros, name: str, file: str) -> list[tuple[int, int]]:
    """(definition of the macro itself, definition of those within it) that are tried: where one has two, that says nothing of the other.
    Those within that have no other definition give the same text again."""
    own = min(macros.definitions(name, file), MAX_VARIANTS)
    return [(mine, others) for mine in range(own) for others in range(MAX_VARIANTS)]


def _does_more(facts: FileFacts, functions: Set[str]) -> bool:
    return (
        bool(facts.functions or facts.structs or facts.typedefs)
        or any(call.kind == "indirect" for call in facts.calls)
        or any(use.name in functions for use in facts.uses)
    )


def summarized_calls(summary: MacroSummary, invocation: Call) -> list[Call]:
    """The calls that an invocation stands for, each at its place."""
    return [
        replace(
            invocation, callee=name, callee_name=name, kind="direct", args=[_filled(arg, invocation.args) for arg in args],
            operand=Operand(name, name), macro=invocation.callee_name, others=[])
        for name, args in summary.calls
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


def value_of(text: str, file: str) -> Operand | None:
    """The place or call that an expression is; None for a computed value."""
    found = parse_fragment(f"v = {text};", file, 1, 1, "@", set(), "").assignments
    return next((a.right[0] for a in found if a.left.base == "v" and a.right), None)


def is_computed(macros: Macros, macro: Macro) -> bool:
    """Whether a function-like macro stands for a computed value, whatever its arguments are."""
    text = macros.expand(_marked(macro.name, len(macro.params or ())), macro.file)
    return len(text) < MAX_TEXT and not _PASTED.search(text) and value_of(text, macro.file) is None
