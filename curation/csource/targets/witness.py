"""Which way does a function take from where its address is taken to the call that reaches it, place by place?

Read off the solved flow: where the address is taken and what it is put into; each copy from there (argument, store, read, return);
where the function lies in a struct object, the way of that object to the call; the call. A macro that hides a step is a step of its own.
Where no flow was found, the one place and the fallback that proposed it.

>>> [(s.kind, s.line) for s in steps_of(index, call, "my_open", "driver.c", "flow")]
[('initializer', 9), ('passed', 14), ('stored', 4), ('read', 18), ('call', 19)]

A step names what moves (`names["value"]`), out of which spot and into which: ["field", "open", "struct ops"], ["variable", "x"],
["local", "x", "f"], ["parameter", "x", "f"], ["result", "f"], ["variadic", "f"], ["called"]. Words are made from it elsewhere
(curation/sourcing/sentences.py), so nothing here depends on a language. One way is told where there are several: the one flow found first.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from curation.csource.facts.model import Call, Operand
from curation.csource.pointsto.solution import Flow, Key, Take, call_key
from curation.model import Candidate, PathStep

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

MOST_STEPS = 14  # of one way: a longer one has its middle left out, and says so
UNNAMED = "@"  # in a spot: a struct without a tag
_STATEMENT_LINES = 12
_TEXT = 160
_WORD = re.compile(r"[A-Za-z_]\w*")


def steps_of(index: Index, call: Call, name: str, file: str | None, step: str) -> list[PathStep]:
    """The way of the function `name` (defined in `file`, None: outside the corpus) to the call. step: the one of Resolution. [] for a
    function that has no way there."""
    return next(ways(index, [call], [Candidate(name=name, file=file)], step))


def ways(index: Index, calls: list[Call], candidates: Iterable[Candidate], step: str) -> Iterator[list[PathStep]]:
    """The way of each candidate, in their order, to the one of `calls` that it reaches (of a template's instances; else there is one)."""
    flow = index.flow
    reached: dict[tuple[str, str | None], tuple[Call, int, int]] = {}
    for call in calls if step == "flow" else ():
        for value, node in flow.reaching(call).items():
            reached.setdefault(_named(flow, value), (call, value, node))
    objects = {call_key(call): flow.objects(call) for call in calls} if reached else {}
    for candidate in candidates:
        found = reached.get((candidate.name, candidate.file))
        if found is None:
            yield [*_fallback(index, flow, calls[0], candidate, step), *_call(index, calls[0])]
        else:
            yield _way(index, flow, *found, objects[call_key(found[0])])


def way_to(index: Index, name: str, file: str | None, place: tuple[str, int]) -> list[PathStep]:
    """The way of a function to a call on a line (file, line) that calls it through a pointer or is given it as an argument; [] where flow
    knows none."""
    flow = index.flow
    calls = [c for c in index.calls(place[0]) if c.line == place[1]]
    for call in calls:
        for value, node in flow.reaching(call).items() if call.kind == "indirect" else ():
            if _named(flow, value) == (name, file):
                return _way(index, flow, call, value, node, flow.objects(call))
    values = [v for v in (flow.value_ids.get(key) for key in _keys(index, name, file)) if v is not None]
    for call in calls:
        for node in (n for arg in call.args for operand in arg.operands for n in flow.places(call, operand, False)):
            for value in values:
                if value in flow.held[node]:
                    take = _take(flow, call, value, node, set())
                    started = list(_taken(index, flow, take, name)) if take is not None else []
                    return _shortened([*started, *_moves(index, flow, _hops(flow, node, value), name)])
    return []


def _keys(index: Index, name: str, file: str | None) -> list[Key]:
    """The keys of a function's value."""
    return [("F", f.file, f.start_line, f.name) for f in index.functions(name) if f.file == file] if file else [("X", name)]


def _named(flow: Flow, value: int) -> tuple[str, str | None]:
    function = flow.functions[value]
    return flow.name(value), function.file if function is not None else None


def _way(index: Index, flow: Flow, call: Call, value: int, node: int, objects: set[Key]) -> list[PathStep]:
    take, name = _take(flow, call, value, node, objects), flow.name(value)
    way: list[PathStep] = []
    if take is not None:
        hops = _hops(flow, node, value)
        way = [*_taken(index, flow, take, name), *_moves(index, flow, hops, name), *_object(index, flow, call, take, hops, objects)]
    return [*_shortened(way), *_call(index, call)]


def _take(flow: Flow, call: Call, value: int, node: int, objects: set[Key]) -> Take | None:
    """The place that put the function where the call reads it; in an object that can be the one here, and near by, if there are several."""
    first = flow.first_node(node, value)
    takes = [t for t in flow.takes[value] if t.node == first] or flow.takes[value]
    ranked = sorted(takes, key=lambda t: (t.owner not in objects, t.file != call.file, t.file, t.line))
    return ranked[0] if ranked else None


def _shortened(way: list[PathStep]) -> list[PathStep]:
    if len(way) <= MOST_STEPS:
        return way
    half = MOST_STEPS // 2
    left_out = way[half : len(way) - half]
    gap = PathStep(file=left_out[0].file, line=left_out[0].line, kind="more", names={"count": str(len(left_out))})
    return [*way[:half], gap, *way[len(way) - half :]]


# ---- spots


def spot(index: Index, key: Key) -> list[str]:
    """A node's key as a spot; ["place"] for one that has no words."""
    key = _whole(key)
    kind = key[0]
    if kind in ("w", "r"):
        return ["field", str(key[2]), _shown_struct(key[1])]
    if kind == "g":
        return ["variable", str(key[2])]
    if kind == "v":
        function = index.function_in(key[1], key[2])
        of_param = function is not None and any(name == key[3] for name, _ in function.params)
        return ["parameter" if of_param else "local", str(key[3]), str(key[2])]
    if kind == "ret":
        return ["result", str(key[2])]
    if kind == "va":
        return ["variadic", str(key[2])]
    return ["called"] if kind == "iret" else ["place"]


def _whole(key: Key) -> Key:
    """Of an array's element the array."""
    while key[0] == "el":
        key = key[1]
    return key


def _shown_struct(name: str | None) -> str:
    return "" if name is None else UNNAMED if "@" in name else name  # an anonymous struct has a made name


# ---- steps


def _step(index: Index, file: str, line: int, kind: str, source: list[str], target: list[str], **names: str) -> PathStep:
    text = around(index.line_text(file, line), names.get("value", ""), _TEXT)
    return PathStep(file=file, line=max(line, 1), kind=kind, names=names, source=source, target=target, text=text)


def around(text: str, name: str, most: int) -> str:
    """At most `most` characters of a line, those around the name where it stands far behind (in a table); `…` for what is cut off."""
    if len(text) <= most:
        return text
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) if name else None
    if found is None or found.end() < most:
        return text[: most - 1] + "…"
    start = max(0, min(found.start() - most // 5, len(text) - most + 1))
    end = start + most - 2
    return "…" + text[start:end] + ("…" if end < len(text) else "")


def _taken(index: Index, flow: Flow, take: Take, name: str) -> Iterator[PathStep]:
    """Where the address is taken, after the macro that hides it."""
    line = _line_of(index, take.file, take.line, name)
    if line is None:
        yield from _hiding(index, take.file, take.line, name)
    file, at = take.file, line or take.line
    key = _whole(flow.keys[take.node])
    target = spot(index, key)
    if take.kind == "argument" and target[0] in ("parameter", "variadic"):
        yield _step(index, file, at, "passed", [], target, value=name, **_called(index, key))
    elif take.kind == "initializer":
        owner = _owner(flow, take)
        inside = {"object": owner} if owner is not None and target[0] == "field" else {}
        yield _step(index, file, at, "initializer", [], target, value=name, **inside)
    elif take.kind == "return":
        yield _step(index, file, at, "returned", [], target, value=name)
    elif take.kind == "conditional":
        yield _step(index, file, at, "named", [], [], value=name)
    else:
        yield _step(index, file, at, "stored", [], target, value=name)


def _owner(flow: Flow, take: Take) -> str | None:
    return str(take.owner[-1]) if take.owner is not None else None


def _called(index: Index, key: Key) -> dict[str, str]:
    """callee and 1-based position of a parameter's node; no position for variable arguments."""
    function = index.function_in(key[1], key[2])
    names = [name for name, _ in function.params] if function is not None else []
    position = {"position": str(names.index(key[3]) + 1)} if key[0] == "v" and key[3] in names else {}
    return {"callee": str(key[2]), **position}


Hop = tuple[int, int, tuple[str, int]]  # from node, to node, place ("", 0 where there is none)


def _hops(flow: Flow, node: int, value: int) -> list[Hop]:
    """From the node where the value was put first to `node`."""
    hops: list[Hop] = []
    for _ in range(200):
        origin = flow.held[node].get(value, -1)
        if origin < 0:
            break
        hops.append((origin, node, flow.place_of(origin, node)))
        node = origin
    return hops[::-1]


def _moves(index: Index, flow: Flow, hops: list[Hop], value: str) -> Iterator[PathStep]:
    for origin, node, (file, line) in hops:
        if not line:
            continue  # a field that is written and the same field read
        source_key, target_key = _whole(flow.keys[origin]), _whole(flow.keys[node])
        source, target = spot(index, source_key), spot(index, target_key)
        inside = index.enclosing(file, line)
        outside = inside is None or target_key[0] not in ("v", "va") or inside.name != target_key[2] or inside.file != target_key[1]
        names = {"value": value}
        if target[0] in ("parameter", "variadic") and outside:
            yield _step(index, file, line, "passed", source, target, **names, **_called(index, target_key))
        elif source_key[0] == "v" and (inside is None or inside.name != source_key[2]):
            yield _step(index, file, line, "written_back", source, target, **names)  # f(&x): what f stores through its parameter
        elif target[0] == "result":
            yield _step(index, file, line, "returned", source, target, **names)
        elif target[0] == "field":
            yield _step(index, file, line, "stored", source, target, **names)
        else:
            yield _step(index, file, line, "read", source, target, **names)


def _object(index: Index, flow: Flow, call: Call, take: Take, hops: list[Hop], objects: set[Key]) -> list[PathStep]:
    """The way of the struct object that holds the function to the base of the call's field; a plain word where it is not known."""
    key = _whole(flow.keys[take.node])
    last = _whole(flow.keys[hops[-1][1]]) if hops else key
    if key[0] != "w" or last[0] not in ("w", "r") or any(place[1] for _, _, place in hops) or take.owner is None:
        return []  # the function itself was copied on: its own way tells all
    value = flow.value_ids.get(("O", *take.owner))
    name = str(take.owner[-1])
    struct = {"struct": _shown_struct(key[1]), "field": str(key[2])}
    if take.owner not in objects:
        if take.kind != "initializer":
            return []
        kind = "other_object" if objects else "any_object"
        return [_step(index, call.file, call.line, kind, [], [], value=name, **struct)]
    for node in bases(flow, call) if value is not None else []:
        if value in flow.held[node]:
            object_take = _take_at(flow, value, flow.first_node(node, value))
            started = list(_taken(index, flow, object_take, name)) if object_take is not None else []
            return [*started, *_moves(index, flow, _hops(flow, node, value), name)]
    return []


def _take_at(flow: Flow, value: int, node: int) -> Take | None:
    return next((t for t in flow.takes[value] if t.node == node), flow.takes[value][0] if flow.takes[value] else None)


def bases(flow: Flow, call: Call) -> list[int]:
    """The nodes of what the last field of the callee is read from: of `dev->ops` in `dev->ops->open(...)`. [] without a field."""
    operand, fields = call.operand, call.operand.fields
    while fields and fields[-1] in ("*", "[]"):
        fields = fields[:-1]
    if not fields:
        return []
    return flow.places(call, Operand(operand.text, operand.base, fields[:-1], False, operand.cast, operand.call), False)


def _fallback(index: Index, flow: Flow, call: Call, candidate: Candidate, step: str) -> Iterator[PathStep]:
    """The place where the address is taken, and which likeness made it a candidate."""
    name, file = candidate.name, candidate.file
    value = next((flow.value_ids[key] for key in _keys(index, name, file) if key in flow.value_ids), None)
    if value is None or not flow.takes[value]:
        return
    takes = flow.takes[value]
    field = next((s for s in reversed(call.operand.fields) if s not in ("*", "[]", "()")), "")
    if step == "same_field":
        takes = [t for t in takes if flow.keys[t.node][0] == "w" and flow.keys[t.node][2] == field] or takes
    take = min(takes, key=lambda t: (t.file != call.file, t.file, t.line))
    yield from _taken(index, flow, take, name)
    yield _step(index, call.file, call.line, step, [], [], value=name, **({"field": field} if step == "same_field" else {}))


def _call(index: Index, call: Call) -> Iterator[PathStep]:
    if call.macro is not None:
        yield from _definition_of(index, call.macro, call.file, "")
    yield _step(index, call.file, call.line, "call", [], [], expression=call.callee)


# ---- the text around a place


def _line_of(index: Index, file: str, line: int, name: str) -> int | None:
    """The line of the statement that begins at `line` on which the name stands; None when it stands on none."""
    lines = index.lines(file)
    word = re.compile(rf"\b{re.escape(name)}\b")
    for number in range(line, min(line + _STATEMENT_LINES, len(lines) + 1)):
        text = lines[number - 1]
        if word.search(text):
            return number
        if text.rstrip().endswith((";", "}")):
            break
    return None


def _hiding(index: Index, file: str, line: int, name: str) -> Iterator[PathStep]:
    """The macro used on a line that makes a name which does not stand there."""
    text = index.line_text(file, line)
    for word in _WORD.findall(text):
        macro = index.macro(word, file)
        if macro is not None and macro.body and (macro.params is not None or name in macro.body):
            yield from _definition_of(index, word, file, name)
            return


def _definition_of(index: Index, macro: str, file: str, value: str) -> Iterator[PathStep]:
    found = index.macro(macro, file)
    if found is not None:
        yield _step(index, found.file, found.line, "macro", [], [], macro=macro, **({"value": value} if value else {}))
