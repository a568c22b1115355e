"""Which places, names or calls may the value of an expression be? Read from its tokens: nothing is evaluated.

>>> [(o.base, o.fields) for o in values("ok ? p->ops.open : &table[i]")[0]]
[('p', ('ops', 'open')), ('table', ('[]',))]

A shape goes from the outside in: of `*a->b[i]` it is `a`, then "b", "[]", "*". Not covered: what a macro inside it stands for
(expansion.py).
"""
from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property, lru_cache

from curation.csource.facts.model import Arg, Operand
from curation.csource.lexing.keywords import BUILTIN, CONTAINER, NOT_NAMES, PASS_ON, QUALIFIERS, TAGS, TYPEOF, macro_like, one_space

MAX_TEXT = 300  # characters kept of an operand's text
SHORT = 120  # characters: such expressions repeat themselves, and are remembered
_MAX_LENGTH = 3000  # characters of an expression that is read
_MAX_BRACKETS = 60  # in one expression: what is nested deeper is no value a person would follow
_CHAIN = 60  # links followed in one expression a.b.c...
_NONE = 99  # above the precedence of every operator

Via = tuple[str, ...]  # how a name is given: by its "address", by a "cast", as one side of a "conditional"
Bare = tuple[tuple[Operand, Via], ...]
Values = tuple[list[Operand], Bare]

_PLAIN = re.compile(r"(&?)([A-Za-z_]\w*)((?:(?:->|\.)[A-Za-z_]\w*)*)\Z", re.ASCII)
_STEP = re.compile(r"->|\.", re.ASCII)
_LITERAL = re.compile(r"""(?:[-+]?\.?\d[\w.]*|"[^"]*"|'[^']*')\Z""", re.ASCII)
_COMPARED = re.compile(r"(?:\w|->|\.|\[\w*\])*+\s*(?:[=!]=|[<>]=?|&&)\s*(?:\w|->|\.|\[\w*\])*+\Z", re.ASCII)
_LITERAL_OF_TYPE = re.compile(r"\(\s*(?:const\s+)?([A-Za-z_][^()]*)\)\s*\{", re.ASCII)  # `(struct s){ ... }`
_TOKEN = re.compile(
    r"""\s*([A-Za-z_]\w*|\.?\d[\w.]*|"[^"]*"|'[^']*'|->|\+\+|--|<<=|>>=|<<|>>|\.\.\.|[<>=!+\-*/%&|^]=|&&|\|\||\S)""",
    re.ASCII,
)
_PRECEDENCE = {op: rank for rank, ops in enumerate((
    (",",), ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="), ("?",), ("||",), ("&&",), ("|",), ("^",), ("&",),
    ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)) for op in ops}
_COMMA, _ASSIGN, _QUESTION, _OR, _BIT_OR, _SUM = 0, 1, 2, 3, 5, 11
_FIRST_OF_TYPE = BUILTIN | TAGS | QUALIFIERS | TYPEOF
_NO_VALUE = frozenset(("sizeof", "offsetof", "alignof", "__alignof__", "_Alignof", "_Generic")) | BUILTIN


def values(code: str, text: str | None = None, local: Collection[str] = ()) -> Values:
    """The values an expression may have, as far as they are places, names or calls: two for a conditional; and the bare names among them.
    code: with strings and comments blanked; text: what stands there in the file (None: the same), of which the operands' texts are made.
    local: names that are variables, for `(name)(x)` is a cast else. Never raises. What it returns is shared: it must not be changed."""
    if text is None or text == code:
        if len(code) < SHORT and ")(" not in code and ") (" not in code:
            return argument(code)[1:]
        text = code
    elif _LITERAL.match(code):
        return [], ()
    found = _read(code, text, local)
    return found, bare(found)


def shape(code: str, text: str | None = None) -> Operand | None:
    """The place that an expression names, for the left side of an assignment or what a call calls; None where it is none. Shared: must not
    be changed."""
    if text is None or text == code:
        return _shape(code) if len(code) < SHORT else _shape.__wrapped__(code)
    tokens = _tokens(code, text)
    return tokens.shape(0, len(tokens.words), None) if tokens is not None else None


@lru_cache(maxsize=20_000)
def _shape(code: str) -> Operand | None:
    plain = _PLAIN.match(code)
    if plain is not None:
        return _plain(code, *plain.groups())
    tokens = _tokens(code, code)
    return tokens.shape(0, len(tokens.words), None) if tokens is not None else None


@lru_cache(maxsize=60_000)
def argument(code: str) -> tuple[Arg, list[Operand], Bare]:
    """An argument in which nothing depends on what its names are, its values, and those that are bare names. Shared: must not be
    changed."""
    found = _read(code, code, ())
    return Arg(one_space(code[:MAX_TEXT]), found), found, bare(found)


def bare(found: Collection[Operand]) -> Bare:
    """Those that are a name, or its address."""
    if not found:
        return ()
    return tuple([(o, _via(o, len(found) > 1)) for o in found if o.base is not None and not o.fields and not o.call])


def _via(value: Operand, many: bool) -> tuple[str, ...]:
    via: tuple[str, ...] = ("conditional",) if many else ()
    if value.cast is not None:
        via = ("cast", *via)
    return ("address", *via) if value.address else via


@lru_cache(maxsize=20_000)
def plain(name: str) -> Operand:
    """A name as an operand."""
    return Operand(name, name)


def _plain(text: str, address: str, base: str, path: str) -> Operand | None:
    if base in NOT_NAMES:
        return None
    if not path:
        return Operand(text, base, (), address == "&", None)
    return Operand(one_space(text[:MAX_TEXT]), base, tuple(_STEP.split(path)[1:]), address == "&", None)


def _read(code: str, text: str, local: Collection[str]) -> list[Operand]:
    plain = _PLAIN.match(code)
    if plain is not None:
        found = _plain(text, *plain.groups())
        return [found] if found is not None else []
    if not code or _LITERAL.match(code) or _COMPARED.match(code):
        return []
    if code[0] in "!~-" and "|" not in code and "?" not in code and "," not in code and "=" not in code:
        return []
    if code[-1] == "}" and (made := _LITERAL_OF_TYPE.match(code)) is not None:
        kind = re.sub(r"\s*([*\[])", r" \1", one_space(made.group(1).strip()), count=1)
        return [Operand(one_space(text[:MAX_TEXT]), None, (), False, kind)]
    tokens = _tokens(code, text)
    return tokens.operands(local) if tokens is not None else []


def _tokens(code: str, text: str) -> _Tokens | None:
    if len(code) > _MAX_LENGTH or code.count("(") + code.count("[") + code.count("{") > _MAX_BRACKETS:
        return None
    return _Tokens(code, text)


class _Tokens:
    """An expression's tokens with the partner of each bracket. Positions are numbers of tokens; `stop` is one behind the last."""

    def __init__(self, code: str, text: str) -> None:
        self.text = text
        self.code = code
        self.words: list[str] = _TOKEN.findall(code)
        self.partner: dict[int, int] = {}
        opened: list[int] = []
        for at, word in enumerate(self.words):
            if word in "([{":
                opened.append(at)
            elif word in ")]}" and opened:
                begin = opened.pop()
                self.partner[begin] = at
                self.partner[at] = begin

    @cached_property
    def starts(self) -> list[int]:
        """Where the tokens begin in the code."""
        return [found.start(1) for found in _TOKEN.finditer(self.code)]

    def flat(self, first: int, stop: int) -> str:
        if first == 0 and stop == len(self.words):
            return one_space(self.text.strip()[:MAX_TEXT])
        start = self.starts[first]
        return one_space(self.text[start:self.starts[stop - 1] + len(self.words[stop - 1])][:MAX_TEXT])

    def operands(self, local: Collection[str]) -> list[Operand]:
        found: list[Operand] = []
        todo: list[tuple[int, int, str | None]] = [(0, len(self.words), None)]
        for _ in range(_CHAIN):
            if not todo:
                break
            first, stop, cast = todo.pop()
            if first >= stop:
                continue
            if self.words[first] == "(" and self.partner.get(first) == stop - 1:
                todo.append((*self._inside(first + 1, stop - 1), cast))
                continue
            rank, at = self.lowest(first, stop)
            if rank < _NONE:
                todo.extend((a, b, cast) for a, b in reversed(self._sides(rank, at, first, stop)))
                continue
            inner = self._cast(first, stop)
            if inner is not None:
                if self.words[inner] != "{":
                    todo.append((inner, stop, cast or self.descriptor(first + 1, inner - 1)))
                    continue
            elif (value := self._cast_like_call(first, stop, local)) is not None:
                todo.append((*value, cast))
                continue
            operand = self.shape(first, stop, cast)
            if operand is not None:
                found.append(operand)
        return found

    def _inside(self, first: int, stop: int) -> tuple[int, int]:
        """Of `({ a; b; })` the last statement; else all that is between the parentheses."""
        if first < stop and self.words[first] == "{" and self.partner.get(first) == stop - 1:
            end = stop - 2
            if end > first and self.words[end] == ";":
                at = end - 1
                while at > first and self.words[at] not in ";{}":
                    at = self.partner.get(at, at) - 1 if self.words[at] in ")]" else at - 1
                return at + 1, end
            return first, first
        return first, stop

    def _sides(self, rank: int, at: int, first: int, stop: int) -> list[tuple[int, int]]:
        """The parts of an operation whose values can be its value, in order."""
        if rank == _COMMA:
            return [(at + 1, stop)]
        if rank == _ASSIGN:
            return [(first, at)]
        if rank == _QUESTION:
            colon = self._colon(at + 1, stop)
            return [(at + 1, colon) if colon > at + 1 else (first, at), (colon + 1, stop)]
        if rank in (_OR, _BIT_OR):
            return [(first, at), (at + 1, stop)]
        return [(first, at)] if rank == _SUM else []

    def _colon(self, first: int, stop: int) -> int:
        nested = 0
        at = first
        while at < stop:
            word = self.words[at]
            if word in "([{":
                at = self.partner.get(at, at)
            elif word == "?":
                nested += 1
            elif word == ":":
                if nested == 0:
                    return at
                nested -= 1
            at += 1
        return stop

    def lowest(self, first: int, stop: int) -> tuple[int, int]:
        """(rank, position) of the operator that is applied last; rank _NONE where there is none. Of equal ones the last, but for
        assignments and conditionals the first."""
        best, where = _NONE, -1
        ended = False  # whether what came before can be the left side of an operator
        at = first
        words, partner = self.words, self.partner
        while at < stop:
            word = words[at]
            if word in "([{":
                close = partner.get(at)
                if close is None or close >= stop:
                    return _NONE, -1
                ended = not (word == "(" and not ended and self._type_like(at + 1, close, close + 1, stop))
                at = close + 1
                continue
            rank = _PRECEDENCE.get(word, _NONE)
            if ended and rank < _NONE:
                if rank < best or (rank == best and rank not in (_ASSIGN, _QUESTION)):
                    best, where = rank, at
                ended = False
            elif word not in ("++", "--"):
                ended = word[0].isalnum() or word[0] in "_\"'.]" and word != "..."
            at += 1
        return best, where

    def _type_like(self, first: int, close: int, after: int, stop: int) -> bool:
        """Whether what stands in parentheses is a type that casts what comes after."""
        if first >= close or after >= stop:
            return False
        words = self.words
        head, last, following = words[first], words[close - 1], words[after]
        if not (head[0].isalpha() or head[0] == "_"):
            return False
        if head in _FIRST_OF_TYPE:
            return True
        if words[first + 1].isidentifier():  # `(__force __be16)x`
            return True
        if last == "*":
            return all(w == "*" or w in QUALIFIERS or w.isidentifier() for w in words[first:close])
        if close - first == 1:
            if head.endswith("_t") and following in ("-", "&", "*", "+", "("):
                return True
            if following == "&":  # `(handler_t)&f`, not `(a) & b`
                at = self.starts
                return at[after] == at[close] + 1 and after + 1 < stop and at[after + 1] == at[after] + 1
            return following[0].isalnum() or following[0] in "_\"'~!{"
        return close - first > 4 and words[first + 1] == "(" and "*" in words[first + 2:first + 4] or words[first + 1] in QUALIFIERS

    def _cast(self, first: int, stop: int) -> int | None:
        """Where the operand of `(type) operand` begins."""
        if self.words[first] != "(":
            return None
        close = self.partner.get(first)
        if close is None or close + 1 >= stop or not self._type_like(first + 1, close, close + 1, stop):
            return None
        return close + 1

    def _cast_like_call(self, first: int, stop: int, local: Collection[str]) -> tuple[int, int] | None:
        """The operand of `(type)(operand)`, which looks like a call."""
        words = self.words
        if stop - first < 6 or words[first] != "(" or words[first + 2] != ")" or words[first + 3] != "(":
            return None
        name = words[first + 1]
        if not name.isidentifier() or name in local or self.partner.get(first + 3) != stop - 1 or len(self.split(first + 4, stop - 1)) != 1:
            return None
        return first + 4, stop - 1

    def split(self, first: int, stop: int) -> list[tuple[int, int]]:
        """The parts between the commas."""
        parts: list[tuple[int, int]] = []
        at = start = first
        while at < stop:
            word = self.words[at]
            if word in "([{":
                at = self.partner.get(at, at)
            elif word == ",":
                parts.append((start, at))
                start = at + 1
            at += 1
        if start < stop:
            parts.append((start, stop))
        return parts

    def descriptor(self, first: int, stop: int) -> str:
        """The text of a type without its leading qualifiers: "struct ops *"."""
        words = self.words
        while first < stop - 1 and (words[first] in QUALIFIERS or macro_like(words[first]) and words[first + 1].isidentifier()):
            first += 1
        if first >= stop:
            return ""
        after = first + (2 if self.words[first] in TAGS else 1)
        while after < stop and self.words[after] in BUILTIN:
            after += 1
        return f"{self.flat(first, after)} {self.flat(after, stop)}" if after < stop else self.flat(first, stop)

    def shape(self, first: int, stop: int, cast: str | None) -> Operand | None:
        """The place that some tokens name; cast: the type they are cast to."""
        if first >= stop:
            return None
        text = self.flat(first, stop)
        words = self.words
        steps: list[str] = []
        address = False
        for _ in range(_CHAIN):
            if first >= stop:
                return None
            rank, at = self.lowest(first, stop)
            if rank < _NONE:
                first, stop = self._place_side(rank, at, first, stop)
                continue
            word = words[first]
            if word == "&":
                if not steps:
                    address = True
                elif steps[-1] == "*":
                    steps.pop()
                first += 1
                continue
            if word in "!~-+":
                return None
            if word in ("*", "++", "--"):
                if word == "*":
                    steps.append("*")
                first += 1
                continue
            if word == "(":
                close = self.partner.get(first)
                if close == stop - 1:
                    first, stop = self._inside(first + 1, close)
                    continue
                inner = self._cast(first, stop)
                if inner is not None:
                    cast = self.descriptor(first + 1, inner - 1)
                    if words[inner] == "{":
                        return Operand(text, None, tuple(reversed(steps)), address, cast) if self.partner.get(inner) == stop - 1 else None
                    if steps:
                        return Operand(text, self._bare(inner, stop), tuple(reversed(steps)), address, cast)
                    first = inner
                    continue
            last = words[stop - 1]
            if last[0].isalpha() or last[0] == "_":
                if stop - 1 == first:
                    return None if last in NOT_NAMES else Operand(text, last, tuple(reversed(steps)), address, cast)
                if words[stop - 2] not in (".", "->"):
                    return None
                steps.append(last)
                cast = None
                stop -= 2
            elif last == "]" and stop - 1 in self.partner:
                steps.append("[]")
                stop = self.partner[stop - 1]
            elif last == ")" and self.partner.get(stop - 1, first) > first:
                return self._call(first, self.partner[stop - 1], stop - 1, Operand(text, None, tuple(reversed(steps)), address, cast, True))
            elif last in ("++", "--"):
                stop -= 1
            else:
                return None
        return None

    def _place_side(self, rank: int, at: int, first: int, stop: int) -> tuple[int, int]:
        """The part of an operation that names the place."""
        if rank in (_COMMA, _ASSIGN):
            return at + 1, stop
        if rank == _QUESTION:
            colon = self._colon(at + 1, stop)
            return (at + 1, colon) if colon > at + 1 else (colon + 1, stop)
        return first, at

    def _bare(self, first: int, stop: int) -> str | None:
        while first < stop and self.words[first] == "(" and self.partner.get(first) == stop - 1:
            first, stop = first + 1, stop - 1
        return self.words[first] if stop - first == 1 and self.words[first].isidentifier() else None

    def _call(self, first: int, opened: int, closed: int, made: Operand) -> Operand | None:
        """The shape of a call's result: of `rcu_dereference(x)` that of x, of `container_of(p, struct s, m)` a struct s. made: the shape
        without knowing what is called."""
        text, fields, address, cast = made.text, made.fields, made.address, made.cast
        name = self.words[first]
        if opened - first != 1 or not name.isidentifier():
            inner = self.shape(first, opened, None) if self.words[opened - 2] in (".", "->") and name not in "*&" else None
            if inner is None or inner.call or inner.base is None:
                return made
            return Operand(text, inner.base, (*inner.fields, "()", *fields), address, cast)
        if name in _NO_VALUE:
            return None
        if name in PASS_ON or name in CONTAINER:
            given = self.split(opened + 1, closed)
            if name in PASS_ON and given:
                start, stop = given[0]
                code = self.text[self.starts[start]:self.starts[stop - 1] + len(self.words[stop - 1])]
                inner = next(iter(_read(code, code, ())), None)
                if inner is not None and not inner.call:
                    return Operand(text, inner.base, inner.fields + fields, inner.address if not fields else False, cast or inner.cast)
            if len(given) >= 2 and CONTAINER.get(name, -1) >= 0:
                return Operand(text, None, fields, address, cast or self.flat(*given[1]) + " *")
        return Operand(text, name, fields, address, cast, True)
