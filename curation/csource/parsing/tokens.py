"""Which operator of an expression is applied last, and what in it is a cast? Its tokens with the partner of each bracket; no tree is made.

>>> tokens = ExpressionTokens("a + b, (int)c", "a + b, (int)c"); tokens.lowest_operator(0, len(tokens.words))
(0, 3)
"""
from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property

from curation.csource.lexing.keywords import BUILTIN, QUALIFIERS, TAGS, TYPEOF, macro_like, one_space

MAX_TEXT = 300  # characters kept of an operand's text
_MAX_LENGTH = 3000  # characters of an expression that is read
_MAX_BRACKETS = 60  # in one expression: what is nested deeper is no value a person would follow
_TOKEN = re.compile(
    r"""\s*([A-Za-z_]\w*|\.?\d[\w.]*|"[^"]*"|'[^']*'|->|\+\+|--|<<=|>>=|<<|>>|\.\.\.|[<>=!+\-*/%&|^]=|&&|\|\||\S)""",
    re.ASCII,
)
_PRECEDENCE = {op: rank for rank, ops in enumerate((
    (",",), ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="), ("?",), ("||",), ("&&",), ("|",), ("^",), ("&",),
    ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"), ("*", "/", "%"),
)) for op in ops}
COMMA, ASSIGN, QUESTION, OR, BIT_OR, SUM = 0, 1, 2, 3, 5, 11
NO_OPERATOR = 99  # above the precedence of every operator
_FIRST_OF_TYPE = BUILTIN | TAGS | QUALIFIERS | TYPEOF


def tokens_of(code: str, text: str) -> ExpressionTokens | None:
    """None for an expression that is too long or nested too deep."""
    if len(code) > _MAX_LENGTH or code.count("(") + code.count("[") + code.count("{") > _MAX_BRACKETS:
        return None
    return ExpressionTokens(code, text)


class ExpressionTokens:
    """Positions are numbers of tokens; `stop` is one behind the last. partner: of each bracket that has one."""

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

    def written(self, first: int, stop: int) -> str:
        """How some tokens are written in the file."""
        return self.text[self.starts[first]:self.starts[stop - 1] + len(self.words[stop - 1])]

    def shown(self, first: int, stop: int) -> str:
        """How some tokens are written, on one line and not too long."""
        if first == 0 and stop == len(self.words):
            return one_space(self.text.strip()[:MAX_TEXT])
        return one_space(self.written(first, stop)[:MAX_TEXT])

    def within(self, first: int, stop: int) -> tuple[int, int]:
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

    def colon(self, first: int, stop: int) -> int:
        """That of the conditional whose `?` stands before `first`; `stop` where there is none."""
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

    def lowest_operator(self, first: int, stop: int) -> tuple[int, int]:
        """(rank, position) of the operator that is applied last; rank NO_OPERATOR where there is none. Of equal ones the last, but for
        assignments and conditionals the first."""
        best, where = NO_OPERATOR, -1
        ended = False  # whether what came before can be the left side of an operator
        at = first
        words, partner = self.words, self.partner
        while at < stop:
            word = words[at]
            if word in "([{":
                close = partner.get(at)
                if close is None or close >= stop:
                    return NO_OPERATOR, -1
                ended = not (word == "(" and not ended and self._type_like(at + 1, close, close + 1, stop))
                at = close + 1
                continue
            rank = _PRECEDENCE.get(word, NO_OPERATOR)
            if ended and rank < NO_OPERATOR:
                if rank < best or (rank == best and rank not in (ASSIGN, QUESTION)):
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
        head, last = words[first], words[close - 1]
        if not (head[0].isalpha() or head[0] == "_"):
            return False
        if head in _FIRST_OF_TYPE:
            return True
        if words[first + 1].isidentifier():  # `(__force __be16)x`
            return True
        if last == "*":
            return all(w == "*" or w in QUALIFIERS or w.isidentifier() for w in words[first:close])
        if close - first == 1:
            return self._name_casts(head, close, after, stop)
        return close - first > 4 and words[first + 1] == "(" and "*" in words[first + 2:first + 4] or words[first + 1] in QUALIFIERS

    def _name_casts(self, name: str, close: int, after: int, stop: int) -> bool:
        """Whether one name in parentheses is a type, by what follows."""
        following = self.words[after]
        if name.endswith("_t") and following in ("-", "&", "*", "+", "("):
            return True
        if following == "&":  # `(handler_t)&f`, not `(a) & b`
            at = self.starts
            return at[after] == at[close] + 1 and after + 1 < stop and at[after + 1] == at[after] + 1
        return following[0].isalnum() or following[0] in "_\"'~!{"

    def cast(self, first: int, stop: int) -> int | None:
        """Where the operand of `(type) operand` begins."""
        if self.words[first] != "(":
            return None
        close = self.partner.get(first)
        if close is None or close + 1 >= stop or not self._type_like(first + 1, close, close + 1, stop):
            return None
        return close + 1

    def cast_like_call(self, first: int, stop: int, local: Collection[str]) -> tuple[int, int] | None:
        """The operand of `(type)(operand)`, which looks like a call. local: names that are variables and no types."""
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

    def type_name(self, first: int, stop: int) -> str:
        """The text of a type without its leading qualifiers: "struct ops *"."""
        words = self.words
        while first < stop - 1 and (words[first] in QUALIFIERS or macro_like(words[first]) and words[first + 1].isidentifier()):
            first += 1
        if first >= stop:
            return ""
        after = first + (2 if words[first] in TAGS else 1)
        while after < stop and words[after] in BUILTIN:
            after += 1
        return f"{self.shown(first, after)} {self.shown(after, stop)}" if after < stop else self.shown(first, stop)

    def bare_name(self, first: int, stop: int) -> str | None:
        """The name that some tokens are, within parentheses or not."""
        while first < stop and self.words[first] == "(" and self.partner.get(first) == stop - 1:
            first, stop = first + 1, stop - 1
        return self.words[first] if stop - first == 1 and self.words[first].isidentifier() else None
