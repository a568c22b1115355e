"""Which function does a definition define, with which parameters, and where does its body end?

Definitions made by macros (`SYSCALL_DEFINE1(open, ...)` is "open"), old-style parameter lists and names in parentheses are understood.

>>> code = "static int f(int a) {"; made = function_head(FileText("a.c", code, code, []), 0, code[:-1])
>>> made.name, made.params, made.static
('f', [('a', 'int')], True)
"""
from __future__ import annotations

import re

from curation.csource.facts.model import FactsProblem, FileFacts, Function, Variable
from curation.csource.lexing.annotations import parameter_without_annotations, without_annotations
from curation.csource.lexing.brackets import closing, split
from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, CONTROL, QUALIFIERS, STORAGE, TAGS, macro_like, one_space
from curation.csource.parsing.context import FileText, Scope
from curation.csource.parsing.declarators import TYPE, declarator, parameters, specifiers
from curation.csource.parsing.statements import StatementParser

FUNCTION_HEAD = re.compile(
    rf"\s*{TYPE}(?:\s*+(?=\*)|\s++)((?:\*|\b(?:const|volatile|restrict|__restrict|inline)\b|\s)*+)([A-Za-z_]\w*+)\s*+\(", re.ASCII)
INVOCATION_HEAD = re.compile(rf"\s*(?:(?:{'|'.join(sorted(STORAGE | QUALIFIERS))})\s+)*+([A-Za-z_]\w*)\s*\(", re.ASCII)
NAMES_ONLY = re.compile(r"\s*[A-Za-z_]\w*\s*(?:,\s*[A-Za-z_]\w*\s*)*\Z", re.ASCII)
ANNOTATIONS = re.compile(r"\b(__\w+|[A-Z][A-Z0-9_]{2,})\b", re.ASCII)
_WRAPPED = re.compile(r"[\w*]\s*\b([A-Z_][A-Z0-9_]*\s*\()\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\s*(\))\s*\Z",
                      re.ASCII)
_STATIC = re.compile(r"\bstatic\b", re.ASCII)
_WRAPPED_NAME = re.compile(r"[\w*]\s*(\(\s*[A-Z_][A-Z0-9_]*\s)\s*([A-Za-z_]\w*\s*)(\))\s*\(", re.ASCII)
_MACROS_BEFORE = re.compile(r"(?:[A-Z][A-Z0-9_]{2,}\s+)+(?=[A-Z][A-Z0-9_]{2,}\s*\(\s*\w+\s*\)\s*\Z)", re.ASCII)  # `END BEGIN(name) {`


class FunctionParser:
    """Parses function definitions of one file into its facts."""

    def __init__(self, text: FileText, scope: Scope, facts: FileFacts, statements: StatementParser) -> None:
        self.text, self.scope, self.facts, self.statements = text, scope, facts, statements
        self._damaged = False  # a body did not end: from then on one ends at the first `}` that begins a line

    def definition(self, segment: int, opened: int) -> int:
        """A function's definition, or a block whose header was lost; the offset after it. segment: where the head begins, opened: of the
        body's brace."""
        text, scope = self.text, self.scope
        head = text.code[segment:opened].lstrip()
        function = function_head(text, opened - len(head), head) if head else None
        if function is not None:
            function.end_line = 0
            self.facts.functions.append(function)
            scope.function = function.name
            for position, (name, kind) in enumerate(function.params):
                if name:
                    scope.local.add(name)
                    scope.types[name] = kind
                    self.facts.variables.append(Variable(name, text.file, function.line, function.name, kind, param=position))
        end = self._body(opened)
        if function is not None:
            function.end_line = text.line(end - 1)
        scope.leave()
        return end

    def _body(self, opened: int) -> int:
        """Where a body's brackets do not match up to the end of the file, it ends at the first `}` that begins a line."""
        code, facts, statements = self.text.code, self.facts, self.statements
        if self._damaged:
            stop = code.find("\n}", opened) + 2
            return statements.parse(opened + 1, stop if stop > 1 else None)
        lists = facts.calls, facts.uses, facts.assignments, facts.variables, facts.prototypes, facts.structs
        before = [len(found) for found in lists]  # type: ignore[arg-type]
        statements.unclosed = False
        end = statements.parse(opened + 1)
        stop = code.find("\n}", opened) + 2 if statements.unclosed else 0
        if stop < 2:
            return end
        for found, length in zip(lists, before, strict=True):
            del found[length:]  # type: ignore[attr-defined]
        self._damaged = True
        facts.problems.append(FactsProblem(self.text.file, "damaged", "the brackets of a function do not match", self.text.line(opened)))
        return statements.parse(opened + 1, stop)


def function_head(text: FileText, start: int, head: str) -> Function | None:
    """The function that a definition's head, which begins at `start`, defines."""
    shown = text.text[start:start + len(head)]
    static = _STATIC.search(shown[:200]) is not None
    attributes = ANNOTATIONS.findall(shown.split("(")[0])[:8]
    if head.count("(") > 1 and (wrapped := _WRAPPED_NAME.search(head)) is not None:  # `static void (API_CB name)(int a)`
        head = _blanked(head, wrapped.start(1), wrapped.end(1))
        head = _blanked(head, wrapped.start(3), wrapped.end(3))
    head = without_wrapper(head) or head
    if (macros := _MACROS_BEFORE.match(head)) is not None:
        head = _blanked(head, 0, macros.end())
    parts = _head_parts(head)
    if parts is None:
        head = without_annotations(head, True)
        parts = _head_parts(head)
    if parts is None:
        return _unusual(text, start, head, static, attributes)
    kind, stars, name, at, opened, close = parts
    listed, variadic = parameters(head[opened:close])
    rest = head[close + 1:]
    if rest.strip() or (listed and not listed[0][0] and not any(name for name, _ in listed)):
        listed = _old_style(head[opened:close], rest, listed)
    line, column = text.position(start + at)
    return Function(name, text.file, line, column, text.line(start), 0, static, f"{kind} {'*' * stars}".strip() if stars else kind,
                    listed, variadic, attributes)


def _head_parts(head: str) -> tuple[str, int, str, int, int, int] | None:
    """(type, stars, name, its offset, start and end of what is between the parentheses)."""
    found = FUNCTION_HEAD.match(head)
    if found is None:
        return None
    kind, stars, name = found.groups()
    if name in BUILTIN or name in TAGS or name in STORAGE or kind in QUALIFIERS or kind in STORAGE or name in ATTRIBUTES:
        return None
    close = closing(head, found.end() - 1)
    if close is None:
        return None
    rest = head[close + 1:].strip()
    if rest and (rest[0] == "(" or ";" not in rest):
        return None
    return one_space(kind), stars.count("*"), name, found.start(3), found.end(), close


def _old_style(names: str, declared: str, listed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Parameters whose types stand between the list and the body."""
    if NAMES_ONLY.match(names) is None:
        return listed
    types: dict[str, str] = {}
    for start, end in split(declared, ";"):
        part = declared[start:end]
        if "," not in part:
            part = parameter_without_annotations(part)
        found = specifiers(part, 0)
        if found is None:
            continue
        for first, last in split(part[found[1]:]):
            one = declarator(part[found[1] + first:found[1] + last])
            if one is not None:
                types[one.name] = f"{found[0]} {one.rest}".strip()
    return [(n, types.get(n, "int")) for n in (p.strip() for p in names.split(",")) if n not in BUILTIN]


def _unusual(text: FileText, start: int, head: str, static: bool, attributes: list[str]) -> Function | None:
    """A definition made by a macro, without a type, or that returns a pointer to a function."""
    invoked = INVOCATION_HEAD.match(head)
    if invoked is not None and not head[invoked.end():].lstrip().startswith("*"):
        return _named_by_macro(text, start, head, invoked, static, attributes)
    found = specifiers(head, 0)
    one = declarator(head[found[1]:]) if found is not None else None
    if found is None or one is None or one.parameters is None:
        return None
    kind, at = found
    listed, variadic = parameters(head[at + one.parameters[0]:at + one.parameters[1]])
    line, column = text.position(start + at + one.at)
    stars = head[at:at + one.at].count("*")
    return Function(one.name, text.file, line, column, text.line(start), 0, static, f"{kind} {'*' * stars}".strip(), listed, variadic,
                    attributes)


def _named_by_macro(
    text: FileText, start: int, head: str, invoked: re.Match[str], static: bool, attributes: list[str],
) -> Function | None:
    """`SYSCALL_DEFINE1(open, ...)`, `EXPORTED(int f(int a))`, or `main()`, which has no type."""
    word = invoked.group(1)
    if word in CONTROL or word in BUILTIN or word in TAGS:
        return None
    close = closing(head, invoked.end() - 1)
    inside = head[invoked.end():close if close is not None else len(head)]
    first = inside.split(",")[0].strip()
    line, column = text.position(start + invoked.start(1))
    if macro_like(word) and first.isidentifier():
        return Function(first, text.file, line, column, text.line(start), 0, static, "", [], False, attributes)
    parts = _head_parts(inside) if macro_like(word) and close is not None else None
    if parts is not None and parts[5] == len(inside.rstrip()) - 1:
        return function_head(text, start + invoked.end(), inside)
    listed, variadic = parameters(inside)
    if close is not None:
        listed = _old_style(inside, head[close + 1:], listed)
    return Function(word, text.file, line, column, text.line(start), 0, static, "", listed, variadic, attributes)


def without_wrapper(text: str) -> str | None:
    """`int f PARAMS((int a))` without what stands around its parameters; None where nothing does."""
    wrapped = _WRAPPED.search(text) if "(" in text[text.find("(") + 1:] else None
    if wrapped is None:
        return None
    return _blanked(_blanked(text, wrapped.start(1), wrapped.end(1)), wrapped.start(2), wrapped.end(2))


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
