"""Where in a file's text do facts stand, and which expression ends before a bracket?

>>> Places(FileFacts("a.c"), "a[i].b(x)", "a[i].b(x)", []).postfix(6)       # of `a[i].b`, what is called
0
"""
from __future__ import annotations

from bisect import bisect_left

from curation.csource.facts.model import Call, FileFacts, Operand
from curation.csource.lexing.alternatives import Alternatives, Positions
from curation.csource.lexing.keywords import one_space
from curation.csource.parsing.declarators import closing, specifiers
from curation.csource.parsing.operands import MAX_TEXT, Values, shape, values

BLOCK, PAREN, CONTROL, CALL, INIT = range(5)
_BLANK = " \t\n\r"
Pending = tuple[str, Operand, int, str | None]  # kind, left side, where the value begins, struct


class Frame:
    """An open bracket. start: its offset. head: where a call's callee begins. args: where its arguments begin. slot: the call's place in
    the list of calls. pending: values whose end is not yet seen. spec: the type of a declaration that is going on, declared from `at`."""

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
    positions: Positions | None

    __slots__ = ("kind", "start", "head", "args", "slot", "pending", "spec", "at", "static", "extern", "left", "type", "path", "position",
                 "nested", "positions")

    def __init__(self, kind: int, start: int, head: int = 0) -> None:
        self.kind = kind
        self.start = start
        self.head = head
        self.pending: list[Pending] | None = None
        self.spec: str | None = None


class Places:
    """One file's prepared code, its text, and the facts made of them. Offsets are those of the text. pinned: the place that all facts get,
    for the expansion of a macro. local: names of the enclosing function's variables; types: theirs; file_types: of those at file scope."""

    def __init__(self, facts: FileFacts, code: str, text: str, ends: list[int]) -> None:
        self.facts = facts
        self.file = facts.file
        self.code = code
        self.text = text
        self.same = code == text
        self.ends = ends
        self.function: str | None = None
        self.local: set[str] = set()
        self.types: dict[str, str] = {}
        self.file_types: dict[str, str] = {}
        self.pinned: tuple[int, int] | None = None
        self.calls: list[Call | None] = []
        self.closed: dict[int, tuple[int, int]] = {}  # of a `)`: what its frame was, and where the expression begins that it ends
        self.initializer: tuple[Operand, str] | None = None  # of the brace list that comes next
        self.unclosed = False
        self.alternatives = Alternatives(facts.conditions)

    def line(self, offset: int) -> int:
        return self.pinned[0] if self.pinned is not None else bisect_left(self.ends, offset) + 1

    def place(self, offset: int) -> tuple[int, int]:
        if self.pinned is not None:
            return self.pinned
        line = bisect_left(self.ends, offset)
        return line + 1, offset - (self.ends[line - 1] if line else -1)

    def flat(self, start: int, end: int) -> str:
        return one_space(self.text[start:min(end, start + MAX_TEXT)])

    def before(self, offset: int) -> int:
        """The offset of the last character before `offset` that is no blank; -1 at the beginning."""
        code = self.code
        at = offset - 1
        while at >= 0 and code[at] in _BLANK:
            at -= 1
        return at

    def following(self, at: int) -> int:
        code = self.code
        stop = len(code)
        while at < stop and code[at] in _BLANK:
            at += 1
        return at

    def past(self, opened: int) -> int:
        """After the bracket that closes the one at an offset."""
        close = closing(self.code, opened)
        return opened + 1 if close is None else close + 1

    def postfix(self, end: int) -> int:
        """Where the expression begins that ends before an offset: `a[f(x)].b` of `a[f(x)].b(`; `end` itself where there is none."""
        code = self.code
        begin = end
        for _ in range(200):
            at = self.before(begin)
            if at < 0:
                return begin
            char = code[at]
            if char == ")":
                kind, start = self.closed.get(at, (CONTROL, begin))
                if kind == CONTROL:
                    return begin
                begin = start
            elif char == "]":
                opened = self.opening(at)
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
            at = self.before(begin)
            if at >= 0 and code[at] == ".":
                begin = at
            elif at > 0 and code[at] == ">" and code[at - 1] == "-":
                begin = at - 1
            else:
                return begin
        return begin

    def opening(self, close: int) -> int | None:
        """The `[` of the `]` at an offset."""
        depth = 0
        at = close
        stop = max(0, close - 2000)
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

    def descriptor(self, text: str) -> str:
        """A type in parentheses: "struct foo *"."""
        found = specifiers(text, 0)
        if found is None:
            return one_space(text.strip())
        return f"{found[0]} {one_space(text[found[1]:].strip())}".strip()

    def shape(self, start: int, end: int) -> Operand | None:
        code = self.code[start:end].rstrip()
        return shape(code, None if self.same else self.text[start:start + len(code)])

    def values(self, start: int, end: int) -> Values:
        code = self.code[start:end].rstrip()
        return values(code, None if self.same else self.text[start:start + len(code)], self.local)

    def known_type(self, name: str | None) -> str | None:
        return None if name is None else self.types.get(name) or self.file_types.get(name)
