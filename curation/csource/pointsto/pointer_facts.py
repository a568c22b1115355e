"""What of a file's facts can matter to where functions and struct objects go? Without the rest, each operand once, as rows.

Left out: numbers, and locals whose declared type is a plain number: nothing flows through them, whatever the corpus says. What remains is
a fifth of the facts, so that constraints can be made again without reading those.

>>> one = pointer_facts(index.facts["a.c"])
>>> decode_pointer_facts(encode_pointer_facts(one), "a.c") == one
True
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from curation.csource.facts.model import Arg, Assignment, Call, FileFacts, Operand, Variable
from curation.csource.typesystem.c_types import Types, parse_type
from curation.csource.typesystem.compatibility import content

KINDS: tuple[Literal["assignment", "initializer", "return"], ...] = ("assignment", "initializer", "return")
RETURN = 2  # in KINDS
_NUMBERS = frozenset("int char short long float double unsigned signed _Bool bool __int128".split())  # no typedef means anything else
# What gives the address of a function by its name: dlsym(3), dlfunc(3), GetProcAddress and their wrappers in common libraries.
LOADERS = frozenset(("dlsym", "dlvsym", "dlfunc", "lt_dlsym", "GetProcAddress", "SDL_LoadFunction", "uv_dlsym", "apr_dso_sym"))
# What calls a function in a new thread with one argument: positions (0-based) of the function and of what it is given.
STARTERS = {
    "pthread_create": (2, 3), "thrd_create": (1, 2), "CreateThread": (2, 3), "_beginthreadex": (2, 3), "g_thread_new": (1, 2),
    "SDL_CreateThread": (0, 2), "uv_thread_create": (1, 2), "clone": (0, 3), "kthread_create": (0, 1), "kthread_run": (0, 1),
}
_LOADED = re.compile(r'\(.*"([A-Za-z_]\w*)"', re.DOTALL)
_THROUGH_VOID = re.compile(r"\*\s*\([^()]*\*\s*\*\s*\)\s*\(?\s*&\s*([A-Za-z_]\w*)\s*((?:(?:\.|->)\s*\w+\s*)*)\)*\Z")  # `*(void **)(&fn)`
_NO_TYPES = Types({}, {}, {})


class FactPosition(NamedTuple):
    """Where a fact stands: enough of it to ask what its operands mean."""

    file: str
    line: int
    column: int
    function: str | None


@dataclass(slots=True)
class PointerFacts:
    """names: every text, once. Numbers stand for positions in `names` and `operands`; a function is None at file scope.

    assignments: [kind, line, column, function, left, *right]. calls: a direct one is [name, line, column, function, count, *args], an
    argument the numbers of its operands ([] for one that cannot matter), none of them where all are so; an indirect one is
    [-1, line, column, function, callee, operand, others, [[text, operands] of each argument]], text "" for what is no single name.
    variables: [function, name, type, static, extern, param] of the functions' locals."""

    file: str
    names: list[str] = field(default_factory=list)
    operands: list[Operand] = field(default_factory=list)
    assignments: list[list[Any]] = field(default_factory=list)
    calls: list[list[Any]] = field(default_factory=list)
    variables: list[list[Any]] = field(default_factory=list)

    def locals(self) -> dict[str, list[Variable]]:
        """Function -> its locals and parameters."""
        found: dict[str, list[Variable]] = {}
        for function, name, kind, static, extern, param in self.variables:
            named = self.names[function]
            found.setdefault(named, []).append(
                Variable(self.names[name], self.file, 0, named, self.names[kind], bool(static), bool(extern), param))
        return found

    def assignment(self, row: list[Any]) -> Assignment:
        """A row of `assignments` as a fact."""
        kind, line, column, function, left, *right = row
        named = self.names[function] if function is not None else None
        return Assignment(self.file, line, column, named, KINDS[kind], self.operands[left], [self.operands[n] for n in right])

    def call(self, row: list[Any]) -> Call:
        """A row of `calls` as a fact, without its arguments' texts where they do not matter."""
        names, operands = self.names, self.operands
        function = names[row[3]] if row[3] is not None else None
        if row[0] < 0:
            args = [Arg(text, [operands[n] for n in given]) for text, given in row[7]]
            return Call(self.file, row[1], row[2], function, names[row[4]], None, "indirect", args, operands[row[5]],
                        others=[operands[n] for n in row[6]])
        name = names[row[0]]
        args = [Arg(_single(given := [operands[n] for n in arg]), given) for arg in row[5:]] or [Arg("", []) for _ in range(row[4])]
        return Call(self.file, row[1], row[2], function, name, name, "direct", args, Operand(name, name))


def _single(operands: list[Operand]) -> str:
    """The text of an argument that is one name."""
    first = operands[0] if len(operands) == 1 else None
    plain = first is not None and first.base and not (first.fields or first.address or first.cast or first.call)
    return first.base or "" if first is not None and plain else ""


def pointer_facts(facts: FileFacts) -> PointerFacts:
    """What matters of a file's facts."""
    selection = _Selection(facts)
    selection.select()
    return selection.out


class _Selection:
    def __init__(self, facts: FileFacts) -> None:
        self.out = PointerFacts(facts.file)
        self.facts = facts
        self._names: dict[str, int] = {}
        self._operands: dict[tuple[Any, ...], int] = {}
        self._plain = _numbers(facts.variables)
        self._own = {function.name for function in facts.functions}

    def select(self) -> None:
        facts = self.facts
        for assignment in facts.assignments:
            self.assignment(assignment)
        for call in facts.calls:
            if call.kind == "direct" and call.callee_name is not None:
                self.direct(call, call.callee_name)
            else:
                self.indirect(call)
        mentioned = {row[3] for row in self.out.assignments} | {row[3] for row in self.out.calls}
        for v in facts.variables:
            if v.function is not None and self._names.get(v.function) in mentioned:
                self.out.variables.append([
                    self.name(v.function), self.name(v.name), self.name(v.type), int(v.static), int(v.extern), v.param])

    def name(self, text: str) -> int:
        known = self._names.get(text)
        if known is None:
            known = self._names[text] = len(self.out.names)
            self.out.names.append(text)
        return known

    def function(self, text: str | None) -> int | None:
        return self.name(text) if text is not None else None

    def operand(self, one: Operand) -> int:
        """The text is kept where it tells more than the shape: subscripts, and the name that a loader is asked for."""
        text = one.text if "[]" in one.fields else ""
        if one.call and one.base in LOADERS and (loaded := _LOADED.search(one.text)) is not None:
            text = loaded.group(1)
        key = (one.base, one.fields, one.address, one.cast, one.call, text)
        known = self._operands.get(key)
        if known is None:
            known = self._operands[key] = len(self.out.operands)
            self.out.operands.append(Operand(text, one.base, one.fields, one.address, one.cast, one.call))
        return known

    def operands(self, given: list[Operand], function: str | None) -> list[int]:
        """Those that can matter."""
        found: list[int] = []
        for one in given:
            base = one.base
            if base is None:
                if one.fields or one.call:
                    found.append(self.operand(one))
            elif one.call or not base[:1].isdigit() and (one.fields or (function, base) not in self._plain):
                found.append(self.operand(one))
        return found

    def assignment(self, one: Assignment) -> None:
        left = _without_cast_of_address(one.left)
        if one.kind != "return" and not left.call and not left.fields and (left.base is None or (one.function, left.base) in self._plain):
            return
        right = self.operands(one.right, one.function)
        if right:
            self.out.assignments.append([
                KINDS.index(one.kind), one.line, one.column, self.function(one.function), self.operand(left), *right])

    def direct(self, call: Call, name: str) -> None:
        function = call.function
        args = [self.operands(arg.operands, function) if arg.operands else [] for arg in call.args]
        if not any(args):
            if name in self._own:
                return  # nothing is passed, and no variable of elsewhere can be meant
            args = []
        self.out.calls.append([self.name(name), call.line, call.column, self.function(call.function), len(call.args), *args])
        if name in STARTERS and len(args) > max(STARTERS[name]):
            started, given = (args[at] for at in STARTERS[name])
            if started and given:
                self.out.calls.append([
                    -1, call.line, call.column, self.function(call.function), self.name(name), started[0], started[1:], [["", given]]])

    def indirect(self, call: Call) -> None:
        args = [[arg.text.strip() if arg.text.strip().isidentifier() else "", self.operands(arg.operands, call.function)]
                for arg in call.args]
        self.out.calls.append([
            -1, call.line, call.column, self.function(call.function), self.name(call.callee), self.operand(call.operand),
            [self.operand(one) for one in call.others], args])


def _without_cast_of_address(left: Operand) -> Operand:
    """`*(void **)(&fn) = ...` sets fn: what POSIX tells programs to write for what dlsym gives."""
    written = _THROUGH_VOID.match(left.text) if left.base is None and left.cast else None
    return left if written is None else Operand("", written.group(1), tuple(re.findall(r"\w+", written.group(2))))


def _numbers(variables: list[Variable]) -> set[tuple[str | None, str]]:
    """(function, name) of the locals that are plain numbers, whatever typedefs the corpus has."""
    found: dict[tuple[str | None, str], bool] = {}
    for one in variables:
        if one.function is not None and (one.function, one.name) not in found:
            found[one.function, one.name] = _is_number(one.type)
    return {key for key, plain in found.items() if plain}


_known: dict[str, bool] = {}


def _is_number(text: str) -> bool:
    known = _known.get(text)
    if known is None:
        kind = parse_type(text)
        words = kind.base.split()
        if len(_known) > 20_000:
            _known.clear()
        known = _known[text] = bool(words) and all(word in _NUMBERS for word in words) and content(_NO_TYPES, kind) is None
    return known


def encode_pointer_facts(one: PointerFacts) -> bytes:
    operands = [[o.text, o.base, o.fields, int(o.address), o.cast, int(o.call)] for o in one.operands]
    rows = [one.names, operands, one.assignments, one.calls, one.variables]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode("utf-8", "surrogatepass")


def decode_pointer_facts(data: bytes, file: str) -> PointerFacts:
    """Raises ValueError for anything that encode_pointer_facts did not write."""
    try:
        names, operands, assignments, calls, variables = json.loads(data.decode("utf-8", "surrogatepass"))
        made = [Operand(text, base, tuple(fields), address == 1, cast, call == 1) for text, base, fields, address, cast, call in operands]
        return PointerFacts(file, names, made, assignments, calls, variables)
    except (TypeError, ValueError) as err:
        raise ValueError(f"not pointer facts: {err}") from err
