"""Which calls, assignments, returns and local declarations do statements hold? One pass over brackets and the names before them.

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

from curation.csource.annotations import cleaned, without_attributes
from curation.csource.declarations import TYPE, closing, declarator, parameters
from curation.csource.facts import Operand, Prototype, Variable
from curation.csource.operands import MAX_TEXT
from curation.csource.places import BLOCK, CALL, CONTROL, INIT, PAREN, Frame
from curation.csource.stores import TYPE_IN_PARENS, Stores
from curation.csource.words import BUILTIN, QUALIFIERS, STORAGE, TAGS, macro_like, one_space

MAX_DEPTH = 1500  # nested brackets; real code stays under 100, generated tables under 300

_CHAIN = r"[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\s*\[[^\][(){};,=]*\])*+"
_EVENT = re.compile(  # first what is no event: other characters, numbers, operators, names that nothing of interest follows
    r"(?:[^A-Za-z_(){};,=!\d.+\-*/%&|^<>]++|\d[\w.]*+|\+\+|--|-(?!>)=?+|(?:[+*/%&|^]|<<?|>>?)=?+|\.(?!\s*[A-Za-z_])|!(?!=)"
    rf"|(?!return\b)(?:->\s*|\.\s*)?+(?>{_CHAIN})(?!\s*(?:\(|!?=)))*+"
    r"(?:return\b\s*()"  # 1
    rf"|((?:->|\.)\s*)?+((?>{_CHAIN}))\s*(?:(\()|(=)(?!=)|([=!]=))\s*"  # 2 it goes on; 3 names; 4 call, 5 assignment, 6 comparison
    r"|(\()\s*|(\))|(\{)\s*|(\})|(;)|(,)\s*|([=!]=)\s*|(=)\s*|[^;]|\Z)"  # 7 to 14
)
_RETURN, _CALL, _SET, _COMPARE, _OPEN, _CLOSE, _BRACE, _END_BRACE, _END, _COMMA, _EQUAL, _EQUALS = 1, *range(4, 15)
_STATEMENT_WORDS = "return|goto|else|case|do|break|continue|default|if|while|for|switch|sizeof|typedef|asm|__asm__|__asm"
_LOCAL = re.compile(  # a declaration: storage, 1 type, then declarators that begin with 2 a name and 3 what follows it, or are 4 a pointer
    rf"\s*+(?!(?:{_STATEMENT_WORDS})\b){TYPE}(?:\s*+(?=\*)|\s++|(?=\())"
    r"(?=(?:\*|\bconst\b|\bvolatile\b|\brestrict\b|\b__restrict\b|\s)*+([A-Za-z_]\w*+)\s*+([=;,\[(*]|[A-Za-z_])"
    r"|(?:\*|\s)*+(\(\s*(?:[A-Za-z_]\w*\s+)?\*\s*\w*\s*(?:\[[^\]]*\]\s*)*\)\s*\())"
)
_MAY_DECLARE = re.compile(
    r"\s*+(?:([A-Za-z_]\w*+)\s*+(?=[A-Za-z_*{])|(?=[A-Za-z_]\w*+\s*\(\s*(?:\w+\s+)?\*)|"
    rf"(?=(?:{'|'.join(sorted(BUILTIN))})\s*\())"
)
_BEFORE_TAG = frozenset(TAGS | STORAGE | QUALIFIERS)
_MORE_WORDS = re.compile(r"\s*+(?:[A-Za-z_]\w*+\s*+)++(?:\(\([^;()]*+(?:\([^;()]*+\)[^;()]*+)?\)\)\s*)?[=;,\[]")
_TAGGED = re.compile(rf"\s*(?:(?:{'|'.join(sorted(STORAGE))}|const|volatile)\s+)*+(struct|union|enum)\b\s*([A-Za-z_]\w*)?[^;{{}}()=,]*\{{")
_PASSED_OVER = frozenset(  # what stands in their parentheses is not run
    "sizeof typeof __typeof__ __typeof __alignof__ __alignof _Alignof alignof offsetof __attribute__ __attribute _Generic asm __asm__ "
    "__asm volatile __volatile__".split()
)
_CONTROL_WORDS = frozenset("if while for switch".split())
_NO_CALL = frozenset(BUILTIN | TAGS | STORAGE | {"else", "do", "case", "goto", "const", "defined", "return", "restrict"})
_NUMBERS = re.compile(r"""\{(?:\s*+(?:[-+~]?\.?\d[\w.]*+|"\s*"|'[^'\n]*')\s*+,?+)*+\s*+\}""")
_ARGUMENT = re.compile(r"\s*[\w&*\"']")
_TYPED = re.compile(r"\b[A-Za-z_]\w*\s+\**\s*[A-Za-z_]|\*\s*[,)]|\b(?:void|int|char|long|unsigned)\b")
_POINTER = re.compile(r"(?:[A-Za-z_]\w*+\s++)?\*")
_POINTED = re.compile(r"\(\s*(?:[A-Za-z_]\w*\s+)?\*")
_ALONE = re.compile(r"[A-Za-z_]\w*\Z")
_CALL_LIKE = re.compile(r"\s*(?:\w+\s+)?\w+\s*\(")
_BLANK = " \t\n\r"


class Reader(Stores):
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
                if closed.kind == CALL and top.kind == BLOCK and top.spec is None and not top.pending:
                    skip = max(skip, self._after_macro(top, at + 1))
            elif event == _END:
                if top.spec is not None:
                    self.declared(top, at)
                    top.spec = None
                elif top.pending:
                    self.flush(top, at)
                if top.kind == BLOCK:
                    if single and top is base:
                        return at + 1
                    if not single or top is not base:
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
                top = self._brace(top, at, found.end())
                stack.append(top)
                if len(stack) > MAX_DEPTH:
                    return limit
                if top.kind == BLOCK:
                    skip = self.declaration(top, at + 1)
                elif (numbers := _NUMBERS.match(code, at)) is not None:
                    skip = numbers.end() - 1
                    top.nested = True
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
        if limit == len(code):
            self.unclosed = True
        if top.pending:
            self.flush(top, limit)
        return limit

    def _call(self, top: Frame, found: re.Match[str]) -> Frame:
        """The frame of what `name(` opens."""
        code = self.code
        opened = found.start(4)
        head = found.start(3)
        if found.start(2) < 0:
            name = found.group(3)
            if name in _CONTROL_WORDS:
                return Frame(CONTROL, opened, head)
            if name in _NO_CALL or (_POINTER.match(code, found.end()) is not None and self._function_type(head, opened)):
                return Frame(PAREN, opened, opened)
        else:
            head = self.postfix(opened)
        if top.kind == INIT and code[(at := self.before(head))] == ")" and self.closed.get(at, (PAREN, 0))[0] == CALL:
            self.element(top, at + 1)  # `FIRST(a) SECOND(b)`: macros that bring their own commas
            top.at = head
        frame = Frame(CALL, opened, head)
        frame.args = [found.end()]
        frame.slot = len(self.calls)
        self.calls.append(None)
        if top.pending:
            self._unended(top, head)
        return frame

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
        return frame

    # ---- declarations

    def declaration(self, top: Frame, start: int) -> int:
        """Begins a declaration where one stands at a statement's start; tells up to where events are to be passed over."""
        code = self.code
        quick = _MAY_DECLARE.match(code, start)
        if quick is None:
            return start
        found = _LOCAL.match(code, start)
        if found is None:
            if quick.group(1) == "typedef":
                return self.typedef(start)
            if quick.group(1) in _BEFORE_TAG and (tagged := _TAGGED.match(code, start)) is not None:
                return self.tagged(top, tagged)
            return start
        follow, pointer = found.group(3), found.group(4)
        kind_at = found.start(1)
        if (follow is None or follow not in "=;,[") and not self._declares(found, follow, pointer):
            return start
        top.spec = one_space(found.group(1))
        top.at = found.end()
        top.static = code.find("static", start, kind_at) >= 0
        top.extern = code.find("extern", start, kind_at) >= 0
        return found.end()

    def _declares(self, found: re.Match[str], follow: str | None, pointer: str | None) -> bool:
        """Whether what looks like `type name (`, `type name word` or `type (*name)(` declares."""
        code = self.code
        kind = found.group(1)
        basic = kind.split(None, 1)[0] in BUILTIN or kind.split(None, 1)[0] in TAGS
        if pointer is not None:
            second = code.index("(", code.index(")", found.start(4)))
            close = closing(code, second)
            return close is not None and (basic or self._declares_pointer(kind, second, close))
        if not basic and macro_like(kind) and "\n" in code[found.end(1):found.start(2)]:
            return False  # a macro statement without parentheses and `;`
        if follow == "*":  # `struct s __user *p`
            return macro_like(found.group(2))
        if follow == "(":
            close = closing(code, found.start(3))
            if close is not None and _POINTED.match(code, found.start(3)) and code.startswith("(", second := self.following(close + 1)):
                close = closing(code, second)  # `char *CALLED (*f)(int)`
                return close is not None and self._declares_pointer(kind, second, close)
            if close is not None and not basic and "*" not in code[found.end(1):found.start(2)]:
                empty = not code[found.start(3) + 1:close].strip()
                if macro_like(kind) if empty else _TYPED.search(code, found.start(3), close + 1) is None:
                    return False  # `NEXT next(x);`
            return close is not None and code[self.following(close + 1):self.following(close + 1) + 1] in (";", ",", "_")
        return _MORE_WORDS.match(code, found.start(2)) is not None

    def _declares_pointer(self, kind: str, opened: int, close: int) -> bool:
        """Whether `kind (*name)(...)`, with its parameters' brackets, declares: what calls a call's result looks the same."""
        after = self.code[self.following(close + 1):self.following(close + 1) + 1]
        if after in ("=", "["):
            return True
        given = self.code[opened + 1:close].strip()
        return after in (";", ",") and (not macro_like(kind) or not given or _TYPED.search(self.code, opened, close + 1) is not None)

    def tagged(self, top: Frame, found: re.Match[str]) -> int:
        """A struct that is defined in a function; the file's reader knows how."""
        return found.end()

    def typedef(self, start: int) -> int:
        """A typedef in a function; the file's reader knows how."""
        return start

    def _after_macro(self, top: Frame, after: int) -> int:
        """A declaration after a macro statement that has no `;`."""
        at = self.following(after)
        char = self.code[at:at + 1]
        if (char.isalpha() or char == "_") and "\n" in self.code[after:at]:
            return self.declaration(top, at)
        return after

    def declared(self, top: Frame, end: int) -> None:
        """Ends a declarator at `,`, `;` or `}`: with its value, or without one."""
        if top.pending:
            self.flush(top, end)
        elif top.at >= 0:
            self.declare(top, end)

    def declare(self, top: Frame, end: int) -> tuple[Operand, str] | None:
        """The variable (or function) whose declarator ends before an offset."""
        assert top.spec is not None
        start = top.at
        text = without_attributes(self.code[start:end])
        if not text.strip():
            return None
        found = declarator(text)
        if found is None or found.parameters is not None or "(" in found.rest and "(*" not in found.rest or macro_like(found.name):
            text = cleaned(f"int {text}", False)[4:]
            again = declarator(text)
            if again is not None and (found is None or again.name != found.name):
                found = again
            if found is None or (found.name.startswith("__") and text.strip() == found.name and top.at and self.code[start - 1] == "}"):
                return None
        offset = start + found.at
        if found.parameters is not None:
            listed, variadic = parameters(text[found.parameters[0]:found.parameters[1]])
            self.facts.prototypes.append(Prototype(found.name, self.file, self.line(offset), top.spec, listed, variadic))
            return None
        kind = f"{top.spec} {found.rest}" if found.rest else top.spec
        self.facts.variables.append(
            Variable(found.name, self.file, self.line(offset), self.function, kind, top.static, top.extern))
        if self.function is not None:
            self.local.add(found.name)
            self.types[found.name] = kind
        else:
            self.file_types[found.name] = kind
        return Operand(found.name, found.name), kind

    # ---- values

    def assignment(self, top: Frame, found: re.Match[str], event: int) -> None:
        """`=` was met: a declared variable gets its value, or a place does; the value's end is seen later."""
        code = self.code
        if top.kind == INIT:
            return
        equals = found.start(event)
        kind, struct = "assignment", None
        if top.spec is not None and not top.pending:
            made = self.declare(top, equals)
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
