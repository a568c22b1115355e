"""Which rows' fields and APIs does a function get to by a way of its own: through a wrapper, a table, a copy of a struct?

>>> rows_reached(corpus)["a.c", "on_term"]       # of: void catch(void (*h)(int)) { sa.sa_handler = h; ... }    catch(on_term);
[Row(id='posix.sigaction.sa_handler', ...)]

Followed by the flow of the whole corpus. A way through a field whose struct is not known does not count: it would lead to every struct
that has a field of that name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from curation.csource.flow import Flow
from curation.knowledge import Row
from curation.knowledge.corpus import Corpus

_STEPS = 40
Reached = dict[tuple[str, str], list[Row]]


def rows_reached(corpus: Corpus) -> Reached:
    """(file, name) of each function -> the rows, each once."""
    flow = corpus.index.flow
    found: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for node, rows in (*_fields(corpus, flow), *_arguments(corpus, flow)):
        for value in flow.held[node]:
            key = flow.value_keys[value]
            if key[0] != "F" or not _known_way(flow, node, value):
                continue
            for row in rows:
                if (row.platform == "linux") == (corpus.platform(key[1]) != "user"):
                    found[key[1], key[3]][row.id] = row
    return {key: list(rows.values()) for key, rows in found.items()}


def _fields(corpus: Corpus, flow: Flow) -> Iterator[tuple[int, list[Row]]]:
    for node, key in enumerate(flow.keys):
        if key[0] == "r" and key[1] is not None and flow.held[node]:
            struct = key[1].removeprefix("struct ").removeprefix("union ")
            if rows := [r for r in corpus.knowledge.field(struct, key[2]) if r.runs_in]:
                yield node, rows


def _arguments(corpus: Corpus, flow: Flow) -> Iterator[tuple[int, list[Row]]]:
    for name, rows in corpus.knowledge.handlers.items():
        for call in corpus.index.calls_to(name):
            fitting = {row.id for row in corpus.rows_for_call(call)}
            for row in rows:
                arg = corpus.call_argument(call, row.handler_arg or 0)
                if arg is None or row.id not in fitting:
                    continue
                for operand in arg.operands:
                    for node in flow.places(call, operand, False):
                        yield node, [row]


def _known_way(flow: Flow, node: int, value: int) -> bool:
    for _ in range(_STEPS):
        if flow.keys[node][0] in ("r", "w") and flow.keys[node][1] is None:
            return False
        node = flow.held[node].get(value, -1)
        if node < 0:
            return True
    return False
