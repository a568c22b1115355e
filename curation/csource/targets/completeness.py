"""By which ways can a pointer also hold a function that nobody in this code puts there?

The nodes that flow into the callee are walked back: a parameter of a function that code outside may call, a field written or read where
the struct is not known. An opening is told as a step (model.PathStep) at its place.

>>> [(o.kind, o.names) for o in openings(index, call)]
[('open_parameter', {'parameter': 'cb', 'function': 'register_dev'})]
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from curation.csource.facts.model import Call
from curation.csource.pointsto.solution import call_key
from curation.csource.targets.resolve import MOST_NODES
from curation.model import PathStep

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index
    from curation.csource.targets.resolve import Resolution

MOST = 3  # told of one call


def openings(index: Index, call: Call) -> list[PathStep]:
    """At most MOST, the nearest to the call first; [] when every place that can put a function there is in the code."""
    flow = index.flow
    todo = list(flow.calls_at.get(call_key(call), []))
    if not todo:
        return [_at_call(index, call, "open_callee", expression=call.callee)]
    found: list[PathStep] = []
    seen: set[int] = set()
    while todo and len(seen) < MOST_NODES and len(found) < MOST:
        level, todo = todo, []
        for node in level:
            if node in seen:
                continue
            seen.add(node)
            key = flow.keys[node]
            if key[0] in ("w", "r") and key[1] is None:
                found.append(_at_call(index, call, "open_field", field=str(key[2])))
            elif key[0] == "v" and (opening := _parameter(index, key)) is not None:
                found.append(opening)
            todo.extend(flow.predecessors(node, MOST_NODES))
    if len(seen) >= MOST_NODES and not found:
        found.append(_at_call(index, call, "open_many"))
    return list({(o.kind, o.file, o.line, *o.names.values()): o for o in found}.values())[:MOST]


def why_more(index: Index, calls: list[Call], found: Resolution, most_targets: int) -> list[PathStep]:
    """Why an answer with these candidates is not complete; [] where it is. calls: the instances of one site. most_targets: how many an
    answer holds."""
    if found.completeness in ("complete", "none") and found.likely <= most_targets:
        return []
    call = calls[0]
    told: list[PathStep] = []
    if found.likely > most_targets:
        told.append(_at_call(index, call, "open_long", count=str(found.likely), most=str(most_targets)))
    if found.step in ("same_field", "same_signature", "same_arity"):
        told.append(_at_call(index, call, "open_no_flow"))
    if found.step == "flow":
        told += [one for instance in calls[:4] for one in openings(index, instance)]
    outside = [c.name for c in found.candidates if c.file is None] if found.step == "flow" else []
    if outside:
        told.append(_at_call(index, call, "open_outside", value=outside[0], count=str(len(outside))))
    if found.step == "none" and found.completeness == "external":
        told.append(_at_call(index, call, "open_nothing", expression=call.callee))
    return list({(o.kind, o.file, o.line, *o.names.values()): o for o in told}.values())[:MOST]


def _parameter(index: Index, key: tuple) -> PathStep | None:
    function = index.function_in(key[1], key[2])
    if function is None or function.static or not any(name == key[3] for name, _ in function.params):
        return None
    names = {"parameter": str(key[3]), "function": function.name}
    return PathStep(file=function.file, line=function.line, kind="open_parameter", names=names,
                    text=index.line_text(function.file, function.line)[:160])


def _at_call(index: Index, call: Call, kind: str, **names: str) -> PathStep:
    return PathStep(file=call.file, line=call.line, kind=kind, names=names, text=index.line_text(call.file, call.line)[:160])
