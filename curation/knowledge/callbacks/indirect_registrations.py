"""Which rows' fields and APIs does a function get to by a way of its own: through a wrapper, a table, a copy of a struct?

>>> indirect_registrations(corpus).get(("a.c", "on_term"), [])       # of: catch(on_term);
[Row(id='posix.sigaction.sa_handler', ...)]

Followed by the flow of the whole corpus. A way through a field whose struct is not known does not count: it would lead to every struct
that has a field of that name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from curation.csource.pointsto.nodes import FIELDS, FieldLoad
from curation.csource.pointsto.solution import Solution
from curation.knowledge import Row
from curation.knowledge.matching import Corpus

_STEPS = 40


class IndirectRegistrations:
    """(file, name) of a function -> the rows, each once. What a function gets to is looked up when it is asked for."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.flow = corpus, corpus.index.flow
        self._by_argument: dict[int, list[tuple[int, list[Row]]]] = defaultdict(list)  # value -> nodes of arguments that hold it
        for node, rows in _arguments(corpus, self.flow):
            for value in self.flow.held[node]:
                self._by_argument[value].append((node, rows))

    def get(self, key: tuple[str, str], default: list[Row]) -> list[Row]:
        file, name = key
        values = [v for f in self.corpus.index.functions(name) if f.file == file and (v := self.flow.value_of(f)) is not None]
        found: dict[str, Row] = {}
        wanted = self.corpus.platform(file) != "user" if values else False
        for node, value, rows in (*sorted(self._fields(values), key=lambda one: one[0]), *self._arguments(values)):
            if _known_way(self.flow, node, value):
                found.update((row.id, row) for row in rows if (row.platform == "linux") == wanted)
        return list(found.values()) or default

    def _fields(self, values: list[int]) -> Iterator[tuple[int, int, list[Row]]]:
        for value in values:
            for node in self.flow.fields_of(value):
                loaded = self.flow.nodes[node]
                if not isinstance(loaded, FieldLoad) or loaded.struct is None:
                    continue
                bare = loaded.struct.removeprefix("struct ").removeprefix("union ")
                if rows := [r for r in self.corpus.knowledge.field(bare, loaded.field) if r.runs_in]:
                    yield node, value, rows

    def _arguments(self, values: list[int]) -> Iterator[tuple[int, int, list[Row]]]:
        for value in values:
            for node, rows in self._by_argument.get(value, ()):
                yield node, value, rows


def indirect_registrations(corpus: Corpus) -> IndirectRegistrations:
    return IndirectRegistrations(corpus)


def _arguments(corpus: Corpus, flow: Solution) -> Iterator[tuple[int, list[Row]]]:
    for name, rows in corpus.knowledge.handlers.items():
        for call in corpus.index.calls_here(name):
            fitting = {row.id for row in corpus.rows_for_call(call)}
            for row in rows:
                arg = corpus.call_argument(call, row.handler_arg or 0)
                if arg is None or row.id not in fitting:
                    continue
                for operand in arg.operands:
                    for node in flow.nodes_of(call, operand, False):
                        yield node, [row]


def _known_way(flow: Solution, node: int, value: int) -> bool:
    for _ in range(_STEPS):
        if isinstance(one := flow.nodes[node], FIELDS) and one.struct is None:
            return False
        node = flow.held[node].get(value, -1)
        if node < 0:
            return True
    return False
