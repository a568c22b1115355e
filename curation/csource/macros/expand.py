"""What does a macro of the corpus stand for at a place? Textual expansion as the preprocessor does it, with limits.

Of several definitions of a name a file means its own, else that of the nearest header that it includes (sources/include_graph.py).

>>> Macros.of([Macro("CALL", "a.h", 1, ["p", "x"], "(p)->ops->x(p)")]).expand("CALL(dev, open)")
'(dev)->ops->open(dev)'

Not covered: conditional definitions (the first one of a file is taken), __VA_OPT__.
"""
from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping
from functools import lru_cache

from curation.csource.facts.model import Macro
from curation.csource.lexing.keywords import KEYWORDS, NOT_NAMES, STATIC_ASSERT
from curation.csource.macros.dependencies import Dependencies
from curation.csource.sources.include_graph import IncludeGraph
from curation.csource.sources.inclusions import shared

MAX_TEXT = 40_000  # characters of an expansion; longer ones are left as they are
_MAX_DEPTH = 32  # of macros within macros: the kernel's module_init() needs 15
_KEPT_WORDS = 200_000  # of which it is remembered whether they are macros
_KEPT = 20_000  # (name, file) whose usable definitions are kept
_WORD = re.compile(r"[A-Za-z_]\w*")
_SHORT = 4_000  # characters of a text whose tokens are kept
_LONG_ARGUMENT = 4_000  # characters of an argument that is put in as it is
_TEXT, _AS_GIVEN, _EXPANDED, _QUOTED = range(4)  # how a piece of a body gets into an expansion
_SOURCES = (".c", ".cc", ".cpp", ".cxx")
_OPTION = re.compile(r"__|[A-Z_][A-Z_\d]{2,}\Z")  # what a compiler's option may include for all
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|\'(?:\\.|[^\'\\])*\'?|[A-Za-z_]\w*|\d[\w.]*|\#\#|\s+|.', re.DOTALL)


class Macros:
    """included: sources (not headers) that others include; the macros of any other source are seen in it alone. variant: which of
    several definitions (`#if ... #else`) is taken, 0 the first; the last where there are fewer. pinned: a name and the variant that holds
    for it alone: which definition an invoked macro has says nothing about those within it. functions: of the corpus; a macro that stands
    for nothing (`#define add(x) do { } while (0)` where a feature is off) does not hide the function of its name. dependencies: gets the
    words that are looked up. graph: which headers a file includes; None: all."""

    def __init__(
        self, by_name: Mapping[str, list[Macro]], included: Collection[str] = (), dependencies: Dependencies | None = None,
        graph: IncludeGraph | None = None,
    ) -> None:
        self.included = included
        self.graph = graph
        self.variant = 0
        self.pinned: tuple[str, int] | None = None
        self.functions: Container[str] = ()
        self.dependencies = dependencies
        self._known: dict[str, bool] = {}  # whether a word is a macro's name
        self.by_name = by_name
        self._usable: dict[tuple[str, str], list[Macro]] = {}

    @staticmethod
    def of(macros: Iterable[Macro], included: Collection[str] = (), graph: IncludeGraph | None = None) -> Macros:
        by_name: dict[str, list[Macro]] = {}
        for macro in macros:
            by_name.setdefault(macro.name, []).append(macro)
        return Macros(by_name, included, graph=graph)

    def get(self, name: str, file: str = "", line: int = 0) -> Macro | None:
        """What a name means in a file: its own definition (the one in force at the line, where one is given), else that of the nearest
        header it includes; as a variant also that of the next one. Where it includes none that has one: for a source a reserved name or a
        constant's alone, for other files any, of a header of the same folder first. One with a body first."""
        found = self.by_name.get(name)
        if not found:
            return None
        if len(found) == 1 and found[0].file == file:
            return found[0]
        known = self._usable.get((name, file))
        if known is None or line:
            known = self._definitions_for(found, file, line)
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

    def _definitions_for(self, found: list[Macro], file: str, line: int) -> list[Macro]:
        """Which of a name's definitions a file can mean, see get()."""
        own = [m for m in found if m.file == file]
        if len(own) > 1 and line:
            own = [m for m in own if m.line < line and (m.ended is None or m.ended >= line)] or own
        if any(m.body for m in own):
            return own
        found = [m for m in found if m.body and (not m.file.endswith(_SOURCES) or m.file in self.included)]
        levels = self.graph.levels(file) if self.graph is not None else None
        if levels is not None and self.graph is not None:
            seen = self._in_nearest_headers(found, levels, self.graph, file)
            if seen:
                return seen
        folder = file.rpartition("/")[0]
        if self.graph is not None:
            found = [m for m in found if not m.file.endswith(_SOURCES)]
            if levels is not None and self.graph.strict(file):
                found = [m for m in found if m.file.rpartition("/")[0] == folder or _OPTION.match(m.name)]
        found = [m for m in found if m.file.rpartition("/")[0] == folder] or found or own
        return [m for m in found if m.file == found[0].file]

    def _in_nearest_headers(self, found: list[Macro], levels: bytearray, graph: IncludeGraph, file: str) -> list[Macro]:
        """Those of the nearest header, and those of the next one that is farther away: one of the two may be the default of the other, or
        stand under a condition."""
        seen = [(levels[graph.numbers[m.file]], -shared(file, m.file), m) for m in found if m.file in graph.numbers]
        seen = sorted((one for one in seen if one[0]), key=lambda one: one[:2])
        first = next(iter(seen), None)
        other = next((one for one in seen if first is not None and one[0] > first[0]), first)
        files = {one[2].file for one in (first, other) if one is not None}
        return [m for _, _, m in seen if m.file in files]

    def _chosen(self, usable: list[Macro], variant: int) -> Macro | None:
        first = next((m for m in usable if m.body), usable[0] if usable else None)
        if variant == 0 or first is None:
            return first
        others = [m for m in usable if m.body and (m.params is None) == (first.params is None)]
        return others[min(variant, len(others) - 1)] if others else first

    def expand(self, text: str, file: str = "", line: int = 0) -> str:
        """The text with every macro expanded, as far as the limits allow, as at a line of a file (0: anywhere in it). Never raises."""
        return self._expand(text, file, line, frozenset(), 0)

    def _expand(self, text: str, file: str, line: int, hidden: frozenset[str], depth: int) -> str:
        """hidden: macros within whose expansion the text stands: they are not expanded again."""
        if depth > _MAX_DEPTH or len(text) > MAX_TEXT:
            return text
        tokens, words = _tokens(text) if len(text) < _SHORT else _read(text)
        invocations = self._macro_names(tokens, words, hidden)
        if self.dependencies is not None:
            self.dependencies.macros.update([tokens[at] for at in words])
        if not invocations:
            return text
        out: list[str] = []
        size = done = 0
        for at in invocations:
            if at < done:
                continue
            if size >= MAX_TEXT:
                break
            name = tokens[at]
            piece, end = ("", _arguments(tokens, at + 1)[1]) if name in STATIC_ASSERT else self._invoked(
                name, tokens, at, file, line, hidden, depth)
            if end > at:
                between = "".join(tokens[done:at])
                out += (between, piece)
                size += len(between) + len(piece)
                done = end
        return "".join(out) + "".join(tokens[done:])

    def _macro_names(self, tokens: list[str], words: list[int], hidden: frozenset[str]) -> list[int]:
        """Which of the words are names of macros."""
        known = self._known
        if len(known) > _KEPT_WORDS:
            known.clear()
        found: list[int] = []
        for at in words:
            word = tokens[at]
            if word not in hidden:
                is_macro = known.get(word)
                if is_macro is None:
                    is_macro = known[word] = word in STATIC_ASSERT or word in self.by_name
                if is_macro:
                    found.append(at)
        return found

    def _invoked(
        self, name: str, tokens: list[str], at: int, file: str, line: int, hidden: frozenset[str], depth: int,
    ) -> tuple[str, int]:
        """What a macro's name at a token stands for, and the token after it and its arguments; (name, at) where it is not invoked."""
        macro = self.get(name, file, line)
        if macro is None or _stands_for_nothing(macro.body, tuple(macro.params or ())) and name in self.functions:
            return name, at
        if macro.params is None:
            piece = self._expand(macro.body.replace("##", ""), file, line, hidden | {name}, depth + 1)
            rest = _past_blanks(tokens, at + 1)
            called = self.get(piece, file, line) if piece not in hidden and rest < len(tokens) and tokens[rest] == "(" else None
            if called is None or called.params is None:
                return piece, at + 1
            name, macro = piece, called  # an object-like name for a function-like macro
        args, end = _arguments(tokens, at + 1)
        if args is None:
            return name, at + 1 if name != tokens[at] else at
        ready = [a if len(a) > _LONG_ARGUMENT else self._expand(a, file, line, hidden, depth + 1) for a in args]
        return self._expand(_substitute(macro, args, ready), file, line, hidden | {name}, depth + 1), end


class ExpansionCache:
    """What texts stand for, remembered while one file is expanded."""

    def __init__(self, macros: Macros) -> None:
        self._macros = macros
        self._known = lru_cache(maxsize=4096)(self._expanded)

    def get(self, text: str, file: str, variant: tuple[int, int] = (0, 0)) -> str | None:
        """None where nothing is expanded, or to too much. variant: what the macros are set to now, so that it is part of what is
        remembered."""
        return self._known(text, file, variant)

    def forget(self) -> None:
        self._known.cache_clear()

    def _expanded(self, text: str, file: str, variant: tuple[int, int]) -> str | None:
        expanded = self._macros.expand(text, file)
        return expanded if expanded != text and len(expanded) < MAX_TEXT else None


@lru_cache(maxsize=20_000)
def _stands_for_nothing(body: str, params: tuple[str, ...]) -> bool:
    """Whether a body calls and names nothing."""
    return all(word in KEYWORDS or word in params or word in NOT_NAMES for word in _WORD.findall(body))


def _read(text: str) -> tuple[list[str], list[int]]:
    """The tokens, and which of them are words."""
    tokens = _TOKEN.findall(text)
    return tokens, [at for at, token in enumerate(tokens) if token[0].isalpha() or token[0] == "_"]


_tokens = lru_cache(maxsize=8192)(_read)  # never changed by who gets them


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
    plain = [", ".join(raw[i:]) if p.endswith("...") else raw[i] if i < len(raw) else "" for i, p in enumerate(params)]
    expanded = [", ".join(ready[i:]) if p.endswith("...") else ready[i] if i < len(ready) else "" for i, p in enumerate(params)]
    out: list[str] = []
    for piece, at, how in _pieces(macro.body, tuple(params)):
        if how == _TEXT:
            out.append(piece)
        elif how == _QUOTED:
            out.append('"' + plain[at].replace("\\", "\\\\").replace('"', '\\"') + '"')
        else:
            out.append(plain[at] if how == _AS_GIVEN else expanded[at])
    return "".join(out)


@lru_cache(maxsize=20_000)
def _pieces(body: str, params: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """A body as (text, position of the argument, how it is put there)."""
    number = {(p[:-3].strip() or "__VA_ARGS__") if p.endswith("...") else p: i for i, p in enumerate(params)}
    tokens = _TOKEN.findall(body)
    found: list[tuple[str, int, int]] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token == "##":
            while found and found[-1][2] == _TEXT and found[-1][0].isspace():
                found.pop()
            at = _past_blanks(tokens, at + 1)
            if at < len(tokens):
                found.append(("", number[tokens[at]], _AS_GIVEN) if tokens[at] in number else (tokens[at], 0, _TEXT))
        elif token == "#" and at + 1 < len(tokens) and tokens[at + 1] in number:
            at += 1
            found.append(("", number[tokens[at]], _QUOTED))
        elif token in number:
            after = _past_blanks(tokens, at + 1)
            pasted = after < len(tokens) and tokens[after] == "##"
            found.append(("", number[token], _AS_GIVEN if pasted else _EXPANDED))
        else:
            found.append((token, 0, _TEXT))
        at += 1
    joined: list[tuple[str, int, int]] = []
    for piece in found:
        if piece[2] == _TEXT and joined and joined[-1][2] == _TEXT:
            joined[-1] = (joined[-1][0] + piece[0], 0, _TEXT)
        else:
            joined.append(piece)
    return joined


def _past_blanks(tokens: list[str], at: int) -> int:
    while at < len(tokens) and tokens[at].isspace():
        at += 1
    return at
