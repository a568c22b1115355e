"""What of an item's excerpt does a training row show, and by which name does an answer call a place in it?

An excerpt is made when a site is proposed, of up to 1,200 tokens; a row may have less room. It is narrowed by importance: the site, then
what was chosen for it in the order of the need (Item.meta["needed"], see csource/excerpt.py), as far as the budget goes. A smaller budget
shows a part of what a larger one shows. For an item that does not know the order: the places that its proposal names, the heads around
them, the nearest lines.

A model cannot count lines, so a line is numbered where something names it: the site's alone, or all of them. The number and a space cost
28 % more tokens on the demo's C with a BPE tokenizer that takes digits one by one, `12|` costs 36 %.

>>> excerpt = shown(item, budget=60, numbered=True)
>>> print(excerpt.text)
// file: a.c
1 static const struct ops my_ops = { .open = my_open };
...
2 	return ops->open(file);
>>> excerpt.marker("a.c", 40), excerpt.marker("a.c", 41), excerpt.has("my_open")
(2, None, True)

Not covered: a name that stands in a comment or a string of the excerpt counts as shown.
"""
from __future__ import annotations

import re
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from curation import tokens
from curation.csource.targets.excerpt import SliceLine, origins
from curation.model import Item, Lang, Proposal

GAP = "..."
MARK = re.compile(r"^\d+ ", re.MULTILINE)  # what a numbered line begins with
_WORD = re.compile(r"[A-Za-z_]\w*")
_VALUE = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")
_PLACE = re.compile(r"(?<![\w/.+-])([\w./+-]*\w\.\w+):(\d+)(?::\d+)?(?!\w)")
_UNNAMED = re.compile(r"(?:struct |union |enum )?@([^\s:`\"]+):(\d+):\d+(?:\.(\w+))?")
_KEYWORDS = frozenset({"struct", "union", "enum"})
_HEAD = re.compile(r"[A-Za-z_].*[({=]")
_FAR = 1_000_000


@dataclass(frozen=True)
class Shown:
    """lines: of the excerpt, in reading order, numbered from 1. site: (file, line) that is asked about. numbered: whether every line
    carries its number or only the site's."""

    lines: tuple[SliceLine, ...]
    site: tuple[str, int]
    numbered: bool

    @cached_property
    def _markers(self) -> dict[tuple[str, int], int]:
        return {(one.file, one.line): number for number, one in enumerate(self.lines, 1)}

    @cached_property
    def _first(self) -> dict[str, tuple[int, int]]:
        """Each word with where it stands first: number of the line, offset in it."""
        return self._found(_WORD)

    @cached_property
    def _values(self) -> dict[str, tuple[int, int]]:
        return self._found(_VALUE)

    def _found(self, pattern: re.Pattern[str]) -> dict[str, tuple[int, int]]:
        first: dict[str, tuple[int, int]] = {}
        for number, one in enumerate(self.lines, 1):
            for word in pattern.finditer(one.text):
                first.setdefault(word.group(), (number, word.start()))
        return first

    def marker(self, file: str | None, line: int | None) -> int | None:
        """The number of a place; None where it is not shown."""
        return None if file is None or line is None else self._markers.get((file, line))

    def has(self, name: str | None) -> bool:
        """Whether every word of a name stands in the excerpt: `foo_ops.open` needs both."""
        words = [word for word in _WORD.findall(name or "") if word not in _KEYWORDS]
        return bool(words) and all(word in self._first for word in words)

    def value(self, name: str | None) -> tuple[int, int] | None:
        """Where a function's name stands first, other than as a field (`p->open`); None where it does not."""
        return self._values.get(name or "")

    @property
    def places(self) -> dict[str, str]:
        """Number -> "file:line" of each line."""
        return {str(number): f"{one.file}:{one.line}" for number, one in enumerate(self.lines, 1)}

    @cached_property
    def text(self) -> str:
        out: list[str] = []
        file, before = "", 0
        for number, one in enumerate(self.lines, 1):
            if one.file != file:
                out.append(f"// file: {one.file}")
                file, before = one.file, one.line - 1
            if one.line != before + 1:
                out.append(GAP)
            out.append(f"{number} {one.text}" if self.numbered or (one.file, one.line) == self.site else one.text)
            before = one.line
        return "\n".join(out)


def shown(item: Item, budget: int | None = None, numbered: bool = True, tokenizer: str | None = None) -> Shown:
    """What a row shows of a site's excerpt. budget: most tokens of its text (except for the site's own line, which is always there),
    counted as tokens.count does; None: all of it."""
    lines = [SliceLine(*place, text) for place, text in _lines(item.excerpt)]
    site = (item.payload["file"], item.payload["line"])
    if budget is not None:
        ranks = item.meta.get("needed")
        if not isinstance(ranks, list) or len(ranks) != len(lines):
            ranks = _by_proposal(lines, Proposal.model_validate(item.payload))
        kept = _narrowed(lines, ranks, site, budget, numbered, tokenizer)
        lines = [line for number, line in enumerate(lines) if number in kept]
    return Shown(tuple(lines), site, numbered)


def _lines(text: str) -> Iterator[tuple[tuple[str, int], str]]:
    for place, line in zip(origins(text), text.split("\n"), strict=True):
        if place is not None:
            yield place, line


def _narrowed(
    lines: list[SliceLine], ranks: list[int], site: tuple[str, int], budget: int, numbered: bool, tokenizer: str | None,
) -> set[int]:
    """The numbers (0-based) of the lines of the lowest ranks that fit together. It ends with the first that does not, so that less is
    never something else."""
    cost = _cost(tokenizer)
    mark = cost("20 " if len(lines) > 9 else "2 ")
    costs = [cost(one.text + "\n") + (mark if numbered or (one.file, one.line) == site else 0) for one in lines]
    gap = cost(f"{GAP}\n")
    of_file: dict[str, list[int]] = {}
    spent: dict[str, int] = {}
    kept: set[int] = set()
    by_rank: dict[int, list[int]] = {}
    for number, rank in enumerate(ranks):
        by_rank.setdefault(rank, []).append(number)
    for number in [n for n, one in enumerate(lines) if (one.file, one.line) == site]:
        by_rank.setdefault(-1, []).append(number)
    for rank in sorted(by_rank):
        more = [number for number in by_rank[rank] if number not in kept]
        files = {lines[number].file for number in more}
        now = {file: list(of_file.get(file, [])) for file in files}
        for number in more:
            insort(now[lines[number].file], number)
        price = {file: cost(f"// file: {file}\n") + _price(lines, costs, gap, numbers) for file, numbers in now.items()}
        if rank >= 0 and sum({**spent, **price}.values()) > budget:
            break
        of_file.update(now)
        spent.update(price)
        kept.update(more)
    return kept


def _price(lines: list[SliceLine], costs: list[int], gap: int, numbers: list[int]) -> int:
    total, before = 0, lines[numbers[0]].line - 1
    for number in numbers:
        total += costs[number] + (gap if lines[number].line != before + 1 else 0)
        before = lines[number].line
    return total


def _cost(tokenizer: str | None) -> Callable[[str], int]:
    return lambda text: _count(text, tokenizer)


@lru_cache(maxsize=65536)
def _count(text: str, tokenizer: str | None) -> int:
    return tokens.count(text, tokenizer)


def _by_proposal(lines: list[SliceLine], proposal: Proposal) -> list[int]:
    """Ranks for an excerpt without them: the site 0, then what the proposal names in its order, then the heads around, then the rest by
    its distance."""
    number_of = {(one.file, one.line): number for number, one in enumerate(lines)}
    named = [number_of[place] for place in _named(proposal) if place in number_of]
    ordered = list(dict.fromkeys(named))
    ordered += list(dict.fromkeys(head for number in ordered if (head := _head(lines, number)) is not None and head not in ordered))
    rank = {number: place for place, number in enumerate(ordered)}
    near = [min((abs(lines[n].line - one.line) for n in ordered if lines[n].file == one.file), default=_FAR) for one in lines]
    return [rank.get(number, len(ordered) + near[number]) for number in range(len(lines))]


def _named(proposal: Proposal) -> Iterator[tuple[str, int]]:
    yield proposal.file, proposal.line
    answer = proposal.answer
    targets = {target["name"] for target in answer.get("targets") or []}
    candidates = [c for c in proposal.candidates if c.name in targets] or proposal.candidates[:1]
    for candidate in candidates:
        yield from ((e.file, e.line) for e in candidate.evidence[:1])
    yield from ((e.file, e.line) for e in proposal.evidence)
    for candidate in candidates:
        yield from ((s.file, s.line) for s in (*candidate.steps, *candidate.evidence))
        if candidate.file is not None and candidate.line is not None:
            yield candidate.file, candidate.line


def _head(lines: list[SliceLine], number: int) -> int | None:
    """The nearest line before that begins a function or a table in the first column."""
    for before in range(number, -1, -1):
        if lines[before].file != lines[number].file:
            return None
        if _HEAD.match(lines[before].text):
            return before
    return None


# ---- words about places


_LINE: dict[Lang, str] = {"en": "line {n}", "zh": "第 {n} 行"}
_UNSHOWN: dict[Lang, str] = {"en": "a line that is not shown", "zh": "未显示的一行"}


def place_name(excerpt: Shown, file: str | None, line: int | None, lang: Lang) -> str | None:
    """A place as a row's text names it; None where it is not shown."""
    marker = excerpt.marker(file, line)
    return None if marker is None else _LINE[lang].format(n=marker)


def renamed(text: str, excerpt: Shown, lang: Lang) -> str:
    """A person's text with each `file:line` in it named as the excerpt numbers it."""
    files = {one.file for one in excerpt.lines}

    def name(found: re.Match[str]) -> str:
        known = place_name(excerpt, found[1], int(found[2][:9]), lang)
        if known is not None:
            return known
        return _UNSHOWN[lang] if found[1] in files or found[1].endswith((".c", ".h")) else found.group()

    return _PLACE.sub(name, text)


def plainly(text: str, excerpt: Shown) -> str:
    """The text without the engine's own names: a struct without a tag is called by the table that it is the type of (`menu[].run`), by the
    field alone where the excerpt does not show the table."""
    return _UNNAMED.sub(lambda found: _of_table(found, excerpt), text) if "@" in text else text


def _of_table(found: re.Match[str], excerpt: Shown) -> str:
    file, line, member = found[1], int(found[2][:9]), found[3]
    table = next(
        (match for one in excerpt.lines if one.file == file and one.line >= line
         if (match := re.search(r"}\s*(\w+)\s*(\[)?", one.text)) is not None), None)
    if table is None:
        return member or "struct"
    return f"{table[1]}{'[]' if table[2] else ''}" + (f".{member}" if member else "")


def plain_answer(answer: Any, excerpt: Shown) -> Any:
    """`plainly` of every text in an answer."""
    if isinstance(answer, str):
        return plainly(answer, excerpt)
    if isinstance(answer, list):
        return [plain_answer(value, excerpt) for value in answer]
    return {key: plain_answer(value, excerpt) for key, value in answer.items()} if isinstance(answer, dict) else answer
