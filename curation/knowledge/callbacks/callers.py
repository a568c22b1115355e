"""From where is a function called: by its name, or through a pointer?

>>> callers_of(corpus).through_pointers("a.c", "my_open")     # of: static struct ops o = { my_open };  int f(void) { return p->open(); }
[CallSite(file='a.c', line=9, function='f')]

Pointers are followed by the flow of the whole corpus (csource/flow.py). Kept are at most 12 places a function.
"""

from __future__ import annotations

from typing import NamedTuple

from curation.csource.program import Program
from curation.knowledge.matching import Corpus

_MOST = 12


class CallSite(NamedTuple):
    """A call: the file and line, and the function that makes it."""

    file: str
    line: int
    function: str


class Callers:
    def __init__(self, index: Program) -> None:
        self.index = index
        self._pointers: dict[tuple[str, str], list[CallSite]] = {}

    def through_pointers(self, file: str, name: str) -> list[CallSite]:
        known = self._pointers.get((file, name))
        if known is None:
            known = self._pointers[file, name] = self._reached_by(file, name)
        return known

    def _reached_by(self, file: str, name: str) -> list[CallSite]:
        flow = self.index.flow
        values = [flow.value_of(f) for f in self.index.functions(name) if f.file == file]
        listed = [flow.calls_of(value) for value in values if value is not None]
        keys = dict.fromkeys(key for calls in listed for key in calls)
        if len(listed) > 1:  # several of one name in one file
            order = {one: number for number, one in enumerate(self.index.facts)}
            keys = dict.fromkeys(sorted(keys, key=lambda key: (order[key[0]], key[1], key[2])))
        sites = dict.fromkeys(CallSite(key[0], key[1], key[4]) for key in keys if key[4] is not None)
        return list(sites)[:_MOST]

    def by_name(self, file: str, name: str) -> list[CallSite]:
        """Direct calls that mean the function of that name in that file; at most 40."""
        found: list[CallSite] = []
        for call in self.index.calls_to(name):
            if call.function and (call.file == file or any(f.file == file for f in self.index.functions(name, call.file))):
                found.append(CallSite(call.file, call.line, call.function))
                if len(found) >= 40:
                    break
        return found


def callers_of(corpus: Corpus) -> Callers:
    """The callers of a corpus; made once, forgotten with the index."""
    return corpus.index.once(Callers)
