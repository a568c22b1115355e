"""Which structs and typedefs does a file define, and which members do they have?

Nested ones are read for themselves; an anonymous one has the name "struct @FILE:LINE:COLUMN", which no C text can hold.
"""
from __future__ import annotations

import re

from curation.csource.facts.model import Field, Struct, Typedef
from curation.csource.lexing.annotations import without_attributes
from curation.csource.lexing.keywords import macro_like, one_space
from curation.csource.parsing.declarators import closing, declarator, members, members_of, specifiers, split
from curation.csource.parsing.positions import Frame
from curation.csource.parsing.statements import Reader

_MAX_NESTED = 60  # structs within each other
_LONGEST = 4_000_000  # characters of a struct's body
FAR = 4000  # characters from the beginning of a declaration to its name; blanked comments count
TAG = re.compile(r"\b(struct|union|enum)\b([^;{}()=,]*(?:\(\(?[^;{}=]*\)\)?[^;{}()=,]*)?)\Z", re.ASCII)
_STATIC = re.compile(r"\bstatic\b", re.ASCII)
_MEMBER_END = re.compile(r"[;{]", re.ASCII)
_CALLBACK_TYPE = re.compile(r"\s*[A-Z_][A-Z0-9_]*\s*\(\s*([A-Za-z_][\w\s*]*),\s*(\*)?\s*([A-Za-z_]\w*)\s*,\s*(\(.*\))\s*\)\s*\Z",
                            re.DOTALL | re.ASCII)


class StructReader(Reader):
    """Reads types."""

    nested = 0

    def struct(self, start: int, opened: int) -> tuple[str, int]:
        """(type, offset after the body) of a struct, union or enum whose keyword stands at `start`; its members become facts."""
        code = self.code
        close = closing(code, opened, _LONGEST)
        if close is None:
            close = code.find("\n}", opened) + 1 or len(code) - 1
        words = without_attributes(code[start:opened]).split()
        keyword = words[0]
        names = [w for w in words[1:] if w.isidentifier()]
        name = next((w for w in reversed(names) if not macro_like(w)), names[-1] if names else None)
        if name is None:
            line = self.line(start)
            column = start - (self.ends[line - 2] if line > 1 and self.pinned is None else 0)
            kind = f"{keyword} @{self.file}:{line}:{column}"
        else:
            kind = f"{keyword} {name}"
        if keyword != "enum" and self.nested < _MAX_NESTED:
            made = Struct(kind, self.file, self.line(start), self.line(close), [])
            self.facts.structs.append(made)
            self.nested += 1
            self._members(made, opened + 1, close)
            self.nested -= 1
        return kind, close + 1

    def _members(self, struct: Struct, start: int, end: int) -> None:
        code, line = self.code, self.line
        segment = at = start
        while (found := _MEMBER_END.search(code, at, end)) is not None:
            at = found.end()
            if found.group() == ";":
                for name, kind, offset in members(code[segment:at - 1]):
                    struct.fields.append(Field(name, kind, line(segment + offset)))
                segment = at
                continue
            tag = TAG.search(code, max(segment, at - FAR), at - 1)
            if tag is None:
                close = closing(code, at - 1, _LONGEST)
                segment = at = close + 1 if close is not None else end
                continue
            kind, at = self.struct(tag.start(1), at - 1)
            stop = code.find(";", at, end)
            stop = end if stop < 0 else stop
            named = members_of(kind, without_attributes(code[at:stop]), 0)
            if named:
                struct.fields.extend(Field(name, rest, line(at + offset)) for name, rest, offset in named)
            elif "@" in kind:
                struct.fields.append(Field("", kind, line(tag.start(1))))
            segment = at = stop + 1

    def tagged(self, top: Frame, found: re.Match[str]) -> int:
        if self.nested >= _MAX_NESTED:
            return found.end()
        kind, end = self.struct(found.start(1), found.end() - 1)
        top.spec, top.at, top.extern = kind, end, False
        top.static = _STATIC.search(found.group()) is not None
        return end

    def typedef(self, start: int) -> int:
        end = self.code.find(";", start)
        end = len(self.code) if end < 0 else end
        self._typedef(self.code[start:end], start)
        return end

    def _typedef(self, text: str, segment: int) -> None:
        at = text.index("typedef") + 7
        made = _CALLBACK_TYPE.match(text, at)
        if made is not None:  # `typedef API_CALLBACK(void, *name, (int a));`
            kind, star, name, inside = made.groups()
            rest = f"(*){one_space(inside)}" if star else one_space(inside)
            self.facts.typedefs.append(Typedef(name, self.file, self.line(segment + made.start(3)), f"{one_space(kind.strip())} {rest}"))
            return
        found = specifiers(text, at)
        if found is None:
            return
        self._typedef_names(found[0], text, segment, found[1])

    def _typedef_names(self, kind: str, text: str, segment: int, at: int) -> None:
        rest = text[at:]
        for start, end in split(rest):
            one = declarator(without_attributes(rest[start:end]))
            if one is not None:
                self.facts.typedefs.append(
                    Typedef(one.name, self.file, self.line(segment + at + start + one.at), f"{kind} {one.rest}".strip()))
