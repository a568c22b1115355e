"""What is the smallest piece of the corpus from which a reader can see that an answer is right?

Lines are chosen one need after the other, the most needed first, while they fit the budget: the site; the place that puts each target
there; the struct with the called field; the way of each target to the call; the heads of the targets' definitions. With a line come the
lines that balance its brackets. Declarations stand first, the site's file last. Every line keeps its file and number.

>>> slice_of = make_slice(index, proposal, "call", max_tokens=400)
>>> slice_of.lines[0]
SliceLine(file='ops.h', line=1, text='struct ops {')
>>> print(slice_of.text)
// file: ops.h
struct ops {
	int (*open)(int);
};

// file: a.c
... // line 8
static const struct ops my_ops = {

A gap is `... // line N`, where N is the number of the line that follows it (none at the start of a file: line 1 follows).
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.csource.lexing.balanced_lines import beside, declaration_around
from curation.csource.targets.witness import witness_to
from curation.tokens import count

if TYPE_CHECKING:
    from curation.csource.program import Program
    from curation.model import Anchor, PathStep, Proposal

_GAP_TOKENS = 5  # of "... // line 12"
_BESIDE_MOST = 40  # lines that come with one line; a longer nest is left open
_BODY_LINES = 12  # of a callback: whether it blocks is seen there
_LINE_LIMIT = 400  # characters of a line that are shown: longer ones are generated tables
_MARKER = re.compile(r"// file: |\.\.\. // line ")
_GAP = re.compile(r"\.\.\. // line (\d+)\Z")
_INCLUDE = re.compile(r"\s*#\s*include\s*<")
_OF_FIELD = re.compile(r"([A-Za-z_]\w*)\s*(?:->|\.\s*[A-Za-z_])")
_NAME = re.compile(r"[A-Za-z_]\w*")


class SliceLine(NamedTuple):
    """A line of a source: 1-based number, text as it stands (cut at _LINE_LIMIT characters)."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Slice:
    """lines: in reading order, file by file. needed: for each line the number of the need that it was chosen for, 0 for the site: a smaller
    slice is that of the lowest numbers. text: what a training row shows."""

    lines: list[SliceLine]
    needed: list[int]

    @property
    def text(self) -> str:
        out: list[str] = []
        file, before = "", 0
        for one in self.lines:
            if one.file != file:
                out += [*([""] if out else []), f"// file: {one.file}"]
                file, before = one.file, 0
            if one.line != before + 1:
                out.append(f"... // line {one.line}")
            out.append(one.text)
            before = one.line
        return "\n".join(out)


def origins(text: str) -> list[tuple[str, int] | None]:
    """(file, line) of each line of an excerpt's text; None for its headers, gaps and the empty lines between files."""
    found: list[tuple[str, int] | None] = []
    file, number = "", 1
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if line.startswith("// file: "):
            file, number = line.removeprefix("// file: "), 1
        elif gap := _GAP.match(line):
            number = int(gap[1])
        elif line or not (at + 1 < len(lines) and lines[at + 1].startswith("// file: ")):
            found.append((file, number))
            number += 1
            continue
        found.append(None)
    return found


def make_excerpt(index: Program, proposal: Proposal, anchor: Anchor, max_tokens: int = 1000) -> str:
    """The text of make_slice."""
    return make_slice(index, proposal, anchor, max_tokens).text


def make_slice(index: Program, proposal: Proposal, anchor: Anchor, max_tokens: int = 1000) -> Slice:
    """The slice for a proposal, of at most `max_tokens` tokens (curation/tokens.py) except for the site's own line, which is always
    there."""
    chosen: dict[str, dict[int, int]] = {proposal.file: _costs(index, proposal.file, {proposal.line})}
    spent = {proposal.file: _spent(proposal.file, chosen[proposal.file])}
    done: set[tuple[str, int]] = set()
    needed = {(proposal.file, proposal.line): 0}
    for number, (file, line, whole) in enumerate(_needs(index, proposal, anchor), 1):
        for lines in (_with_beside(index, file, line), {line}) if whole else ({line},):
            if (file, line) in done and lines == {line} or line < 1:
                continue
            wider = {**chosen.get(file, {}), **_costs(index, file, lines)}
            cost = _spent(file, wider)
            if cost + sum(spent.values()) - spent.get(file, 0) <= max_tokens:
                chosen[file], spent[file] = wider, cost
                done.add((file, line))
                for n in lines:  # the line itself before those that balance it
                    needed.setdefault((file, n), 2 * number + (n != line))
                break
    order = sorted(chosen, key=lambda f: (f == proposal.file, not f.endswith((".h", ".inc")), list(chosen).index(f)))
    places = [(file, line) for file in order for line in sorted(_filled(chosen[file], index, file))]
    for file, line in places:
        if (file, line) not in needed:  # fills a gap
            needed[file, line] = max(needed[file, line - 1], needed[file, line + 1])
    return Slice([SliceLine(file, line, _line(index, file, line)) for file, line in places], _dense([needed[place] for place in places]))


def _dense(numbers: list[int]) -> list[int]:
    """The numbers in their order as 0, 1, 2, ...

    >>> _dense([0, 7, 4, 7])
    [0, 2, 1, 2]
    """
    rank = {number: place for place, number in enumerate(sorted(set(numbers)))}
    return [rank[number] for number in numbers]


def _line(index: Program, file: str, number: int) -> str:
    text = index.lines(file)
    return text[number - 1].rstrip("\r")[:_LINE_LIMIT] if 0 < number <= len(text) else ""


def _costs(index: Program, file: str, lines: Iterable[int]) -> dict[int, int]:
    last = len(index.lines(file))
    found = {n: _line(index, file, n) for n in lines if 0 < n <= last}
    return {n: _tokens(text) for n, text in found.items() if not _MARKER.match(text)}


@lru_cache(maxsize=4096)
def _tokens(text: str) -> int:
    return count(text)


def _spent(file: str, lines: dict[int, int]) -> int:
    gaps = sum(n - 1 not in lines for n in lines) - (1 in lines)
    return count(f"// file: {file}") + sum(lines.values()) + gaps * _GAP_TOKENS


def _filled(lines: dict[int, int], index: Program, file: str) -> set[int]:
    """The lines and those between two of them that cost no more than to say that they are left out."""
    found = set(lines)
    for number in lines:
        if number + 1 not in lines and number + 2 in lines and 0 < number + 1:
            between = _costs(index, file, {number + 1})
            if between and between[number + 1] <= _GAP_TOKENS:
                found.add(number + 1)
    return found


def _with_beside(index: Program, file: str, line: int) -> set[int]:
    """The line with what balances it, and with the head of the function around it."""
    function, lines = index.enclosing(file, line), index.lines(file)
    first, last = (function.start_line, function.end_line) if function is not None else declaration_around(lines, line)
    found = {first - 1 + n for n in beside("\n".join(lines[first - 1 : last]), line - first + 1)}
    if function is not None:
        found |= set(range(function.start_line, function.line + 1))
    return found if len(found) <= _BESIDE_MOST else {line}


# ---- what is needed, the most needed first


Need = tuple[str, int, bool]  # file, line, whether with the lines that balance it


def _needs(index: Program, proposal: Proposal, anchor: Anchor) -> Iterator[Need]:
    yield proposal.file, proposal.line, True
    if anchor == "definition":
        yield from _braces(index, proposal.file, proposal.line)
    ways = _witnesses(proposal)
    for way in ways[:1]:  # one target whole
        yield from ((s.file, s.line, True) for s in way)
    yield from _inner_macros(index, proposal)
    for way in ways[1:]:  # what puts each other target there
        yield from ((s.file, s.line, True) for s in way[:1])
        if way and way[0].kind == "macro":
            yield from ((s.file, s.line, True) for s in way[1:2])
    yield from _declared(index, proposal, anchor, ways)
    yield from _base(index, proposal, anchor)
    for way in ways:
        yield from ((s.file, s.line, True) for s in way[1:])
    if anchor == "call":
        for file, line in dict.fromkeys((s.file, s.line) for way in ways[:6] for s in way):
            yield from _objects(index, file, line)
    if anchor != "call":
        yield from _of_callback(index, proposal, anchor)
    yield from _definitions(index, proposal)
    for target in proposal.answer.get("targets") or []:
        if target.get("file") and target.get("line"):
            yield from _braces(index, target["file"], target["line"])
    for evidence in proposal.evidence:
        yield from _handlers(index, evidence.file, evidence.line)
    yield from _called_in_chain(index, proposal)
    function = index.enclosing(proposal.file, proposal.line)
    if anchor != "call" and function is not None and function.end_line - function.start_line <= _BODY_LINES:
        yield from ((proposal.file, n, False) for n in range(function.start_line, function.end_line + 1))


def _witnesses(proposal: Proposal) -> list[list[Any]]:
    """The places of each target's way, of the answer's targets first; for a proposal without candidates each of its places."""
    targets = {(t["name"], t.get("file")) for t in proposal.answer.get("targets") or []}
    ordered = sorted(proposal.candidates, key=lambda c: (c.name, c.file) not in targets)
    ways: list[list[Any]] = []
    for candidate in ordered[: max(len(targets), 6)]:
        steps = [s for s in candidate.steps if s.kind not in ("call", "more")]
        ways.append(list(steps) or [e for e in candidate.evidence if e.kind != "definition"][:2])
    return ways or [[e] for e in proposal.evidence]


def _definitions(index: Program, proposal: Proposal) -> Iterator[Need]:
    """The head of each target's definition."""
    for target in proposal.answer.get("targets") or []:
        if target.get("file") and target.get("line"):
            yield from _head(index, target["file"], target["line"])
    for candidate in proposal.candidates[:6]:
        if candidate.file and candidate.line:
            yield from _head(index, candidate.file, candidate.line)


def _head(index: Program, file: str, line: int) -> Iterator[Need]:
    function = index.enclosing(file, line)
    if function is None:
        yield file, line, True
    elif function.start_line == function.end_line or "{" in _line(index, file, function.line):
        yield file, function.line, True
    else:
        last, open_brackets = function.line, 0
        while last < function.end_line:
            text = _line(index, file, last)
            open_brackets += text.count("(") - text.count(")")
            if open_brackets <= 0:
                break
            last += 1
        yield from ((file, n, "{" in _line(index, file, n)) for n in range(function.start_line, last + 1))


def _braces(index: Program, file: str, line: int) -> Iterator[Need]:
    """The head of a function with the braces of its body: a definition, no declaration."""
    function = index.enclosing(file, line)
    if function is not None:
        yield from _head(index, file, line)
        opening = next((n for n in range(function.line, min(function.line + 12, function.end_line)) if "{" in _line(index, file, n)), None)
        yield from ((file, n, False) for n in (opening, function.end_line) if n is not None)


def _inner_macros(index: Program, proposal: Proposal) -> Iterator[Need]:
    """The macros in macros down to the one whose body holds the call."""
    wanted = _NAME.search(proposal.expression)
    macro, depth = index.macro(proposal.extra.get("macro") or "", proposal.file), 0
    while macro is not None and wanted is not None and wanted.group() not in macro.body and depth < 4:
        inner = (index.macro(word, macro.file) for word in dict.fromkeys(_NAME.findall(macro.body)))
        macro = next((m for m in inner if m is not None and "(" in m.body), None)
        depth += 1
        if macro is not None:
            yield macro.file, macro.line, True


def _declared(index: Program, proposal: Proposal, anchor: Anchor, ways: list[list[PathStep]]) -> Iterator[Need]:
    """The fields that the ways go through, in their structs, with the typedefs of their types; the macros that hide the call."""
    fields = dict.fromkeys(
        (spot[2], spot[1]) for way in ways[:8] for step in way for spot in (getattr(step, "target", []), getattr(step, "source", []))
        if len(spot) == 3 and spot[0] == "field")
    fields.update(dict.fromkeys(_passed_fields(index, proposal, anchor)))
    for struct, member in list(fields)[:8]:
        for definition in index.structs(struct)[:1]:
            yield from ((definition.file, f.line, True) for f in definition.fields if f.name == member)
            for kind in (f.type for f in definition.fields if f.name == member):
                yield from _typedef(index, kind)
    for evidence in proposal.evidence:
        if evidence.kind == "macro":
            yield evidence.file, evidence.line, True


def _typedef(index: Program, kind: str) -> Iterator[Need]:
    for word in _NAME.findall(kind)[:4]:
        yield from ((t.file, t.line, True) for t in index.typedefs(word)[:1])


def _passed_fields(index: Program, proposal: Proposal, anchor: Anchor) -> Iterator[tuple[str, str]]:
    """(struct, field) of what the calls at the proposal's places are given: the work item in `INIT_WORK(&dev->work, fn)`."""
    if anchor == "call":
        return
    for evidence in proposal.evidence[:8]:
        if evidence.kind in ("registration", "initializer", "assignment") and (facts := index.facts.get(evidence.file)) is not None:
            for use in facts.uses:
                if use.line == evidence.line and use.name == proposal.function:
                    struct, member = index.field_of(use) or (None, "")
                    if struct is not None:
                        yield struct, member
        for call in index.calls(evidence.file):
            if call.line == evidence.line:
                for operand in (o for arg in call.args for o in arg.operands if o.fields and o.address):
                    struct, member = index.flow.field_key(call, operand) or (None, "")
                    if struct is not None:
                        yield struct, member


def _objects(index: Program, file: str, line: int) -> Iterator[Need]:
    """Where the local variables are declared whose fields a line uses: what their structs are."""
    function = index.enclosing(file, line)
    for name in dict.fromkeys(_OF_FIELD.findall(_line(index, file, line))) if function is not None else ():
        variable = index.variable(name, file, function.name if function is not None else None)
        if variable is not None and variable.function is not None and variable.file == file:
            yield file, variable.line, True


def _base(index: Program, proposal: Proposal, anchor: Anchor) -> Iterator[Need]:
    """Where the call's base variable is declared and set in the same function, the nearest first."""
    base = _NAME.search(proposal.expression)
    if anchor != "call" or base is None or proposal.function is None:
        return
    variable = index.variable(base.group(), proposal.file, proposal.function)
    if variable is not None:
        yield variable.file, variable.line, True
    facts = index.facts.get(proposal.file)
    sets = [a.line for a in facts.assignments if a.function == proposal.function and a.left.base == base.group() and not a.left.fields
            and a.line <= proposal.line] if facts is not None else []
    yield from ((proposal.file, line, True) for line in sorted(sets, reverse=True)[:3])


def _handlers(index: Program, file: str, line: int) -> Iterator[Need]:
    """The heads of the functions that a registering line names."""
    for word in dict.fromkeys(_NAME.findall(_line(index, file, line))):
        for function in index.functions(word, file)[:1]:
            yield from _head(index, function.file, function.line)


def _of_callback(index: Program, proposal: Proposal, anchor: Anchor) -> Iterator[Need]:
    """What tells how a callback gets to the code that calls it, and whether that is the kernel: its way there, the macros that its places
    use, the first headers of its file."""
    headers = [n for n, text in enumerate(index.lines(proposal.file), 1) if _INCLUDE.match(text)]
    always = [n for n in headers if not index.conditional(proposal.file, n)]
    yield from ((proposal.file, n, False) for n in (always or headers)[:2])
    for evidence in proposal.evidence[:8]:
        given = proposal.function is not None and proposal.function in _line(index, evidence.file, evidence.line)
        if evidence.kind in ("call", "registration") and proposal.function is not None and not given:
            way = witness_to(index, proposal.function, proposal.file, (evidence.file, evidence.line))
            yield from ((s.file, s.line, True) for s in way)
            yield from _declared(index, proposal, anchor, [way])
        for word in dict.fromkeys(_NAME.findall(_line(index, evidence.file, evidence.line))):
            macro = index.macro(word, evidence.file)
            if macro is not None and "(" in macro.body:
                yield macro.file, macro.line, True


def _called_in_chain(index: Program, proposal: Proposal) -> Iterator[Need]:
    """The calls from one function of a callback's chain to the next, as far as the corpus holds them."""
    chain = [name.split(".")[-1] for name in proposal.answer.get("chain") or []]
    for outer, inner in zip(chain, chain[1:], strict=False):
        for call in index.calls_to(inner)[:50]:
            if call.function == outer:
                yield call.file, call.line, True
                break

