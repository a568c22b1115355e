"""Which structs and typedefs does a file define, and which members do they have?

Nested ones are parsed for themselves; an anonymous one has the name "struct @FILE:LINE:COLUMN", which no C text can hold.

>>> code = "struct s { int a; union { long b; } c; };"; one = FileFacts("a.c")
>>> StructParser(FileText("a.c", code, code, []), one).struct(0, 9), [f.name for f in one.structs[0].fields]
(('struct s', 40), ['a', 'c'])
"""
from __future__ import annotations

import re

from curation.csource.facts.model import Field, FileFacts, Struct, Typedef
from curation.csource.lexing.annotations import without_attributes
from curation.csource.lexing.brackets import closing, split
from curation.csource.lexing.keywords import macro_like, one_space
from curation.csource.parsing.context import FileText
from curation.csource.parsing.declarators import declarator, members, members_of, specifiers

_MAX_NESTED = 60  # structs within each other
_LONGEST = 4_000_000  # characters of a struct's body
MAX_HEAD = 4000  # characters from the beginning of a declaration to its name; blanked comments count
TAG_BEFORE_BRACE = re.compile(r"\b(struct|union|enum)\b([^;{}()=,]*(?:\(\(?[^;{}=]*\)\)?[^;{}()=,]*)?)\Z", re.ASCII)
_MEMBER_END = re.compile(r"[;{]", re.ASCII)
_CALLBACK_TYPE = re.compile(r"\s*[A-Z_][A-Z0-9_]*\s*\(\s*([A-Za-z_][\w\s*]*),\s*(\*)?\s*([A-Za-z_]\w*)\s*,\s*(\(.*\))\s*\)\s*\Z",
                            re.DOTALL | re.ASCII)


class StructParser:
    """Parses types of one file into its facts."""

    def __init__(self, text: FileText, facts: FileFacts) -> None:
        self.text, self.facts = text, facts
        self._nested = 0

    def struct(self, start: int, opened: int) -> tuple[str, int]:
        """(type, offset after the body) of a struct, union or enum whose keyword stands at `start`; its members become facts."""
        text, code = self.text, self.text.code
        close = closing(code, opened, _LONGEST)
        if close is None:
            close = code.find("\n}", opened) + 1 or len(code) - 1
        words = without_attributes(code[start:opened]).split()
        keyword = words[0]
        names = [w for w in words[1:] if w.isidentifier()]
        name = next((w for w in reversed(names) if not macro_like(w)), names[-1] if names else None)
        if name is None:
            line = text.line(start)
            column = start - (text.ends[line - 2] if line > 1 and text.pinned is None else 0)
            kind = f"{keyword} @{text.file}:{line}:{column}"
        else:
            kind = f"{keyword} {name}"
        if keyword != "enum" and self._nested < _MAX_NESTED:
            struct = Struct(kind, text.file, text.line(start), text.line(close), [])
            self.facts.structs.append(struct)
            self._nested += 1
            self._members(struct, opened + 1, close)
            self._nested -= 1
        return kind, close + 1

    def _members(self, struct: Struct, start: int, end: int) -> None:
        code, line = self.text.code, self.text.line
        segment = at = start
        while (found := _MEMBER_END.search(code, at, end)) is not None:
            at = found.end()
            if found.group() == ";":
                for name, kind, offset in members(code[segment:at - 1]):
                    struct.fields.append(Field(name, kind, line(segment + offset)))
                segment = at
                continue
            tag = TAG_BEFORE_BRACE.search(code, max(segment, at - MAX_HEAD), at - 1)
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

    def typedef_statement(self, start: int) -> int:
        """The typedef that begins at an offset; the offset of its `;`."""
        code = self.text.code
        end = code.find(";", start)
        end = len(code) if end < 0 else end
        self.typedef(code[start:end], start)
        return end

    def typedef(self, declaration: str, start: int) -> None:
        """The typedefs that a declaration without braces makes, which begins at an offset."""
        at = declaration.index("typedef") + 7
        callback = _CALLBACK_TYPE.match(declaration, at)
        if callback is not None:  # `typedef API_CALLBACK(void, *name, (int a));`
            kind, star, name, inside = callback.groups()
            rest = f"(*){one_space(inside)}" if star else one_space(inside)
            self._add_typedef(name, start + callback.start(3), f"{one_space(kind.strip())} {rest}")
            return
        found = specifiers(declaration, at)
        if found is not None:
            self.typedef_names(found[0], declaration, start, found[1])

    def typedef_names(self, kind: str, declaration: str, start: int, at: int) -> None:
        """The names that are declared for a type from `at` on in a declaration, which begins at an offset."""
        rest = declaration[at:]
        for first, end in split(rest):
            one = declarator(without_attributes(rest[first:end]))
            if one is not None:
                self._add_typedef(one.name, start + at + first + one.at, f"{kind} {one.rest}".strip())

    def _add_typedef(self, name: str, offset: int, kind: str) -> None:
        self.facts.typedefs.append(Typedef(name, self.text.file, self.text.line(offset), kind))
