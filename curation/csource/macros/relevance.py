"""Which invocations must be expanded, and which can be left, since nothing is hidden in them, or read from the macro's summary?

>>> macros = Macros.of([Macro("GO", "a.h", 1, ["p"], "(p)->go(p)"), Macro("SIZE", "a.h", 2, None, "4096")])
>>> relevance = Relevance(macros, set(), set(), Dependencies())
>>> relevance.hides_facts("GO"), relevance.hides_facts("SIZE")
(True, False)
"""
from __future__ import annotations

import re
from collections.abc import Mapping, Set

from curation.csource.facts.model import Call, Macro
from curation.csource.macros.callables import may_hold_function
from curation.csource.macros.dependencies import Dependencies
from curation.csource.macros.expand import Macros
from curation.csource.macros.summaries import MacroSummary, summarize

_THROUGH_POINTER = re.compile(r"(?:->|\.)\s*\w+\s*\)*\s*\(|\)\s*\(|\]\s*\(")
_STORES = re.compile(r"(?:->|\.|\])\s*\w*\s*=[^=]|\.\w+\s*=|=\s*\{|##")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_WORD = re.compile(r"[A-Za-z_]\w*")
_NO_EXPRESSION = re.compile(r"[{};]|^\s*(?:struct|union|enum|const|unsigned|signed|int|char|void|long|short|static|volatile)\b")


class Relevance:
    """functions, callables: see apply.Expander. dependencies: where lookups are counted; what was found of a macro is remembered with what
    was looked up for it."""

    def __init__(self, macros: Macros, functions: Set[str], callables: Set[str], dependencies: Dependencies) -> None:
        self.macros, self.functions, self.callables, self.dependencies = macros, functions, callables, dependencies
        self._hiding: dict[str, tuple[bool, Dependencies]] = {}
        self._called: dict[str, frozenset[str]] = {}
        self._summaries: dict[tuple[str, str, int, int], tuple[MacroSummary, Dependencies]] = {}

    def hides_facts(self, name: str) -> bool:
        """Whether a macro's expansion can hold facts that its invocation does not show."""
        return self.dependencies.remembered(self._hiding, name, self._any_hides, name)

    def _any_hides(self, name: str) -> bool:
        self._hiding[name] = (False, Dependencies())  # while its own body is looked at
        return any(macro.body and self._hides(macro) for macro in self.macros.by_name.get(name, []))

    def _hides(self, macro: Macro) -> bool:
        body = macro.body
        if _THROUGH_POINTER.search(body) or _STORES.search(body) or macro.params is None and "(" in body:
            return True
        if macro.params and any(re.search(rf"\b{re.escape(p)}\s*\)?\s*\(", body) for p in macro.params if p.isidentifier()):
            return True
        if any(w in self.callables for w in _CALLED.findall(body)):
            return True
        return any(
            (macro.params is not None and w in self.functions) or (w in self.macros.by_name and self.hides_facts(w))
            for w in _WORD.findall(body))

    def called(self, name: str) -> frozenset[str]:
        """The names that a macro's body calls, also by way of other macros: one of them may be a local pointer where it is invoked."""
        known = self._called.get(name)
        if known is None:
            self._called[name] = frozenset()  # while its own body is looked at
            found: set[str] = set()
            for macro in self.macros.by_name.get(name, []):
                found.update(_CALLED.findall(macro.body))
                for word in _WORD.findall(macro.body):
                    if word in self.macros.by_name:
                        found |= self.called(word)
            known = self._called[name] = frozenset(found)
        return known

    def summary(self, name: str, call: Call) -> MacroSummary | None:
        """None for what must be parsed where it stands: an invocation at file scope, or with arguments that are no expressions."""
        macro = self.macros.get(name, call.file)
        if macro is None or macro.params is None or call.function is None or any(_NO_EXPRESSION.search(a.text) for a in call.args):
            return None
        count = len(call.args)
        key = (name, macro.file, macro.line, count)
        return self.dependencies.remembered(self._summaries, key, summarize, self.macros, macro, count, self.functions)

    def passes_function(self, call: Call, types: Mapping[tuple[str, str], str]) -> bool:
        """Whether an argument can be a function, or a pointer to one. types: of local variables by (function, name)."""
        for arg in call.args:
            for operand in arg.operands:
                if operand.base is None or operand.call:
                    continue
                last = next((step for step in reversed(operand.fields) if step.isidentifier()), None)
                if last is not None:
                    if last in self.callables:
                        return True
                elif (known := types.get((call.function or "", operand.base))) is not None:
                    if may_hold_function(known):
                        return True
                elif operand.base in self.functions:
                    return True
        return False
