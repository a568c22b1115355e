"""What does one invocation stand for, where it must be parsed: as a statement, as a value, as a piece of a brace list, as a literal?

All facts of an expansion are placed at the invocation; `v` is the name that stands for the left side while a value is parsed.
"""
from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import replace

from curation.csource.facts.model import Assignment, Call, FileFacts, Operand
from curation.csource.macros.expand import ExpansionCache, Macros
from curation.csource.macros.summaries import variants
from curation.csource.parsing.file_parser import parse_fragment

_WORD = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"\s*\{.*\}\s*\Z", re.DOTALL)
_LITERAL = re.compile(r"\)\s*\{", re.DOTALL)


class InvocationParser:
    """functions: the names of all of the corpus."""

    def __init__(self, macros: Macros, functions: Set[str], expansions: ExpansionCache) -> None:
        self.macros, self.functions, self.expansions = macros, functions, expansions

    # ---- as a statement

    def statements(self, name: str, call: Call, local: set[str]) -> list[FileFacts]:
        """What an invocation stands for, under each of the definitions that conditional compilation chooses from."""
        invocation = f"{name}({', '.join(a.text for a in call.args)})"
        found: list[FileFacts] = []
        texts: list[str] = []
        known: set[tuple[str, str | None]] = set()
        repeats = False
        declares = call.function is None and call.file.endswith(".h")  # for many to see: one definition's is enough of a costly thing
        for own, others in [(0, 0)] if declares else variants(self.macros, name, call.file):
            if others and repeats:
                continue
            self.macros.pinned, self.macros.variant = (name, own), others
            text = self.expansions.get(invocation, call.file, (own, others))
            repeats = text is None or text in texts
            if text is None or repeats:
                continue
            texts.append(text)
            one = self._parsed(text, call, local, name)
            one.calls = [c for c in one.calls if len(texts) == 1 or (c.callee, c.callee_name) not in known]
            known.update((c.callee, c.callee_name) for c in one.calls)
            found.append(one)
        self.macros.pinned, self.macros.variant = None, 0
        return found

    def _parsed(self, text: str, call: Call, local: set[str], name: str) -> FileFacts:
        found = parse_fragment(text, call.file, call.line, call.column, call.function, local, name)
        shown = {a.text for a in call.args}
        if call.function is not None:  # calls written in the arguments are facts of the invocation already
            found.calls = [c for c in found.calls if not any(c.callee + "(" in a for a in shown)]
        return found

    # ---- as an argument

    def makes_literal(self, name: str | None) -> bool:
        """Whether a macro may stand for `(struct s) { ... }`."""
        return any(_LITERAL.search(macro.body) for macro in self.macros.by_name.get(name or "", ()))

    def literal(self, call: Call, operand: Operand, local: set[str]) -> FileFacts:
        """What an argument `PAIR(f, g)` for `(struct pair) { f, g }` puts into the struct's members."""
        text = self.expansions.get(operand.text, call.file)
        if text is None:
            return FileFacts(call.file)
        found = parse_fragment(f"v = {text};", call.file, call.line, call.column, call.function or "@", local, operand.base or "")
        kept = [a for a in found.assignments if a.kind == "initializer" and a.left.base is None and a.left.cast]
        for one in kept:
            one.function = call.function
        return FileFacts(call.file, assignments=kept)

    # ---- as a value

    def value(self, assignment: Assignment, operand: Operand, local: set[str]) -> FileFacts | None:
        """What a macro as a value, or as a piece of a brace list, puts into the assignment's left side."""
        text = self.expansions.get(operand.text, assignment.file)
        if text is None or not self._may_hold_function(text, local):
            return None
        listed = assignment.kind == "initializer" and bool(assignment.left.fields)
        whole = not listed and _BRACED.match(text) is not None  # `struct attribute a = ATTRIBUTE(name);`
        code = f"int v[] = {{ {text} }};" if listed else f"struct v v = {text};" if whole else f"v = {text};"
        function = assignment.function or "@"
        found = parse_fragment(code, assignment.file, assignment.line, assignment.column, function, local, operand.base or "")
        kept = FileFacts(assignment.file)
        for one in found.assignments:
            if one.left.base == "v":
                path = _path_in(assignment.left.fields, one.left.fields, listed, whole)
                one.left = replace(assignment.left, fields=path, address=False)
                one.function, one.kind = assignment.function, assignment.kind
                kept.assignments.append(one)
            elif one.left.base is None and one.left.cast and one.kind == "initializer":  # within `(struct s) { f, g }`
                one.function = assignment.function
                kept.assignments.append(one)
        names = {o.base for a in kept.assignments for o in a.right}
        for use in found.uses:
            if use.name in names and use.name in self.functions:
                use.function, use.kind = assignment.function, "initializer"
                use.variable, use.fields = assignment.left.base, assignment.left.fields
                kept.uses.append(use)
        return kept

    def _may_hold_function(self, text: str, local: set[str]) -> bool:
        words = _WORD.findall(text)
        return bool(words) and (any(w in self.functions or w in local for w in words) or "->" in text)


def _path_in(outer: tuple[str, ...], path: tuple[str, ...], listed: bool, whole: bool) -> tuple[str, ...]:
    """The path from the assignment's base to what is put into `v` at a path. listed: `v` is a list whose first element stands for that of
    the assignment; whole: `v` is the assignment's left side; else only the value counts."""
    if listed:
        head, last = outer[:-1], outer[-1]
        return (*head, last, *path[1:]) if path and path[0].startswith("#") else (*head, *path)
    return (*outer, *path) if whole else outer
