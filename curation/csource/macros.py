"""What does a macro of the corpus stand for at a place? Textual expansion as the preprocessor does it, with limits.

>>> Macros([Macro("CALL", "a.h", 1, ["p", "x"], "(p)->ops->x(p)")]).expand("CALL(dev, open)")
'(dev)->ops->open(dev)'

Not covered: conditional definitions (the first definition of the file, else of the corpus, is taken), #undef, __VA_OPT__.
"""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from curation.csource.facts import Macro

MAX_TEXT = 40_000  # characters of an expansion; longer ones are left as they are
_MAX_DEPTH = 12
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"?|\'(?:\\.|[^\'\\])*\'?|[A-Za-z_]\w*|\d[\w.]*|\#\#|\s+|.', re.DOTALL)


class Macros:
    def __init__(self, macros: Iterable[Macro]) -> None:
        self.by_name: dict[str, list[Macro]] = defaultdict(list)
        for macro in macros:
            self.by_name[macro.name].append(macro)

    def get(self, name: str, file: str = "") -> Macro | None:
        found = self.by_name.get(name)
        if not found:
            return None
        own = next((m for m in found if m.file == file and m.body), None)
        return own or next((m for m in found if m.body), found[0])

    def expand(self, text: str, file: str = "") -> str:
        """The text with every macro expanded, as far as the limits allow. Never raises."""
        return self._expand(text, file, frozenset(), 0)

    def _expand(self, text: str, file: str, hidden: frozenset[str], depth: int) -> str:
        if depth > _MAX_DEPTH or len(text) > MAX_TEXT:
            return text
        tokens = _TOKEN.findall(text)
        out: list[str] = []
        size = at = 0
        while at < len(tokens) and size < MAX_TEXT:
            token = tokens[at]
            macro = self.get(token, file) if token not in hidden and (token[0].isalpha() or token[0] == "_") else None
            if macro is None:
                piece = token
                at += 1
            elif macro.params is None:
                piece = self._expand(macro.body.replace("##", ""), file, hidden | {token}, depth + 1)
                at += 1
                rest = at
                while rest < len(tokens) and tokens[rest].isspace():
                    rest += 1
                called = self.get(piece, file) if piece not in hidden and rest < len(tokens) and tokens[rest] == "(" else None
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
                    ready = [a if len(a) > 4000 else self._expand(a, file, hidden, depth + 1) for a in args]
                    piece = self._expand(_substitute(macro, args, ready), file, hidden | {token}, depth + 1)
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
