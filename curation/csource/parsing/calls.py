"""What is called, with which arguments: of `name(a, b)`, `p->ops->open(a)`, `(*p)(a)`, `(type)(*p)(a)`, and what looks like it and is none?

>>> one = FileFacts("a.c"); text = FileText("a.c", "go(a, b)", "go(a, b)", []); scope = Scope()
>>> calls = CallParser(text, scope, one, AssignmentParser(text, scope, one)); calls.named("go", 0, 2, 3, 7); calls.finish()
>>> [(c.callee, [a.text for a in c.args]) for c in one.calls]
[('go', ['a', 'b'])]
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from curation.csource.facts.model import Arg, Call, FileFacts, NameUse, Operand
from curation.csource.lexing.brackets import closing
from curation.csource.lexing.keywords import BUILTIN, STORAGE, STORE_SECOND, TAGS, one_space
from curation.csource.parsing.assignments import AssignmentParser
from curation.csource.parsing.context import CALL, CONTROL, INIT, PAREN, Closed, FileText, Frame, Scope, postfix
from curation.csource.parsing.declarators import TYPE_IN_PARENS
from curation.csource.parsing.operands import SHORT, Via, argument, bare_names, name_operand, values
from curation.csource.parsing.tokens import MAX_TEXT

CONTROL_WORDS = frozenset("if while for switch".split())
_NO_CALL = frozenset(BUILTIN | TAGS | STORAGE | {"else", "do", "case", "goto", "const", "defined", "return", "restrict"})
_POINTER = re.compile(r"(?:[A-Za-z_]\w*+\s++)?\*", re.ASCII)
_RETURNED = re.compile(r"(?<!\w)return\b\s*", re.ASCII)
_CAST_CALL = re.compile(r"\(\s*([A-Za-z_]\w*)\s*\)\s*\((.*)\)\Z", re.DOTALL | re.ASCII)
RESULT = Operand("return")

Names = Sequence[tuple[int, Operand, Via]]  # position of the argument, its value, how it is given


class CallParser:
    """Makes calls of the frames of parentheses. calls: those since the last finish(), None where one has begun or turned out to be none.
    closed: see context.py."""

    def __init__(self, text: FileText, scope: Scope, facts: FileFacts, assignments: AssignmentParser) -> None:
        self.text, self.scope, self.facts, self.assignments = text, scope, facts, assignments
        self.calls: list[Call | None] = []
        self.closed: Closed = {}

    def finish(self) -> None:
        """The calls so far become facts, in the order of their beginning."""
        self.facts.calls += [call for call in self.calls if call is not None]
        self.calls.clear()
        self.closed.clear()

    # ---- what a parenthesis opens

    def opened_by_name(self, top: Frame, found: re.Match[str]) -> Frame:
        """The frame of what `name(` opens. found: an event of statements.py."""
        opened = found.start(4)
        head = found.start(3)
        inside = found.end() if found.start(5) < 0 else found.start(5)
        if found.start(2) < 0:
            name = found.group(3)
            if name in CONTROL_WORDS:
                return Frame(CONTROL, opened, head)
            if self._calls_nothing(name, head, opened, inside):
                return Frame(PAREN, opened, opened)
        else:
            head = postfix(self.text, self.closed, opened)
        self._begins(top, head)
        return self._call_frame(opened, head, inside)

    def opened_alone(self, at: int, inside: int) -> Frame:
        """The frame of a parenthesis that no name stands before: of a group, a cast, or a call of what ended before it."""
        previous = self.text.before(at)
        char = self.text.code[previous] if previous >= 0 else ""
        head = at
        if char == "]":
            head = postfix(self.text, self.closed, at)
        elif char == ")":
            kind, begin = self.closed.get(previous, (CONTROL, at))
            if kind == CALL or (kind == PAREN and TYPE_IN_PARENS.match(self.text.code[begin + 1:previous]) is None):
                head = postfix(self.text, self.closed, at)
        return Frame(PAREN, at, at) if head == at else self._call_frame(at, head, inside)

    def _call_frame(self, opened: int, head: int, inside: int) -> Frame:
        frame = Frame(CALL, opened, head)
        frame.args = [inside]
        frame.slot = len(self.calls)
        self.calls.append(None)
        return frame

    def _begins(self, top: Frame, head: int) -> None:
        """A call begins in a frame."""
        text = self.text
        if top.pending:
            self.end_line(top, head)
        elif top.kind == INIT and text.code[(at := text.before(head))] == ")" and self.closed.get(at, (PAREN, 0))[0] == CALL:
            self.assignments.element(top, at + 1)  # `FIRST(a) SECOND(b)`: macros that bring their own commas
            top.at = head

    def end_line(self, top: Frame, begin: int) -> None:
        """`x = MACRO(a)` without `;` ends where the next line begins."""
        text = self.text
        at = text.before(begin)
        if at >= 0 and text.code[at] == ")" and "\n" in text.code[at:begin] and self.closed.get(at, (PAREN, 0))[0] == CALL:
            self.assignments.flush(top, at + 1)

    def _calls_nothing(self, name: str, head: int, opened: int, inside: int) -> bool:
        """Whether `name(` is a keyword, or a type as in `(name (*)(int))x`."""
        if name in _NO_CALL:
            return True
        code = self.text.code
        if _POINTER.match(code, inside) is None:
            return False
        at = self.text.before(head)
        close = closing(code, opened, 200)
        return at >= 0 and code[at] == "(" and close is not None and code.startswith("(", close + 1)

    # ---- what a parenthesis closes

    def whole(self, top: Frame, found: re.Match[str], name: str) -> bool:
        """`name(a, b)` with no bracket among its arguments; tells whether it is a call."""
        head, opened, inside, close = found.start(3), found.start(4), found.start(5), found.start(6)
        if "return" in self.text.code[inside:close]:
            self._returned(inside, close)
        if found.start(2) >= 0 or not name.isidentifier():
            frame = self.opened_by_name(top, found)
            frame.args = self._argument_starts(inside, close)
            self.close(frame, close)
            return frame.kind == CALL
        if name in CONTROL_WORDS:
            self.closed[close] = CONTROL, opened
        elif self._calls_nothing(name, head, opened, inside):
            self.closed[close] = PAREN, opened
        else:
            self._begins(top, head)
            self.closed[close] = CALL, head
            self.named(name, head, opened, inside, close)
            return True
        return False

    def _argument_starts(self, at: int, stop: int) -> list[int]:
        """Where arguments begin that hold no brackets."""
        begins = [at]
        while (at := self.text.code.find(",", at, stop) + 1) > 0:
            begins.append(self.text.following(at))
        return begins

    def _returned(self, start: int, stop: int) -> None:
        """What a statement that is a macro's argument returns."""
        code = self.text.code
        for found in _RETURNED.finditer(code, start, stop):
            frame = Frame(PAREN, start)
            frame.pending = [("return", RESULT, found.end(), None)]
            comma = code.find(",", found.end(), stop)
            self.assignments.flush(frame, comma if comma >= 0 else stop)

    def close(self, frame: Frame, at: int) -> None:
        """A parenthesis is closed: a call is complete."""
        if frame.pending:
            self.assignments.flush(frame, at)
        if frame.kind != CALL:
            self.closed[at] = (frame.kind, frame.start)
            return
        self.closed[at] = (CALL, frame.head)
        text, scope = self.text, self.scope
        callee = text.code[frame.head:frame.start].rstrip()
        name: str | None = None
        others: list[Operand] = []
        if callee.isidentifier():
            operand = name_operand(callee)
            if callee not in scope.local:
                name = callee
        else:
            called = self._called_expression(frame, callee, at)
            if called is None:
                return
            callee, operand, name, others = called
        line, column = text.position(frame.head)
        shown = text.shown(frame.head, frame.head + len(callee))
        args, names = self._arguments(frame.args, at)
        self.calls[frame.slot] = Call(
            text.file, line, column, scope.function, shown, name, "direct" if name is not None else "indirect", args, operand, None,
            text.line(at), others)
        self._use_arguments(name, name or shown, args, names, frame.start)

    def _called_expression(self, frame: Frame, callee: str, close: int) -> tuple[str, Operand, str | None, list[Operand]] | None:
        """(what is called, the place it is, the function's name where it is one, what else it may be) of a callee that is more than a
        name; None where nothing is called. Moves the frame's head past a cast."""
        text, local = self.text, self.scope.local
        code = text.code
        if callee.startswith("(") and len(frame.args) == 1 and TYPE_IN_PARENS.match(code[frame.start + 1:close]) is not None:
            return None  # `(type)(type)x`
        if callee.startswith(("__builtin_", "typeof", "__typeof", "_Generic")):
            return None
        bare = callee
        while bare.startswith("(") and closing(bare, 0) == len(bare) - 1:
            bare = bare[1:-1].strip()
        cast = _CAST_CALL.match(bare) if bare.startswith("(") else None
        if cast is not None and cast.group(1) not in local:  # `(type)(*p)(x)`
            frame.head += callee.index("(", cast.end(1) - cast.start(1))
            ended = closing(code, frame.head)
            callee = code[frame.head:ended + 1 if ended is not None else frame.start].rstrip()
            bare = cast.group(2).strip()
        if not bare:
            return None
        offset = code.find(bare, frame.head)
        operand = text.place(offset, offset + len(bare))
        if operand is None:
            return None
        others = text.values(offset, offset + len(bare), local)[0][1:] if "?" in bare else []
        return callee, operand, bare if bare.isidentifier() and bare not in local else None, others

    def named(self, name: str, head: int, opened: int, inside: int, close: int) -> None:
        """A call of a name, with no bracket among its arguments."""
        text, scope = self.text, self.scope
        code, shown_in = text.code[inside:close], text.text[inside:close]
        args, names = _arguments(code) if code == shown_in else _arguments_as_shown(code, shown_in)
        line, column = text.position(head)
        ends = text.ends
        ended = line if text.pinned is not None or line > len(ends) or close <= ends[line - 1] else text.line(close)
        known = name if name not in scope.local else None
        shown = text.text[head:head + len(name)]
        if shown == name:
            shown = name
        self.calls.append(Call(
            text.file, line, column, scope.function, shown, known, "direct" if known is not None else "indirect", args, name_operand(name),
            None, ended, []))
        if names or name in STORE_SECOND:
            self._use_arguments(known, known or shown, args, names, opened)

    def _use_arguments(self, name: str | None, called: str, args: list[Arg], names: Names, opened: int) -> None:
        """What a call does with its arguments: names are used, one may be stored."""
        text, scope = self.text, self.scope
        for position, value, how in names:
            if value.base not in scope.local:
                line, column = text.position(opened)
                self.facts.uses.append(NameUse(
                    value.base, text.file, line, column, scope.function, "argument", None, (), None, None,  # type: ignore[arg-type]
                    called, position, how))
        if name in STORE_SECOND and len(args) >= 2 and args[0].operands and args[1].operands:
            target = args[0].operands[0]
            left = Operand(target.text.lstrip("&"), target.base, target.fields, False, target.cast)
            right = args[1].operands
            self.assignments.add(left, (right, bare_names(right)), opened, "assignment", scope.type_of(left.base))

    def _arguments(self, starts: list[int], end: int) -> tuple[list[Arg], Names]:
        """The arguments between the commas, and the bare names among their values; a type (`struct foo`) keeps its text and position."""
        code, text, same, local = self.text.code, self.text.text, self.text.same, self.scope.local
        args: list[Arg] = []
        names: list[tuple[int, Operand, Via]] = []
        last = len(starts) - 1
        for number, start in enumerate(starts):
            stop = end if number == last else starts[number + 1]
            part = code[start:stop].rstrip()
            if number != last and part.endswith(","):
                part = part[:-1].rstrip()
            if not part and last == 0:
                break
            shown = part if same else text[start:start + len(part)]
            if part == shown and len(part) < SHORT and ")(" not in part and ") (" not in part:
                arg, _, found = argument(part)
            else:
                given, found = values(part, shown, local)
                arg = Arg(one_space(shown[:MAX_TEXT]), given)
            args.append(arg)
            names.extend([(number, *one) for one in found])
        return args, names


@lru_cache(maxsize=20_000)
def _arguments(code: str) -> tuple[list[Arg], Names]:
    """The arguments that stand between a call's parentheses, none of which holds a bracket, and those of their values that are bare names,
    with their positions. Shared: must not be changed."""
    parts = [part.strip() for part in code.split(",")]
    if parts == [""]:
        return [], ()
    known = [argument(part) for part in parts]
    return [arg for arg, _, _ in known], tuple([(at, *one) for at, (_, _, names) in enumerate(known) for one in names])


def _arguments_as_shown(code: str, text: str) -> tuple[list[Arg], Names]:
    """As `_arguments`, where the code is not what the text says: strings and comments are blanked in it."""
    args: list[Arg] = []
    names: list[tuple[int, Operand, Via]] = []
    at = 0
    for number, part in enumerate(code.split(",") if not code.isspace() else ()):
        shown = text[at:at + len(part)]
        at += len(part) + 1
        if part == shown:
            arg, _, found = argument(part.strip())
        else:
            begin = len(part) - len(part.lstrip())
            part = part.strip()
            shown = shown[begin:begin + len(part)]
            given, found = values(part, shown)
            arg = Arg(one_space(shown[:MAX_TEXT]), given)
        args.append(arg)
        if found:
            names.extend([(number, *one) for one in found])
    return args, names
