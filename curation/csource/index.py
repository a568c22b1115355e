"""Where is a name defined, called, used as a value, over a whole corpus?

>>> index = build_index([("a.c", text)])
>>> index.functions("my_open")[0].line
"""
from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from curation.csource.facts import (
    Assignment, Call, FactsProblem, FileFacts, Function, Macro, NameUse, Prototype, Struct, Typedef, Variable,
)
from curation.model import Candidate


class Index:
    """The facts of a corpus, looked up by name or place. File names are as given (relative to the source, `/`). Lines are 1-based.
    Lists are in the order of the files given and of the lines in them."""

    def __init__(self, facts: Iterable[FileFacts], texts: dict[str, str]) -> None:
        self.facts: dict[str, FileFacts] = {f.file: f for f in facts}
        self._texts = texts
        self._lines: dict[str, list[str]] = {}
        self._functions: dict[str, list[Function]] = defaultdict(list)
        self._calls_to: dict[str, list[Call]] = defaultdict(list)
        self._uses: dict[str, list[NameUse]] = defaultdict(list)
        self._globals: dict[str, list[Variable]] = defaultdict(list)
        self._locals: dict[tuple[str, str], list[Variable]] = defaultdict(list)
        self._structs: dict[str, list[Struct]] = defaultdict(list)
        self._typedefs: dict[str, list[Typedef]] = defaultdict(list)
        self._macros: dict[str, list[Macro]] = defaultdict(list)
        self._prototypes: dict[str, list[Prototype]] = defaultdict(list)
        self._starts: dict[str, tuple[list[int], list[Function]]] = {}
        for one in self.facts.values():
            self._add(one)

    def _add(self, one: FileFacts) -> None:
        for function in one.functions:
            self._functions[function.name].append(function)
        for variable in one.variables:
            if variable.function is None:
                self._globals[variable.name].append(variable)
            else:
                self._locals[one.file, variable.function].append(variable)
        for name, found in (("_structs", one.structs), ("_typedefs", one.typedefs), ("_macros", one.macros),
                            ("_prototypes", one.prototypes), ("_uses", one.uses)):
            table = getattr(self, name)
            for fact in found:  # type: ignore[attr-defined]
                table[fact.name].append(fact)
        for call in one.calls:
            if call.callee_name is not None:
                self._calls_to[call.callee_name].append(call)
        ordered = sorted(one.functions, key=lambda f: f.start_line)
        self._starts[one.file] = ([f.start_line for f in ordered], ordered)

    def files(self) -> list[str]:
        """The files that were given, with or without facts."""
        return list(self.facts)

    def text(self, file: str) -> str:
        """The decoded text of a file. Raises KeyError for a file that was not given."""
        return self._texts[file]

    def line_text(self, file: str, line: int) -> str:
        """The source line, stripped; "" beyond the end."""
        lines = self._lines.get(file)
        if lines is None:
            lines = self._lines[file] = self._texts.get(file, "").split("\n")
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def functions(self, name: str, file: str | None = None) -> list[Function]:
        """Definitions of a name. With `file`: those that a mention in that file can mean (its own static one alone, else all that
        are not static in another file)."""
        found = self._functions.get(name, [])
        if file is None:
            return list(found)
        own = [f for f in found if f.file == file]
        return own or [f for f in found if not f.static or f.file.endswith((".h", ".inc"))]

    def all_functions(self) -> list[Function]:
        return [f for one in self.facts.values() for f in one.functions]

    def calls(self, file: str | None = None) -> list[Call]:
        """Every call site and macro invocation, of one file or of all."""
        if file is not None:
            return self.facts[file].calls if file in self.facts else []
        return [c for one in self.facts.values() for c in one.calls]

    def calls_to(self, name: str) -> list[Call]:
        """Direct calls of a function or macro by that name (also where no definition is in the corpus)."""
        return self._calls_to.get(name, [])

    def uses(self, name: str) -> list[NameUse]:
        """Places where the name is used as a value; local variables of that name are left out."""
        return self._uses.get(name, [])

    def initializers(self, struct: str | None, field: str) -> list[NameUse]:
        """Uses as the initializer of, or in an assignment to, a member `field` (the last step of the path). struct: "struct ops", a typedef's
        name, or None for any; the member's own struct, so nested ones are found under the inner type."""
        raise NotImplementedError

    def callers(self, name: str) -> list[Function]:
        """The functions that call `name` directly, each once."""
        found: dict[tuple[str, int], Function] = {}
        for call in self.calls_to(name):
            function = self.enclosing(call.file, call.line)
            if function is not None:
                found[function.file, function.start_line] = function
        return list(found.values())

    def enclosing(self, file: str, line: int) -> Function | None:
        """The function definition that holds the line; None at file scope."""
        starts, ordered = self._starts.get(file, ([], []))
        at = bisect_right(starts, line) - 1
        return ordered[at] if at >= 0 and line <= ordered[at].end_line else None

    def variable(self, name: str, file: str, function: str | None) -> Variable | None:
        """What a name means at a place: local or parameter of the function, else a variable at file scope (this file's first)."""
        for found in self._locals.get((file, function), []) if function else []:
            if found.name == name:
                return found
        known = self._globals.get(name, [])
        own = [v for v in known if v.file == file]
        ranked = own or [v for v in known if not v.static]
        return next((v for v in ranked if not v.extern), ranked[0] if ranked else None)

    def type_of(self, call_or_use: Call | NameUse | Assignment, operand: object) -> str | None:
        """The type text of an operand at a place, typedefs unresolved; None when it cannot be known."""
        raise NotImplementedError

    def structs(self, name: str) -> list[Struct]:
        """Definitions of "struct tag" (also by a typedef's name)."""
        return self._structs.get(name, [])

    def typedefs(self, name: str) -> list[Typedef]:
        return self._typedefs.get(name, [])

    def macros(self, name: str) -> list[Macro]:
        return self._macros.get(name, [])

    def prototypes(self, name: str) -> list[Prototype]:
        return self._prototypes.get(name, [])

    def resolve(self, call: Call) -> list[Candidate]:
        """The functions an indirect call may reach, best first, with evidence; [] when none is found. For a direct call its definitions."""
        raise NotImplementedError

    def problems(self) -> list[FactsProblem]:
        """Why files or parts of them gave no facts."""
        return [p for one in self.facts.values() for p in one.problems]
