"""Which values go where: assignments, initializers, returns, arguments of calls, as their end is met?

>>> reader = Stores(FileFacts("a.c"), "x = f", "x = f", [])
>>> reader.assign(Operand("x", "x"), values("f"), 4, "assignment", None); reader.facts.uses[0].name
'f'
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from curation.csource.facts.model import Arg, Assignment, Call, NameUse, Operand
from curation.csource.lexing.keywords import BUILTIN, NOT_NAMES, STORE_SECOND, one_space
from curation.csource.parsing.declarators import closing
from curation.csource.parsing.operands import MAX_TEXT, SHORT, Values, Via, argument, bare, plain, values
from curation.csource.parsing.positions import CALL, Frame, Places

_MAX_PATH = 12  # steps into a nested initializer
TYPE_IN_PARENS = re.compile(
    r"\s*(?:(?:const|volatile)\s+)*(?:__attribute__\s*\(\((?:[^()]|\([^()]*\))*+\)\)\s*[A-Za-z_]"
    rf"|(?:struct|union|enum|{'|'.join(sorted(BUILTIN))}|typeof|__typeof__|__typeof)\b"
    r"|(?!sizeof\b|_Alignof\b)[A-Za-z_]\w*\s+[A-Za-z_]\w*[\s*]*\Z"
    r"|[A-Za-z_]\w*(?:\s+const)?\s*\*[\s*]*(?:const\s*)?\Z|(?:[A-Za-z_]\w*_t|[us]\d+|u(?:int|long|short|char)|__\w+\d+)\s*\Z"
    r"|[A-Za-z_]\w*\s*\**\s*\(\s*(?:[A-Za-z_]\w*\s+)?\*\s*\)\s*\()",
    re.ASCII,
)
_CAST_CALL = re.compile(r"\(\s*([A-Za-z_]\w*)\s*\)\s*\((.*)\)\Z", re.DOTALL | re.ASCII)
_DESIGNATED = re.compile(r"((?:\.\s*+[A-Za-z_]\w*+\s*+|\[[^\]]*+\]\s*+)++)=?\s*+|([A-Za-z_]\w*)\s*:(?!:)\s*", re.ASCII)
_FIELD = re.compile(r"\.([A-Za-z_]\w*+)\s*+=\s*+", re.ASCII)
_DESIGNATOR = re.compile(r"\.\s*([A-Za-z_]\w*)|\[[^\]]*\]", re.ASCII)
_OTHER_SIDE = re.compile(r"([A-Za-z_]\w*)\s*(?=[);,?:}]|&&|\|\|)", re.ASCII)


Names = Sequence[tuple[int, Operand, Via]]  # position of the argument, its value, how it is given


class Stores(Places):
    """What is done with values whose places and ends are known."""

    def flush(self, top: Frame, end: int) -> None:
        """The values that a frame waits for end here."""
        pending = top.pending
        top.pending = None
        for kind, left, start, struct in pending or ():
            found = self.values(start, end)
            if found[0]:
                if kind == "assignment":
                    struct = left.cast or (None if left.call else self.known_type(left.base))
                self.assign(left, found, start, kind, struct)

    def assign(self, left: Operand, given: Values, start: int, kind: str, struct: str | None) -> None:
        line, column = self.place(start)
        right, names = given
        self.facts.assignments.append(Assignment(self.file, line, column, self.function, kind, left, right))  # type: ignore[arg-type]
        for value, how in names:
            if value.base not in self.local:
                self.facts.uses.append(NameUse(
                    value.base, self.file, line, column, self.function, kind, struct, left.fields, left.base,  # type: ignore[arg-type]
                    left if kind == "assignment" else None, None, None, how))

    def designators(self, frame: Frame, code: str) -> tuple[tuple[str, ...], int, str]:
        """The steps from a brace list to one of its elements, how many characters of the element tell them, and how they are written."""
        known = _designators(code)
        if known is None and frame.positions is not None:
            self.place_element(frame)
        return known if known is not None else ((f"#{frame.position}",), 0, f"[#{frame.position}]")

    def place_element(self, frame: Frame) -> None:
        """Sets a brace list's position to that of the element that begins where it stands."""
        assert frame.positions is not None
        frame.position = frame.positions.at(self.line(self.following(frame.at)), frame.position)

    def element(self, frame: Frame, end: int) -> None:
        """An element of a brace list ends here."""
        if frame.nested:
            frame.nested = False
            self._next(frame, end)
            return
        start = frame.at
        code = self.code[start:end].rstrip()
        if not code:
            return
        if frame.positions is not None:
            self.place_element(frame)
        position = frame.position
        self._next(frame, end)
        if code[0].isdigit() or code[0] in "\"'-" or len(frame.path) >= _MAX_PATH:
            return
        steps, length, shown = _designators(code) or ((f"#{position}",), 0, f"[#{position}]")
        value = code[length:]
        if not value or value[0].isdigit() or value[0] in "\"'":
            return
        start += length
        given = values(value, None if self.same else self.text[start:start + len(value)], self.local)
        if given[0]:
            left = Operand((frame.left.text + shown)[:MAX_TEXT], frame.left.base, frame.path + steps, False, frame.left.cast)
            self.assign(left, given, start, "initializer", frame.type)

    def _next(self, frame: Frame, end: int) -> None:
        if frame.positions is not None:
            frame.positions.ended(self.line(end), frame.position)
        frame.position += 1

    def elements(self, frame: Frame, start: int, stop: int) -> None:
        """Those of a brace list with no brackets in it."""
        code = self.code
        while (end := code.find(",", start, stop)) >= 0:
            frame.at = start
            self.element(frame, end)
            start = self.following(end + 1)
        frame.at = start
        self.element(frame, stop)

    def comparison(self, found: re.Match[str], named: bool) -> None:
        """A function's name that is compared with something."""
        code = self.code
        if named:
            name = found.group(3)
            if name not in self.local and name.isidentifier() and name not in NOT_NAMES and not name.isupper():
                at = self.before(found.start(3))
                if at < 0 or code[at] not in ".>*!~+-/%<)" or code.startswith("&&", at - 1):
                    self._compared(name, found.start(3))
        other = _OTHER_SIDE.match(code, found.end())
        if other is not None and other.group(1) not in self.local:
            name = other.group(1)
            if name not in NOT_NAMES and not name.isupper():
                self._compared(name, other.start(1))

    def _compared(self, name: str, at: int) -> None:
        self.facts.uses.append(NameUse(name, self.file, *self.place(at), self.function, "comparison"))

    def close(self, top: Frame, at: int) -> None:
        """A parenthesis is closed: a call is complete."""
        if top.pending:
            self.flush(top, at)
        if top.kind != CALL:
            self.closed[at] = (top.kind, top.start)
            return
        self.closed[at] = (CALL, top.head)
        code = self.code
        callee = code[top.head:top.start].rstrip()
        name: str | None = None
        others: list[Operand] = []
        if callee.isidentifier():
            operand = plain(callee)
            if callee not in self.local:
                name = callee
        else:
            if callee.startswith("(") and len(top.args) == 1 and TYPE_IN_PARENS.match(code[top.start + 1:at]) is not None:
                return  # `(type)(type)x`
            if callee.startswith(("__builtin_", "typeof", "__typeof", "_Generic")):
                return
            bare = callee
            while bare.startswith("(") and closing(bare, 0) == len(bare) - 1:
                bare = bare[1:-1].strip()
            cast = _CAST_CALL.match(bare) if bare.startswith("(") else None
            if cast is not None and cast.group(1) not in self.local:  # `(type)(*p)(x)`
                top.head += callee.index("(", cast.end(1) - cast.start(1))
                ended = closing(code, top.head)
                callee = code[top.head:ended + 1 if ended is not None else top.start].rstrip()
                bare = cast.group(2).strip()
            if not bare:
                return
            offset = code.find(bare, top.head)
            shaped = self.shape(offset, offset + len(bare))
            if shaped is None:
                return
            operand = shaped
            if "?" in bare:
                others = self.values(offset, offset + len(bare))[0][1:]
            if bare.isidentifier() and bare not in self.local:
                name = bare
        line, column = self.place(top.head)
        shown = self.flat(top.head, top.head + len(callee))
        args, names = self.arguments(top.args, at)
        self.calls[top.slot] = Call(
            self.file, line, column, self.function, shown, name, "direct" if name is not None else "indirect", args, operand, None,
            self.line(at), others)
        self._given(name, name or shown, args, names, top.start)

    def named(self, name: str, head: int, opened: int, inside: int, close: int) -> None:
        """A call of a name, with no bracket among its arguments."""
        given, text = self.code[inside:close], self.text[inside:close]
        args, names = _arguments(given) if given == text else _arguments_in(given, text)
        line, column = self.place(head)
        ends = self.ends
        ended = line if self.pinned is not None or line > len(ends) or close <= ends[line - 1] else self.line(close)
        known = name if name not in self.local else None
        shown = self.text[head:head + len(name)]
        if shown == name:
            shown = name
        self.calls.append(Call(
            self.file, line, column, self.function, shown, known, "direct" if known is not None else "indirect", args, plain(name),
            None, ended, []))
        if names or name in STORE_SECOND:
            self._given(known, known or shown, args, names, opened)

    def _given(self, name: str | None, called: str, args: list[Arg], names: Names, opened: int) -> None:
        """What a call does with its arguments: names are used, one may be stored."""
        local = self.local
        for position, value, how in names:
            if value.base not in local:
                line, column = self.place(opened)
                self.facts.uses.append(NameUse(
                    value.base, self.file, line, column, self.function, "argument", None, (), None, None,  # type: ignore[arg-type]
                    called, position, how))
        if name in STORE_SECOND and len(args) >= 2 and args[0].operands and args[1].operands:
            target = args[0].operands[0]
            place = Operand(target.text.lstrip("&"), target.base, target.fields, False, target.cast)
            self.assign(place, (args[1].operands, bare(args[1].operands)), opened, "assignment", self.known_type(place.base))

    def arguments(self, starts: list[int], end: int) -> tuple[list[Arg], Names]:
        """The arguments between the commas, and the bare names among their values; a type (`struct foo`) keeps its text and position."""
        code, text = self.code, self.text
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
            shown = part if self.same else text[start:start + len(part)]
            if part == shown and len(part) < SHORT and ")(" not in part and ") (" not in part:
                arg, _, found = argument(part)
            else:
                given, found = values(part, shown, self.local)
                arg = Arg(one_space(shown[:MAX_TEXT]), given)
            args.append(arg)
            names.extend([(number, *one) for one in found])
        return args, names


def _designators(code: str) -> tuple[tuple[str, ...], int, str] | None:
    """(steps, characters that tell them, how they are written) of an element; None where its position tells which it is."""
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


@lru_cache(maxsize=20_000)
def _arguments(code: str) -> tuple[list[Arg], Names]:
    """The arguments that stand between a call's parentheses, none of which holds a bracket, and those of their values that are bare names,
    with their positions. Shared: must not be changed."""
    parts = [part.strip() for part in code.split(",")]
    if parts == [""]:
        return [], ()
    known = [argument(part) for part in parts]
    return [arg for arg, _, _ in known], tuple([(at, *one) for at, (_, _, names) in enumerate(known) for one in names])


def _arguments_in(code: str, text: str) -> tuple[list[Arg], Names]:
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
