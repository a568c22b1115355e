"""How are the constraints of one file written down? As JSON of numbers, each text once; node keys as numbers of texts.

>>> decode_constraints(encode_constraints(made), "a.c") == made
True
"""
from __future__ import annotations

import json
import zlib
from typing import Any

from curation.csource.pointsto.access_paths import Key
from curation.csource.pointsto.constraints import Constraints, Indirect, Source


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

    def key(self, key: Key) -> list[Any]:
        """Texts as their numbers, numbers within a list of one, inner keys as lists."""
        return [self.number(part) if isinstance(part, str) else
                self.key(part) if isinstance(part, tuple) else [part] if part is not None else None for part in key]


def encode_constraints(one: Constraints) -> bytes:
    texts = _Texts()
    keys, values = [texts.key(key) for key in one.keys], [texts.key(key) for key in one.values]
    puts = [[*rest, texts.number(kind), texts.key(owner) if owner is not None else None] for *rest, kind, owner in one.puts]
    calls = [[c.line, c.column, texts.number(c.callee), texts.number(c.function) if c.function is not None else None, c.nodes,
              [[[s.nodes, s.values, int(s.both)] for s in arg] for arg in c.args], c.count] for c in one.calls]
    contents, kinds = [texts.number(text) for text in one.contents], [texts.number(text) for text in one.kinds]
    rows = [keys, contents, values, kinds, one.edges, puts, calls, texts.listed]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode("utf-8", "surrogatepass")


def decode_constraints(data: bytes, file: str) -> Constraints:
    """Raises ValueError for anything that encode_constraints did not write."""
    try:
        keys, contents, values, kinds, edges, puts, calls, listed = json.loads(data.decode("utf-8", "surrogatepass"))

        def key_of(row: list[Any]) -> Key:
            return tuple([listed[part] if part.__class__ is int else _inner(part, key_of) for part in row])

        return Constraints(
            file, [key_of(row) for row in keys], [listed[n] for n in contents], [key_of(row) for row in values],
            [listed[n] for n in kinds], edges,
            [(value, node, line, column, listed[kind], key_of(owner) if owner is not None else None)
             for value, node, line, column, kind, owner in puts],
            [Indirect(line, column, listed[callee], listed[function] if function is not None else None, nodes,
                      [[Source(given, held, both == 1) for given, held, both in arg] for arg in args], count)
             for line, column, callee, function, nodes, args, count in calls])
    except (TypeError, IndexError) as err:
        raise ValueError(f"not constraints: {err}") from err


def constraints_of(part: memoryview, file: str) -> Constraints:
    """The constraints of a packed part. Raises ValueError where the bytes are not what was written."""
    try:
        return decode_constraints(zlib.decompress(part), file)
    except zlib.error as err:
        raise ValueError(f"not constraints: {err}") from err


def _inner(part: Any, key_of: Any) -> Any:
    if part is None:
        return None
    return part[0] if len(part) == 1 else key_of(part)
