"""What does a declaration declare: names, their types as written, functions with their parameters, the members of a struct?

>>> specifiers("static const struct ops *p, *q[2]", 0)
('struct ops', 23)
>>> declarator(" *q[2]")
Declared(name='q', at=2, rest='*[2]', parameters=None, end=3)
>>> parameters("struct dev *d, int (*cb)(int), ...")
([('d', 'struct dev *'), ('cb', 'int (*)(int)')], True)

Types are as written without qualifiers of the base (`const`), with one space between tokens.
"""
from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from curation.csource.lexing.annotations import parameter_without_annotations, without_annotations, without_attributes
from curation.csource.lexing.brackets import closing, split
from curation.csource.lexing.keywords import ATTRIBUTES, BUILTIN, QUALIFIERS, STORAGE, TAGS, macro_like, one_space

_SKIPPED = "|".join(sorted(STORAGE | QUALIFIERS - {"_Atomic"}))
_BASIC = "|".join(sorted(BUILTIN))
TYPE = (  # storage and qualifiers, then group: the type
    rf"(?:(?:{_SKIPPED}|\[\[\w+\]\])\s+)*+"
    rf"((?:struct|union|enum)\s+[A-Za-z_]\w*+|(?:{_BASIC})\b(?:\s+(?:(?:const|volatile)\s+)?(?:{_BASIC})\b)*+"
    r"|(?:__)?typeof(?:__)?\s*\((?:[^()]|\([^()]*\))*\)|[A-Za-z_]\w*+)"
    r"(?:\s*\b(?:const|volatile|__restrict|static|inline)\b)*+"
)
_SPECIFIERS = re.compile(r"\s*" + TYPE, re.ASCII)
_DECLARATOR = re.compile(
    r"((?:\*|\b(?:const|volatile|restrict|__restrict|__restrict__)\b|\s++)*+)([A-Za-z_]\w*+)((?:\s*+\[[^\]]*+\])*+)\s*+\Z",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TYPE_WORDS = BUILTIN | TAGS | QUALIFIERS | STORAGE
_SIMPLE_PARAMETER = re.compile(
    rf"\s*+(?:const\s+|register\s+)*+((?:struct|union|enum)\s+\w++|(?:{_BASIC})\b(?:\s+(?:{_BASIC})\b)*|[A-Za-z_]\w*+)"
    r"(?:\s+const\b)?\s*+(\**+)\s*+([A-Za-z_]\w*+)?\s*+((?:\[[^\]]*+\])*+)\s*+\Z",
    re.ASCII,
)
_MEMBER = re.compile(
    rf"\s*+(?:const\s+|volatile\s+)*+((?:struct|union|enum)\s+\w++|(?:{_BASIC})\b(?:\s+(?:{_BASIC})\b)*|[A-Za-z_]\w*+)"
    r"(?:\s+const\b)?\s*+(\**+)\s*+([A-Za-z_]\w*+)\s*+((?:\[[^\]]*+\])*+)\s*+(?::[^;,]*+)?\Z",
    re.ASCII,
)
_OWN_COMMA = re.compile(r"\b[A-Z_][A-Z0-9_]*\(([^()]*),\)", re.ASCII)  # `IF_X(int a,) int b`
TYPE_IN_PARENS = re.compile(  # of `(type) x`, as far as the text alone tells a type from a value
    r"\s*(?:(?:const|volatile)\s+)*(?:__attribute__\s*\(\((?:[^()]|\([^()]*\))*+\)\)\s*[A-Za-z_]"
    rf"|(?:struct|union|enum|{'|'.join(sorted(BUILTIN))}|typeof|__typeof__|__typeof)\b"
    r"|(?!sizeof\b|_Alignof\b)[A-Za-z_]\w*\s+[A-Za-z_]\w*[\s*]*\Z"
    r"|[A-Za-z_]\w*(?:\s+const)?\s*\*[\s*]*(?:const\s*)?\Z|(?:[A-Za-z_]\w*_t|[us]\d+|u(?:int|long|short|char)|__\w+\d+)\s*\Z"
    r"|[A-Za-z_]\w*\s*\**\s*\(\s*(?:[A-Za-z_]\w*\s+)?\*\s*\)\s*\()",
    re.ASCII,
)
_INVOKED = re.compile(r"\s*[A-Za-z_]\w*\s*\((?:[^()]|\([^()]*\))*\)\s*\Z", re.ASCII)
_CALLED_NAME = re.compile(r"([A-Za-z_]\w*)\s*\(((?:[^()]|\([^()]*\))*)\)\Z", re.ASCII)
_MACRO_TYPE = re.compile(r"\s*([A-Za-z_]\w*\s*\((?![^()]*\*[^()]*\)\s*\w*\s*\()[^()]*\))\s*\*?\s*(?=[A-Za-z_])", re.ASCII)


class Declared(NamedTuple):
    """What a declarator declares. at: offset of the name in its text. rest: the declarator without the name. parameters: (start, end) in
    the text of what is between the parentheses, for a function; None for a variable. end: offset after the name."""

    name: str
    at: int
    rest: str
    parameters: tuple[int, int] | None
    end: int


def specifiers(text: str, at: int) -> tuple[str, int] | None:
    """(the type, where the declarators begin) of a declaration that begins at an offset; None where no type stands there."""
    found = _SPECIFIERS.match(text, at)
    if found is None:
        return None
    return one_space(found.group(1)), found.end()


@lru_cache(maxsize=20_000)
def declarator(text: str) -> Declared | None:
    """None where it has no name, as of an unnamed parameter."""
    simple = _DECLARATOR.match(text)
    if simple is not None and simple.group(2) not in _TYPE_WORDS:
        rest = one_space(simple.group(1) + simple.group(3)).strip()
        return Declared(simple.group(2), simple.start(2), rest, None, simple.end(2))
    return _variable_among_macros(text) if "(" not in text else _declarator_with_parentheses(text)


def _variable_among_macros(text: str) -> Declared | None:
    """`* PNG_RESTRICT name`"""
    words = [m for m in _NAME.finditer(text.partition("[")[0]) if m.group() not in _TYPE_WORDS]
    if not words:
        return None
    named = next((m for m in reversed(words) if not macro_like(m.group())), words[-1])
    rest = "".join(text[a:b] for a, b in zip([0, *(m.end() for m in words)], [*(m.start() for m in words), len(text)], strict=True))
    return Declared(named.group(), named.start(), one_space(rest).strip(), None, named.end())


def _declarator_with_parentheses(text: str) -> Declared | None:
    """`*f(int)`, `(*p)(int)`, `(CALLBACK *f)(int)`"""
    for found in _NAME.finditer(text):
        word = found.group()
        if word in _TYPE_WORDS or word in ATTRIBUTES:
            continue
        after = _skip_blanks(text, found.end())
        before = text[:found.start()].rstrip()
        if before.endswith("[") or before.endswith(":"):
            return None
        inner = after
        if before.endswith("(") and text[after:after + 1] == ")":  # `(f)(int)`
            inner = _skip_blanks(text, after + 1)
        if before.endswith("(") and text[after:after + 1] == "*":  # `(CALLBACK *f)`: a calling convention
            text = text[:found.start()] + " " * len(word) + text[found.end():]
            continue
        rest = one_space(text[:found.start()] + text[found.end():found.end() + 2000]).strip()
        given = None
        if text[inner:inner + 1] == "(":
            close = closing(text, inner)
            given = (inner + 1, close if close is not None else len(text))
        return Declared(word, found.start(), rest, given, found.end())
    return None


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n":
        at += 1
    return at


@lru_cache(maxsize=20_000)
def _parameter(text: str) -> tuple[str, str]:
    simple = _SIMPLE_PARAMETER.match(text)
    if simple is not None:
        kind, stars, name, dimensions = simple.groups()
        if name not in _TYPE_WORDS and kind not in QUALIFIERS:
            rest = one_space((stars or "") + dimensions)
            return name or "", f"{one_space(kind)} {rest}" if rest else one_space(kind)
    text = parameter_without_annotations(text)
    spec = specifiers(text, 0)
    if spec is None:
        return "", one_space(text.strip())
    kind, at = spec
    found = declarator(text[at:])
    if found is None:
        return "", f"{kind} {one_space(text[at:].strip())}".strip()
    if macro_like(found.name) and (called := _CALLED_NAME.search(found.rest)) is not None:  # `int FAST_FUNC fn(int)`
        return called.group(1), f"{kind} {found.rest[:called.start()].strip()}(({called.group(2)}))"
    if found.parameters is not None:  # `err_t (fn (void *))`, `int (cb)(int)`
        first, last = found.parameters
        return found.name, f"{kind} (({one_space(text[at + first:at + last])}))"
    return found.name, f"{kind} {found.rest}".strip()


def parameters(text: str) -> tuple[list[tuple[str, str]], bool]:
    """((name, type) of each parameter, whether `...` ends them). name "" where unnamed."""
    found: list[tuple[str, str]] = []
    variadic = False
    if ",)" in text:
        text = _OWN_COMMA.sub(r"\1,", text)
    for start, end in split(text):
        part = text[start:end]
        stripped = part.strip()
        if stripped == "...":
            variadic = True
        elif stripped:
            if stripped.endswith("..."):  # `args...` of GNU macros
                variadic = True
                stripped = stripped[:-3]
            found.append(_parameter(one_space(stripped)))
    if found == [("", "void")]:
        found = []
    return found, variadic


@lru_cache(maxsize=20_000)
def members(text: str) -> tuple[tuple[str, str, int], ...]:
    """(name, type, offset of the name) of each member that one declaration without inner braces declares in a struct."""
    simple = _MEMBER.match(text)
    if simple is not None and simple.group(3) not in _TYPE_WORDS:
        kind, stars, name, dimensions = simple.groups()
        return ((name, f"{one_space(kind)} {one_space((stars or '') + dimensions)}".strip(), simple.start(3)),)
    text = without_attributes(text)
    if "(" not in text:
        text = parameter_without_annotations(text) if "," not in text else text
    elif "(*" not in text:
        if _INVOKED.match(text):  # `DECLARE_BITMAP(name, 8)`
            return ()
        text = without_annotations(text, False)
    invoked = _MACRO_TYPE.match(text)
    if invoked is not None:  # `STAILQ_ENTRY(node) link`
        return tuple(members_of(one_space(invoked.group(1)), text, invoked.end()))
    spec = specifiers(text, 0)
    if spec is None:
        return ()
    kind, at = spec
    return tuple(members_of(kind, text, at))


def members_of(kind: str, text: str, at: int) -> list[tuple[str, str, int]]:
    """The members whose declarators begin at an offset of a text."""
    found: list[tuple[str, str, int]] = []
    rest = text[at:]
    for start, end in split(rest):
        part = rest[start:end]
        colon = part.rfind(":")
        if colon >= 0 and "(" not in part[colon:]:
            part = part[:colon]
        one = declarator(part)
        if one is not None:
            found.append((one.name, f"{kind} {one.rest}".strip(), at + start + one.at))
    return found


def type_name(text: str) -> str:
    """A type as it stands in parentheses: "struct foo *"."""
    found = specifiers(text, 0)
    if found is None:
        return one_space(text.strip())
    return f"{found[0]} {one_space(text[found[1]:].strip())}".strip()
