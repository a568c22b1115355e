"""Where is a name defined, called, used as a value, over a whole corpus?

>>> index = build_index([("a.c", text)])
>>> index.functions("my_open")[0].line
"""
from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping
from copy import copy
from functools import cached_property
from posixpath import dirname

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import (
    Assignment,
    Call,
    FactsProblem,
    FileFacts,
    Function,
    Macro,
    NameUse,
    Operand,
    Prototype,
    Struct,
    Typedef,
    Variable,
)
from curation.csource.index.symbol_tables import Tables
from curation.csource.macros.expand import Macros
from curation.csource.pointsto.solution import Flow
from curation.csource.sources.path_hints import conditional_lines, is_cplusplus
from curation.csource.targets.resolve import Resolution, resolve
from curation.csource.typesystem.c_types import CType, Types, parse_type, split_params
from curation.model import Candidate

_SMALL = 3000  # files of a corpus that is read as one
_HEADER = re.compile(r"\.h\w{0,2}\Z")
_RECENT = 400  # files whose lines are kept split


class _Folders(Container[str]):
    """The files of the folders in which the given ones lie."""

    def __init__(self, files: Iterable[str]) -> None:
        self._folders = {dirname(file) for file in files}

    def __contains__(self, file: object) -> bool:
        return isinstance(file, str) and dirname(file) in self._folders


class Index:
    """The facts of a corpus, looked up by name or place. File names are as given (relative to the source, `/`). Lines are 1-based.
    Lists are in the order of the files given and of the lines in them."""

    def __init__(self, facts: Mapping[str, FileFacts], texts: Mapping[str, str], tables: Tables, types: Types, macros: Macros,
                 units: Mapping[str, set[str]]) -> None:
        """facts: after expansion; of a big corpus read again at each access. units: see inclusion.together."""
        self.facts = facts
        self.tables = tables
        self.types = types
        self.solved: Callable[[Index], Flow] = Flow
        self.attached: dict[str, object] = {}  # what is made of this index elsewhere and ends with it
        self._given: list[str] | None = None  # the files that are gone through, where they are not all: see around
        self._within: _Folders | None = None  # the files whose calls and uses are told
        self._texts = texts
        self._macros = macros
        self._together = units
        self._lines = Recent[str, list[str]](_RECENT)
        self._starts = Recent[str, tuple[list[int], list[Function]]](20 * _RECENT)
        self._programs: set[str] | None = None
        self._conditions = Recent[str, list[tuple[int, int]]](20 * _RECENT)
        self._field_uses: dict[str, list[NameUse]] | None = None

    def settle(self, one: FileFacts) -> None:
        """A call of a plain name is indirect where the name is a variable's and no function's: told once the whole corpus is known."""
        means: dict[str, bool] = {}
        for call in one.calls:
            name = call.callee_name
            if call.kind == "indirect" or name is None:
                self.settle_call(call)
                continue
            if name not in means:
                means[name] = self.may_mean_variable(name, call.file)
            if means[name]:
                self.settle_call(call)

    def settle_call(self, call: Call) -> None:
        if call.kind == "indirect" and not call.others and self._names_function(call):
            call.kind, call.callee_name = "direct", call.operand.base
        name = call.callee_name
        if name is not None and self.may_mean_variable(name, call.file) and self._means_variable(call, name):
            call.kind, call.callee_name = "indirect", None

    def may_mean_variable(self, name: str, file: str) -> bool:
        """Whether a direct call of the name has to be looked at: a variable at file scope is called so, and no macro."""
        return name in self.tables.globals and self._macros.get(name) is None

    def _names_function(self, call: Call) -> bool:
        """Whether the callee, once its macros are read, is a function's name after all: `MATH(sin)(x)`, `(*(log_place(), fail))(x)`."""
        operand = call.operand
        if operand.base is None or any(step != "*" for step in operand.fields):
            return False
        if operand.call:
            return operand.base not in self.tables.functions and operand.base not in self.tables.prototypes
        if operand.fields and operand.base not in self.tables.functions and operand.base not in self.tables.prototypes:
            return False  # nobody dereferences what is a function of elsewhere: `(*name)(x)` says that it is a pointer
        variable = self.variable(operand.base, call.file, call.function)
        if variable is None or not self._is_number(variable):
            return variable is None
        # `int err;` of another block, or beside a macro of the system, `major(dev)`; of a parameter's type the text may say too little
        return variable.param is None or operand.base in self.tables.functions or operand.base in self.tables.prototypes

    def _is_number(self, variable: Variable) -> bool:
        kind = self.types.expand(parse_type(variable.type), variable.file) if variable.type else None
        return kind is not None and not kind.derived and Types.holds_no_pointer(kind)

    def _means_variable(self, call: Call, name: str) -> bool:
        """A name can be a pointer here and a function elsewhere (a static or inline one): the number of arguments tells."""
        variable = self.variable(name, call.file, None)
        if variable is None:
            return False
        functions = self.functions(name, call.file)
        params = Types.params(self.types.expand(parse_type(variable.type), variable.file))
        if not functions:
            return params is not None or name not in self.tables.prototypes
        if params is None or any(f.file == call.file for f in functions):
            return False
        given, count = split_params(params), len(call.args)
        fits = len(given[0]) == count or (given[1] and len(given[0]) <= count)
        return fits and not any(len(f.params) == count or f.variadic for f in functions)

    def files(self) -> list[str]:
        """The files that were given, with or without facts."""
        return list(self.facts) if self._given is None else list(self._given)

    def in_folder(self, folder: str) -> list[str]:
        """The files that lie in a folder, in order, whether they are gone through or not."""
        return [file for file in self.facts if dirname(file) == folder]

    def near(self, files: list[str] | None, handed: bool = False) -> Index:
        """For tasks that read what belongs together: of a big corpus what is around these files; else itself. handed: see around."""
        return self if files is None or len(self.facts) <= _SMALL else self.around(files, handed)

    def around(self, files: Iterable[str], handed: bool = False) -> Index:
        """The same corpus, where only these files and those of their folders that share functions with them are gone through: files() tells
        no others, calls_to() and uses() none of other folders. What is asked otherwise, and what flows, is that of the whole corpus.
        handed: share them as values, see Tables.beside."""
        given = dict.fromkeys(
            other for file in files for other in (file, *(self.tables.beside(file, handed) if file in self.facts else ())))
        known = self.attached.get("around")
        if isinstance(known, Index) and known._given == list(given):
            return known
        near = copy(self)
        near._given, near._within, near.attached = list(given), _Folders(given), {}
        near.solved = lambda _: self.flow
        self.attached["around"] = near
        return near

    def text(self, file: str) -> str:
        """The decoded text of a file. Raises KeyError for a file that was not given."""
        return self._texts[file]

    def lines(self, file: str) -> list[str]:
        """The file's lines as they stand, without line ends; line 1 is item 0. [] for a file that was not given."""
        return self._lines.get(file) or self._lines.put(file, self._texts.get(file, "").split("\n"))

    def condition(self, file: str, line: int) -> list[str]:
        """The conditions of the #if branches that a line stands in, the outer one first: ["ifdef CONFIG_PM", "else of if MAX > 2"]. []
        for a line that is always compiled, as far as its file says."""
        one = self.facts.get(file)
        return [text for first, last, text in one.conditions if first < line < last] if one is not None else []

    def conditional(self, file: str, line: int) -> bool:
        """Whether the line stands under an #if that is no include guard."""
        spans = self._conditions.get(file)
        if spans is None:
            spans = self._conditions.put(file, conditional_lines(self._texts.get(file, "")))
        return any(first <= line <= last for first, last in spans)

    def is_cplusplus(self, file: str) -> bool:
        """Whether the file holds C++, where calls through pointers cannot be told from those of methods."""
        return is_cplusplus(file, self._texts.get(file, ""))

    def is_program(self, file: str) -> bool:
        """Whether the file defines `main`: its functions belong to one program of several."""
        if self._programs is None:
            self._programs = {f.file for f in self.tables.functions.get("main", [])}
        return file in self._programs

    def line_text(self, file: str, line: int) -> str:
        """The source line, stripped; "" beyond the end."""
        lines = self.lines(file)
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def functions(self, name: str, file: str | None = None) -> list[Function]:
        """Definitions of a name. With `file`: those that a mention in that file can mean (its own static one alone, else all that
        are not static in another file)."""
        found = self.tables.functions.get(name, [])
        if file is None:
            return list(found)
        own = [f for f in found if f.file == file]
        unit = self._together.get(file, ())
        return own or [f for f in found if not f.static or f.file.endswith((".h", ".inc")) or f.file in unit]

    def all_functions(self) -> list[Function]:
        return [f for one in self.facts.values() for f in one.functions]

    def calls(self, file: str | None = None) -> list[Call]:
        """Every call site and macro invocation, of one file or of all."""
        if file is not None:
            return self.facts[file].calls if file in self.facts else []
        return [c for one in self.facts.values() for c in one.calls]

    def calls_to(self, name: str) -> list[Call]:
        """Direct calls of a function or macro by that name (also where no definition is in the corpus)."""
        return self.tables.calls_to(name, self._within)

    def calls_here(self, name: str) -> list[Call]:
        """Those of calls_to in the files that are gone through."""
        return self.tables.calls_to(name, self._given)

    def uses(self, name: str) -> list[NameUse]:
        """Places where the name is used as a value; local variables of that name are left out."""
        return self.tables.uses(name, self._within)

    def initializers(self, struct: str | None, field: str) -> list[NameUse]:
        """Uses as the initializer of, or in an assignment to, a member `field` (the last step of the path). struct: "struct ops", a
        typedef's name, or None for any; the member's own struct, so nested ones are found under the inner type."""
        if self._field_uses is None:
            self._field_uses = defaultdict(list)
            for one in self.facts.values():
                for use in one.uses:
                    if use.kind in ("initializer", "assignment") and (key := self.field_of(use)) is not None:
                        self._field_uses[key[1]].append(use)
        wanted = self._struct_key(struct) if struct is not None else None
        return [u for u in self._field_uses.get(field, []) if wanted is None or (self.field_of(u) or (None, ""))[0] in (wanted, None)]

    def field_of(self, use: NameUse | Assignment) -> tuple[str | None, str] | None:
        """(struct, field) that a use or assignment puts its value into: ("struct ops", "open"); struct None where it is not known; None
        for a plain variable. Positional initializers are named by the struct's definition, "#2" where there is none."""
        if isinstance(use, Assignment):
            return self.flow.field_key(use, use.left)
        if use.operand is not None:
            return self.flow.field_key(use, use.operand)
        if not use.fields:
            return None
        return self.types.walk(parse_type(use.struct) if use.struct else None, use.fields, use.file)[1]

    def _struct_key(self, name: str) -> str:
        kind = self.types.expand(CType(name.removesuffix("*").strip()), "")
        return self.types.struct_name(kind) or kind.base

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
        known = self._starts.get(file)
        if known is None:
            listed = sorted(self.tables.functions_of(file), key=lambda f: f.start_line)
            known = self._starts.put(file, ([f.start_line for f in listed], listed))
        starts, ordered = known
        at = bisect_right(starts, line) - 1
        return ordered[at] if at >= 0 and line <= ordered[at].end_line else None

    def variable(self, name: str, file: str, function: str | None) -> Variable | None:
        """What a name means at a place: local or parameter of the function, else a variable at file scope (this file's first, then
        those that all see, then the static ones of headers)."""
        for found in self.tables.locals(file, function) if function else []:
            if found.name == name:
                return found
        known = self.tables.globals.get(name, [])
        own = [v for v in known if v.file == file]
        unit = self._together.get(file, ())
        ranked = own or [v for v in known if not v.static or v.file in unit] or _in_headers(known, file) or _of_includers(known, file)
        return next((v for v in ranked if not v.extern), ranked[0] if ranked else None)

    def has_variable(self, name: str) -> bool:
        """Whether there is a variable of that name at file scope anywhere."""
        return name in self.tables.globals

    def function_in(self, file: str, name: str) -> Function | None:
        """The first definition of a name in one file."""
        return next((f for f in self.tables.functions.get(name, []) if f.file == file), None)

    def enclosing_named(self, file: str, name: str | None, line: int) -> Function | None:
        """The function that a fact says it stands in; of several of that name in the file, the one around the line."""
        found = [f for f in self.tables.functions.get(name, []) if f.file == file] if name is not None else []
        return next((f for f in found if f.start_line <= line <= f.end_line), found[0] if found else None)

    def type_of(self, fact: Call | NameUse | Assignment, operand: Operand) -> CType | None:
        """The type of an operand at a fact's place, typedefs followed and its leading `&` left out; None when it cannot be known.
        `str()` of it reads like C: "struct ops *"."""
        kind = self.flow.operand_type(fact, operand)
        return self.types.expand(kind, fact.file) if kind is not None else None

    def structs(self, name: str) -> list[Struct]:
        """Definitions of "struct tag" (also by a typedef's name)."""
        known = self.tables.structs
        return known.get(name, []) or [s for text in self.typedefs(name)[:1] for s in known.get(parse_type(text.type).base, [])]

    def typedefs(self, name: str) -> list[Typedef]:
        return self.tables.typedefs.get(name, [])

    def macros(self, name: str) -> list[Macro]:
        """Every #define of a name."""
        return self._macros.by_name.get(name, [])

    def macro(self, name: str, file: str) -> Macro | None:
        """The #define that a name means in a file: its own first, one with a body first."""
        return self._macros.get(name, file)

    def prototypes(self, name: str) -> list[Prototype]:
        return self.tables.prototypes.get(name, [])

    @cached_property
    def flow(self) -> Flow:
        """The solved constraints over the whole corpus; made, or read where they are kept, when first asked for."""
        return self.solved(self)

    def resolution(self, call: Call) -> Resolution:
        """The candidates of a call with the step that found them and whether they are all."""
        return resolve(self, self.flow, call)

    def resolve(self, call: Call) -> list[Candidate]:
        """The functions an indirect call may reach, best first, with evidence; [] when none is found. For a direct call its definitions."""
        return self.resolution(call).candidates

    def problems(self) -> list[FactsProblem]:
        """Why files or parts of them gave no facts."""
        return self.tables.problems()


def _of_includers(known: list[Variable], file: str) -> list[Variable]:
    """Static variables that the code in a header can mean: those of the sources in its folder, one of which includes it."""
    folder = file.rpartition("/")[0]
    return [v for v in known if v.file.rpartition("/")[0] == folder] if file.endswith(".h") else []


def _in_headers(known: list[Variable], file: str) -> list[Variable]:
    """Static variables of headers (`static struct command commands[] = {...}` that one source includes): those of the file's own folder,
    or all where they stand in one header."""
    headers = [v for v in known if _HEADER.search(v.file)]
    folder = file.rpartition("/")[0]
    return [v for v in headers if v.file.rpartition("/")[0] == folder] or (headers if len({v.file for v in headers}) == 1 else [])
