"""What is the smallest piece of the corpus that lets a reader check a proposal?

The site's function (a window of it when it is long), the lines of the evidence with the head of what they stand in, and the candidates'
definitions, in that order until the budget is spent; written file by file, the site's first, with `// file: PATH` headers and `...` for
what is left out.

>>> make_excerpt(index, proposal, max_tokens=400)
'// file: a.c\\nstatic int my_open(void)\\n...'
"""
from __future__ import annotations

import re
from collections.abc import Iterator

from curation.csource.facts import Function
from curation.csource.index import Index
from curation.model import Evidence, Proposal

_TOKEN = re.compile(r"\w+|[^\w\s]")
_WINDOW = 12  # lines kept on each side of the site in a long function
_BODY_LINES = 25  # a candidate's body is shown whole up to this length
_CANDIDATES = 6
_GAP = 2  # left-out lines that are shown rather than replaced by "..."
_LINE_LIMIT = 400  # characters of a line; the rest is generated tables


def make_excerpt(index: Index, proposal: Proposal, max_tokens: int = 1000) -> str:
    """The excerpt, never longer than `max_tokens` C tokens except for the site's own line, which is always there."""
    chosen: dict[str, set[int]] = {proposal.file: {proposal.line}}
    costs = {proposal.file: _cost(index, proposal.file, {proposal.line})}
    for file, lines in _pieces(index, proposal):
        wider = chosen.get(file, set()) | lines
        cost = _cost(index, file, wider)
        if cost + sum(costs.values()) - costs.get(file, 0) <= max_tokens:
            chosen[file], costs[file] = wider, cost
    return "\n\n".join(_written(index, file, lines) for file, lines in chosen.items())


def _cost(index: Index, file: str, lines: set[int]) -> int:
    return len(_TOKEN.findall(_written(index, file, lines)))


def _line(index: Index, file: str, number: int) -> str:
    text = index.lines(file)
    return text[number - 1][:_LINE_LIMIT] if 0 < number <= len(text) else ""


def _pieces(index: Index, proposal: Proposal) -> Iterator[tuple[str, set[int]]]:
    """Line sets, the most needed first."""
    site = index.enclosing(proposal.file, proposal.line)
    if site is not None:
        yield proposal.file, _head(index, site)
        yield proposal.file, set(range(max(site.start_line, proposal.line - 3), min(site.end_line, proposal.line + 3) + 1))
    main, more = _evidence(proposal)
    for evidence in main:
        yield from _around(index, evidence)
    for candidate in proposal.candidates[:_CANDIDATES]:
        for function in index.functions(candidate.name):
            if function.file == candidate.file and function.line == candidate.line:
                yield function.file, _head(index, function)
    if site is not None:
        whole = site.end_line - site.start_line <= 5 * _WINDOW
        first, last = (site.start_line, site.end_line) if whole else (proposal.line - _WINDOW, proposal.line + _WINDOW)
        yield proposal.file, set(range(max(site.start_line, first), min(site.end_line, last) + 1))
    for candidate in proposal.candidates[:_CANDIDATES]:
        for function in index.functions(candidate.name):
            if (
                function.file == candidate.file
                and function.line == candidate.line
                and function.end_line - function.start_line <= _BODY_LINES
            ):
                yield function.file, set(range(function.start_line, function.end_line + 1))
    for evidence in more:
        yield from _around(index, evidence)


def _evidence(proposal: Proposal) -> tuple[list[Evidence], list[Evidence]]:
    """The proposal's own and each candidate's first place; then the others."""
    main = list(proposal.evidence)
    more: list[Evidence] = []
    for candidate in proposal.candidates[:_CANDIDATES]:
        places = [e for e in candidate.evidence if e.kind != "definition"]
        main.extend(places[:1])
        more.extend(places[1:])
    return main, more


def _head(index: Index, function: Function) -> set[int]:
    """The lines from a definition's start to its opening brace, and its last line."""
    last = function.line
    while last < min(function.end_line, function.line + 12) and "{" not in _line(index, function.file, last):
        last += 1
    return {*range(function.start_line, last + 1), function.end_line}


def _around(index: Index, evidence: Evidence) -> Iterator[tuple[str, set[int]]]:
    """The line, and the head of the function or declaration it stands in."""
    function = index.enclosing(evidence.file, evidence.line)
    if function is not None:
        yield evidence.file, {evidence.line} | _head(index, function)
        return
    lines = {evidence.line}
    at = evidence.line
    while at > 1 and evidence.line - at < 400:
        text = _line(index, evidence.file, at)
        if text[:1].isalpha() or text[:1] == "_":
            lines.add(at)
            break
        at -= 1
    all_lines = index.lines(evidence.file)
    for after in range(evidence.line, min(len(all_lines), evidence.line + 400)):
        if all_lines[after - 1].startswith("}"):
            lines.add(after)
            break
        if after == evidence.line and all_lines[after - 1].rstrip().endswith(";"):
            break
    yield evidence.file, lines


def _written(index: Index, file: str, lines: set[int]) -> str:
    out = [f"// file: {file}"]
    before = 0
    for number in sorted(lines):
        if before and number - before > 1:
            if number - before - 1 <= _GAP and all(len(_line(index, file, n)) < 100 for n in range(before + 1, number)):
                out.extend(_line(index, file, n) for n in range(before + 1, number))
            else:
                out.append("...")
        out.append(_line(index, file, number))
        before = number
    return "\n".join(out)
