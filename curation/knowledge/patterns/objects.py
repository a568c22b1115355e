"""Which object does an expression mean, so that two places can be known to be about the same one?

An object is named by paths: the struct reached by the last pointer and the members embedded in it (`&dev->tx.work` is
("struct dev", tx, work)), a variable, or the call that made it. Locals are followed to what they were last set to and to where they are
stored, parameters to the arguments of the callers, results to what the function returns.

>>> objects.of(call.args[0], call)          # of schedule_work(w), after: struct work_struct *w = &dev->tx.work;
[frozenset({ObjectPath(root='struct dev', steps=('tx', 'work'))})]

`of` gives one set of names for each object that the expression may be. A path by which an object is reached from inside (`q->work`
in a function that gets `&dev->tx`, but nobody is seen to call it) is one of the `forms` of the longer path. Not covered: elements of
tables are one with their table, unless the subscript is a constant; pointers to pointers; unions; what runs between two assignments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from curation.csource.facts.model import Arg, Assignment, Call, Function, Operand, Variable
from curation.csource.index.lookup import Index
from curation.csource.typesystem.c_types import CType, parse_type
from curation.knowledge.mechanisms import PASSED_ON
from curation.knowledge.patterns.assignments import Assignments, arrows, index_of, read_operand, subscript
from curation.knowledge.patterns.operand_types import OperandTypes, ProgramPoint

_DEPTH = 6
_MOST = 12  # objects that one place may be about
_WORK = 600  # expressions looked at for one place: callers of callers can be very many
_CONSTANT = re.compile(r"[A-Z_][A-Z0-9_]*\Z|\d+\Z")
_BRANCH = re.compile(r"\belse\b|\bcase\b|\bdefault\b")
UNKNOWN = "?"


class ObjectPath(NamedTuple):
    """root: a struct ("struct foo", with the file that defines it where it is known), a variable ("@name", "file::function::name"),
    a call ("file:line:name()"), a constant ("#SIGINT"), a handler's parameter ("^file::function"), or "?"."""

    root: str
    steps: tuple[str, ...] = ()


Names = frozenset[ObjectPath]


CallingContext = Mapping[tuple[str, str], Call]  # (file, function) -> the one call that its parameters are read from


class Objects:
    def __init__(self, index: Index, handlers: set[tuple[str, str]]) -> None:
        """handlers: (file, name) of the functions that are registered anywhere; their parameters are what their binding gives them."""
        self.index = index
        self.handlers = handlers
        self.types = OperandTypes(index)
        self.assignments = Assignments(index).of
        self._variable_types: dict[str, CType] = {}  # of the variables that are roots
        self._left = _WORK
        self.forms = lru_cache(maxsize=50_000)(self._forms)

    # -- expressions -------------------------------------------------------------------------------------------------------

    def of(self, arg: Arg | Operand, at: ProgramPoint | Call, callers: CallingContext | None = None) -> list[Names]:
        """The objects an argument may mean; [] when it names none."""
        self._left = _WORK
        operands = [arg] if isinstance(arg, Operand) else arg.operands or read_operand(arg.text)
        where = ProgramPoint(at.file, at.function, at.line)
        return _distinct(n for operand in operands for n in self._operand(operand, where, callers or {}, 0))

    def result(self, call: Call, depth: int = 0) -> list[Names]:
        """The object that a call makes: where its value is put, where it goes when the function returns it, and the call itself."""
        self._left = self._left if depth else _WORK
        made = frozenset({_made(call.file, call.line, call.callee_name or call.callee)})
        at = ProgramPoint(call.file, call.function, call.line)
        assigned = self._assigned(call)
        if assigned is None:
            return self._where_returned(call, None, depth, made) or [made]
        left = assigned.left
        if left.fields or self.types.is_global(left.base, at):
            return [made | names for names in self._operand(left, at, {}, 1)] or [made]
        stored = [made | names for names in self._stores(left.base or "", at, 1)]
        return self._where_returned(call, left.base, depth, *(stored or [made])) or stored or [made]

    def _where_returned(self, call: Call, name: str | None, depth: int, *found: Names) -> list[Names]:
        """The same object as the callers know it, when the function returns it."""
        returned = self.assignments(call.file).returned.get(call.function, []) if depth < 2 else []
        wanted = name or call.callee_name
        if not any(r.base == wanted and not r.fields and r.call == (name is None) for one in returned for r in one.right):
            return []
        outer = [n for c in self.callers(call.function or "", call.file)[:_MOST] for n in self.result(c, depth + 1)]
        return [names | more for names in found for more in outer]

    def _assigned(self, call: Call) -> Assignment | None:
        name = call.callee_name or call.callee
        near = [
            a
            for a in self.assignments(call.file).results.get(name, [])
            if a.kind != "return" and a.function == call.function and 0 <= call.line - a.line < 4
        ]
        return min(near, default=None, key=lambda a: (call.line - a.line, -a.column if a.line != call.line else -len(a.left.fields)))

    def _operand(self, operand: Operand, at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        self._left -= 1
        if depth > _DEPTH or self._left < 0:
            return []
        named = [step for step in operand.fields if step not in ("*", "[]")]
        if operand.base is None and not (operand.cast and named):
            return []
        if not named:
            if operand.call:
                return self._call_value(operand, at, callers, depth)
            if operand.text.lstrip().startswith(("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")):
                return [frozenset({ObjectPath("#" + operand.text.strip())})]
            return self._variable(operand, at, callers, depth)
        return self._member(operand, at, callers, depth)

    # -- members -----------------------------------------------------------------------------------------------------------

    def _member(self, operand: Operand, at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        kind = self.types.base_type(operand, at)
        written = arrows(operand)
        root: str | None = None
        trail: tuple[str, ...] = ()
        through = following = False  # through: the base's own pointer was followed last; following: a `*` or subscript of a pointer
        for step in operand.fields:
            if step in ("*", "[]"):
                if kind is not None and kind.derived:
                    following = following or kind.derived[0] == "*"
                    kind = CType(kind.base, kind.derived[1:])
                elif step == "[]" and trail and (index := subscript(operand.text, trail[-1])):
                    trail = (*trail, index)
                continue
            if step == "()" or step.startswith("#"):
                kind, key = self.index.types.walk(kind, (step,), at.file)
                trail, root, following = ((key[1],) if key else trail), (root or UNKNOWN), False
                continue
            pointer = kind is not None and kind.derived[:1] == ("*",)
            arrow = pointer or following or (kind is None and written.get(step, False))
            struct = self.types.struct(kind, at.file)
            if root is None:
                through = arrow or operand.base is None or operand.call
                root = struct if through and struct else "" if not operand.call and operand.base is not None else UNKNOWN
                trail = ()
            elif arrow and struct:
                root, trail, through = struct, (), False
            elif arrow:
                trail, through = (*trail, "->"), False
            trail, following = (*trail, step), False
            if operand.text and (index := subscript(operand.text, step)):
                trail = (*trail, index)
            kind = self.types.field_type(kind, step, at.file)
        outer = self._bases(operand, at, callers, depth, through) if not root or through else []
        if outer:
            return _distinct(frozenset(ObjectPath(p.root, p.steps + trail) for p in names) for names in outer)
        return [frozenset({ObjectPath(root or UNKNOWN, trail)})]

    def _bases(self, operand: Operand, at: ProgramPoint, callers: CallingContext, depth: int, through: bool) -> list[Names]:
        """What the base of a path is, where that says more than its type: the variable, or the object a pointer was set to."""
        if operand.base is None:
            return []
        if operand.call:
            return self._call_value(operand, at, callers, depth) if operand.base in PASSED_ON else []
        if through:
            return self._pointees(operand.base, at, callers, depth)
        return [frozenset({self._identity(operand.base, at)})]

    def _pointees(self, name: str, at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        """The objects whose address the pointer holds, where all of them are known: embedded members and variables."""
        variable = self.index.variable(name, at.file, at.function)
        if variable is None or depth >= _DEPTH:
            return []
        if variable.param is not None:
            return self._of_arguments(variable, at, callers, depth, addresses=True)
        found = []
        for value in self._sources(name, variable, at):
            found += self._address(value, at._replace(line=value[1]) if variable.function else at, callers, depth + 1)
        return _distinct(found)[:_MOST]

    def _address(self, value: tuple[Operand, int], at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        operand = value[0]
        if operand.base in PASSED_ON and operand.call and not operand.fields:
            return self._call_value(operand, at, callers, depth)
        if operand.base is None or operand.call:
            return []
        if operand.address and self.types.is_element(operand, at):
            return []  # `&pool->items[i]`, items a pointer: any object of the type
        if operand.address or self.types.is_array(operand, at):
            return self._operand(operand, at, callers, depth)
        return self._pointees(operand.base, at, callers, depth) if not operand.fields else []

    # -- variables ---------------------------------------------------------------------------------------------------------

    def _variable(self, operand: Operand, at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        name = operand.base or ""
        variable = self.index.variable(name, at.file, at.function)
        if variable is None or variable.function is None:
            if variable is None and _CONSTANT.match(name):
                return [frozenset({ObjectPath("#" + name)})]
            return [frozenset({self._identity(name, at, index_of(operand))})]
        if operand.address and not operand.fields or self.types.is_struct(variable, at):
            found = self._stores(name, at, depth + 1, address=True)
            own = self._identity(name, at)
            return [names | {own} for names in found] or [frozenset({own})]
        if variable.param is not None:
            if operand.fields[:1] == ("*",) or not self._is_set(name, at):
                return self._of_arguments(variable, at, callers, depth, addresses=False)
        found = [n for s, line in self._sources(name, variable, at) for n in self._value(s, name, at, line, callers, depth + 1)]
        return _distinct(found)[:_MOST] or [frozenset({self._identity(name, at, index_of(operand))})]

    def _value(self, source: Operand, name: str, at: ProgramPoint, line: int, callers: CallingContext, depth: int) -> list[Names]:
        """The objects of one assignment to a variable; what a call made is known by where it is stored, too."""
        if source.base is None and not source.fields:
            return []
        names = self._operand(source, at._replace(line=line), callers, depth)
        if (source.call and not source.fields or self.types.is_number(name, at)) and depth <= _DEPTH:
            stores = self._stores(name, at._replace(line=line), depth + 1)
            return [n | s for n in names for s in stores] or names or stores
        return names

    def _stores(self, name: str, at: ProgramPoint, depth: int, address: bool = False) -> list[Names]:
        """The places a local's value is put into after the line and before it is set again: other names of the same object."""
        if depth > _DEPTH or at.function is None:
            return []
        tables = self.assignments(at.file)
        again = min((a.line for a in tables.set.get((at.function, name), []) if a.line > at.line), default=10**9)
        found: set[ObjectPath] = set()
        for one in tables.stored.get((at.function, name), []):
            inside = address or at.line <= one.line <= again
            if inside and any(r.base == name and not r.fields and (address or not r.address) for r in one.right):
                if one.left.fields or self.types.is_global(one.left.base, at):
                    for names in self._operand(one.left, ProgramPoint(at.file, at.function, one.line), {}, depth + 1)[:1]:
                        found |= names
        return [frozenset(found)] if found else []

    def _sources(self, name: str, variable: Variable, at: ProgramPoint) -> list[tuple[Operand, int]]:
        """The values that the variable may have here, with the line where it gets them: the last ones set before, branch by branch."""
        given = self.assignments(at.file).set.get((variable.function, name), [])
        real = [a for a in given if any(r.base or r.cast for r in a.right)]
        before = [a for a in real if a.line <= at.line] if variable.function is not None else real
        if before and before[-1].line == at.line and any(r.call for r in before[-1].right):  # `pid = waitpid(pid, ...)`: what it was before
            before = before[:-1]
        chosen = before[-1:] or real[:1]
        for earlier, later in zip(before[-2::-1], before[:0:-1], strict=False):
            if len(chosen) >= 4 or not any(_BRANCH.search(t) for t in self.index.lines(at.file)[earlier.line : later.line]):
                break
            chosen.append(earlier)
        return [(r, a.line) for a in chosen for r in a.right if (r.base or r.cast) and not (r.base == name and not r.fields)]

    def _is_set(self, name: str, at: ProgramPoint) -> bool:
        return any(a.line <= at.line for a in self.assignments(at.file).set.get((at.function, name), []))

    def _of_arguments(self, variable: Variable, at: ProgramPoint, callers: CallingContext, depth: int, addresses: bool) -> list[Names]:
        """What the callers give for a parameter. addresses: only objects whose address they take."""
        name, number = variable.function or "", variable.param or 0
        one = callers.get((at.file, name))
        calls = [one] if one is not None else self.callers(name, at.file)
        found: list[Names] = []
        for call in calls[: 2 * _MOST] if self._left > 0 else []:
            for operand in call.args[number].operands or read_operand(call.args[number].text) if number < len(call.args) else []:
                if call.function == name and call.file == at.file:
                    continue
                where = ProgramPoint(call.file, call.function, call.line)
                found += (
                    self._address((operand, call.line), where, callers, depth + 1)
                    if addresses
                    else self._operand(operand, where, callers, depth + 1)
                )
        found = _distinct(found)
        if addresses:
            return found if len(found) <= _MOST else []
        if (at.file, name) in self.handlers:
            found.append(frozenset({ObjectPath(f"^{at.file}::{name}")}))
        if 0 < len(found) <= _MOST:
            return found
        return [frozenset({self._identity(variable.name, at)})]

    def callers(self, name: str, file: str) -> list[Call]:
        """The direct calls of the function that a name means in a file."""
        own = self.index.function_in(file, name)
        calls = self.index.calls_to(name)
        if own is None or not own.static or file.endswith(".h"):
            return [c for c in calls if c.file == file or not self._other(name, c.file, file)]
        return [c for c in calls if c.file == file or any(f.file == file for f in self.index.functions(name, c.file))]

    def _other(self, name: str, mentioned: str, file: str) -> bool:
        """Whether the name means another file's function there."""
        found = self.index.functions(name, mentioned)
        return bool(found) and all(f.file != file for f in found)

    # -- calls -------------------------------------------------------------------------------------------------------------

    def _call_value(self, operand: Operand, at: ProgramPoint, callers: CallingContext, depth: int) -> list[Names]:
        name = operand.base or ""
        call = self._call_at(name, at)
        if call is None and (written := operand.text.split("(")[0].strip()) != name:  # `#define fork() vfork()`
            name, call = written, self._call_at(written, at)
        position = PASSED_ON.get(name)
        if position is not None and call is not None and position < len(call.args):
            inner = call.args[position]
            return [n for o in inner.operands or read_operand(inner.text) for n in self._operand(o, at, callers, depth + 1)]
        found: list[Names] = []
        for function in self.index.functions(name, at.file)[:2]:
            found += self._returned(function, {**callers, (function.file, name): call} if call else callers, depth)
        return _distinct(found)[:_MOST] or [frozenset({_made(at.file, call.line if call else at.line, name)})]

    def _call_at(self, name: str, at: ProgramPoint) -> Call | None:
        calls = self.assignments(at.file).calls.get(name, [])
        return next((c for c in calls if c.function == at.function and 0 <= c.line - at.line < 4), None)

    def _returned(self, function: Function, callers: CallingContext, depth: int) -> list[Names]:
        found: list[Names] = []
        for one in self.assignments(function.file).returned.get(function.name, []):
            for right in one.right:
                if (right.base and not _CONSTANT.match(right.base)) or right.cast:
                    found += self._operand(right, ProgramPoint(function.file, function.name, one.line), callers, depth + 1)
        return found

    def _identity(self, name: str, at: ProgramPoint, index: str | None = None) -> ObjectPath:
        variable = self.index.variable(name, at.file, at.function)
        steps = (index,) if index else ()
        if variable is not None and variable.function is not None:
            root = f"{at.file}::{variable.function}::{name}"
        elif variable is not None and variable.static or variable is None:
            root = f"@{variable.file if variable else at.file}:{name}"
        else:
            root = f"@{name}"
        if variable is not None and variable.type and root not in self._variable_types:
            self._variable_types[root] = self.index.types.expand(parse_type(variable.type), at.file)
        return ObjectPath(root, steps)

    def typed(self, root: str) -> bool:
        """Whether the type of a variable that is a root is known."""
        return root in self._variable_types

    def _forms(self, path: ObjectPath) -> tuple[ObjectPath, ...]:
        """The shorter paths by which the object is reached from inside: ("struct q", work) for ("struct dev", tx, work)."""
        name, _, file = path.root.partition("@")
        variable = path.root.startswith("@") or "::" in path.root
        kind = self._variable_types.get(path.root) if variable else CType(name)
        found: list[ObjectPath] = []
        for at, step in enumerate(path.steps):
            struct = self.types.struct(kind, file if not variable else "")
            if struct and (at or variable):
                found.append(ObjectPath(struct, path.steps[at:]))
            if not step.startswith("["):
                kind = self.types.field_type(kind, step, file if not variable else "")
        return tuple(found)


def _distinct(found: Iterable[Names]) -> list[Names]:
    return list(dict.fromkeys(found))


def _made(file: str, line: int, name: str) -> ObjectPath:
    return ObjectPath(f"{file}:{line}:{name}()")
