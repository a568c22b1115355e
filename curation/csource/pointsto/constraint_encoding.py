"""How are the constraints of one file written down? As JSON of numbers, each text once; a node as its kind and the numbers of its texts.

>>> decode_constraints(encode_constraints(made), "a.c") == made
True
"""
from __future__ import annotations

import json
import zlib
from typing import Any

from curation.csource.pointsto.constraints import AddressOf, Constraints, IndirectCall, Source
from curation.csource.pointsto.nodes import Kind, Node, Value, from_parts
from curation.csource.typesystem.compatibility import ANYTHING, Content, FunctionShape, FunctionsUpTo, ObjectShape, ObjectsOf, Shape


class _Texts:
    def __init__(self) -> None:
        self.listed: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        known = self._numbers.get(text)
        if known is None:
            known = self._numbers[text] = len(self.listed)
            self.listed.append(text)
        return known

    def parts(self, node: Node | Value) -> list[Any]:
        """Texts as their numbers, numbers within a list of one, inner nodes as lists; the kind, as it is, last."""
        return [*(self.number(part) if isinstance(part, str) else
                  self.parts(part) if isinstance(part, tuple) else [part] if part is not None else None for part in node[:-1]), node[-1]]


class _Listed:
    """Equal things once, by number."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def number(self, one: Any) -> int:
        return self.numbers.setdefault(one, len(self.numbers))


def encode_constraints(one: Constraints) -> bytes:
    texts, contents, shapes = _Texts(), _Listed(), _Listed()
    nodes, values = [texts.parts(node) for node in one.nodes], [texts.parts(value) for value in one.values]
    node_contents, value_shapes = [contents.number(each) for each in one.contents], [shapes.number(each) for each in one.shapes]
    addresses = [[*rest, texts.number(kind), texts.parts(owner) if owner is not None else None] for *rest, kind, owner in one.addresses]
    calls = [[c.line, c.column, texts.number(c.callee), texts.number(c.function) if c.function is not None else None, c.nodes,
              [[[s.nodes, s.values, int(s.both)] for s in arg] for arg in c.args], c.count] for c in one.calls]
    rows = [nodes, [list(each) for each in contents.numbers], node_contents, values, [list(each) for each in shapes.numbers], value_shapes,
            one.edges, addresses, calls, texts.listed]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode("utf-8", "surrogatepass")


def decode_constraints(data: bytes, file: str) -> Constraints:
    """Raises ValueError for anything that encode_constraints did not write."""
    try:
        nodes, contents, node_contents, values, shapes, value_shapes, edges, addresses, calls, listed = json.loads(
            data.decode("utf-8", "surrogatepass"))

        def named(row: list[Any]) -> Any:
            return from_parts([*[listed[part] if part.__class__ is int else _inner(part, named) for part in row[:-1]], _KINDS[row[-1]]])

        known_contents, known_shapes = [_content(row) for row in contents], [_shape(row) for row in shapes]
        return Constraints(
            file, [named(row) for row in nodes], [known_contents[n] for n in node_contents], [named(row) for row in values],
            [known_shapes[n] for n in value_shapes], edges,
            [AddressOf(value, node, line, column, listed[kind], named(owner) if owner is not None else None)
             for value, node, line, column, kind, owner in addresses],
            [IndirectCall(line, column, listed[callee], listed[function] if function is not None else None, called,
                          [[Source(given, held, both == 1) for given, held, both in arg] for arg in args], count)
             for line, column, callee, function, called, args, count in calls])
    except (TypeError, IndexError) as err:
        raise ValueError(f"not constraints: {err}") from err


def read_constraints(part: memoryview, file: str) -> Constraints:
    """The constraints of a packed part. Raises ValueError where the bytes are not what was written."""
    try:
        return decode_constraints(zlib.decompress(part), file)
    except zlib.error as err:
        raise ValueError(f"not constraints: {err}") from err


_KINDS = list(Kind)


def _inner(part: Any, named: Any) -> Any:
    if part is None:
        return None
    return part[0] if len(part) == 1 else named(part)


def _content(row: list[Any]) -> Content:
    if not row:
        return ANYTHING
    return ObjectsOf(row[0]) if isinstance(row[0], str) else FunctionsUpTo(row[0])


def _shape(row: list[Any]) -> Shape:
    return ObjectShape(row[0]) if isinstance(row[0], str) else FunctionShape(row[0])
