"""Which words of a declaration are annotations (`__init`, `API_EXPORT`, `__aligned(8)`) and no part of its type or name?

Told by their position and look, not by a list of names.

>>> without_annotations("static API_X int f(void) __must(x)", True)
'static       int f(void)          '
"""
from __future__ import annotations

import re

from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, CONTROL, QUALIFIERS, STORAGE, TAGS, macro_like

_ITEM = re.compile(r"\w+|[^\w\s]", re.ASCII)
_ANNOTATED = re.compile(r"\b(?:__\w+|[A-Z][A-Z0-9_]+)\b", re.ASCII)
_ATTRIBUTE = re.compile(r"__attribute(?:__)?\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)", re.ASCII)
_NO_LINE_END = re.compile(r"[^\n]")
_LONGEST = 20_000  # characters of a declaration that is looked at
_Item = tuple[str, int, int, str]  # "word", "group" (in parentheses) or "mark", start, end, text


def without_annotations(text: str, definition: bool) -> str:
    """A declaration up to its `=`, `{` or `;`, annotations blanked. definition: whether a function's body follows."""
    if len(text) > _LONGEST:
        return text
    items = _items(text)
    drop: list[tuple[int, int]] = []
    words = [i for i, item in enumerate(items) if item[0] == "word"]
    if not words or items[words[0]][3] == "typedef":
        return text
    for i in words:
        if items[i][3] in ATTRIBUTES:
            drop.append((items[i][1], items[i + 1][2] if i + 1 < len(items) and items[i + 1][0] == "group" else items[i][2]))
    words = [i for i in words if items[i][3] not in ATTRIBUTES]
    callable_at = [i for i in words if i + 1 < len(items) and items[i + 1][0] == "group" and not _known(items[i][3])
                   and items[i + 1][3].lstrip()[:1] != "*"]  # `handler_t (*p)(int)` declares p
    if callable_at and not definition and _annotates(items, words, callable_at):
        for i in callable_at:
            drop.append((items[i][1], items[i + 1][2]))
        _drop_from_variable(items, [i for i in words if i not in callable_at], drop)
    elif callable_at:
        _drop_from_function(items, words, callable_at, definition, drop)
    elif not any(item[0] == "group" for item in items):
        _drop_from_variable(items, words, drop)
    return _without(text, drop)


def _annotates(items: list[_Item], words: list[int], callable_at: list[int]) -> bool:
    """Whether all that looks called comes after a variable's name: `char license[] SEC(x)`."""
    first = callable_at[0]
    free = [i for i in words if i < first and items[i][3] not in STORAGE and items[i][3] not in QUALIFIERS]
    named = len(free) - any(items[i][3] in TAGS for i in free)
    return named >= 2 and all(macro_like(items[i][3]) for i in callable_at) and (
        items[first - 1][3] == "]" or not macro_like(items[free[-1]][3]) and items[free[-1]][3] not in BUILTIN)


def without_attributes(text: str) -> str:
    """Blanks `__attribute__((...))`."""
    if "__attribute" not in text:
        return text
    return _ATTRIBUTE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def parameter_without_annotations(text: str) -> str:
    """One parameter without annotations: `NODE *symbol ATTRIBUTE_UNUSED`."""
    if _ANNOTATED.search(text) is None:
        return text
    items = _items(text)
    if any(item[0] == "group" for item in items):
        return text
    drop: list[tuple[int, int]] = []
    _drop_from_variable(items, [i for i, item in enumerate(items) if item[0] == "word"], drop)
    return _without(text, drop)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with spans blanked, which may overlap."""
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end > at:
            start = max(start, at)
            parts += [text[at:start], _NO_LINE_END.sub(" ", text[start:end])]
            at = end
    return "".join(parts) + text[at:]


def _known(word: str) -> bool:
    return word in STORAGE or word in QUALIFIERS or word in BUILTIN or word in TAGS or word in CONTROL


def _items(text: str) -> list[_Item]:
    items: list[_Item] = []
    depth = opened = 0
    for found in _ITEM.finditer(text):
        token = found.group()
        if token == "(":
            if depth == 0:
                opened = found.start()
            depth += 1
        elif token == ")" and depth:
            depth -= 1
            if depth == 0:
                items.append(("group", opened, found.end(), text[opened + 1:found.start()]))
        elif depth == 0:
            items.append(("word" if token[0].isalnum() or token[0] == "_" else "mark", found.start(), found.end(), token))
    return items


def _drop_from_function(
    items: list[_Item], words: list[int], callable_at: list[int], definition: bool, drop: list[tuple[int, int]],
) -> None:
    plain = [i for i in callable_at if not macro_like(items[i][3])]
    typed = [i for i in callable_at if any(items[j][3] in BUILTIN or not (_known(items[j][3]) or macro_like(items[j][3]))
                                           for j in words if j < i)]  # `u64 __enter(int a) __acquires(lock)`
    name = plain[0] if plain else typed[0] if typed else callable_at[-1 if definition else 0]
    before = [i for i in words if i < name]
    for i in callable_at:
        if i < name:
            drop.append((items[i][1], items[i + 1][2]))
    before = [i for i in before if i not in callable_at]
    types = [i for i in before if not (items[i][3] in STORAGE or items[i][3] in QUALIFIERS)]
    if not types:
        return
    drop.extend(_annotations(items, types, name))
    trailing = [i for i in words if i > name]
    old_style = any(item[3] == ";" for item in items[name + 2:]) or any(items[i][3] in BUILTIN or items[i][3] in TAGS for i in trailing)
    comma = any(item[3] == "," for item in items[name + 2:])
    if trailing and not old_style and not comma:
        for i in trailing:
            group_end = items[i + 1][2] if i + 1 < len(items) and items[i + 1][0] == "group" else items[i][2]
            drop.append((items[i][1], group_end))


def _annotations(items: list[_Item], types: list[int], name: int) -> list[tuple[int, int]]:
    """Which words before a declared name are neither its type nor a part of it."""
    star = next((i for i, item in enumerate(items) if item[3] == "*" and i < name), name)
    tagged = {i + 1 for i in types if items[i][3] in TAGS}
    builtin = any(items[i][3] in BUILTIN or items[i][3] in TAGS for i in types)
    free = [i for i in types if not _known(items[i][3]) and i not in tagged]
    if builtin:
        extra = free
        if any(items[i][3] in TAGS and i + 1 in tagged and i + 2 in free and macro_like(items[i + 1][3]) for i in types):
            return []
    else:
        ahead = [i for i in free if i < star]
        keep = next((i for i in reversed(ahead) if not macro_like(items[i][3])), ahead[-1] if ahead else None)
        extra = [i for i in free if i != keep]
    return [(items[i][1], items[i][2]) for i in extra]


def _drop_from_variable(items: list[_Item], words: list[int], drop: list[tuple[int, int]]) -> None:
    """Of the words of a variable's or parameter's declaration keeps one type and one name: the name is the last word that does not look
    like a macro, the type the last such one before it (before the first `*`, if there is one)."""
    stop = next((i for i, item in enumerate(items) if item[3] == ","), len(items))
    bracket = next((i for i, item in enumerate(items) if item[3] == "["), stop)
    closing = max((i for i, item in enumerate(items[:stop]) if item[3] == "]"), default=bracket)
    star = next((i for i, item in enumerate(items[:bracket]) if item[3] == "*"), None)
    types = [i for i in words if i < bracket and not (items[i][3] in STORAGE or items[i][3] in QUALIFIERS)]
    tagged = {i + 1 for i in types if items[i][3] in TAGS}
    builtin = any(items[i][3] in BUILTIN or items[i][3] in TAGS for i in types)
    free = [i for i in types if not _known(items[i][3]) and i not in tagged]
    if len(free) > (1 if builtin else 2):
        after = [i for i in free if star is None or i > star]
        name = next((i for i in reversed(after) if not macro_like(items[i][3])), after[0] if after else None)
        keep = {name}
        if not builtin:
            ahead = [i for i in free if i < (star if star is not None else name if name is not None else stop)]
            keep.add(next((i for i in reversed(ahead) if not macro_like(items[i][3])), ahead[-1] if ahead else None))
        drop.extend((items[i][1], items[i][2]) for i in free if i not in keep)
    drop.extend((items[i][1], items[i][2]) for i in words if closing < i < stop and bracket < stop)
