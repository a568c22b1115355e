"""Which files must be parsed again with their macros expanded? Templates, which others include under macros that paste or change names,
those includers, tables whose elements are macros that stand for several elements, tables that an #include within their braces fills, and
files with macros that open a brace (brace_macros.py).

>>> index = build_index([("a.c", '#define P(x) a_##x\\n#include "t.c"'), ("t.c", "int P(go)(void) { return 0; }")])
>>> [f.name for f in index.all_functions()]
['a_go']

A template's facts are those of all its instances, each at the line it has in the template; columns can differ. Elements that are
included have the line of the #include. Not covered: a template that includes another one under macros of its own; statements that are
included within a function.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import FileFacts, Macro
from curation.csource.lexing.prepare import LEX, prepare
from curation.csource.macros.brace_macros import brace_macros
from curation.csource.macros.expand import MAX_TEXT, Macros
from curation.csource.parsing.file_parser import parse_file
from curation.csource.sources.inclusions import lists_of

_WORD = re.compile(r"[A-Za-z_]\w*")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_MAX_INSTANCES = 64  # of one template
_MAX_LISTS = 500_000  # characters of what one file includes within braces
_MAX_FILE = 2_000_000  # characters of a file that is parsed again
_KEPT_FILES = 64  # files whose macros are kept by name


class _MacrosAtInclude(Macros):
    """The macros as they stand where a template is included: its own, those of the includer at that line, then anybody's."""

    def __init__(self, known: Macros, template: str, includer: str, line: int) -> None:
        super().__init__(known.by_name, known.included, known.dependencies, known.graph)
        self.functions = known.functions
        self.known, self.template, self.includer, self.line = known, template, includer, line

    def get(self, name: str, file: str = "", line: int = 0) -> Macro | None:
        found = self.by_name.get(name)
        if not found:
            return None
        given = [m for m in found if m.file == self.includer]
        if given and _in_force(given, self.line) or not any(m.file == self.template for m in found):
            return self.known.get(name, self.includer, self.line)  # the template's own is a default (`#ifndef`)
        return self.known.get(name, self.template, line)


class Reparser:
    """Parses single files again. facts: of the corpus as first parsed. included: see sources.inclusions.included_sources."""

    def __init__(
        self, facts: Mapping[str, FileFacts], texts: Mapping[str, str], macros: Macros, included: Mapping[str, list[tuple[int, str]]],
        macros_of: Callable[[str], list[Macro]],
    ) -> None:
        self.facts, self.texts, self.macros, self.included, self.macros_of = facts, texts, macros, included, macros_of
        self.includers: dict[str, list[tuple[str, int]]] = {}
        for includer, listed in included.items():
            for line, template in listed:
                self.includers.setdefault(template, []).append((includer, line))
        self._own = Recent[str, dict[str, list[Macro]]](_KEPT_FILES)

    def template(self, file: str) -> FileFacts | None:
        """The facts of a template, or of one that includes such; None for any other file."""
        if any(self._pastes_into(file, template) for _, template in self.included.get(file, ())):
            mine = self.macros_by_name(file)
            names = _mentioning({name for name, all_of in mine.items() if any("##" in m.body for m in all_of)}, mine)
            if len(self.texts[file]) < _MAX_FILE:
                return _replaced(self.facts[file], [_expanded(self._with_lists(file), names, self.macros, file)])
        readings: dict[str, None] = {}
        for includer, line in self.includers.get(file, ()):
            mine = self.macros_by_name(includer)
            given = {name for name in mine if _in_force(mine[name], line)}
            if len(readings) < _MAX_INSTANCES and (self._pastes_into(includer, file) or self._renamed(file, includer)):
                names = _mentioning(given, self.macros_by_name(file))
                readings.setdefault(_expanded(self.texts[file], names, _MacrosAtInclude(self.macros, file, includer, line), file))
        return _replaced(self.facts[file], list(readings)) if readings else None

    def tables(self, file: str, functions: Container[str]) -> FileFacts | None:
        """The facts of a file with tables whose elements are included, or are macros for several; None where there are none."""
        one = self.facts[file]
        names = _table_macros(one, self.macros, functions)
        if one.openers:
            names |= brace_macros(self.texts.get(file, ""), one.openers, self.macros, file)
        if not names and file not in self.included or len(self.texts.get(file, "")) >= _MAX_FILE:
            return None
        text = self._with_lists(file)
        if not names and text == self.texts[file]:
            return None
        return _replaced(one, [_expanded(text, names, self.macros, file)])

    def _with_lists(self, file: str) -> str:
        """The text of a file, with what it includes within braces in the place of the #include, on the same line."""
        text = self.texts[file]
        listed = self.included.get(file)
        wanted = {line for line, _ in lists_of(text)} if listed else set()
        if not wanted or listed is None:
            return text
        lines = text.split("\n")
        size = 0
        for line in wanted:
            elements = " ".join([self._elements(inner, file, line) for at, inner in listed if at == line])
            size += len(elements)
            if elements and size < _MAX_LISTS:
                lines[line - 1] = elements
        return "\n".join(lines)

    def _elements(self, file: str, includer: str, line: int) -> str:
        """What a file stands for that is included within braces: the code alone, as one line."""
        if len(self.texts[file]) > _MAX_LISTS:
            return ""
        code = prepare(self.texts[file], file).code
        names = {name for name in _CALLED.findall(code) if name in self.macros.by_name}
        return " ".join(_expanded(code, names, _MacrosAtInclude(self.macros, file, includer, line), file).split())

    def macros_by_name(self, file: str) -> dict[str, list[Macro]]:
        """The macros that a file defines, by name."""
        known = self._own.get(file)
        if known is None:
            known = self._own.put(file, {})
            for macro in self.macros_of(file):
                known.setdefault(macro.name, []).append(macro)
        return known

    def _renamed(self, template: str, includer: str) -> bool:
        """Whether the includer gives functions of the template other names (`#define convert convert_rgb`)."""
        mine = self.macros_by_name(includer)
        return template in self.facts and any(
            _WORD.fullmatch(m.body) for f in self.facts[template].functions for m in mine.get(f.name, ()) if m.params is None)

    def _pastes_into(self, includer: str, template: str) -> bool:
        """Whether the template uses a macro of the includer that pastes names."""
        pasting = {name for name, all_of in self.macros_by_name(includer).items() if any("##" in m.body for m in all_of)}
        if not pasting or template not in self.facts:
            return False
        text = self.texts[template]
        return len(text) <= _MAX_FILE and any(re.search(rf"\b{p}\s*\(", text) for p in pasting)


def _in_force(all_of: list[Macro], line: int) -> bool:
    return any(m.line < line and (m.ended is None or m.ended > line) for m in all_of)


def _mentioning(names: set[str], own: dict[str, list[Macro]]) -> set[str]:
    """The names, and those of `own` whose bodies lead to one of them."""
    found = set(names)
    while True:
        more = {n for n, all_of in own.items() if n not in found and any(w in found for m in all_of for w in _WORD.findall(m.body))}
        if not more:
            return found
        found |= more


def _table_macros(one: FileFacts, macros: Macros, functions: Container[str]) -> set[str]:
    """Macros that stand as one element of a brace list for several, in lists that hold functions: later elements would be counted
    wrongly. Each name is judged once; those that stand for designated elements (`.vendor = 1, .device = 2`) shift nothing."""
    elements = [a for a in one.assignments if a.kind == "initializer" and a.left.fields]
    tables = {(a.left.base, a.function) for a in elements if any(o.base in functions for o in a.right)}
    judged: set[str] = set()
    found: set[str] = set()
    for assignment in elements:
        for operand in assignment.right:
            name = operand.base
            if name is None or name in judged or name not in macros.by_name or operand.fields:
                continue
            macro = macros.get(name, one.file, assignment.line)
            text = macros.expand(operand.text, one.file, assignment.line) if macro is not None else ""
            wanted = (assignment.left.base, assignment.function) in tables or any(w in functions for w in _WORD.findall(text))
            if wanted:
                judged.add(name)
                if _has_comma(text) and not text.lstrip(" {").startswith("."):
                    found.add(name)
    return found


def _has_comma(text: str) -> bool:
    """A comma outside of brackets."""
    depth = 0
    for char in text[:MAX_TEXT]:
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            return True
    return False


def _expanded(text: str, names: set[str], macros: Macros, file: str) -> str:
    """The text with invocations of the named macros expanded; every other line stays where it is."""
    wanted = re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(names))) + r")\b") if names else None
    if wanted is None:
        return text
    covered = [m.span() for m in LEX.finditer(text) if m.end() > m.start()]
    out: list[str] = []
    at = cover = 0
    line, counted = 1, 0
    for found in wanted.finditer(text):
        start = found.start()
        while cover < len(covered) and covered[cover][1] <= start:
            cover += 1
        if start < at or cover < len(covered) and covered[cover][0] <= start:
            continue
        line += text.count("\n", counted, start)
        counted = start
        macro = macros.get(found.group(), file, line)
        if macro is None:
            continue
        end = found.end() if macro.params is None else _closing(text, found.end())
        if end is None:
            continue
        invocation = text[start:end]
        made = macros.expand(_COMMENT.sub(" ", invocation), file, line)
        out += [text[at:start], made.replace("\n", " "), "\n" * invocation.count("\n")]
        at = end
    return "".join(out) + text[at:]


def _closing(text: str, at: int) -> int | None:
    """The end of the parenthesis that opens at or after blanks from `at`; None where none opens or closes within reason."""
    opened = re.compile(r"\s*\(").match(text, at)
    if opened is None:
        return None
    depth = 0
    for i in range(opened.end() - 1, min(len(text), at + MAX_TEXT)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth == 0:
                return i + 1
    return None


def _replaced(before: FileFacts, readings: list[str]) -> FileFacts:
    made = FileFacts(before.file, macros=before.macros, conditions=before.conditions, openers=before.openers)
    seen: set[tuple[object, ...]] = set()

    def once(kind: str, key: Callable[[object], tuple[object, ...]], facts: list) -> list:  # type: ignore[type-arg]
        kept = []
        for fact in facts:
            identity = (kind, *key(fact))
            if identity not in seen:
                seen.add(identity)
                kept.append(fact)
        return kept

    for text in readings:
        one = parse_file(text, before.file)
        made.functions += once("f", lambda f: (f.name, f.line), one.functions)  # type: ignore[attr-defined]
        made.calls += one.calls
        made.uses += one.uses
        made.assignments += one.assignments
        made.variables += one.variables
        made.structs += once("s", lambda s: (s.name, s.line), one.structs)  # type: ignore[attr-defined]
        made.typedefs += once("t", lambda t: (t.name, t.line), one.typedefs)  # type: ignore[attr-defined]
        made.prototypes += once("p", lambda p: (p.name, p.line), one.prototypes)  # type: ignore[attr-defined]
        made.problems += one.problems
    if len(readings) > 1:
        made.calls = once("c", lambda c: (c.line, c.column, c.callee, c.function), made.calls)  # type: ignore[attr-defined]
    return made
