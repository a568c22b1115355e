"""Which calls, assignments and returns do statements hold? One pass over brackets and the names before them.

The pass keeps a stack of open brackets (frames). What lies between two events is only sliced, and its meaning is remembered by its text
(operands.py, declarations.py), since code repeats itself. No syntax tree: a macro without `;`, a type among arguments or a broken
statement costs nothing beyond itself.

>>> one = FileFacts("a.c"); code = "p->go(1); x = f;"
>>> Reader(one, code, code, []).statements(0); [c.callee for c in one.calls], [u.name for u in one.uses]
16
(['p->go'], ['f'])

Not covered: digraphs; macros that open or close brackets; calls inside sizeof, typeof and asm.
"""
from __future__ import annotations

import re

from curation.csource.facts.model import Operand
from curation.csource.lexing.alternatives import Positions
from curation.csource.lexing.keywords import BUILTIN, STORAGE, TAGS
from curation.csource.parsing.assignments import TYPE_IN_PARENS
from curation.csource.parsing.declarators import closing
from curation.csource.parsing.local_declarations import MAY, LocalReader
from curation.csource.parsing.operands import MAX_TEXT
from curation.csource.parsing.positions import BLOCK, CALL, CONTROL, INIT, PAREN, Frame

MAX_DEPTH = 1500  # nested brackets; real code stays under 100, generated tables under 300

_CHAIN = r"[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\s*\[[^\][(){};,=]*\])*+"
_EVENT = re.compile(  # first what is no event: other characters, numbers, operators, names that nothing of interest follows
    r"(?:[^A-Za-z_(){};,=!\d.+\-*/%&|^<>]++|\d[\w.]*+|\+\+|--|-(?!>)=?+|(?:[+*/%&|^]|<<?|>>?)=?+|\.(?!\s*[A-Za-z_])|!(?!=)"
    rf"|(?!return\b)(?:->\s*|\.\s*)?+(?>{_CHAIN})(?!\s*(?:\(|!?=)))*+"
    r"(?:return\b\s*()"  # 1
    # 2 it goes on; 3 names; 4 call; 5 and 6 its arguments and end, where no bracket and no operator with `=` is in it
    rf"|((?:->|\.)\s*)?+((?>{_CHAIN}))\s*(?:(\()\s*(?:([^(){{}};=]*+)(\)))?+"
    r"|(=)(?!=)\s*|([=!]=)\s*)"  # 7 assignment, 8 comparison
    rf"|(\()\s*|(\))|(\{{)\s*|(\}})|(;)(?:{MAY}())?+|(,)\s*|([=!]=)\s*|(=)\s*|[^;]|\Z)",  # 9 to 17; 14 if a declaration can follow
    re.ASCII,
)
_RETURN, _CALL, _WHOLE, _SET, _COMPARE, _OPEN, _CLOSE, _BRACE, _END_BRACE, _END, _END_BEFORE, _COMMA, _EQUAL, _EQUALS = 1, 4, *range(6, 18)
_PASSED_OVER = frozenset(  # what stands in their parentheses is not run
    "sizeof typeof __typeof__ __typeof __alignof__ __alignof _Alignof alignof offsetof __attribute__ __attribute _Generic asm __asm__ "
    "__asm volatile __volatile__".split()
)
_CONTROL_WORDS = frozenset("if while for switch".split())
_NO_CALL = frozenset(BUILTIN | TAGS | STORAGE | {"else", "do", "case", "goto", "const", "defined", "return", "restrict"})
_NUMBERS = re.compile(r"""\{(?:\s*+(?:[-+~]?\.?\d[\w.]*+|"\s*"|'[^'\n]*')\s*+,?+)*+\s*+\}""", re.ASCII)
_FLAT = re.compile(r"\{(?:[^(){};=!]++|[=!](?!=))*+\}", re.ASCII)
_ARGUMENT = re.compile(r"\s*[\w&*\"']", re.ASCII)
_POINTER = re.compile(r"(?:[A-Za-z_]\w*+\s++)?\*", re.ASCII)
_RETURNED = re.compile(r"(?<!\w)return\b\s*", re.ASCII)
_FAR = 4000  # characters from where a declarator begins to its `=`: what is damaged would be read again at each
_ALONE = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


class Reader(LocalReader):
    """Reads statements of one file's prepared code into its facts."""

    # ---- the pass

    def statements(self, start: int, stop: int | None = None, spec: str | None = None, static: bool = False, single: bool = False) -> int:
        """Reads from `start` to the brace that closes the block begun before it, or to `stop`; with `single` to the `;` of one declaration
        or statement. spec: the type of a declaration whose declarators begin at `start`. The offset after what was read."""
        code = self.code
        top = Frame(BLOCK, start)
        stack = [top]
        limit = len(code) if stop is None else stop
        if spec is not None:
            top.spec, top.at, top.static, top.extern = spec, start, static, False
            skip = start
        elif single:
            skip = start
        else:
            skip = self.declaration(top, start)
        end = self._events(stack, start, limit, skip, single)
        for frame in stack[1:]:
            if frame.kind == CALL:
                self.calls[frame.slot] = None
        self.facts.calls += [call for call in self.calls if call is not None]
        self.calls.clear()
        self.closed.clear()
        self.initializer = None
        return end

    def _events(self, stack: list[Frame], start: int, limit: int, skip: int, single: bool) -> int:  # noqa: C901 (the one hot loop)
        code = self.code
        top = stack[-1]
        base = top
        while True:
            for found in _EVENT.finditer(code, start, limit):
                event = found.lastindex
                if event is None:
                    continue
                at = found.start(event)
                if at < skip:
                    continue
                if event == _COMMA:
                    kind = top.kind
                    if kind == CALL:
                        if top.pending:
                            self.flush(top, at)
                        top.args.append(found.end())
                    elif kind == INIT:
                        self.element(top, at)
                        top.at = found.end()
                    elif top.spec is not None:
                        self.declared(top, at)
                        top.at = found.end()
                    elif top.pending:
                        self.flush(top, at)
                elif event == _WHOLE:
                    if (top.spec is not None and not top.pending) or (name := found.group(3)) in _PASSED_OVER:
                        continue
                    if found.start(4) < skip or not self._whole(top, found, name):
                        continue
                    if top.kind == CALL:
                        if code[at - 1] == "," and _ARGUMENT.match(code, at + 1) is not None:
                            top.args.append(at + 1)  # `f(IF_X(a,) b)`: the macro brings its comma
                    elif top.kind == BLOCK and top.spec is None and not top.pending and not code.startswith(";", at + 1):
                        skip = max(skip, self.after_macro(top, at + 1))
                elif event == _CALL:
                    if (top.spec is not None and not top.pending) or found.group(3) in _PASSED_OVER:
                        skip = self.past(at)
                        continue
                    frame = self._call(top, found)
                    stack.append(frame)
                    if len(stack) > MAX_DEPTH:
                        return limit
                    top = frame
                    if frame.kind == CONTROL and code.startswith("for", frame.head):
                        skip = self.declaration(frame, found.end())
                elif event == _CLOSE:
                    if top.kind == BLOCK or top.kind == INIT or len(stack) == 1:
                        continue
                    stack.pop()
                    self.close(top, at)
                    closed = top
                    top = stack[-1]
                    if top.kind == CALL == closed.kind and code[at - 1] == "," and _ARGUMENT.match(code, at + 1) is not None:
                        top.args.append(at + 1)  # `f(IF_X(a,) b)`: the macro brings its comma
                    elif closed.kind == CALL and top.kind == BLOCK and top.spec is None and not top.pending and code[at + 1:at + 2] != ";":
                        skip = max(skip, self.after_macro(top, at + 1))
                elif event == _END or event == _END_BEFORE:
                    at = found.start(_END)
                    if at < skip:
                        continue
                    if top.spec is not None:
                        self.declared(top, at)
                        top.spec = None
                    elif top.pending:
                        self.flush(top, at)
                    if top.kind == BLOCK:
                        if single and top is base:
                            return at + 1
                        if event == _END_BEFORE:
                            skip = self.declaration(top, at + 1)
                elif event == _OPEN:
                    if top.spec is not None and not top.pending:
                        skip = self.past(at)
                        continue
                    top = self._open(top, at, found.end())
                    stack.append(top)
                    if len(stack) > MAX_DEPTH:
                        return limit
                elif event == _SET or event == _EQUALS:
                    self.assignment(top, found, event)
                elif event == _BRACE:
                    frame = self._brace(top, at, found.end())
                    if frame.kind == INIT and (flat := _FLAT.match(code, at, limit)) is not None and "return" not in flat.group():
                        start = flat.end()
                        if not _NUMBERS.fullmatch(code, at, start):
                            self.elements(frame, found.end(), start - 1)
                        if top.kind == BLOCK and top.spec is None and not top.pending:
                            skip = self.declaration(top, start)
                        break
                    stack.append(frame)
                    top = frame
                    if len(stack) > MAX_DEPTH:
                        return limit
                    if top.kind == BLOCK:
                        skip = self.declaration(top, at + 1)
                elif event == _END_BRACE:
                    while top.kind != BLOCK and top.kind != INIT:
                        stack.pop()
                        if top.kind == CALL:
                            self.calls[top.slot] = None
                        top = stack[-1]
                    if top.spec is not None and top.kind == BLOCK:
                        self.declared(top, at)
                    elif top.pending:
                        self.flush(top, at)
                    if top is base:
                        return at + 1
                    stack.pop()
                    if top.kind == INIT:
                        self.element(top, at)
                    top = stack[-1]
                    if top.kind == BLOCK and top.spec is None and not top.pending:
                        skip = self.declaration(top, at + 1)
                elif event == _RETURN:
                    if not code.startswith(";", found.end()):
                        pending = ("return", _RESULT, found.end(), None)
                        if top.pending is None:
                            top.pending = [pending]
                        else:
                            top.pending.append(pending)
                else:
                    self.comparison(found, event == _COMPARE)
            else:
                break
        if limit == len(code):
            self.unclosed = True
        if top.pending:
            self.flush(top, limit)
        return limit

    def _whole(self, top: Frame, found: re.Match[str], name: str) -> bool:
        """`name(a, b)` with no bracket among its arguments; tells whether it is a call."""
        head, opened, inside, close = found.start(3), found.start(4), found.start(5), found.start(6)
        if "return" in self.code[inside:close]:
            self._returned(inside, close)
        if found.start(2) >= 0 or not name.isidentifier():
            frame = self._call(top, found)
            frame.args = self._commas(inside, close)
            self.close(frame, close)
            return frame.kind == CALL
        if name in _CONTROL_WORDS:
            self.closed[close] = CONTROL, opened
        elif name in _NO_CALL or (_POINTER.match(self.code, inside) is not None and self._function_type(head, opened)):
            self.closed[close] = PAREN, opened
        else:
            self._begins(top, head)
            self.closed[close] = CALL, head
            self.named(name, head, opened, inside, close)
            return True
        return False

    def _commas(self, at: int, stop: int) -> list[int]:
        """Where arguments begin that hold no brackets."""
        begins = [at]
        while (at := self.code.find(",", at, stop) + 1) > 0:
            begins.append(self.following(at))
        return begins

    def _returned(self, start: int, stop: int) -> None:
        """What a statement that is a macro's argument returns."""
        for found in _RETURNED.finditer(self.code, start, stop):
            frame = Frame(PAREN, start)
            frame.pending = [("return", _RESULT, found.end(), None)]
            comma = self.code.find(",", found.end(), stop)
            self.flush(frame, comma if comma >= 0 else stop)

    def _call(self, top: Frame, found: re.Match[str]) -> Frame:
        """The frame of what `name(` opens."""
        code = self.code
        opened = found.start(4)
        head = found.start(3)
        inside = found.end() if found.start(5) < 0 else found.start(5)
        if found.start(2) < 0:
            name = found.group(3)
            if name in _CONTROL_WORDS:
                return Frame(CONTROL, opened, head)
            if name in _NO_CALL or (_POINTER.match(code, inside) is not None and self._function_type(head, opened)):
                return Frame(PAREN, opened, opened)
        else:
            head = self.postfix(opened)
        self._begins(top, head)
        frame = Frame(CALL, opened, head)
        frame.args = [inside]
        frame.slot = len(self.calls)
        self.calls.append(None)
        return frame

    def _begins(self, top: Frame, head: int) -> None:
        """A call begins in a frame."""
        if top.pending:
            self._unended(top, head)
        elif top.kind == INIT and self.code[(at := self.before(head))] == ")" and self.closed.get(at, (PAREN, 0))[0] == CALL:
            self.element(top, at + 1)  # `FIRST(a) SECOND(b)`: macros that bring their own commas
            top.at = head

    def _function_type(self, head: int, opened: int) -> bool:
        """Whether `name(*` is a type, as in `(name (*)(int))x`."""
        at = self.before(head)
        close = closing(self.code, opened, 200)
        return at >= 0 and self.code[at] == "(" and close is not None and self.code.startswith("(", close + 1)

    def _open(self, top: Frame, at: int, inside: int) -> Frame:
        """The frame of a parenthesis that no name stands before: of a group, a cast, or a call of what ended before it."""
        previous = self.before(at)
        char = self.code[previous] if previous >= 0 else ""
        head = at
        if char == "]":
            head = self.postfix(at)
        elif char == ")":
            kind, begin = self.closed.get(previous, (CONTROL, at))
            if kind == CALL or (kind == PAREN and TYPE_IN_PARENS.match(self.code[begin + 1:previous]) is None):
                head = self.postfix(at)
        if head == at:
            return Frame(PAREN, at, at)
        frame = Frame(CALL, at, head)
        frame.args = [inside]
        frame.slot = len(self.calls)
        self.calls.append(None)
        return frame

    def _brace(self, top: Frame, at: int, inside: int) -> Frame:
        """The frame of a brace: a block, or a list of initializers."""
        code = self.code
        if self.initializer is not None:
            left, kind = self.initializer
            self.initializer = None
            return self._list(at, inside, left, kind, ())
        previous = self.before(at)
        char = code[previous] if previous >= 0 else ""
        if char == ")":
            closed, begin = self.closed.get(previous, (CONTROL, 0))
            if closed == PAREN and (TYPE_IN_PARENS.match(code[begin + 1:previous]) or _ALONE.match(code[begin + 1:previous].strip())):
                kind = self.descriptor(code[begin + 1:previous])
                close = closing(code, at)
                text = self.flat(begin, close + 1 if close is not None else at)
                return self._list(at, inside, Operand(text, None, (), False, kind), kind, ())
            if top.kind != INIT:
                return Frame(BLOCK, at)
        if top.kind == INIT:
            steps, _, shown = self.designators(top, code[top.at:at])
            top.nested = True
            left = Operand((top.left.text + shown)[:MAX_TEXT], top.left.base, (), False, top.left.cast)
            return self._list(at, inside, left, top.type, top.path + steps)
        if char == "=":
            return self._list(at, inside, Operand("", None), "", ())
        return Frame(BLOCK, at)

    def _list(self, at: int, inside: int, left: Operand, kind: str, path: tuple[str, ...]) -> Frame:
        frame = Frame(INIT, at)
        frame.left, frame.type, frame.path, frame.position, frame.nested, frame.at = left, kind, path, 0, False, inside
        frame.positions = Positions(self.alternatives, self.line(at)) if self.alternatives else None
        return frame

    # ---- values

    def assignment(self, top: Frame, found: re.Match[str], event: int) -> None:
        """`=` was met: a declared variable gets its value, or a place does; the value's end is seen later."""
        code = self.code
        if top.kind == INIT:
            return
        equals = found.start(event)
        kind, struct = "assignment", None
        if top.spec is not None and not top.pending:
            made = self.declare(top, equals) if equals - top.at < _FAR else None
            if made is None:
                return
            left, struct = made
            kind = "initializer"
        else:
            begin = found.start(3) if event == _SET and found.start(2) < 0 else self._left(equals)
            previous = self.before(begin)
            while previous >= 0:
                if code[previous] == ")":  # `*(type *)p = x`
                    kind_of, start = self.closed.get(previous, (CONTROL, 0))
                    if kind_of != PAREN or TYPE_IN_PARENS.match(code[start + 1:previous]) is None:
                        break
                    begin = start
                elif code[previous] == "*":
                    begin = previous
                elif code[previous - 1:previous + 1] in ("++", "--"):
                    begin = previous - 1
                else:
                    break
                previous = self.before(begin)
            if top.pending:
                self._unended(top, begin)
            place = self.shape(begin, equals)
            if place is None:
                if code[begin] != "." or self.pinned is not None or not (named := code[begin + 1:equals].strip()).isidentifier():
                    return
                place = Operand(f".{named}", None, (named,))  # `.open = f` that a macro puts into braces
            left = place
        if code.startswith("{", found.end()) and kind == "initializer":
            self.initializer = (left, struct or "")
            top.at = -1
            return
        pending = (kind, left, found.end(), struct)
        if top.pending is None:
            top.pending = [pending]
        else:
            top.pending.append(pending)

    def _unended(self, top: Frame, begin: int) -> None:
        """`x = MACRO(a)` without `;` ends where the next line begins."""
        at = self.before(begin)
        if at >= 0 and self.code[at] == ")" and "\n" in self.code[at:begin] and self.closed.get(at, (PAREN, 0))[0] == CALL:
            self.flush(top, at + 1)

    def _left(self, equals: int) -> int:
        """Where the left side of an assignment begins, as far as it has no prefixes."""
        at = self.before(equals)
        if at > 0 and self.code[at - 1:at + 1] in ("++", "--"):
            return self.postfix(at - 1)
        return self.postfix(equals)


_RESULT = Operand("return")
