"""Which places, names or calls may the value of an expression be? Read from its tokens: nothing is evaluated.

>>> [(o.base, o.fields) for o in values("ok ? p->ops.open : &table[i]")[0]]
[('p', ('ops', 'open')), ('table', ('[]',))]

A place is read from the outside in: of `*a->b[i]` it is `a`, then "b", "[]", "*". Not covered: what a macro inside it stands for
(macros/operands.py).
"""
from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from curation.csource.facts.model import Arg, Operand
from curation.csource.lexing.keywords import BUILTIN, CONTAINER, NOT_NAMES, PASS_ON, one_space
from curation.csource.parsing.tokens import ASSIGN, BIT_OR, COMMA, MAX_TEXT, NO_OPERATOR, OR, QUESTION, SUM, ExpressionTokens, tokens_of

SHORT = 120  # characters: such expressions repeat themselves, and are remembered
_MAX_LINKS = 60  # links followed in one expression a.b.c...

Via = tuple[str, ...]  # how a name is given: by its "address", by a "cast", as one side of a "conditional"
BareNames = tuple[tuple[Operand, Via], ...]
Values = tuple[list[Operand], BareNames]

_PLAIN = re.compile(r"(&?)([A-Za-z_]\w*)((?:(?:->|\.)[A-Za-z_]\w*)*)\Z", re.ASCII)
_LINK = re.compile(r"->|\.", re.ASCII)
_LITERAL = re.compile(r"""(?:[-+]?\.?\d[\w.]*|"[^"]*"|'[^']*')\Z""", re.ASCII)
_COMPARED = re.compile(r"(?:\w|->|\.|\[\w*\])*+\s*(?:[=!]=|[<>]=?|&&)\s*(?:\w|->|\.|\[\w*\])*+\Z", re.ASCII)
_LITERAL_OF_TYPE = re.compile(r"\(\s*(?:const\s+)?([A-Za-z_][^()]*)\)\s*\{", re.ASCII)  # `(struct s){ ... }`
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
    found = _operands(code, text, local)
    return found, bare_names(found)


def place(code: str, text: str | None = None) -> Operand | None:
    """The place that an expression names, for the left side of an assignment or what a call calls; None where it is none. Shared: must not
    be changed."""
    if text is None or text == code:
        return _place(code) if len(code) < SHORT else _place.__wrapped__(code)
    tokens = tokens_of(code, text)
    return place_of(tokens, 0, len(tokens.words)) if tokens is not None else None


@lru_cache(maxsize=20_000)
def _place(code: str) -> Operand | None:
    plain = _PLAIN.match(code)
    if plain is not None:
        return _plain(code, *plain.groups())
    tokens = tokens_of(code, code)
    return place_of(tokens, 0, len(tokens.words)) if tokens is not None else None


@lru_cache(maxsize=60_000)
def argument(code: str) -> tuple[Arg, list[Operand], BareNames]:
    """An argument in which nothing depends on what its names are, its values, and those that are bare names. Shared: must not be
    changed."""
    found = _operands(code, code, ())
    return Arg(one_space(code[:MAX_TEXT]), found), found, bare_names(found)


def bare_names(found: Collection[Operand]) -> BareNames:
    """Those that are a name, or its address."""
    if not found:
        return ()
    return tuple([(o, _via(o, len(found) > 1)) for o in found if o.base is not None and not o.fields and not o.call])


def _via(value: Operand, many: bool) -> Via:
    via: Via = ("conditional",) if many else ()
    if value.cast is not None:
        via = ("cast", *via)
    return ("address", *via) if value.address else via


@lru_cache(maxsize=20_000)
def name_operand(name: str) -> Operand:
    """A name as an operand."""
    return Operand(name, name)


def _plain(text: str, address: str, base: str, path: str) -> Operand | None:
    if base in NOT_NAMES:
        return None
    if not path:
        return Operand(text, base, (), address == "&", None)
    return Operand(one_space(text[:MAX_TEXT]), base, tuple(_LINK.split(path)[1:]), address == "&", None)


def _operands(code: str, text: str, local: Collection[str]) -> list[Operand]:
    plain = _PLAIN.match(code)
    if plain is not None:
        found = _plain(text, *plain.groups())
        return [found] if found is not None else []
    if not code or _LITERAL.match(code) or _COMPARED.match(code):
        return []
    if code[0] in "!~-" and "|" not in code and "?" not in code and "," not in code and "=" not in code:
        return []
    if code[-1] == "}" and (literal := _LITERAL_OF_TYPE.match(code)) is not None:
        kind = re.sub(r"\s*([*\[])", r" \1", one_space(literal.group(1).strip()), count=1)
        return [Operand(one_space(text[:MAX_TEXT]), None, (), False, kind)]
    tokens = tokens_of(code, text)
    return operands_of(tokens, local) if tokens is not None else []


def operands_of(tokens: ExpressionTokens, local: Collection[str]) -> list[Operand]:
    """The values that an expression may have, in order."""
    found: list[Operand] = []
    todo: list[tuple[int, int, str | None]] = [(0, len(tokens.words), None)]
    for _ in range(_MAX_LINKS):
        if not todo:
            break
        first, stop, cast = todo.pop()
        if first >= stop:
            continue
        if tokens.words[first] == "(" and tokens.partner.get(first) == stop - 1:
            todo.append((*tokens.within(first + 1, stop - 1), cast))
            continue
        rank, at = tokens.lowest_operator(first, stop)
        if rank < NO_OPERATOR:
            todo.extend((a, b, cast) for a, b in reversed(_sides(tokens, rank, at, first, stop)))
            continue
        inner = tokens.cast(first, stop)
        if inner is not None:
            if tokens.words[inner] != "{":
                todo.append((inner, stop, cast or tokens.type_name(first + 1, inner - 1)))
                continue
        elif (value := tokens.cast_like_call(first, stop, local)) is not None:
            todo.append((*value, cast))
            continue
        operand = place_of(tokens, first, stop, cast)
        if operand is not None:
            found.append(operand)
    return found


def _sides(tokens: ExpressionTokens, rank: int, at: int, first: int, stop: int) -> list[tuple[int, int]]:
    """The parts of an operation whose values can be its value, in order."""
    if rank == COMMA:
        return [(at + 1, stop)]
    if rank == ASSIGN:
        return [(first, at)]
    if rank == QUESTION:
        colon = tokens.colon(at + 1, stop)
        return [(at + 1, colon) if colon > at + 1 else (first, at), (colon + 1, stop)]
    if rank in (OR, BIT_OR):
        return [(first, at), (at + 1, stop)]
    return [(first, at)] if rank == SUM else []


def place_of(tokens: ExpressionTokens, first: int, stop: int, cast: str | None = None) -> Operand | None:
    """The place that some tokens name; cast: the type they are cast to."""
    if first >= stop:
        return None
    walk = _PlaceWalk(tokens, first, stop, cast)
    for _ in range(_MAX_LINKS):
        if walk.first >= walk.stop or walk.arrives():
            return walk.result
    return None


class _PlaceWalk:
    """From the outside of an expression to its base: prefixes are taken from the front, members, subscripts and calls from the end."""

    def __init__(self, tokens: ExpressionTokens, first: int, stop: int, cast: str | None) -> None:
        self.tokens, self.first, self.stop, self.cast = tokens, first, stop, cast
        self.text = tokens.shown(first, stop)
        self.steps: list[str] = []  # from the outside in
        self.address = False
        self.result: Operand | None = None

    def arrives(self) -> bool:
        """Takes one piece away; tells whether the base was reached, or nothing that has one: then `result` holds."""
        rank, at = self.tokens.lowest_operator(self.first, self.stop)
        if rank < NO_OPERATOR:
            self._narrow(rank, at)
            return False
        word = self.tokens.words[self.first]
        if word in "!~-+":
            return True
        if word == "&":
            if not self.steps:
                self.address = True
            elif self.steps[-1] == "*":
                self.steps.pop()
            self.first += 1
            return False
        if word in ("*", "++", "--"):
            if word == "*":
                self.steps.append("*")
            self.first += 1
            return False
        if word == "(":
            taken = self._parenthesis()
            if taken is not None:
                return taken
        return self._suffix()

    def _narrow(self, rank: int, at: int) -> None:
        """Goes on with the part of an operation that names the place."""
        if rank in (COMMA, ASSIGN):
            self.first = at + 1
        elif rank == QUESTION:
            colon = self.tokens.colon(at + 1, self.stop)
            self.first, self.stop = (at + 1, colon) if colon > at + 1 else (colon + 1, self.stop)
        else:
            self.stop = at

    def _parenthesis(self) -> bool | None:
        """Takes parentheses around all, or a cast; None where the parenthesis is neither."""
        tokens, first, stop = self.tokens, self.first, self.stop
        close = tokens.partner.get(first)
        if close == stop - 1:
            self.first, self.stop = tokens.within(first + 1, close)
            return False
        inner = tokens.cast(first, stop)
        if inner is None:
            return None
        self.cast = tokens.type_name(first + 1, inner - 1)
        if tokens.words[inner] == "{":
            if tokens.partner.get(inner) == stop - 1:
                self.result = self._operand(None)
            return True
        if self.steps:
            self.result = self._operand(tokens.bare_name(inner, stop))
            return True
        self.first = inner
        return False

    def _suffix(self) -> bool:
        words, partner, first, stop = self.tokens.words, self.tokens.partner, self.first, self.stop
        last = words[stop - 1]
        if last[0].isalpha() or last[0] == "_":
            if stop - 1 == first:
                self.result = None if last in NOT_NAMES else self._operand(last)
                return True
            if words[stop - 2] not in (".", "->"):
                return True
            self.steps.append(last)
            self.cast = None
            self.stop -= 2
        elif last == "]" and stop - 1 in partner:
            self.steps.append("[]")
            self.stop = partner[stop - 1]
        elif last == ")" and partner.get(stop - 1, first) > first:
            self.result = _call_result(self.tokens, first, partner[stop - 1], stop - 1, self._operand(None, call=True))
            return True
        elif last in ("++", "--"):
            self.stop -= 1
        else:
            return True
        return False

    def _operand(self, base: str | None, *, call: bool = False) -> Operand:
        return Operand(self.text, base, tuple(reversed(self.steps)), self.address, self.cast, call)


def _call_result(tokens: ExpressionTokens, first: int, opened: int, closed: int, unknown: Operand) -> Operand | None:
    """The place that a call's result is: of `rcu_dereference(x)` that of x, of `container_of(p, struct s, m)` a struct s. unknown: the
    place without knowing what is called."""
    text, fields, address, cast = unknown.text, unknown.fields, unknown.address, unknown.cast
    name = tokens.words[first]
    if opened - first != 1 or not name.isidentifier():
        inner = place_of(tokens, first, opened) if tokens.words[opened - 2] in (".", "->") and name not in "*&" else None
        if inner is None or inner.call or inner.base is None:
            return unknown
        return Operand(text, inner.base, (*inner.fields, "()", *fields), address, cast)
    if name in _NO_VALUE:
        return None
    if name in PASS_ON or name in CONTAINER:
        given = tokens.split(opened + 1, closed)
        if name in PASS_ON and given:
            code = tokens.written(*given[0])
            inner = next(iter(_operands(code, code, ())), None)
            if inner is not None and not inner.call:
                return Operand(text, inner.base, inner.fields + fields, inner.address if not fields else False, cast or inner.cast)
        if len(given) >= 2 and CONTAINER.get(name, -1) >= 0:
            return Operand(text, None, fields, address, cast or tokens.shown(*given[1]) + " *")
    return Operand(text, name, fields, address, cast, True)
