"""What is the outline of a text that may be hostile? From a process that can be killed, for whoever must not end with it: the web process.

>>> reader = SyntaxReader()
>>> [symbol.name for symbol in reader.view("int f(void) { return 0; }").symbols]
['f']

The process is started with the first text, kept, and replaced when a text ends it. It keeps the last trees, so that a selection that grows
is not parsed again. Threads take turns.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

from curation.csource.facts.model import FactsProblem
from curation.csource.processes.messages import Request
from curation.csource.processes.pool import MEMORY_BYTES, TIME_LIMIT_S, Readers
from curation.csource.syntax.outline import Symbol
from curation.csource.syntax.scopes import Range
from curation.csource.syntax.search import PROGRAM
from curation.csource.syntax.tree import Unparsed
from curation.errors import Reason, UserError, remade


@dataclass(frozen=True)
class View:
    """What is shown beside a text. error_share: see SyntaxTree.error_share."""

    symbols: list[Symbol]
    folds: list[Range]
    error_share: float


class SyntaxReader:
    """time_limit_s: processor time for a text of usual size. memory_bytes: of the process."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._limit_s = time_limit_s
        self._readers = Readers(1, time_limit_s=time_limit_s, memory_bytes=memory_bytes, program=PROGRAM)
        self._lock = Lock()

    def view(self, text: str, *, calls: bool = True) -> View:
        """calls: whether calls are among the symbols. Raises Unparsed."""
        told = self._ask(["view", calls, text])
        return View([_symbol(one) for one in told["outline"]], [Range(*one) for one in told["folds"]], told["error_share"])

    def enclosing(
        self, text: str, line: int, column: int, end_line: int | None = None, end_column: int | None = None,
    ) -> list[Range]:
        """As scopes.enclosing. Raises Unparsed."""
        return [Range(*one) for one in self._ask(["enclosing", line, column, end_line, end_column, text])]

    def close(self) -> None:
        """Ends the process; it is started again when it is asked again."""
        with self._lock:
            self._readers.__exit__(None, None, None)

    def _ask(self, request: Request) -> Any:
        with self._lock:
            ((_, told),) = self._readers.answers([("", request)])
        if isinstance(told, FactsProblem):
            if told.code == "too_slow":
                raise Unparsed(why=Reason("parsed_too_long", "took more than {limit} s to parse", limit=self._limit_s))
            raise Unparsed(why=Reason("parser_ended", "ended the process that parsed it"))
        letter, data = told
        plain = json.loads(bytes(data).decode("utf-8", "surrogatepass"))
        if letter == b"u":
            raise remade(plain) or UserError(what=plain["code"], todo="")
        return plain


def _symbol(told: list[Any]) -> Symbol:
    *where, children = told
    return Symbol(*where, [_symbol(child) for child in children])  # type: ignore[call-arg]
