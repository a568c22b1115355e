"""What is the witness that a call reaches a function: its way from where its address is taken to the call, place by place?

Read off the solved flow: where the address is taken and what it is put into; each copy from there (argument, store, read, return);
where the function lies in a struct object, the way of that object to the call; the call. A macro that hides a step is a step of its own.
Where no flow was found, the one place and the fallback that proposed it.

>>> [(s.kind, s.line) for s in witness_of(index, call, "my_open", "driver.c", "flow")]
[('initializer', 9), ('passed', 14), ('stored', 4), ('read', 18), ('call', 19)]

A step names what moves (`names["value"]`), out of which node and into which: ["field", "open", "struct ops"], ["variable", "x"],
["local", "x", "f"], ["parameter", "x", "f"], ["result", "f"], ["variadic", "f"], ["called"]. Words are made from it elsewhere
(curation/sourcing/sentences.py), so nothing here depends on a language. One way is told where there are several: the one flow found first.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from curation.csource.facts.model import Call, Function, Operand
from curation.csource.pointsto.nodes import (
    FIELDS,
    CallResult,
    DefinedFunction,
    ExternalFunction,
    FieldLoad,
    FieldStore,
    Global,
    Local,
    Node,
    Object,
    Returned,
    VariableArguments,
    VariableNode,
    array_of,
)
from curation.csource.pointsto.solution import Solution, call_key
from curation.csource.pointsto.solver import AddressTaken
from curation.model import Candidate, PathStep

if TYPE_CHECKING:
    from curation.csource.program import Program

MOST_STEPS = 14  # of one way: a longer one has its middle left out, and says so
UNNAMED = "@"  # in a node that is told: a struct without a tag
_STATEMENT_LINES = 12
_TEXT = 160
_WORD = re.compile(r"[A-Za-z_]\w*")


def witness_of(index: Program, call: Call, name: str, file: str | None, found_by: str) -> list[PathStep]:
    """The way of the function `name` (defined in `file`, None: outside the corpus) to the call. found_by: that of the Resolution. [] for
    a function that has no way there."""
    return next(witnesses(index, [call], [Candidate(name=name, file=file)], found_by))


def witnesses(index: Program, calls: list[Call], candidates: Iterable[Candidate], found_by: str) -> Iterator[list[PathStep]]:
    """The way of each candidate, in their order, to the one of `calls` that it reaches (of a template's instances; else there is one)."""
    solution = index.flow
    reached: dict[tuple[str, str | None], tuple[Call, int, int]] = {}
    for call in calls if found_by == "flow" else ():
        for value, node in solution.reaching(call).items():
            reached.setdefault(_named(solution, value), (call, value, node))
    objects = {call_key(call): solution.objects(call) for call in calls} if reached else {}
    for candidate in candidates:
        found = reached.get((candidate.name, candidate.file))
        if found is None:
            yield [*_fallback(index, solution, calls[0], candidate, found_by), *_call(index, calls[0])]
        else:
            yield _way(index, solution, *found, objects[call_key(found[0])])


def witness_to(index: Program, name: str, file: str | None, place: tuple[str, int]) -> list[PathStep]:
    """The way of a function to a call on a line (file, line) that calls it through a pointer or is given it as an argument; [] where flow
    knows none."""
    solution = index.flow
    calls = [c for c in index.calls(place[0]) if c.line == place[1]]
    for call in calls:
        for value, node in solution.reaching(call).items() if call.kind == "indirect" else ():
            if _named(solution, value) == (name, file):
                return _way(index, solution, call, value, node, solution.objects(call))
    values = [v for v in (solution.value_ids.get(one) for one in _values(index, name, file)) if v is not None]
    for call in calls:
        for node in (n for arg in call.args for operand in arg.operands for n in solution.nodes_of(call, operand, False)):
            for value in values:
                if value in solution.held[node]:
                    address = _address(solution, call, value, node, set())
                    started = list(_taken(index, solution, address, name)) if address is not None else []
                    return _shortened([*started, *_copies(index, solution, _edges_on_the_way(solution, node, value), name)])
    return []


def _values(index: Program, name: str, file: str | None) -> list[DefinedFunction | ExternalFunction]:
    """The values that a function is."""
    if not file:
        return [ExternalFunction(name)]
    return [DefinedFunction(f.file, f.start_line, f.name) for f in index.functions(name) if f.file == file]


def _named(solution: Solution, value: int) -> tuple[str, str | None]:
    function = solution.functions[value]
    return solution.name(value), function.file if function is not None else None


def _way(index: Program, solution: Solution, call: Call, value: int, node: int, objects: set[VariableNode]) -> list[PathStep]:
    address, name = _address(solution, call, value, node, objects), solution.name(value)
    way: list[PathStep] = []
    if address is not None:
        edges = _edges_on_the_way(solution, node, value)
        of_object = _object(index, solution, call, address, edges, objects)
        way = [*_taken(index, solution, address, name), *_copies(index, solution, edges, name), *of_object]
    return [*_shortened(way), *_call(index, call)]


def _address(solution: Solution, call: Call, value: int, node: int, objects: set[VariableNode]) -> AddressTaken | None:
    """The place that put the function where the call reads it; in an object that can be the one here, and near by, if there are several."""
    first = solution.first_node(node, value)
    addresses = [a for a in solution.addresses[value] if a.node == first] or solution.addresses[value]
    return min(addresses, key=lambda a: (a.owner not in objects, a.file != call.file, a.file, a.line), default=None)


def _shortened(way: list[PathStep]) -> list[PathStep]:
    if len(way) <= MOST_STEPS:
        return way
    half = MOST_STEPS // 2
    left_out = way[half : len(way) - half]
    gap = PathStep(file=left_out[0].file, line=left_out[0].line, kind="more", names={"count": str(len(left_out))})
    return [*way[:half], gap, *way[len(way) - half :]]


# ---- nodes


def described(index: Program, node: Node) -> list[str]:
    """A node as a step tells it, an element as its array; ["place"] for one that has no words."""
    node = array_of(node)
    match node:
        case FieldStore() | FieldLoad():
            return ["field", node.field, _shown_struct(node.struct)]
        case Global():
            return ["variable", node.name]
        case Local():
            function = index.function_in(node.file, node.function)
            of_param = function is not None and any(name == node.name for name, _ in function.params)
            return ["parameter" if of_param else "local", node.name, node.function]
        case Returned():
            return ["result", node.function]
        case VariableArguments():
            return ["variadic", node.function]
        case CallResult():
            return ["called"]
    return ["place"]


def _shown_struct(name: str | None) -> str:
    return "" if name is None else UNNAMED if "@" in name else name  # an anonymous struct has a made name


# ---- steps


def _step(index: Program, file: str, line: int, kind: str, source: list[str], target: list[str], **names: str) -> PathStep:
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


def _taken(index: Program, solution: Solution, address: AddressTaken, name: str) -> Iterator[PathStep]:
    """Where the address is taken, after the macro that hides it."""
    line = _line_of(index, address.file, address.line, name)
    if line is None:
        yield from _hiding(index, address.file, address.line, name)
    file, at = address.file, line or address.line
    node = array_of(solution.nodes[address.node])
    target = described(index, node)
    if address.kind == "argument" and target[0] in ("parameter", "variadic"):
        yield _step(index, file, at, "passed", [], target, value=name, **_called(index, node))
    elif address.kind == "initializer":
        inside = {"object": address.owner.name} if address.owner is not None and target[0] == "field" else {}
        yield _step(index, file, at, "initializer", [], target, value=name, **inside)
    elif address.kind == "return":
        yield _step(index, file, at, "returned", [], target, value=name)
    elif address.kind == "conditional":
        yield _step(index, file, at, "named", [], [], value=name)
    else:
        yield _step(index, file, at, "stored", [], target, value=name)


def _called(index: Program, node: Node) -> dict[str, str]:
    """callee and 1-based position of a parameter's node; no position for variable arguments."""
    if not isinstance(node, (Local, VariableArguments)):
        return {}
    function = index.function_in(node.file, node.function)
    names = [name for name, _ in function.params] if function is not None else []
    position = {"position": str(names.index(node.name) + 1)} if isinstance(node, Local) and node.name in names else {}
    return {"callee": node.function, **position}


class _Edge(NamedTuple):
    """place: the (file, line) that makes it; ("", 0) where none does."""

    source: int
    target: int
    place: tuple[str, int]


def _edges_on_the_way(solution: Solution, node: int, value: int) -> list[_Edge]:
    """From the node where the value was put first to `node`."""
    edges: list[_Edge] = []
    for _ in range(200):
        origin = solution.held[node].get(value, -1)
        if origin < 0:
            break
        edges.append(_Edge(origin, node, solution.place_of(origin, node)))
        node = origin
    return edges[::-1]


def _copies(index: Program, solution: Solution, edges: list[_Edge], value: str) -> Iterator[PathStep]:
    """A step for each edge that a place in the code makes."""
    for origin, node, (file, line) in edges:
        if not line:
            continue  # a field that is written and the same field read
        source_node, target_node = array_of(solution.nodes[origin]), array_of(solution.nodes[node])
        source, target = described(index, source_node), described(index, target_node)
        inside = index.enclosing(file, line)
        names = {"value": value}
        if target[0] in ("parameter", "variadic") and not _is_inside(inside, target_node):
            yield _step(index, file, line, "passed", source, target, **names, **_called(index, target_node))
        elif isinstance(source_node, Local) and (inside is None or inside.name != source_node.function):
            yield _step(index, file, line, "written_back", source, target, **names)  # f(&x): what f stores through its parameter
        elif target[0] == "result":
            yield _step(index, file, line, "returned", source, target, **names)
        elif target[0] == "field":
            yield _step(index, file, line, "stored", source, target, **names)
        else:
            yield _step(index, file, line, "read", source, target, **names)


def _is_inside(function: Function | None, node: Node) -> bool:
    """Whether a parameter or variable arguments are those of the function."""
    return function is not None and isinstance(node, (Local, VariableArguments)) and (node.file, node.function) == (
        function.file, function.name)


def _object(
    index: Program, solution: Solution, call: Call, address: AddressTaken, edges: list[_Edge], objects: set[VariableNode],
) -> list[PathStep]:
    """The way of the struct object that holds the function to the base of the call's field; a plain word where it is not known."""
    stored = array_of(solution.nodes[address.node])
    last = array_of(solution.nodes[edges[-1].target]) if edges else stored
    if not isinstance(stored, FieldStore) or not isinstance(last, FIELDS) or any(edge.place[1] for edge in edges) or address.owner is None:
        return []  # the function itself was copied on: its own way tells all
    value = solution.value_ids.get(Object(address.owner))
    name = address.owner.name
    if address.owner not in objects:
        if address.kind != "initializer":
            return []
        kind = "other_object" if objects else "any_object"
        return [_step(index, call.file, call.line, kind, [], [], value=name, struct=_shown_struct(stored.struct), field=stored.field)]
    for node in bases(solution, call) if value is not None else []:
        if value in solution.held[node]:
            object_address = _address_into(solution, value, solution.first_node(node, value))
            started = list(_taken(index, solution, object_address, name)) if object_address is not None else []
            return [*started, *_copies(index, solution, _edges_on_the_way(solution, node, value), name)]
    return []


def _address_into(solution: Solution, value: int, node: int) -> AddressTaken | None:
    addresses = solution.addresses[value]
    return next((a for a in addresses if a.node == node), addresses[0] if addresses else None)


def bases(solution: Solution, call: Call) -> list[int]:
    """The nodes of what the last field of the callee is read from: of `dev->ops` in `dev->ops->open(...)`. [] without a field."""
    operand, fields = call.operand, call.operand.fields
    while fields and fields[-1] in ("*", "[]"):
        fields = fields[:-1]
    if not fields:
        return []
    return solution.nodes_of(call, Operand(operand.text, operand.base, fields[:-1], False, operand.cast, operand.call), False)


def _fallback(index: Program, solution: Solution, call: Call, candidate: Candidate, found_by: str) -> Iterator[PathStep]:
    """The place where the address is taken, and which likeness made it a candidate."""
    name, file = candidate.name, candidate.file
    value = next((solution.value_ids[one] for one in _values(index, name, file) if one in solution.value_ids), None)
    if value is None or not solution.addresses[value]:
        return
    addresses = solution.addresses[value]
    field = next((s for s in reversed(call.operand.fields) if s not in ("*", "[]", "()")), "")
    if found_by == "same_field":
        stored = [a for a in addresses if isinstance(node := solution.nodes[a.node], FieldStore) and node.field == field]
        addresses = stored or addresses
    address = min(addresses, key=lambda a: (a.file != call.file, a.file, a.line))
    yield from _taken(index, solution, address, name)
    yield _step(index, call.file, call.line, found_by, [], [], value=name, **({"field": field} if found_by == "same_field" else {}))


def _call(index: Program, call: Call) -> Iterator[PathStep]:
    if call.macro is not None:
        yield from _definition_of(index, call.macro, call.file, "")
    yield _step(index, call.file, call.line, "call", [], [], expression=call.callee)


# ---- the text around a place


def _line_of(index: Program, file: str, line: int, name: str) -> int | None:
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


def _hiding(index: Program, file: str, line: int, name: str) -> Iterator[PathStep]:
    """The macro used on a line that makes a name which does not stand there."""
    text = index.line_text(file, line)
    for word in _WORD.findall(text):
        macro = index.macro(word, file)
        if macro is not None and macro.body and (macro.params is not None or name in macro.body):
            yield from _definition_of(index, word, file, name)
            return


def _definition_of(index: Program, macro: str, file: str, value: str) -> Iterator[PathStep]:
    found = index.macro(macro, file)
    if found is not None:
        yield _step(index, found.file, found.line, "macro", [], [], macro=macro, **({"value": value} if value else {}))
