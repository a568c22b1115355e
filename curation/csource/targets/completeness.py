"""Is a list of candidates all there is, or can the pointer also hold a function that nobody in this code puts there?

The nodes that flow into the callee are walked back: a parameter of a function that code outside may call, a field written or read where
the struct is not known. Nor is a list whole where an #include that no file answers would have filled it: one in the place of code, in the
file of the call or of one that puts a candidate there. Each reason is told as a step (model.PathStep) at its place.

>>> [(o.kind, o.names) for o in unseen_sources(index, solution, call)]
[('open_parameter', {'parameter': 'cb', 'function': 'register_dev'})]
"""
from __future__ import annotations

from collections.abc import Iterator

from curation.csource.facts.model import Call, Function
from curation.csource.index.lookup import Index
from curation.csource.pointsto.nodes import FIELDS, Local, Node
from curation.csource.pointsto.solution import Solution, call_key
from curation.csource.sources.inclusions import Unanswered
from curation.csource.targets.resolution import Resolution
from curation.model import PathStep

MOST = 3  # reasons told of one call
MOST_NODES = 300  # looked at backwards from a call, to see whether its candidates are all
_TEXT = 160


def may_hold_more(index: Index, solution: Solution, call: Call) -> bool:
    """Whether the callee can also hold what nobody here put there; see unseen_sources."""
    if not solution.calls_at.get(call_key(call)) or any(_missing_code(index, solution, call)):
        return True
    seen = 0
    for level in _backwards(solution, call):
        seen += len(level)
        if any(_is_field_of_any_struct(node) or _open_function(index, node) is not None for node in (solution.nodes[n] for n in level)):
            return True
    return seen >= MOST_NODES


def unseen_sources(index: Index, solution: Solution, call: Call) -> list[PathStep]:
    """At most MOST, the nearest to the call first; [] when every place that can put a function there is in the code."""
    if not solution.calls_at.get(call_key(call)):
        return [_at_call(index, call, "open_callee", expression=call.callee)]
    found = [_at_include(index, one) for one in _missing_code(index, solution, call)]
    seen = 0
    for level in _backwards(solution, call):
        seen += len(level)
        for node in (solution.nodes[n] for n in level):
            if isinstance(node, FIELDS) and node.struct is None:
                found.append(_at_call(index, call, "open_field", field=node.field))
            elif isinstance(node, Local) and (function := _open_function(index, node)) is not None:
                found.append(_at_function(index, function, node.name))
        if len(found) >= MOST:
            break
    if seen >= MOST_NODES and not found:
        found.append(_at_call(index, call, "open_many"))
    return _distinct(found)


def why_more(index: Index, solution: Solution, calls: list[Call], found: Resolution, most_targets: int) -> list[PathStep]:
    """Why an answer with these candidates is not complete; [] where it is. calls: the instances of one site. most_targets: how many an
    answer holds."""
    if found.completeness in ("complete", "none") and found.likely <= most_targets:
        return []
    call = calls[0]
    told: list[PathStep] = []
    if found.likely > most_targets:
        told.append(_at_call(index, call, "open_long", count=str(found.likely), most=str(most_targets)))
    if found.found_by in ("same_field", "same_signature", "same_arity"):
        told.append(_at_call(index, call, "open_no_flow"))
    if found.found_by == "flow":
        told += [one for instance in calls[:4] for one in unseen_sources(index, solution, instance)]
    outside = [c.name for c in found.candidates if c.file is None] if found.found_by == "flow" else []
    if outside:
        told.append(_at_call(index, call, "open_outside", value=outside[0], count=str(len(outside))))
    if found.found_by == "none" and found.completeness == "external":
        told.append(_at_call(index, call, "open_nothing", expression=call.callee))
    return _distinct(told)


def _distinct(told: list[PathStep]) -> list[PathStep]:
    return list({(one.kind, one.file, one.line, *one.names.values()): one for one in told}.values())[:MOST]


def _backwards(solution: Solution, call: Call) -> Iterator[list[int]]:
    """The nodes that flow into the callee, level by level, until MOST_NODES were met."""
    seen: set[int] = set()
    level = list(solution.calls_at.get(call_key(call), []))
    while level and len(seen) < MOST_NODES:
        level = [node for node in dict.fromkeys(level) if node not in seen]
        seen.update(level)
        yield level
        level = [before for node in level for before in solution.predecessors(node, MOST_NODES)]


def _missing_code(index: Index, solution: Solution, call: Call) -> Iterator[Unanswered]:
    """The #includes in the place of code that no file answers, where what they hold could reach the call."""
    if not index.lacks_code:
        return
    files = dict.fromkeys([call.file, *(a.file for value in solution.reaching(call) for a in solution.addresses[value])])
    yield from (one for file in files for one in index.unanswered(file) if one.in_place)


def _is_field_of_any_struct(node: Node) -> bool:
    return isinstance(node, FIELDS) and node.struct is None


def _open_function(index: Index, node: Node) -> Function | None:
    """The function whose parameter a node is, if code outside may call it."""
    if not isinstance(node, Local):
        return None
    function = index.function_in(node.file, node.function)
    if function is None or function.static or not any(name == node.name for name, _ in function.params):
        return None
    return function


def _at_function(index: Index, function: Function, parameter: str) -> PathStep:
    names = {"parameter": parameter, "function": function.name}
    return PathStep(file=function.file, line=function.line, kind="open_parameter", names=names,
                    text=index.line_text(function.file, function.line)[:_TEXT])


def _at_include(index: Index, one: Unanswered) -> PathStep:
    return PathStep(file=one.file, line=one.line, kind="open_include", names={"path": one.path},
                    text=index.line_text(one.file, one.line)[:_TEXT])


def _at_call(index: Index, call: Call, kind: str, **names: str) -> PathStep:
    return PathStep(file=call.file, line=call.line, kind=kind, names=names, text=index.line_text(call.file, call.line)[:_TEXT])
