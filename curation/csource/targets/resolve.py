"""Which functions can an indirect call reach, best first, why, and is that all?

First what the solved flow says; where it finds nothing, the fallbacks, one after the other: the same field name in any struct, the same
signature among functions whose address is taken, the same number of arguments; where the pointer's type is known, a fallback proposes no
function that it contradicts. Which of them found a candidate is the evidence's kind. A
candidate whose parameters do not fit the call's arguments stays only where no other fits.

>>> [(c.name, c.evidence[0].kind) for c in resolve(index, solution, call).candidates]
[('my_open', 'initializer')]
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from curation.csource.facts.model import Call, Function
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solver import AddressTaken
from curation.csource.targets.completeness import may_hold_more
from curation.csource.targets.ranking import IMPLEMENTATIONS, CallToRank, addresses_at, of_its_type, possible, ranked
from curation.csource.targets.resolution import FoundBy, Resolution
from curation.csource.typesystem.c_types import normal, parse_type, split_params
from curation.model import Candidate, Evidence

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

MOST = 1500  # candidates of one call: a kernel calls its start functions, hundreds of them, from one line
EXPLAINED = 60  # candidates with their ways; of later ones only the first place and the definition are told
EXTERNAL_LIMIT = 3  # functions outside the corpus that are named beside others
_EVIDENCE_LIMIT = 7
_FLOW_LIMIT = 4  # places of the way between
_TEXT = 300


class _Fallback(NamedTuple):
    """limit: candidates kept: more help nobody. likely: how many of them to put into an answer."""

    found_by: FoundBy
    limit: int
    likely: int


_SAME_FIELD, _SAME_SIGNATURE = _Fallback("same_field", 12, 5), _Fallback("same_signature", 12, 5)
_SAME_ARITY = _Fallback("same_arity", 6, 0)
NEAR = 96  # of thousands that a fallback finds: those defined nearest to the call are ranked


def resolve(index: Index, solution: Solution, call: Call) -> Resolution:
    """The functions that a call reaches; of a direct one the definitions of its name."""
    if call.kind == "direct":
        return _direct(index, call)
    kind = solution.operand_type(call, call.operand)
    pointer = index.types.expand(kind, call.file) if kind is not None else None
    site = CallToRank(index, solution, call, pointer, solution.objects(call), solution.reaching(call))
    if site.reached:
        return _by_flow(site)
    for fallback, values in _fallbacks(site):
        near = of_its_type(site, solution.defining_files.nearest(values, call.file, NEAR))
        found = _candidates(site, list(near), fallback.found_by)[: fallback.limit]
        if found:
            outside = fallback.found_by == "same_arity"
            return Resolution(found, fallback.found_by, "external" if outside else "incomplete", min(len(found), fallback.likely))
    return Resolution([], "none", "external" if may_hold_more(index, solution, call) or _last_field(call) is not None else "none")


def _direct(index: Index, call: Call) -> Resolution:
    definitions = index.functions(call.callee_name or "", call.file)
    if not definitions:
        return Resolution([], "none", "external", 0)
    return Resolution([_definition(index, f) for f in definitions], "flow", "complete", len(definitions))


def _definition(index: Index, function: Function) -> Candidate:
    evidence = Evidence(
        file=function.file,
        line=function.line,
        column=function.column,
        kind="definition",
        text=index.line_text(function.file, function.line),
    )
    return Candidate(name=function.name, file=function.file, line=function.line, score=1.0, evidence=[evidence])


def _by_flow(site: CallToRank) -> Resolution:
    found = _candidates(site, list(site.reached), "flow")
    all_shown = len(found) < IMPLEMENTATIONS or len(found) >= len(site.reached)
    complete = bool(found) and all_shown and all(c.file is not None for c in found) and not may_hold_more(
        site.index, site.solution, site.call)
    own = sum(
        any(a.owner in site.objects for a in addresses_at(site.solution, value, node)) for value, node in site.reached.items()
    ) if site.objects else 0
    return Resolution(found, "flow", "complete" if complete else "incomplete", min(own or len(found), len(found)))


# ---- fallbacks


def _fallbacks(site: CallToRank) -> Iterator[tuple[_Fallback, Sequence[int]]]:
    """Functions that the pointer may hold though no flow leads there, the strongest likeness first."""
    call, solution = site.call, site.solution
    field = _last_field(call)
    if field is not None:
        yield _SAME_FIELD, of_its_type(site, list(solution.field_values(field)))
    if site.index.types.params(site.pointer) is not None:
        yield _SAME_SIGNATURE, _of_same_signature(site)
    if call.args:
        yield _SAME_ARITY, solution.taken_with(len(call.args))


def _last_field(call: Call) -> str | None:
    return next((step for step in reversed(call.operand.fields) if step not in ("*", "[]", "()")), None)


def _of_same_signature(site: CallToRank) -> list[int]:
    types, solution, file = site.index.types, site.solution, site.call.file
    wanted, variadic = split_params(types.params(site.pointer) or "")
    result = types.result(site.pointer)
    wanted_types = [normal(types, p, file) for p in wanted]
    found = []
    for value in solution.taken_as(wanted_types) if wanted else []:
        function = solution.functions[value]
        if function is None or function.variadic != variadic:
            continue
        if result is None or (str(result) == "void") == (str(parse_type(function.return_type)) == "void"):
            found.append(value)
    return found


# ---- candidates and their evidence


def _candidates(site: CallToRank, values: list[int], found_by: FoundBy) -> list[Candidate]:
    """One for each (name, file of definition), best first. Where most are functions outside the corpus (their definitions were not
    understood) all of these stay, else EXTERNAL_LIMIT."""
    solution = site.solution
    values = possible(site, values)
    merged: dict[tuple[str, str | None], Candidate] = {}
    external = 0
    outside = sum(solution.functions[value] is None for value in values)
    most_external = EXTERNAL_LIMIT if outside * 2 < len(values) else outside
    for score, value, addresses in ranked(site, values):
        function = solution.functions[value]
        key = (solution.name(value), function.file if function is not None else None)
        external += function is None
        if key in merged or function is None and external > most_external or len(merged) >= MOST:
            continue
        evidence = _evidence(site, value, addresses, found_by, len(merged) < EXPLAINED)
        merged[key] = Candidate(
            name=solution.name(value), file=function.file if function else None, line=function.line if function else None,
            score=round(1 / (1 + math.exp(-score / 2)), 4), evidence=evidence)
    return list(merged.values())


def _evidence(site: CallToRank, value: int, addresses: list[AddressTaken], found_by: FoundBy, full: bool) -> list[Evidence]:
    """Where the function's address is taken (nearest first), the way the value took, and the definition; far down a long list the first
    of them alone."""
    def far(address: AddressTaken) -> tuple[bool, bool, str, int]:
        return address.owner not in site.objects, address.file != site.call.file, address.file, address.line

    solution, node = site.solution, site.reached.get(value)
    fallback = found_by if found_by != "flow" else None
    if not full and addresses:
        nearest = min(addresses, key=far)
        return [_at(site.index, nearest.file, nearest.line, nearest.column, fallback or nearest.kind)]
    places: dict[tuple[str, int], Evidence] = {}
    for address in sorted(addresses, key=far)[:2]:
        places.setdefault(
            (address.file, address.line), _at(site.index, address.file, address.line, address.column, fallback or address.kind))
    if node is not None:
        for file, line in reversed(solution.path(node, value)[:_FLOW_LIMIT]):
            places.setdefault((file, line), _at(site.index, file, line, None, "flow"))
    function = solution.functions[value]
    if function is not None:
        places.setdefault((function.file, function.line), _at(site.index, function.file, function.line, function.column, "definition"))
    return list(places.values())[:_EVIDENCE_LIMIT]


def _at(index: Index, file: str, line: int, column: int | None, kind: str) -> Evidence:
    return Evidence(file=file, line=line, column=column, kind=kind, text=index.line_text(file, line)[:_TEXT])
