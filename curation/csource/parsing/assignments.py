"""Which values go where: assignments, initializers, returns, elements of brace lists, as their end is met?

>>> one = FileFacts("a.c"); assignments = AssignmentParser(FileText("a.c", "x = f", "x = f", []), Scope(), one)
>>> assignments.add(Operand("x", "x"), values("f"), 4, "assignment", None); one.uses[0].name
'f'
"""
from __future__ import annotations

import re

from curation.csource.facts.model import Assignment, FileFacts, NameUse, Operand
from curation.csource.lexing.keywords import NOT_NAMES, one_space
from curation.csource.parsing.context import FileText, Frame, Scope
from curation.csource.parsing.operands import Values, values
from curation.csource.parsing.tokens import MAX_TEXT

_MAX_PATH = 12  # steps into a nested initializer
_DESIGNATED = re.compile(r"((?:\.\s*+[A-Za-z_]\w*+\s*+|\[[^\]]*+\]\s*+)++)=?\s*+|([A-Za-z_]\w*)\s*:(?!:)\s*", re.ASCII)
_FIELD = re.compile(r"\.([A-Za-z_]\w*+)\s*+=\s*+", re.ASCII)
_DESIGNATOR = re.compile(r"\.\s*([A-Za-z_]\w*)|\[[^\]]*\]", re.ASCII)
_OTHER_SIDE = re.compile(r"([A-Za-z_]\w*)\s*(?=[);,?:}]|&&|\|\|)", re.ASCII)

Designators = tuple[tuple[str, ...], int, str]  # steps from a brace list to an element, characters that tell them, how they are written


class AssignmentParser:
    """Makes facts of values whose left sides and ends are known."""

    def __init__(self, text: FileText, scope: Scope, facts: FileFacts) -> None:
        self.text, self.scope, self.facts = text, scope, facts

    def flush(self, frame: Frame, end: int) -> None:
        """The values that a frame waits for end here."""
        pending = frame.pending
        frame.pending = None
        for kind, left, start, struct in pending or ():
            found = self.text.values(start, end, self.scope.local)
            if found[0]:
                if kind == "assignment":
                    struct = left.cast or (None if left.call else self.scope.type_of(left.base))
                self.add(left, found, start, kind, struct)

    def add(self, left: Operand, given: Values, start: int, kind: str, struct: str | None) -> None:
        """A value is put into a place. start: where the value begins. struct: the type of the left side's base, as text."""
        scope, facts, file = self.scope, self.facts, self.text.file
        line, column = self.text.position(start)
        right, names = given
        facts.assignments.append(Assignment(file, line, column, scope.function, kind, left, right))  # type: ignore[arg-type]
        for value, how in names:
            if value.base not in scope.local:
                facts.uses.append(NameUse(
                    value.base, file, line, column, scope.function, kind, struct, left.fields, left.base,  # type: ignore[arg-type]
                    left if kind == "assignment" else None, None, None, how))

    # ---- brace lists

    def designators(self, frame: Frame, code: str) -> Designators:
        """Those of the element of a brace list that begins with some code."""
        known = _designators(code)
        if known is None and frame.positions is not None:
            self._locate(frame)
        return known if known is not None else _at_position(frame.position)

    def _locate(self, frame: Frame) -> None:
        """Sets a brace list's position to that of the element that begins where it stands."""
        assert frame.positions is not None
        frame.position = frame.positions.at(self.text.line(self.text.following(frame.at)), frame.position)

    def element(self, frame: Frame, end: int) -> None:
        """An element of a brace list ends here."""
        if frame.nested:
            frame.nested = False
            self._next(frame, end)
            return
        text = self.text
        start = frame.at
        code = text.code[start:end].rstrip()
        if not code:
            return
        if frame.positions is not None:
            self._locate(frame)
        position = frame.position
        self._next(frame, end)
        if code[0].isdigit() or code[0] in "\"'-" or len(frame.path) >= _MAX_PATH:
            return
        steps, length, shown = _designators(code) or _at_position(position)
        value = code[length:]
        if not value or value[0].isdigit() or value[0] in "\"'":
            return
        start += length
        given = values(value, None if text.same else text.text[start:start + len(value)], self.scope.local)
        if given[0]:
            left = Operand((frame.left.text + shown)[:MAX_TEXT], frame.left.base, frame.path + steps, False, frame.left.cast)
            self.add(left, given, start, "initializer", frame.type)

    def _next(self, frame: Frame, end: int) -> None:
        if frame.positions is not None:
            frame.positions.ended(self.text.line(end), frame.position)
        frame.position += 1

    def elements(self, frame: Frame, start: int, stop: int) -> None:
        """Those of a brace list with no brackets in it."""
        code = self.text.code
        while (end := code.find(",", start, stop)) >= 0:
            frame.at = start
            self.element(frame, end)
            start = self.text.following(end + 1)
        frame.at = start
        self.element(frame, stop)

    # ---- comparisons

    def comparison(self, found: re.Match[str], named: bool) -> None:
        """A function's name that is compared with something. found: an event of statements.py; named: whether a name is before it."""
        code, local = self.text.code, self.scope.local
        if named:
            name = found.group(3)
            if name not in local and name.isidentifier() and name not in NOT_NAMES and not name.isupper():
                at = self.text.before(found.start(3))
                if at < 0 or code[at] not in ".>*!~+-/%<)" or code.startswith("&&", at - 1):
                    self._compared(name, found.start(3))
        other = _OTHER_SIDE.match(code, found.end())
        if other is not None and other.group(1) not in local:
            name = other.group(1)
            if name not in NOT_NAMES and not name.isupper():
                self._compared(name, other.start(1))

    def _compared(self, name: str, at: int) -> None:
        self.facts.uses.append(NameUse(name, self.text.file, *self.text.position(at), self.scope.function, "comparison"))


def _at_position(position: int) -> Designators:
    return (f"#{position}",), 0, f"[#{position}]"


def _designators(code: str) -> Designators | None:
    """None where an element's position tells which it is."""
    char = code[:1]
    if char == "." and (simple := _FIELD.match(code)) is not None:
        name = simple.group(1)
        return (name,), simple.end(), f".{name}"
    if not (char == "." or char == "[" or char.isalpha() or char == "_") or (found := _DESIGNATED.match(code)) is None:
        return None
    if found.group(2):
        return (found.group(2),), found.end(), f".{found.group(2)}"
    shown = found.group(1)
    return tuple([m.group(1) or "[]" for m in _DESIGNATOR.finditer(shown)]), found.end(), one_space(shown).strip()
