"""What does a macro of the corpus stand for at a place? Textual expansion as the preprocessor does it, with limits.

>>> Macros.of([Macro("CALL", "a.h", 1, ["p", "x"], "(p)->ops->x(p)")]).expand("CALL(dev, open)")
'(dev)->ops->open(dev)'

Not covered: conditional definitions (the first definition of the file, else of the corpus, is taken), __VA_OPT__.
"""
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from curation.csource.facts import Macro

MAX_TEXT = 40_000  # characters of an expansion; longer ones are left as they are
_MAX_DEPTH = 32  # of macros within macros: the kernel's module_init() needs 15
_KEPT = 20_000  # (name, file) whose usable definitions are kept
_WORD = re.compile(r"[A-Za-z_]\w*")
_SOURCES = (".c", ".cc", ".cpp", ".cxx")
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|\'(?:\\.|[^\'\\])*\'?|[A-Za-z_]\w*|\d[\w.]*|\#\#|\s+|.', re.DOTALL)


class Macros:
    """included: sources (not headers) that others include; the macros of any other source are seen in it alone. variant: which of
    several definitions (`#if ... #else`) is taken, 0 the first; the last where there are fewer. pinned: a name and the variant that holds
    for it alone: which definition an invoked macro has says nothing about those within it."""

    def __init__(self, by_name: Mapping[str, list[Macro]], included: Collection[str] = ()) -> None:
        self.included = included
        self.variant = 0
        self.pinned: tuple[str, int] | None = None
        self.by_name = by_name
        self._usable: dict[tuple[str, str], list[Macro]] = {}

    @staticmethod
    def of(macros: Iterable[Macro], included: Collection[str] = ()) -> Macros:
        by_name: dict[str, list[Macro]] = {}
        for macro in macros:
            by_name.setdefault(macro.name, []).append(macro)
        return Macros(by_name, included)

    def get(self, name: str, file: str = "", line: int = 0) -> Macro | None:
        """What a name means in a file: its own definition (the one in force at the line, where one is given), else one of a header of
        the same folder, else any; one with a body first."""
        found = self.by_name.get(name)
        if not found:
            return None
        if len(found) == 1 and found[0].file == file:
            return found[0]
        known = self._usable.get((name, file))
        if known is None or line:
            known = self._told(found, file, line)
            if not line:
                if len(self._usable) > _KEPT:
                    self._usable.clear()
                self._usable[name, file] = known
        return self._chosen(known, self.pinned[1] if self.pinned is not None and self.pinned[0] == name else self.variant)

    def definitions(self, name: str, file: str) -> int:
        """How many definitions a name has to choose from in a file."""
        self.get(name, file)
        known = self._usable.get((name, file))
        return len(known) if known is not None else 1

    def _told(self, found: list[Macro], file: str, line: int) -> list[Macro]:
        own = [m for m in found if m.file == file]
        if len(own) > 1 and line:
            own = [m for m in own if m.line < line and (m.ended is None or m.ended >= line)] or own
        if not any(m.body for m in own):
            found = [m for m in found if m.body and (not m.file.endswith(_SOURCES) or m.file in self.included)]
            folder = file.rpartition("/")[0]
            own = [m for m in found if m.file.rpartition("/")[0] == folder] or found or own
        return own

    def _chosen(self, usable: list[Macro], variant: int) -> Macro | None:
        first = next((m for m in usable if m.body), usable[0] if usable else None)
        if variant == 0 or first is None:
            return first
        others = [m for m in usable if m.file == first.file and m.body and (m.params is None) == (first.params is None)]
        return others[min(variant, len(others) - 1)] if others else first

    def expand(self, text: str, file: str = "", line: int = 0) -> str:
        """The text with every macro expanded, as far as the limits allow, as at a line of a file (0: anywhere in it). Never raises."""
        return self._expand(text, file, line, frozenset(), 0)

    def _expand(self, text: str, file: str, line: int, hidden: frozenset[str], depth: int) -> str:
        if depth > _MAX_DEPTH or len(text) > MAX_TEXT or not any(word in self.by_name for word in _WORD.findall(text)):
            return text
        tokens = _TOKEN.findall(text)
        out: list[str] = []
        size = at = 0
        while at < len(tokens) and size < MAX_TEXT:
            token = tokens[at]
            macro = self.get(token, file, line) if token not in hidden and (token[0].isalpha() or token[0] == "_") else None
            if macro is None:
                piece = token
                at += 1
            elif macro.params is None:
                piece = self._expand(macro.body.replace("##", ""), file, line, hidden | {token}, depth + 1)
                at += 1
                rest = at
                while rest < len(tokens) and tokens[rest].isspace():
                    rest += 1
                called = self.get(piece, file, line) if piece not in hidden and rest < len(tokens) and tokens[rest] == "(" else None
                if called is not None and called.params is not None:  # an object-like name for a function-like macro
                    tokens[at - 1] = piece
                    at -= 1
                    continue
            else:
                args, end = _arguments(tokens, at + 1)
                if args is None:
                    piece = token
                    at += 1
                else:
                    ready = [a if len(a) > 4000 else self._expand(a, file, line, hidden, depth + 1) for a in args]
                    piece = self._expand(_substitute(macro, args, ready), file, line, hidden | {token}, depth + 1)
                    at = end
            out.append(piece)
            size += len(piece)
        return "".join(out + tokens[at:])


def _arguments(tokens: list[str], at: int) -> tuple[list[str] | None, int]:
    while at < len(tokens) and tokens[at].isspace():
        at += 1
    if at >= len(tokens) or tokens[at] != "(":
        return None, at
    depth = 0
    args: list[list[str]] = [[]]
    for i in range(at, len(tokens)):
        token = tokens[i]
        if token in "([{":
            depth += 1
            if depth == 1:
                continue
        elif token in ")]}":
            depth -= 1
            if depth == 0:
                return ["".join(a).strip() for a in args], i + 1
        if token == "," and depth == 1:
            args.append([])
        else:
            args[-1].append(token)
    return None, at


def _substitute(macro: Macro, raw: list[str], ready: list[str]) -> str:
    params = macro.params or []
    given: dict[str, tuple[str, str]] = {}
    for i, param in enumerate(params):
        if param.endswith("..."):
            given[param[:-3].strip() or "__VA_ARGS__"] = (", ".join(raw[i:]), ", ".join(ready[i:]))
        else:
            given[param] = (raw[i], ready[i]) if i < len(raw) else ("", "")
    tokens = _TOKEN.findall(macro.body)
    out: list[str] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token == "##":
            while out and out[-1].isspace():
                out.pop()
            at += 1
            while at < len(tokens) and tokens[at].isspace():
                at += 1
            if at < len(tokens):
                out.append(given[tokens[at]][0] if tokens[at] in given else tokens[at])
                at += 1
            continue
        if token == "#" and at + 1 < len(tokens) and tokens[at + 1] in given:
            out.append('"' + given[tokens[at + 1]][0].replace("\\", "\\\\").replace('"', '\\"') + '"')
            at += 2
            continue
        if token in given:
            following = at + 1
            while following < len(tokens) and tokens[following].isspace():
                following += 1
            pasted = following < len(tokens) and tokens[following] == "##"
            out.append(given[token][0 if pasted else 1])
        else:
            out.append(token)
        at += 1
    return "".join(out)
