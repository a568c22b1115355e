"""Which values go where: assignments, initializers, returns, arguments of calls, as their end is met?

>>> reader = Stores(FileFacts("a.c"), "x = f", "x = f", [])
>>> reader.assign(Operand("x", "x"), [Operand("f", "f")], 4, "assignment", None); reader.facts.uses[0].name
'f'
"""
from __future__ import annotations

import re

from curation.csource.declarations import closing
from curation.csource.facts import Arg, Assignment, Call, NameUse, Operand
from curation.csource.operands import MAX_TEXT, SHORT, operands, remembered
from curation.csource.places import CALL, Frame, Places
from curation.csource.words import BUILTIN, NOT_NAMES, STORE_SECOND, one_space

_MAX_PATH = 12  # steps into a nested initializer
TYPE_IN_PARENS = re.compile(
    rf"\s*(?:(?:const|volatile)\s+)*(?:(?:struct|union|enum|{'|'.join(sorted(BUILTIN))}|typeof|__typeof__|__typeof)\b"
    r"|[A-Za-z_]\w*(?:\s+const)?\s*\*[\s*]*(?:const\s*)?\Z|(?:[A-Za-z_]\w*_t|[us]\d+|u(?:int|long|short|char)|__\w+\d+)\s*\Z|[A-Za-z_]\w*\s*\**\s*\(\s*(?:[A-Za-z_]\w*\s+)?\*\s*\)\s*\()"
)
_CAST_CALL = re.compile(r"\(\s*([A-Za-z_]\w*)\s*\)\s*\((.*)\)\Z", re.DOTALL)
_DESIGNATED = re.compile(r"((?:\.\s*+[A-Za-z_]\w*+\s*+|\[[^\]]*+\]\s*+)++)=?\s*+|([A-Za-z_]\w*)\s*:(?!:)\s*")
_DESIGNATOR = re.compile(r"\.\s*([A-Za-z_]\w*)|\[[^\]]*\]")
_OTHER_SIDE = re.compile(r"([A-Za-z_]\w*)\s*(?=[);,?:}]|&&|\|\|)")


class Stores(Places):
    """What is done with values whose places and ends are known."""

    def flush(self, top: Frame, end: int) -> None:
        """The values that a frame waits for end here."""
        pending = top.pending
        top.pending = None
        for kind, left, start, struct in pending or ():
            found = self.values(start, end)
            if found:
                if kind == "assignment":
                    struct = left.cast or (None if left.call else self.known_type(left.base))
                self.assign(left, found, start, kind, struct)

    def assign(self, left: Operand, right: list[Operand], start: int, kind: str, struct: str | None) -> None:
        line, column = self.place(start)
        self.facts.assignments.append(Assignment(self.file, line, column, self.function, kind, left, right))  # type: ignore[arg-type]
        for value in right:
            if value.base is None or value.fields or value.call or value.base in self.local:
                continue
            self.facts.uses.append(NameUse(
                value.base, self.file, line, column, self.function, kind, struct, left.fields, left.base,  # type: ignore[arg-type]
                left if kind == "assignment" else None, None, None, _via(value, len(right) > 1)))

    def designators(self, frame: Frame, code: str) -> tuple[tuple[str, ...], int, str]:
        """The steps from a brace list to one of its elements, how many characters of the element tell them, and how they are written."""
        char = code[:1]
        if char == "." or char == "[" or char.isalpha() or char == "_":
            found = _DESIGNATED.match(code)
            if found is not None:
                if found.group(2):
                    return (found.group(2),), found.end(), f".{found.group(2)}"
                shown = found.group(1)
                return tuple([m.group(1) or "[]" for m in _DESIGNATOR.finditer(shown)]), found.end(), one_space(shown).strip()
        return (f"#{frame.position}",), 0, f"[#{frame.position}]"

    def element(self, frame: Frame, end: int) -> None:
        """An element of a brace list ends here."""
        start = frame.at
        if frame.nested:
            frame.nested = False
            frame.position += 1
            return
        code = self.code[start:end].rstrip()
        if not code:
            return
        if not code[0].isdigit() and code[0] not in "\"'-":
            steps, length, shown = self.designators(frame, code)
            value = code[length:]
            if value and not value[0].isdigit() and value[0] not in "\"'" and len(frame.path) < _MAX_PATH:
                start += length
                found = operands(value, None if self.same else self.text[start:start + len(value)], self.local)
                if found:
                    left = Operand((frame.left.text + shown)[:MAX_TEXT], frame.left.base, frame.path + steps, False, frame.left.cast)
                    self.assign(left, found, start, "initializer", frame.type)
        frame.position += 1

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
            operand = Operand(callee, callee)
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
                callee = code[top.head:top.start].rstrip()
                bare = cast.group(2).strip()
            if not bare:
                return
            offset = code.find(bare, top.head)
            shaped = self.shape(offset, offset + len(bare))
            if shaped is None:
                return
            operand = shaped
            if "?" in bare:
                others = self.values(offset, offset + len(bare))[1:]
            if bare.isidentifier() and bare not in self.local:
                name = bare
        line, column = self.place(top.head)
        shown = self.flat(top.head, top.head + len(callee))
        args = self.arguments(top, at)
        function = self.function
        self.calls[top.slot] = Call(
            self.file, line, column, function, shown, name, "direct" if name is not None else "indirect", args, operand, None,
            self.line(at), others)
        called = name or shown
        position = 0
        local = self.local
        for arg in args:
            for value in arg.operands:
                if value.base is not None and not value.fields and not value.call and value.base not in local:
                    use_line, use_column = self.place(top.start)
                    self.facts.uses.append(NameUse(
                        value.base, self.file, use_line, use_column, function, "argument", None, (), None, None, called, position,
                        _via(value, len(arg.operands) > 1)))
            position += 1
        if name in STORE_SECOND and len(args) >= 2 and args[0].operands and args[1].operands:
            target = args[0].operands[0]
            place = Operand(target.text.lstrip("&"), target.base, target.fields, False, target.cast)
            self.assign(place, args[1].operands, top.start, "assignment", self.known_type(place.base))

    def arguments(self, top: Frame, end: int) -> list[Arg]:
        """The arguments between the commas; a type (`struct foo`) keeps its text and position."""
        code, text = self.code, self.text
        starts = top.args
        args: list[Arg] = []
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
                known, values = remembered(part)
                args.append(Arg(known, list(values)))
            else:
                args.append(Arg(one_space(shown[:MAX_TEXT]), operands(part, shown, self.local)))
        return args


def _via(value: Operand, many: bool) -> tuple[str, ...]:
    via: tuple[str, ...] = ("conditional",) if many else ()
    if value.cast is not None:
        via = ("cast", *via)
    return ("address", *via) if value.address else via
