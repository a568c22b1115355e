"""Which function does a definition define, with which parameters, and where does its body end?

Definitions made by macros (`SYSCALL_DEFINE1(open, ...)` is "open"), old-style parameter lists and names in parentheses are understood.
"""
from __future__ import annotations

import re

from curation.csource.facts.model import FactsProblem, Function, Variable
from curation.csource.lexing.annotations import cleaned, cleaned_parameter
from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, CONTROL, QUALIFIERS, STORAGE, TAGS, macro_like, one_space
from curation.csource.parsing.declarators import TYPE, closing, declarator, parameters, specifiers, split
from curation.csource.parsing.structs import StructReader

HEAD = re.compile(rf"\s*{TYPE}(?:\s*+(?=\*)|\s++)((?:\*|\b(?:const|volatile|restrict|__restrict|inline)\b|\s)*+)([A-Za-z_]\w*+)\s*+\(",
                  re.ASCII)
MADE = re.compile(rf"\s*(?:(?:{'|'.join(sorted(STORAGE | QUALIFIERS))})\s+)*+([A-Za-z_]\w*)\s*\(", re.ASCII)
IDENTIFIERS = re.compile(r"\s*[A-Za-z_]\w*\s*(?:,\s*[A-Za-z_]\w*\s*)*\Z", re.ASCII)
ANNOTATIONS = re.compile(r"\b(__\w+|[A-Z][A-Z0-9_]{2,})\b", re.ASCII)
_WRAPPED = re.compile(r"[\w*]\s*\b([A-Z_][A-Z0-9_]*\s*\()\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*(\))\s*\Z",
                      re.ASCII)
_STATIC = re.compile(r"\bstatic\b", re.ASCII)
_WRAPPED_NAME = re.compile(r"[\w*]\s*(\(\s*[A-Z_][A-Z0-9_]*\s)\s*([A-Za-z_]\w*\s*)(\))\s*\(", re.ASCII)
_MACROS_BEFORE = re.compile(r"(?:[A-Z][A-Z0-9_]{2,}\s+)+(?=[A-Z][A-Z0-9_]{2,}\s*\(\s*\w+\s*\)\s*\Z)", re.ASCII)  # `END BEGIN(name) {`


class DefinitionReader(StructReader):
    """Reads function definitions."""

    careful = False  # a body did not end: from then on one ends at the first `}` that begins a line

    def _body(self, segment: int, opened: int) -> int:
        """A function's definition, or a block whose header was lost; the offset after it."""
        text = self.code[segment:opened].lstrip()
        function = self._function(opened - len(text), text) if text else None
        if function is not None:
            function.end_line = 0
            self.facts.functions.append(function)
            line = function.line
            self.function = function.name
            for position, (name, kind) in enumerate(function.params):
                if name:
                    self.local.add(name)
                    self.types[name] = kind
                    self.facts.variables.append(Variable(name, self.file, line, function.name, kind, param=position))
        end = self._block(opened)
        if function is not None:
            function.end_line = self.line(end - 1)
        self.function = None
        self.local = set()
        self.types = {}
        return end

    def _block(self, opened: int) -> int:
        """Reads a body. Where its brackets do not match up to the end of the file, it ends at the first `}` that begins a line."""
        code = self.code
        stop = None
        if self.careful:
            stop = code.find("\n}", opened) + 2
            return self.statements(opened + 1, stop if stop > 1 else None)
        facts = self.facts
        made = facts.calls, facts.uses, facts.assignments, facts.variables, facts.prototypes, facts.structs
        before = [len(found) for found in made]  # type: ignore[arg-type]
        self.unclosed = False
        end = self.statements(opened + 1)
        stop = code.find("\n}", opened) + 2 if self.unclosed else 0
        if stop < 2:
            return end
        for found, length in zip(made, before, strict=True):
            del found[length:]  # type: ignore[attr-defined]
        self.careful = True
        facts.problems.append(FactsProblem(self.file, "damaged", "the brackets of a function do not match", self.line(opened)))
        return self.statements(opened + 1, stop)

    def _function(self, start: int, text: str) -> Function | None:
        """text: the definition's head, which begins at `start`."""
        shown = self.text[start:start + len(text)]
        storage = _STATIC.search(shown[:200]) is not None
        attributes = ANNOTATIONS.findall(shown.split("(")[0])[:8]
        if text.count("(") > 1 and (wrapped := _WRAPPED_NAME.search(text)) is not None:  # `static void (API_CB name)(int a)`
            text = _blanked(text, wrapped.start(1), wrapped.end(1))
            text = _blanked(text, wrapped.start(3), wrapped.end(3))
        text = without_wrapper(text) or text
        if (macros := _MACROS_BEFORE.match(text)) is not None:
            text = _blanked(text, 0, macros.end())
        head = self._header(text)
        if head is None:
            text = cleaned(text, True)
            head = self._header(text)
        if head is None:
            return self._unusual(start, text, storage, attributes)
        kind, stars, name, at, opened, close = head
        listed, variadic = parameters(text[opened:close])
        rest = text[close + 1:]
        if rest.strip() or (listed and not listed[0][0] and not any(name for name, _ in listed)):
            listed = self._old_style(text[opened:close], rest, listed)
        line, column = self.place(start + at)
        return Function(name, self.file, line, column, self.line(start), 0, storage, f"{kind} {'*' * stars}".strip() if stars else kind,
                        listed, variadic, attributes)

    def _header(self, text: str) -> tuple[str, int, str, int, int, int] | None:
        """(type, stars, name, its offset, start and end of what is between the parentheses)."""
        found = HEAD.match(text)
        if found is None:
            return None
        kind, stars, name = found.groups()
        if name in BUILTIN or name in TAGS or name in STORAGE or kind in QUALIFIERS or kind in STORAGE or name in ATTRIBUTES:
            return None
        close = closing(text, found.end() - 1)
        if close is None:
            return None
        rest = text[close + 1:].strip()
        if rest and (rest[0] == "(" or ";" not in rest):
            return None
        return one_space(kind), stars.count("*"), name, found.start(3), found.end(), close

    def _old_style(self, names: str, declared: str, listed: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Parameters whose types stand between the list and the body."""
        if IDENTIFIERS.match(names) is None:
            return listed
        types: dict[str, str] = {}
        for start, end in split(declared, ";"):
            part = declared[start:end]
            if "," not in part:
                part = cleaned_parameter(part)
            found = specifiers(part, 0)
            if found is None:
                continue
            for first, last in split(part[found[1]:]):
                one = declarator(part[found[1] + first:found[1] + last])
                if one is not None:
                    types[one.name] = f"{found[0]} {one.rest}".strip()
        return [(n, types.get(n, "int")) for n in (p.strip() for p in names.split(",")) if n not in BUILTIN]

    def _unusual(self, start: int, text: str, static: bool, attributes: list[str]) -> Function | None:
        """A definition made by a macro (`SYSCALL_DEFINE1(open, ...)`), without a type (`main()`), or that returns a pointer to a
        function."""
        made = MADE.match(text)
        if made is not None and not text[made.end():].lstrip().startswith("*"):
            word = made.group(1)
            if word in CONTROL or word in BUILTIN or word in TAGS:
                return None
            close = closing(text, made.end() - 1)
            inside = text[made.end():close if close is not None else len(text)]
            first = inside.split(",")[0].strip()
            line, column = self.place(start + made.start(1))
            if macro_like(word) and first.isidentifier():
                return Function(first, self.file, line, column, self.line(start), 0, static, "", [], False, attributes)
            whole = self._header(inside) if macro_like(word) and close is not None else None
            if whole is not None and whole[5] == len(inside.rstrip()) - 1:
                return self._function(start + made.end(), inside)  # `EXPORTED(int f(int a)) {`
            listed, variadic = parameters(inside)
            if close is not None:
                listed = self._old_style(inside, text[close + 1:], listed)
            return Function(word, self.file, line, column, self.line(start), 0, static, "", listed, variadic, attributes)
        found = specifiers(text, 0)
        one = declarator(text[found[1]:]) if found is not None else None
        if found is None or one is None or one.parameters is None:
            return None
        kind, at = found
        listed, variadic = parameters(text[at + one.parameters[0]:at + one.parameters[1]])
        line, column = self.place(start + at + one.at)
        stars = text[at:at + one.at].count("*")
        return Function(one.name, self.file, line, column, self.line(start), 0, static, f"{kind} {'*' * stars}".strip(), listed, variadic,
                        attributes)


def without_wrapper(text: str) -> str | None:
    """`int f PARAMS((int a))` without what stands around its parameters; None where nothing does."""
    wrapped = _WRAPPED.search(text) if "(" in text[text.find("(") + 1:] else None
    if wrapped is None:
        return None
    return _blanked(_blanked(text, wrapped.start(1), wrapped.end(1)), wrapped.start(2), wrapped.end(2))


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
