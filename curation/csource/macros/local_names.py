"""Which names are variables in which function of a file? They are no macros and no functions there.

>>> one = FileFacts("a.c", variables=[Variable("go", "a.c", 1, "f", "int (*)(int)"), Variable("all", "a.c", 2, None, "int")])
>>> LocalNames(one).within("f"), LocalNames(one).within(None)
({'go'}, set())
"""
from __future__ import annotations

from curation.csource.facts.model import FileFacts


class LocalNames:
    """types: by (function, name), as text."""

    def __init__(self, facts: FileFacts) -> None:
        self._names: dict[str, set[str]] = {}
        self.types: dict[tuple[str, str], str] = {}
        for variable in facts.variables:
            if variable.function is not None:
                self._names.setdefault(variable.function, set()).add(variable.name)
                self.types[variable.function, variable.name] = variable.type

    def within(self, function: str | None) -> set[str]:
        """Of the variables and parameters of a function. Must not be changed."""
        return self._names.get(function or "", set())
