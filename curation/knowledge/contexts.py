"""In which context does an ordinary function run, as far as its callers say?

A registered callback runs where its rows say; a function that is only called directly runs where its callers do.

>>> Contexts(corpus).of("a.c", "read_level")      # called by the handler of request_irq and by nobody else
('hardirq', False)

Not covered: calls through pointers, locks held around a call. Callers that differ give nothing.
"""

from __future__ import annotations

from collections import defaultdict

from curation.knowledge.corpus import Corpus
from curation.knowledge.registrations import registrations
from curation.model import Context

_DEPTH = 4
Where = tuple[Context, bool | None]


class Contexts:
    def __init__(self, corpus: Corpus) -> None:
        self.index = corpus.index
        self._registered: dict[tuple[str, str], set[Where | None]] = defaultdict(set)
        for r in registrations(corpus):
            if r.definition is not None:
                known = (r.runs_in, r.may_sleep) if r.runs_in and r.runs_in != "sync" else None
                self._registered[r.definition.file, r.definition.name].add(known)

    def of(self, file: str, function: str | None) -> Where | None:
        """(context, may sleep) when everything known agrees, else None."""
        if function is None:
            return None
        found = self._of(file, function, 0, frozenset())
        return next(iter(found)) if len(found) == 1 else None

    def _of(self, file: str, function: str, depth: int, above: frozenset[tuple[str, str]]) -> set[Where | None]:
        """All contexts found; None among them for a way that is not known."""
        key = (file, function)
        if key in self._registered:
            return self._registered[key]
        callers = (
            {(c.file, c.function) for c in self.index.calls_to(function) if c.function and self._means(c.file, function, file)}
            - above
            - {key}
        )
        if not callers or depth == _DEPTH or len(callers) > 20:
            return {None}
        return {where for f, name in callers for where in self._of(f, name or "", depth + 1, above | {key})}

    def _means(self, caller_file: str, function: str, file: str) -> bool:
        return any(f.file == file for f in self.index.functions(function, caller_file))
