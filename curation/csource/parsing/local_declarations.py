"""Which variables does a statement in a function declare? Told by what stands at its beginning, without knowing any type.

>>> one = FileFacts("a.c"); code = "struct ops *p, q;"; reader = LocalReader(one, code, code, []); top = Frame(BLOCK, 0)
>>> reader.declaration(top, 0), top.spec
(11, 'struct ops')
"""
from __future__ import annotations

import re

from curation.csource.facts.model import Operand, Prototype, Variable
from curation.csource.lexing.annotations import cleaned, without_attributes
from curation.csource.lexing.keywords import BUILTIN, QUALIFIERS, STORAGE, TAGS, macro_like, one_space
from curation.csource.parsing.assignments import Stores
from curation.csource.parsing.declarators import TYPE, closing, declarator, parameters
from curation.csource.parsing.operands import plain
from curation.csource.parsing.positions import Frame

_STATEMENT_WORDS = "return|goto|else|case|do|break|continue|default|if|while|for|switch|sizeof|asm|__asm__|__asm"
MAY = (  # what a declaration can begin with
    r"\s*+(?=[A-Za-z_]\w*+\s*+(?:[A-Za-z_*{]|\(\s*(?:\w+\s+)?\*)"
    rf"|(?:{'|'.join(sorted(BUILTIN))})\s*\()(?!(?:{_STATEMENT_WORDS})\b)"
)
_MAY_DECLARE = re.compile(MAY, re.ASCII)
_LOCAL = re.compile(  # a declaration: storage, 1 type, then declarators that begin with 2 a name and 3 what follows it, or are 4 a pointer
    rf"\s*+(?!(?:typedef|{_STATEMENT_WORDS})\b){TYPE}(?:\s*+(?=\*)|\s++|(?=\())"
    r"(?=(?:\*|\bconst\b|\bvolatile\b|\brestrict\b|\b__restrict\b|\s)*+([A-Za-z_]\w*+)\s*+([=;,\[(*]|[A-Za-z_])"
    r"|(?:\*|\s)*+(\(\s*(?:[A-Za-z_]\w*\s+)?\*[\s*]*+(?:(?:const|volatile|restrict|__restrict)\b\s*+)*+\w*\s*(?:\[[^\]]*\]\s*)*\)\s*\())",
    re.ASCII,
)
_OF_MADE_TYPE = re.compile(r"[ \t]++\**\s*([A-Za-z_]\w*+)\s*;", re.ASCII)
_NO_DECLARED = frozenset(_STATEMENT_WORDS.split("|")) | BUILTIN
_WORD = re.compile(r"\s*+([A-Za-z_]\w*+)", re.ASCII)
_BEFORE_TAG = frozenset(TAGS | STORAGE | QUALIFIERS)
_MORE_WORDS = re.compile(r"\s*+(?:[A-Za-z_]\w*+\s*+)++(?:\(\([^;()]*+(?:\([^;()]*+\)[^;()]*+)?\)\)\s*)?[=;,\[]", re.ASCII)
_TAGGED = re.compile(rf"\s*(?:(?:{'|'.join(sorted(STORAGE))}|const|volatile)\s+)*+(struct|union|enum)\b\s*([A-Za-z_]\w*)?[^;{{}}()=,]*\{{",
                     re.ASCII)
_TYPED = re.compile(r"\b[A-Za-z_]\w*\s+\**\s*[A-Za-z_]|\*\s*[,)]|\b(?:void|int|char|long|unsigned)\b", re.ASCII)
_POINTED = re.compile(r"\(\s*(?:[A-Za-z_]\w*\s+)?\*", re.ASCII)


class LocalReader(Stores):
    """Reads declarations."""

    def declaration(self, top: Frame, start: int) -> int:
        """Begins a declaration where one stands at a statement's start; tells up to where events are to be passed over."""
        code = self.code
        if _MAY_DECLARE.match(code, start) is None:
            return start
        found = _LOCAL.match(code, start)
        if found is None:
            word = _WORD.match(code, start)
            if word is not None and word.group(1) == "typedef":
                return self.typedef(start)
            if word is not None and word.group(1) in _BEFORE_TAG and (tagged := _TAGGED.match(code, start)) is not None:
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

    def after_macro(self, top: Frame, after: int) -> int:
        """A declaration after a macro statement that has no `;`, or of the type that a macro makes (`typeof_member(struct s, f) name;`)."""
        made = _OF_MADE_TYPE.match(self.code, after)
        if made is not None and made.group(1) not in _NO_DECLARED:
            top.spec, top.at, top.static, top.extern = "typeof", after, False, False
            return made.end() - 1
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
        return plain(found.name), kind
