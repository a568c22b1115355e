"""What do the parsers of one file share? Its text with the positions in it, the scope they are in, and frames: what is open while
statements are parsed. What each closed parenthesis was is remembered, so that the expression before the next bracket is found by walking
back.

>>> text = FileText("a.c", "int a;\\nb[i].c(x)", "int a;\\nb[i].c(x)", [6])
>>> text.position(11), postfix(text, {}, 13)           # of `b[i].c(`: where what is called begins
((2, 5), 7)
"""
from __future__ import annotations

from bisect import bisect_left

from curation.csource.facts.model import Operand
from curation.csource.lexing.alternatives import ElementPositions
from curation.csource.lexing.brackets import closing
from curation.csource.lexing.keywords import one_space
from curation.csource.parsing.operands import Values, place, values
from curation.csource.parsing.tokens import MAX_TEXT

BLOCK, PAREN, CONTROL, CALL, INIT = range(5)
Pending = tuple[str, Operand, int, str | None]  # kind of assignment, left side, where the value begins, struct
Closed = dict[int, tuple[int, int]]  # of a `)`: what its frame was, and where the expression begins that it ends
_MAX_LINKS = 200  # links of an expression a.b.c... that are walked back
_BLANK = " \t\n\r"
_MAX_SUBSCRIPT = 2000  # characters between `[` and `]`


class FileText:
    """One file's prepared code and its text, as long as each other; all offsets are theirs. ends: offsets of the line ends. pinned: the
    (line, column) that all facts get, for the expansion of a macro."""

    __slots__ = ("file", "code", "text", "same", "ends", "pinned")

    def __init__(self, file: str, code: str, text: str, ends: list[int], pinned: tuple[int, int] | None = None) -> None:
        self.file = file
        self.code = code
        self.text = text
        self.same = code == text
        self.ends = ends
        self.pinned = pinned

    def line(self, offset: int) -> int:
        return self.pinned[0] if self.pinned is not None else bisect_left(self.ends, offset) + 1

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column), both 1-based."""
        if self.pinned is not None:
            return self.pinned
        line = bisect_left(self.ends, offset)
        return line + 1, offset - (self.ends[line - 1] if line else -1)

    def shown(self, start: int, end: int) -> str:
        """What stands there, as it is shown to a person: on one line, and not too long."""
        return one_space(self.text[start:min(end, start + MAX_TEXT)])

    def before(self, offset: int) -> int:
        """The offset of the last character before `offset` that is no blank; -1 at the beginning."""
        code = self.code
        at = offset - 1
        while at >= 0 and code[at] in _BLANK:
            at -= 1
        return at

    def following(self, at: int) -> int:
        """The offset of the first character from `at` on that is no blank."""
        code = self.code
        stop = len(code)
        while at < stop and code[at] in _BLANK:
            at += 1
        return at

    def past(self, opened: int) -> int:
        """After the bracket that closes the one at an offset."""
        close = closing(self.code, opened)
        return opened + 1 if close is None else close + 1

    def subscript_start(self, close: int) -> int | None:
        """The `[` of the `]` at an offset."""
        depth = 0
        at = close
        stop = max(0, close - _MAX_SUBSCRIPT)
        while at >= stop:
            char = self.code[at]
            if char == "]":
                depth += 1
            elif char == "[":
                depth -= 1
                if depth == 0:
                    return at
            at -= 1
        return None

    def place(self, start: int, end: int) -> Operand | None:
        """The place that the expression between two offsets names."""
        code = self.code[start:end].rstrip()
        return place(code, None if self.same else self.text[start:start + len(code)])

    def values(self, start: int, end: int, local: set[str]) -> Values:
        """The values that the expression between two offsets may have."""
        code = self.code[start:end].rstrip()
        return values(code, None if self.same else self.text[start:start + len(code)], local)


class Scope:
    """Where the parser is. function: the enclosing function's name. local: names of its variables; types: theirs; file_types: of those at
    file scope."""

    __slots__ = ("function", "local", "types", "file_types")

    def __init__(self, function: str | None = None, local: set[str] | None = None) -> None:
        self.function = function
        self.local: set[str] = local if local is not None else set()
        self.types: dict[str, str] = {}
        self.file_types: dict[str, str] = {}

    def leave(self) -> None:
        """The function has ended."""
        self.function = None
        self.local = set()
        self.types = {}

    def type_of(self, name: str | None) -> str | None:
        """A variable's type, as far as it was declared in this file."""
        return None if name is None else self.types.get(name) or self.file_types.get(name)


class Frame:
    """An open bracket. start: its offset. head: where a call's callee begins. args: where its arguments begin. slot: the call's place in
    the list of calls. pending: values whose end is not yet seen. spec: the type of a declaration that is going on, declared from `at`.
    left, type, path, position, nested, positions: of a brace list what it initializes, its type, the path to it, the number of the next
    element, whether that is a brace list itself, and how elements in branches of conditional compilation are counted."""

    args: list[int]
    slot: int
    at: int
    static: bool
    extern: bool
    left: Operand
    type: str
    path: tuple[str, ...]
    position: int
    nested: bool
    positions: ElementPositions | None

    __slots__ = ("kind", "start", "head", "args", "slot", "pending", "spec", "at", "static", "extern", "left", "type", "path", "position",
                 "nested", "positions")

    def __init__(self, kind: int, start: int, head: int = 0) -> None:
        self.kind = kind
        self.start = start
        self.head = head
        self.pending: list[Pending] | None = None
        self.spec: str | None = None

    def wait(self, pending: Pending) -> None:
        """A value has begun whose end is not yet seen."""
        if self.pending is None:
            self.pending = [pending]
        else:
            self.pending.append(pending)


def postfix(text: FileText, closed: Closed, end: int) -> int:
    """Where the expression begins that ends before an offset: `a[f(x)].b` of `a[f(x)].b(`; `end` itself where there is none."""
    code = text.code
    begin = end
    for _ in range(_MAX_LINKS):
        at = text.before(begin)
        if at < 0:
            return begin
        char = code[at]
        if char == ")":
            kind, start = closed.get(at, (CONTROL, begin))
            if kind == CONTROL:
                return begin
            begin = start
        elif char == "]":
            opened = text.subscript_start(at)
            if opened is None:
                return begin
            begin = opened
            continue
        elif char.isalnum() or char == "_":
            while at >= 0 and (code[at].isalnum() or code[at] == "_"):
                at -= 1
            begin = at + 1
        else:
            return begin
        at = text.before(begin)
        if at >= 0 and code[at] == ".":
            begin = at
        elif at > 0 and code[at] == ">" and code[at - 1] == "-":
            begin = at - 1
        else:
            return begin
    return begin
