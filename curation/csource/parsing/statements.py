"""Which calls, assignments and returns do statements hold? One pass over brackets and the names before them.

The pass keeps a stack of open brackets (context.py). What lies between two events is only sliced, and its meaning is remembered by its text
(operands.py, declarators.py), since code repeats itself. No syntax tree: a macro without `;`, a type among arguments or a broken
statement costs nothing beyond itself.

>>> one = FileFacts("a.c"); code = "p->go(1); x = f;"
>>> statement_parser(FileText("a.c", code, code, []), Scope(), one).parse(0), [c.callee for c in one.calls], [u.name for u in one.uses]
(16, ['p->go'], ['f'])

Not covered: digraphs; macros that open or close brackets; calls inside sizeof, typeof and asm.
"""
from __future__ import annotations

import re
from collections.abc import Callable

from curation.csource.facts.model import FileFacts, Operand
from curation.csource.lexing.alternatives import Alternatives, ElementPositions
from curation.csource.lexing.brackets import MAX_DEPTH, closing
from curation.csource.parsing.assignments import AssignmentParser
from curation.csource.parsing.calls import RESULT, CallParser
from curation.csource.parsing.context import BLOCK, CALL, CONTROL, INIT, PAREN, FileText, Frame, Scope, postfix
from curation.csource.parsing.declarators import TYPE_IN_PARENS, type_name
from curation.csource.parsing.local_declarations import MAY_DECLARE, LocalDeclarationParser
from curation.csource.parsing.structs import StructParser
from curation.csource.parsing.tokens import MAX_TEXT

_CHAIN = r"[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\s*\[[^\][(){};,=]*\])*+"
_EVENT = re.compile(  # first what is no event: other characters, numbers, operators, names that nothing of interest follows
    r"(?:[^A-Za-z_(){};,=!\d.+\-*/%&|^<>]++|\d[\w.]*+|\+\+|--|-(?!>)=?+|(?:[+*/%&|^]|<<?|>>?)=?+|\.(?!\s*[A-Za-z_])|!(?!=)"
    rf"|(?!return\b)(?:->\s*|\.\s*)?+(?>{_CHAIN})(?!\s*(?:\(|!?=)))*+"
    r"(?:return\b\s*()"  # 1
    # 2 it goes on; 3 names; 4 call; 5 and 6 its arguments and end, where no bracket and no operator with `=` is in it
    rf"|((?:->|\.)\s*)?+((?>{_CHAIN}))\s*(?:(\()\s*(?:([^(){{}};=]*+)(\)))?+"
    r"|(=)(?!=)\s*|([=!]=)\s*)"  # 7 assignment, 8 comparison
    rf"|(\()\s*|(\))|(\{{)\s*|(\}})|(;)(?:{MAY_DECLARE}())?+|(,)\s*|([=!]=)\s*|(=)\s*|[^;]|\Z)",  # 9 to 17; 14 if a declaration can follow
    re.ASCII,
)
_RETURN, _CALL, _WHOLE, _SET, _COMPARE, _OPEN, _CLOSE, _BRACE, _END_BRACE, _END, _END_BEFORE, _COMMA, _EQUAL, _EQUALS = 1, 4, *range(6, 18)
_PASSED_OVER = frozenset(  # what stands in their parentheses is not run
    "sizeof typeof __typeof__ __typeof __alignof__ __alignof _Alignof alignof offsetof __attribute__ __attribute _Generic asm __asm__ "
    "__asm volatile __volatile__".split()
)
_NUMBERS = re.compile(r"""\{(?:\s*+(?:[-+~]?\.?\d[\w.]*+|"\s*"|'[^'\n]*')\s*+,?+)*+\s*+\}""", re.ASCII)
_FLAT = re.compile(r"\{(?:[^(){};=!]++|[=!](?!=))*+\}", re.ASCII)
_ARGUMENT = re.compile(r"\s*[\w&*\"']", re.ASCII)
_FAR = 4000  # characters from where a declarator begins to its `=`: what is damaged would be read again at each
_ALONE = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def statement_parser(text: FileText, scope: Scope, facts: FileFacts, structs: StructParser | None = None) -> StatementParser:
    """With the parsers that it needs."""
    assignments = AssignmentParser(text, scope, facts)
    local = LocalDeclarationParser(text, scope, facts, assignments, structs if structs is not None else StructParser(text, facts))
    return StatementParser(text, assignments, CallParser(text, scope, facts, assignments), local, Alternatives(facts.conditions))


class StatementParser:
    """One pass at a time. stack: the open brackets, `top` the innermost. skip: events before this offset are passed over, since something
    that was parsed as a whole stands there. single: the pass ends with one declaration or statement. unclosed: a pass came to the end of
    the file before its block did."""

    def __init__(
        self, text: FileText, assignments: AssignmentParser, calls: CallParser, local: LocalDeclarationParser, alternatives: Alternatives,
    ) -> None:
        self.text, self.assignments, self.calls, self.local, self.alternatives = text, assignments, calls, local, alternatives
        self.unclosed = False
        self.code = text.code
        self.stack: list[Frame] = []
        self.top = self.base = Frame(BLOCK, 0)
        self.skip = self.limit = 0
        self.single = False
        self.restarts = False  # the pass goes on where a handler says, not behind the event
        self.initializer: tuple[Operand, str] | None = None  # of the brace list that comes next

    def parse(self, start: int, stop: int | None = None, spec: str | None = None, static: bool = False, single: bool = False) -> int:
        """Parses from `start` to the brace that closes the block begun before it, or to `stop`; with `single` to the `;` of one declaration
        or statement. spec: the type of a declaration whose declarators begin at `start`. The offset after what was parsed."""
        code = self.code = self.text.code
        top = self.top = self.base = Frame(BLOCK, start)
        self.stack = [top]
        self.limit = len(code) if stop is None else stop
        self.single = single
        if spec is not None:
            top.spec, top.at, top.static, top.extern = spec, start, static, False
            self.skip = start
        elif single:
            self.skip = start
        else:
            self.skip = self.local.begin(top, start)
        end = self._events(start)
        for frame in self.stack[1:]:
            if frame.kind == CALL:
                self.calls.calls[frame.slot] = None
        self.calls.finish()
        self.initializer = None
        return end

    def _events(self, start: int) -> int:
        """Hands each event to its handler, which tells the offset where the pass ends, or goes on from, or None."""
        code, limit, handlers = self.code, self.limit, _HANDLERS
        while True:
            for found in _EVENT.finditer(code, start, limit):
                event = found.lastindex
                if event is None:
                    continue
                at = found.start(event)
                if at < self.skip:
                    continue
                end = handlers[event](self, found, at)
                if end is None:
                    continue
                if not self.restarts:
                    return end
                self.restarts = False
                start = end
                break
            else:
                break
        if limit == len(code):
            self.unclosed = True
        if self.top.pending:
            self.assignments.flush(self.top, limit)
        return limit

    def _push(self, frame: Frame) -> int | None:
        self.stack.append(frame)
        if len(self.stack) > MAX_DEPTH:
            return self.limit
        self.top = frame
        return None

    def _between_statements(self) -> bool:
        top = self.top
        return top.kind == BLOCK and top.spec is None and not top.pending

    # ---- handlers of events: each gets the match and the offset of its group

    def _comma(self, found: re.Match[str], at: int) -> None:
        top = self.top
        kind = top.kind
        if kind == CALL:
            if top.pending:
                self.assignments.flush(top, at)
            top.args.append(found.end())
        elif kind == INIT:
            self.assignments.element(top, at)
            top.at = found.end()
        elif top.spec is not None:
            self.local.end_declarator(top, at)
            top.at = found.end()
        elif top.pending:
            self.assignments.flush(top, at)

    def _whole_call(self, found: re.Match[str], at: int) -> None:
        """`name(a, b)` with no bracket among its arguments; `at` is its `)`."""
        top = self.top
        if (top.spec is not None and not top.pending) or (name := found.group(3)) in _PASSED_OVER:
            return
        if found.start(4) < self.skip or not self.calls.whole(top, found, name):
            return
        if top.kind == CALL:
            self._own_comma(at)
        elif top.kind == BLOCK and top.spec is None and not top.pending and not self.code.startswith(";", at + 1):
            self.skip = max(self.skip, self.local.after_macro(top, at + 1))

    def _own_comma(self, close: int) -> None:
        """`f(IF_X(a,) b)`: the macro brings its comma."""
        if self.code[close - 1] == "," and _ARGUMENT.match(self.code, close + 1) is not None:
            self.top.args.append(close + 1)

    def _call(self, found: re.Match[str], at: int) -> int | None:
        """`name(`"""
        top = self.top
        if (top.spec is not None and not top.pending) or found.group(3) in _PASSED_OVER:
            self.skip = self.text.past(at)
            return None
        frame = self.calls.opened_by_name(top, found)
        ended = self._push(frame)
        if ended is None and frame.kind == CONTROL and self.code.startswith("for", frame.head):
            self.skip = self.local.begin(frame, found.end())
        return ended

    def _open(self, found: re.Match[str], at: int) -> int | None:
        """`(` that no name stands before"""
        top = self.top
        if top.spec is not None and not top.pending:
            self.skip = self.text.past(at)
            return None
        return self._push(self.calls.opened_alone(at, found.end()))

    def _close(self, found: re.Match[str], at: int) -> None:
        """`)`"""
        closed, stack = self.top, self.stack
        if closed.kind == BLOCK or closed.kind == INIT or len(stack) == 1:
            return
        stack.pop()
        self.calls.close(closed, at)
        top = self.top = stack[-1]
        if closed.kind != CALL:
            return
        if top.kind == CALL:
            self._own_comma(at)
        elif top.kind == BLOCK and top.spec is None and not top.pending and self.code[at + 1:at + 2] != ";":
            self.skip = max(self.skip, self.local.after_macro(top, at + 1))

    def _end(self, found: re.Match[str], at: int) -> int | None:
        """`;`"""
        top = self.top
        if top.spec is not None:
            self.local.end_declarator(top, at)
            top.spec = None
        elif top.pending:
            self.assignments.flush(top, at)
        return at + 1 if self.single and top is self.base and top.kind == BLOCK else None

    def _end_before_declaration(self, found: re.Match[str], at: int) -> int | None:
        """`;`, after which a declaration can begin"""
        at = found.start(_END)
        if at < self.skip:
            return None
        end = self._end(found, at)
        if end is None and self.top.kind == BLOCK:
            self.skip = self.local.begin(self.top, at + 1)
        return end

    def _brace(self, found: re.Match[str], at: int) -> int | None:
        """`{`"""
        frame = self._brace_frame(at, found.end())
        if frame.kind == INIT and (flat := _FLAT.match(self.code, at, self.limit)) is not None and "return" not in flat.group():
            end = flat.end()
            if not _NUMBERS.fullmatch(self.code, at, end):
                self.assignments.elements(frame, found.end(), end - 1)
            if self._between_statements():
                self.skip = self.local.begin(self.top, end)
            self.restarts = True
            return end
        ended = self._push(frame)
        if ended is None and frame.kind == BLOCK:
            self.skip = self.local.begin(frame, at + 1)
        return ended

    def _end_brace(self, found: re.Match[str], at: int) -> int | None:
        """`}`: also ends what was left open within."""
        stack, top = self.stack, self.top
        while top.kind != BLOCK and top.kind != INIT:
            stack.pop()
            if top.kind == CALL:
                self.calls.calls[top.slot] = None
            top = self.top = stack[-1]
        if top.spec is not None and top.kind == BLOCK:
            self.local.end_declarator(top, at)
        elif top.pending:
            self.assignments.flush(top, at)
        if top is self.base:
            return at + 1
        stack.pop()
        if top.kind == INIT:
            self.assignments.element(top, at)
        self.top = stack[-1]
        if self._between_statements():
            self.skip = self.local.begin(self.top, at + 1)
        return None

    def _return(self, found: re.Match[str], at: int) -> None:
        if not self.code.startswith(";", found.end()):
            self.top.wait(("return", RESULT, found.end(), None))

    def _named_comparison(self, found: re.Match[str], at: int) -> None:
        self.assignments.comparison(found, True)

    def _comparison(self, found: re.Match[str], at: int) -> None:
        self.assignments.comparison(found, False)

    def _named_assignment(self, found: re.Match[str], at: int) -> None:
        """`=` after a name, or after what goes on before it"""
        if self.top.kind != INIT:
            self._assignment(at, found.end(), found.start(3) if found.start(2) < 0 else None)

    def _other_assignment(self, found: re.Match[str], at: int) -> None:
        """`=` after something else"""
        if self.top.kind != INIT:
            self._assignment(at, found.end(), None)

    # ---- brace lists

    def _brace_frame(self, at: int, inside: int) -> Frame:
        """The frame of a brace: a block, or a list of initializers."""
        text, code, top = self.text, self.code, self.top
        if self.initializer is not None:
            left, kind = self.initializer
            self.initializer = None
            return self._list(at, inside, left, kind, ())
        previous = text.before(at)
        char = code[previous] if previous >= 0 else ""
        if char == ")":
            closed, begin = self.calls.closed.get(previous, (CONTROL, 0))
            typed = code[begin + 1:previous]
            if closed == PAREN and (TYPE_IN_PARENS.match(typed) or _ALONE.match(typed.strip())):  # `(struct s) {`
                kind = type_name(typed)
                close = closing(code, at)
                shown = text.shown(begin, close + 1 if close is not None else at)
                return self._list(at, inside, Operand(shown, None, (), False, kind), kind, ())
            if top.kind != INIT:
                return Frame(BLOCK, at)
        if top.kind == INIT:
            steps, _, shown = self.assignments.designators(top, code[top.at:at])
            top.nested = True
            left = Operand((top.left.text + shown)[:MAX_TEXT], top.left.base, (), False, top.left.cast)
            return self._list(at, inside, left, top.type, top.path + steps)
        if char == "=":
            return self._list(at, inside, Operand("", None), "", ())
        return Frame(BLOCK, at)

    def _list(self, at: int, inside: int, left: Operand, kind: str, path: tuple[str, ...]) -> Frame:
        frame = Frame(INIT, at)
        frame.left, frame.type, frame.path, frame.position, frame.nested, frame.at = left, kind, path, 0, False, inside
        frame.positions = ElementPositions(self.alternatives, self.text.line(at)) if self.alternatives else None
        return frame

    # ---- assignments

    def _assignment(self, equals: int, value: int, name: int | None) -> None:
        """`=` was met: a declared variable gets its value, or a place does; the value's end is seen later. value: where the value begins;
        name: where the name before the `=` begins, if that is all of the left side."""
        top = self.top
        kind, struct = "assignment", None
        if top.spec is not None and not top.pending:
            declared = self.local.declare(top, equals) if equals - top.at < _FAR else None
            if declared is None:
                return
            left, struct = declared
            kind = "initializer"
        else:
            begin = self._with_prefixes(name if name is not None else self._left_start(equals))
            if top.pending:
                self.calls.end_line(top, begin)
            place = self.text.place(begin, equals)
            if place is None:
                field = self.code[begin + 1:equals].strip()
                if self.code[begin] != "." or self.text.pinned is not None or not field.isidentifier():
                    return
                place = Operand(f".{field}", None, (field,))  # `.open = f` that a macro puts into braces
            left = place
        if kind == "initializer" and self.code.startswith("{", value):
            self.initializer = (left, struct or "")
            top.at = -1
            return
        top.wait((kind, left, value, struct))

    def _left_start(self, equals: int) -> int:
        """Where the left side of an assignment begins, as far as it has no prefixes."""
        at = self.text.before(equals)
        end = at - 1 if at > 0 and self.code[at - 1:at + 1] in ("++", "--") else equals
        return postfix(self.text, self.calls.closed, end)

    def _with_prefixes(self, begin: int) -> int:
        """Where the left side of an assignment begins: casts, `*`, `++` and `--` stand before it (`*(type *)p = x`)."""
        code, before = self.code, self.text.before
        previous = before(begin)
        while previous >= 0:
            if code[previous] == ")":
                kind, start = self.calls.closed.get(previous, (CONTROL, 0))
                if kind != PAREN or TYPE_IN_PARENS.match(code[start + 1:previous]) is None:
                    break
                begin = start
            elif code[previous] == "*":
                begin = previous
            elif code[previous - 1:previous + 1] in ("++", "--"):
                begin = previous - 1
            else:
                break
            previous = before(begin)
        return begin


_Handler = Callable[[StatementParser, re.Match[str], int], int | None]
_HANDLER_OF: dict[int, _Handler] = {
    _RETURN: StatementParser._return, _CALL: StatementParser._call, _WHOLE: StatementParser._whole_call,
    _SET: StatementParser._named_assignment, _EQUALS: StatementParser._other_assignment,
    _COMPARE: StatementParser._named_comparison, _EQUAL: StatementParser._comparison,
    _OPEN: StatementParser._open, _CLOSE: StatementParser._close, _BRACE: StatementParser._brace, _END_BRACE: StatementParser._end_brace,
    _END: StatementParser._end, _END_BEFORE: StatementParser._end_before_declaration, _COMMA: StatementParser._comma,
}
_HANDLERS = [_HANDLER_OF.get(event, StatementParser._comparison) for event in range(18)]
