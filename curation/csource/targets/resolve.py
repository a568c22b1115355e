"""Which functions can an indirect call reach, best first, why, and is that all?

First what flow says; where it finds nothing, in steps: the same field name in any struct, the same signature among functions whose
address is taken, the same number of arguments. The step is the evidence's kind. A candidate whose parameters do not fit the call's
arguments stays only where no other fits.

>>> [(c.name, c.evidence[0].kind) for c in resolve(index, flow, call).candidates]
[('my_open', 'initializer')]
"""
from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from curation.csource.facts.model import Call, Function
from curation.csource.pointsto.access_paths import hides_parameters
from curation.csource.pointsto.solution import Flow, Key, Take, call_key
from curation.csource.sources.path_hints import is_foreign, is_test
from curation.csource.typesystem.c_types import CType, Types, normal, parse_type, split_params
from curation.model import Candidate, Evidence

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

Step = Literal["flow", "same_field", "same_signature", "same_arity", "none"]
Completeness = Literal["complete", "incomplete", "external", "none"]
FALLBACK_LIMIT = 12  # candidates kept of a fallback step: more help nobody
ARITY_LIMIT = 6  # of the weakest step
NEAR = 8 * FALLBACK_LIMIT  # of thousands that a fallback step finds: those defined nearest to the call are ranked
MOST = 1500  # candidates of one call: a kernel calls its start functions, hundreds of them, from one line
EXPLAINED = 60  # candidates with their ways; of later ones only the first place and the definition are told
IMPLEMENTATIONS = 1000  # of an interface, one object each: the best of more
LONG = 16  # candidates: from here on the pointer's parameter types count against functions of other types
EXTERNAL_LIMIT = 3  # functions outside the corpus that are named beside others
MOST_NODES = 300  # looked at backwards from a call, to see whether its candidates are all
_EVIDENCE_LIMIT = 5
# Fitted beside the weights that were there to the calls that 21 programs were seen to make; with each program left out in turn the share
# of right first candidates rose from 0.73 to 0.78. The optimum is flat: the middle of it was taken. A longer function does the work that a
# stub leaves out; the shorter of two names is the general one (`read`, `read_from_cache`).
BY_SIZE, BY_NAME, BY_CONDITION = 0.2, 0.1, 2.6
# Functions that stand in for the real one are seldom the one called; a weak hint, between otherwise equal candidates.
_STAND_IN = re.compile(
    r"(?:^|_|(?<=[a-z\d])(?=[A-Z]))(?i:null|dummy|stub|fail|fake|mock|noop|nop|invalid|bad|bogus|unsupported)(?=_|[A-Z\d]|$)")
_HERE = re.compile(r"(?i:unix|posix|linux|pthreads?)(?=_|[A-Z])")
_ENDING = re.compile(
    r"(?:^|_|(?<=[a-z\d])(?=[A-Z]))(?i:delete|free|destroy|close|cleanup|finish|shutdown|unregister|teardown|fini|exit)(?=_|[A-Z\d]|$)")


@dataclass
class Resolution:
    """candidates: best first. likely: how many of the first ones to put into an answer: those whose struct object can be the one at the
    call where objects are known, all that flow found otherwise, the best of a fallback. step: which step found them. completeness:
    complete (every place that can put a value there was seen), incomplete, external (nothing in the corpus puts a value there), none (no
    candidate of any step)."""

    candidates: list[Candidate] = field(default_factory=list)
    step: Step = "none"
    completeness: Completeness = "none"
    likely: int = 0


def resolve(index: Index, flow: Flow, call: Call) -> Resolution:
    if call.kind == "direct":
        definitions = index.functions(call.callee_name or "", call.file)
        return Resolution(
            [_definition(index, f) for f in definitions],
            "flow" if definitions else "none",
            "complete" if definitions else "external",
            len(definitions),
        )
    pointer = _pointer_type(index, flow, call)
    reached = flow.reaching(call)
    objects = flow.objects(call)
    if reached:
        ranked = _ranked(index, flow, call, list(reached), reached, objects, pointer, "flow")
        all_shown = len(ranked) < IMPLEMENTATIONS or len(ranked) >= len(reached)
        complete = bool(ranked) and all_shown and all(c.file is not None for c in ranked) and not _open(index, flow, call)
        own = sum(any((t.owner in objects) for t in _takes(flow, v, n)) for v, n in reached.items()) if objects else 0
        return Resolution(ranked, "flow", "complete" if complete else "incomplete", min(own or len(ranked), len(ranked)))
    last = next((s for s in reversed(call.operand.fields) if s not in ("*", "[]", "()")), None)
    steps: list[tuple[Step, Sequence[int]]] = []
    if last is not None:
        steps.append(("same_field", list(flow.field_values(last))))
    params = index.types.params(pointer)
    if params is not None:
        steps.append(("same_signature", _same_signature(index, flow, call, params)))
    if call.args:
        steps.append(("same_arity", flow.taken_with(len(call.args))))
    for step, values in steps:
        limit = ARITY_LIMIT if step == "same_arity" else FALLBACK_LIMIT
        near = flow.homes.nearest(values, call.file, NEAR)
        ranked = _ranked(index, flow, call, near, {}, objects, pointer, step)[:limit]
        if ranked:
            likely = 0 if step == "same_arity" else min(len(ranked), 5)
            return Resolution(ranked, step, "external" if step == "same_arity" else "incomplete", likely)
    return Resolution([], "none", "external" if _open(index, flow, call) or last is not None else "none")


def _definition(index: Index, function: Function) -> Candidate:
    evidence = Evidence(
        file=function.file,
        line=function.line,
        column=function.column,
        kind="definition",
        text=index.line_text(function.file, function.line),
    )
    return Candidate(name=function.name, file=function.file, line=function.line, score=1.0, evidence=[evidence])


def _pointer_type(index: Index, flow: Flow, call: Call) -> CType | None:
    kind = flow.operand_type(call, call.operand)
    return index.types.expand(kind, call.file) if kind is not None else None


# ---- fallback steps


def _same_signature(index: Index, flow: Flow, call: Call, params: str) -> list[int]:
    wanted, variadic = split_params(params)
    result = index.types.result(_pointer_type(index, flow, call))
    wanted_types = [normal(index.types, p, call.file) for p in wanted]
    found = []
    for value in flow.taken_as(wanted_types) if wanted else []:
        function = flow.functions[value]
        if function is None or function.variadic != variadic:
            continue
        if result is None or (str(result) == "void") == (str(parse_type(function.return_type)) == "void"):
            found.append(value)
    return found


# ---- ranking


def _ranked(
    index: Index, flow: Flow, call: Call, values: list[int], reached: dict[int, int], objects: set[Key], pointer: CType | None, step: Step,
) -> list[Candidate]:
    fitting = [v for v in values if _fits(index.types, flow.functions[v], call)]
    values = fitting or values
    params = index.types.params(pointer)
    told = split_params(params)[0] if params is not None else []
    hidden = any(hides_parameters(index.types, text) for text in told)
    signature = [normal(index.types, p, call.file) for p in told] if params is not None and not hidden else None
    if signature and len(values) > LONG:
        values = [v for v in values if flow.functions[v] is None or _agrees(index.types, flow.signature(v), signature)] or values
    scored: list[tuple[float, int, list[Take]]] = []
    for value in values:
        takes = _takes(flow, value, reached.get(value))
        weight = _weight(index, flow, call, value, takes, reached.get(value), objects, signature)
        scored.append((weight, value, takes))
    scored.sort(key=lambda s: (-s[0], flow.name(s[1]), s[1]))
    scored = _folded(flow, scored)
    merged: dict[tuple[str, str | None], Candidate] = {}
    external = 0
    outside = sum(flow.functions[value] is None for value in values)
    most_external = EXTERNAL_LIMIT if outside * 2 < len(values) else outside  # where most are: their definitions were not understood
    for weight, value, takes in scored:
        function = flow.functions[value]
        key = (flow.name(value), function.file if function is not None else None)
        external += function is None
        if key in merged or function is None and external > most_external or len(merged) >= MOST:
            continue
        evidence = _evidence(index, flow, call, value, takes, reached.get(value), objects, step, len(merged) < EXPLAINED)
        merged[key] = Candidate(
            name=flow.name(value), file=function.file if function else None, line=function.line if function else None,
            score=round(1 / (1 + math.exp(-weight / 2)), 4), evidence=evidence)
    return list(merged.values())


def _folded(flow: Flow, scored: list[tuple[float, int, list[Take]]]) -> list[tuple[float, int, list[Take]]]:
    """Of functions that objects implement, each object with one (`.read` of many `struct file_operations`), the best IMPLEMENTATIONS.
    Elements of tables, which one object holds in numbers, what is passed as an argument and variables that a linker collects all stay: a
    loop calls them all."""
    if len(scored) <= IMPLEMENTATIONS:
        return scored
    held = Counter(owner for _, _, takes in scored for owner in {t.owner for t in takes if t.kind == "initializer"})
    kept: list[tuple[float, int, list[Take]]] = []
    implementations = 0
    for one in scored:
        alone = bool(one[2]) and all(
            t.kind == "initializer" and t.owner is not None and held[t.owner] == 1 and flow.keys[t.node][0] != "g" for t in one[2])
        implementations += alone
        if not alone or implementations <= IMPLEMENTATIONS:
            kept.append(one)
    return kept


def _fits(types: Types, function: Function | None, call: Call) -> bool:
    if function is None or any(hides_parameters(types, word) for given in function.params for word in given):
        return True
    count = len(function.params)
    return count == len(call.args) or (function.variadic and count <= len(call.args))


def _agrees(types: Types, own: list[tuple[str, int]], wanted: list[tuple[str, int]]) -> bool:
    """Whether a function can be meant by a pointer with these parameter types: pointers to different structs contradict each other, a
    struct a number, a pointer what is none. `void *` and types that the corpus does not tell agree with all, numbers with each other."""
    return len(own) == len(wanted) and not any(
        _contradict(a, a_depth, types.sort_of(a), b, b_depth, types.sort_of(b))
        for (a, a_depth), (b, b_depth) in zip(own, wanted, strict=True) if (a, a_depth) != (b, b_depth))


def _contradict(a: str, a_depth: int, a_sort: str, b: str, b_depth: int, b_sort: str) -> bool:
    if not a_sort or not b_sort:
        return False
    if bool(a_depth) != bool(b_depth):
        return True
    if a_depth and "void" in (a_sort, b_sort):
        return False
    return a_sort != b_sort or a_sort == "struct" and a != b


def _takes(flow: Flow, value: int, node: int | None) -> list[Take]:
    """The places that put the function where this call reads it; all its places when flow did not lead here."""
    takes = flow.takes[value]
    if node is None:
        return takes
    first = flow.first_node(node, value)
    return [t for t in takes if t.node == first] or takes


def _weight(
    index: Index, flow: Flow, call: Call, value: int, takes: list[Take], node: int | None, objects: set[Key],
    signature: list[tuple[str, int]] | None,
) -> float:
    function = flow.functions[value]
    weight = 0.0
    if objects and any(t.owner in objects for t in takes):
        weight += 0.5
    elif objects and takes and all(t.kind == "initializer" for t in takes):
        weight -= 3.0  # only ever in other objects; what is stored through a pointer may be in any
    folder = call.file.rpartition("/")[0]
    near = [t.line for t in takes if t.file == call.file]
    if near:
        weight += 1.2
        around = index.enclosing(call.file, call.line)
        if around is not None and any(around.start_line <= line <= around.end_line for line in near):
            weight += 1.0
    if function is None:
        weight -= 3.0  # there is no definition to show
    else:
        weight += 1.4 if function.file == call.file else 1.0 if function.file.rpartition("/")[0] == folder else 0.0
        if signature is not None and len(signature) == len(function.params):
            same = sum(own == w for own, w in zip(flow.signature(value), signature, strict=True))
            weight += 0.8 * same / max(1, len(signature))
        weight += _nearness(function.file, call.file)
        weight += BY_SIZE * math.log2(1 + function.end_line - function.start_line)
    weight += _likelihood(index, call, value_file(function, takes), flow.name(value), takes)
    if takes and all((f := index.enclosing(t.file, t.line)) is not None and _ENDING.search(f.name) for t in takes[:8]):
        weight -= 0.6  # put there only where an object's life ends
    if _STAND_IN.search(flow.name(value)):
        weight -= 0.4
    weight -= BY_NAME * len(flow.name(value))
    if any(t.kind == "initializer" for t in takes):
        weight += 0.2  # what a pointer holds from the start, before what it may be set to
    if node is not None:
        weight += 1.0 / (1 + flow.distance(node, value))
    return weight + min(1.5, 0.35 * math.log2(1 + len(takes)))


def _nearness(file: str, other: str) -> float:
    """Of two files in different folders: more the longer their paths go together; less for a driver's function called by other code."""
    here, there = file.split("/")[:-1], other.split("/")[:-1]
    if here == there:
        return 0.0
    same = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
    return 0.2 * min(same, 4) - (0.5 if "drivers" in here and "drivers" not in there else 0.0)


def value_file(function: Function | None, takes: list[Take]) -> str:
    """The file a candidate is judged by: its definition's, for an external function that of the first place that names it."""
    return function.file if function is not None else takes[0].file if takes else ""


def _likelihood(index: Index, call: Call, file: str, name: str, takes: list[Take]) -> float:
    """Less for what only tests, other programs, other systems or some configurations put there."""
    weight = 0.0
    if is_test(file) and not is_test(call.file) or file != call.file and index.is_program(file):
        weight -= 1.5
    if is_foreign(file, name) and not is_foreign(call.file, ""):
        weight -= 1.5
    if _HERE.match(name):
        weight += 0.3  # of several systems' functions, those of the one that is likely meant
    if takes and all(index.conditional(t.file, t.line) for t in takes[:8]) and not index.conditional(call.file, call.line):
        weight -= BY_CONDITION
    return weight


def _evidence(
    index: Index, flow: Flow, call: Call, value: int, takes: list[Take], node: int | None, objects: set[Key], step: Step, full: bool,
) -> list[Evidence]:
    """Where the function's address is taken (nearest first), the way the value took, and the definition; far down a long list the first
    of them alone."""
    def far(take: Take) -> tuple[bool, bool, str, int]:
        return take.owner not in objects, take.file != call.file, take.file, take.line

    if not full and takes:
        take = min(takes, key=far)
        return [_at(index, take.file, take.line, take.column, take.kind if step == "flow" else step)]
    ordered = sorted(takes, key=far)
    places: dict[tuple[str, int], Evidence] = {}
    kinds = {"flow": None}.get(step, step)
    for take in ordered[:2]:
        places.setdefault((take.file, take.line), _at(index, take.file, take.line, take.column, kinds or take.kind))
    if node is not None:
        for file, line in reversed(flow.path(node, value)[:4]):
            places.setdefault((file, line), _at(index, file, line, None, "flow"))
    function = flow.functions[value]
    if function is not None:
        places.setdefault((function.file, function.line), _at(index, function.file, function.line, function.column, "definition"))
    return list(places.values())[:_EVIDENCE_LIMIT + 2]


def _at(index: Index, file: str, line: int, column: int | None, kind: str) -> Evidence:
    return Evidence(file=file, line=line, column=column, kind=kind, text=index.line_text(file, line)[:300])


# ---- completeness


def _open(index: Index, flow: Flow, call: Call) -> bool:
    """Whether the callee can also hold what nobody here put there: it comes through a parameter of a function that other programs may
    call, out of a call to one that is not here, or through a field written without a known struct."""
    todo = list(flow.calls_at.get(call_key(call), []))
    if not todo:
        return True
    seen: set[int] = set()
    while todo and len(seen) < MOST_NODES:
        node = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        key = flow.keys[node]
        if key[0] == "v":
            function = index.function_in(key[1], key[2])
            if function is not None and not function.static and any(name == key[3] for name, _ in function.params):
                return True
        if key[0] in ("w", "r") and key[1] is None:
            return True
        todo.extend(flow.predecessors(node, MOST_NODES))
    return len(seen) >= MOST_NODES
