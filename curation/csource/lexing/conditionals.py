"""Which branches of conditional compilation can stand beside each other in one text, and which must be left out?

All that give whole statements or declarations stay. Branches that each give one element of a list become alternatives of that one element
(`f, g,` is read as `f| g,`). Of branches that open or close brackets one stays, the same under the same macro everywhere.

>>> code = bytearray(b"#ifdef A\\nint f(int a) {\\n#else\\nint f(long a) {\\n#endif\\n")
>>> choose(code, ConditionalGroup([Branch("ifdef A", 8, 24), Branch("else", 29, 46)], [0, 24, 46]), {})
[(29, 46)]
"""
from __future__ import annotations

import re
from dataclasses import dataclass

_NEVER = re.compile(r"if\s+0\s*$|ifdef\s+__cplusplus\b|if\s+defined\s*\(?\s*__cplusplus\s*\)?\s*(?:&&|$)")  # C only, and no `#if 0`
_SIMPLE = re.compile(r"(ifdef|ifndef|if|elif|elifdef|elifndef)\s*!?\s*(?:defined)?\s*\(?\s*(\w+)\s*\)?\s*\Z")
_ELEMENT = re.compile(rb"(?:&?[A-Za-z_]\w*|0)\s*,\Z")
_LOWER = re.compile(rb"[a-z]")
_BLANKED = bytes(b"\n"[0] if code == b"\n"[0] else b" "[0] for code in range(256))  # for bytes.translate
_PARENS = re.compile(rb"[()]")
_ORDERED = 5000  # characters of a branch whose parentheses are looked at one by one; in longer ones they are only counted


@dataclass(slots=True)
class Branch:
    """condition: the directive without `#`, e.g. "ifdef CONFIG_PM". start: offset after the directive. end: of the next directive."""

    condition: str
    start: int
    end: int = 0


@dataclass(slots=True)
class ConditionalGroup:
    """From an #if to its #endif. marks: offsets of the directives, where a comma can be put."""

    branches: list[Branch]
    marks: list[int]


def never(condition: str) -> bool:
    """Whether a branch is no C that is compiled: `#if 0`, `#ifdef __cplusplus`."""
    return condition[:2] == "if" and _NEVER.match(condition) is not None


def _blank(code: bytearray, start: int, end: int) -> None:
    code[start:end] = code[start:end].translate(_BLANKED)


def choose(code: bytearray, group: ConditionalGroup, assumed: dict[str, bool]) -> list[tuple[int, int]]:
    """Blanks the branches that cannot stand beside the others, and tells the spans of those that are left out though they could be
    compiled. assumed: macro -> whether it was taken as defined, where a branch could not stand beside the others; is added to."""
    kept: list[Branch] = []
    for branch in group.branches:
        if never(branch.condition):
            _blank(code, branch.start, branch.end)
        else:
            kept.append(branch)
    if all([_balanced(code, b.start, b.end) for b in kept]):
        if len(kept) < 2:
            return []
        bodies = [bytes(code[b.start:b.end]).strip() for b in kept]
        if all(_ELEMENT.match(body) for body in bodies) and any(_LOWER.search(body) for body in bodies):
            for branch in kept[:-1]:
                code[code.rindex(b",", branch.start, branch.end)] = ord("|")
            return []
        if all(not body or body[-1:] in b";{},:" for body in bodies):
            return []
        if all(not body or body.startswith(b".") for body in bodies):
            for mark in group.marks[1:-1]:
                if code[mark] != ord("\n"):
                    code[mark] = ord(",")
            return []
        chosen = next((b for b, body in zip(kept, bodies, strict=True) if body), None)
    else:
        chosen = _consistent(assumed, group)
    dropped = []
    for branch in kept:
        if branch is not chosen and code[branch.start:branch.end].strip():
            dropped.append((branch.start, branch.end))
            _blank(code, branch.start, branch.end)
    return dropped


def _consistent(assumed: dict[str, bool], group: ConditionalGroup) -> Branch | None:
    """The one branch to keep of a group whose branches open or close brackets, so that groups under the same macro agree: the first time
    a macro is taken as its first branch wants it. None: no branch holds."""
    for branch in group.branches:
        if branch.condition.startswith("else"):
            return branch
        found = _SIMPLE.match(branch.condition)
        name, wanted = branch.condition, True
        if found is not None:
            name = found.group(2)
            wanted = (found.group(1) in ("ifndef", "elifndef")) == ("!" in branch.condition)
        if assumed.setdefault(name, wanted) == wanted:
            return branch
    return None


def _balanced(code: bytearray, start: int, end: int) -> bool:
    count = code.count
    if count(b"{", start, end) != count(b"}", start, end):
        return False
    parens = count(b"(", start, end)
    if parens != count(b")", start, end):
        return False
    if not parens:
        return True
    opened = code.find(b"(", start, end)
    if code.find(b")", start, end) < opened:
        return False
    if end - start > _ORDERED:
        return True
    depth = 0
    for found in _PARENS.finditer(code, opened, end):
        depth += 1 if found.group() == b"(" else -1
        if depth < 0:
            return False
    return True
