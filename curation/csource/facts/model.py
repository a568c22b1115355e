"""What one C file says: functions, calls, uses of names as values, assignments, variables, types, macros. Plain data, no parsing.

Facts are read from the text alone, on every branch of conditional compilation that could be parsed. Lines and columns are 1-based,
columns count characters. A macro invoked like a function (`INIT_WORK(&d->work, fn)`, `DECLARE_WORK(w, fn)` at file scope,
`module_init(fn)`) is a Call like any other; its `function` is None at file scope.

>>> Operand(text="dev->work", base="dev", fields=("work",), address=True)      # of `&dev->work`
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# How an operand's path is written: field names as they stand, "[]" a subscript, "*" an explicit dereference,
# "#3" the fourth element of a brace list whose type decides whether that is a field or an array element.
Step = str


@dataclass(slots=True)
class Operand:
    """The shape of an expression that stands for a place or a value.

    base: the leftmost name (`dev` of `dev->work.func`), the called function's name when `call`, None when there is no name.
    fields: the path from it, in order: ("work", "func"). address: `&` stood in front of all of it. cast: the type text of a cast (or of
    container_of) applied to the base, e.g. "struct foo *"; None without. call: the base is the result of calling `base`."""

    text: str
    base: str | None = None
    fields: tuple[Step, ...] = ()
    address: bool = False
    cast: str | None = None
    call: bool = False


@dataclass(slots=True)
class Function:
    """A function definition. line, column: of its name; start_line: where the definition begins (return type, attributes).
    params: (name, type text) in order, name "" when unnamed. type texts are as written, with one space between tokens."""

    name: str
    file: str
    line: int
    column: int
    start_line: int
    end_line: int
    static: bool
    return_type: str
    params: list[tuple[str, str]]
    variadic: bool = False
    attributes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Arg:
    """One argument of a call. operands: the values it may be (two for a conditional). names: those operands that are a bare name,
    with or without `&` or a cast: a function used as a value is among them. base, fields: of the first operand that has a base."""

    text: str
    operands: list[Operand] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [o.base for o in self.operands if o.base and not o.fields and not o.call]

    @property
    def base(self) -> str | None:
        return next((o.base for o in self.operands if o.base), None)

    @property
    def fields(self) -> tuple[Step, ...]:
        return next((o.fields for o in self.operands if o.base), ())


@dataclass(slots=True)
class Call:
    """A call site or macro invocation. function: the enclosing function's name, None at file scope. callee: the text called.
    callee_name: the function's or macro's name for a direct call, None for an indirect one. operand: the callee's shape.
    macro: the macro in whose body the call stands (then line and column are the macro's invocation), None otherwise.
    others: further values of the callee (`(a ? f : g)(x)` has g here)."""

    file: str
    line: int
    column: int
    function: str | None
    callee: str
    callee_name: str | None
    kind: Literal["direct", "indirect"]
    args: list[Arg]
    operand: Operand
    macro: str | None = None
    end_line: int = 0
    others: list[Operand] = field(default_factory=list)


@dataclass(slots=True)
class NameUse:
    """A name, not a local variable's, used as a value: for a function's name, the places where its address is taken.

    kind: initializer (variable, struct, fields: `struct`: type text of the variable), assignment (operand: the left side), argument (call
    is the callee's text, index 0-based), return, comparison (does not flow), other. struct: for an assignment to a field, the type text of
    the base where it is a local, parameter or global of known type, else None. fields: the path within the variable or from the base.
    variable: the base's name. via: "conditional", "cast", "address" as they apply."""

    name: str
    file: str
    line: int
    column: int
    function: str | None
    kind: Literal["initializer", "assignment", "argument", "return", "comparison", "other"]
    struct: str | None = None
    fields: tuple[Step, ...] = ()
    variable: str | None = None
    operand: Operand | None = None
    call: str | None = None
    index: int | None = None
    via: tuple[str, ...] = ()


@dataclass(slots=True)
class Assignment:
    """A value put into a place: assignment, initializer (also each element of a brace list), or a return (left.base None, kind "return").
    left.cast holds the declared type for a compound literal, whose base is None. left.text of an element shows how it is designated:
    "table[A].cb", with "[#2]" for the third where nothing does."""

    file: str
    line: int
    column: int
    function: str | None
    kind: Literal["assignment", "initializer", "return"]
    left: Operand
    right: list[Operand]


@dataclass(slots=True)
class Variable:
    """A declared variable or parameter. function: None at file scope. type: as written, without the name: "struct ops *", and with
    " (*)(int, char *)" or " []" for pointers to functions and arrays. param: 0-based position, None for a variable."""

    name: str
    file: str
    line: int
    function: str | None
    type: str
    static: bool = False
    extern: bool = False
    param: int | None = None


@dataclass(slots=True)
class Field:
    """A member of a struct or union. type as in Variable; members of anonymous members are listed in their place."""

    name: str
    type: str
    line: int


@dataclass(slots=True)
class Struct:
    """A struct or union definition. name: the tag with its keyword ("struct ops"); for an anonymous one the typedef's name, or a made
    name that no C text can hold ("struct @FILE:LINE")."""

    name: str
    file: str
    line: int
    end_line: int
    fields: list[Field]


@dataclass(slots=True)
class Typedef:
    """`typedef int (*handler_t)(int);` is name "handler_t", type "int (*)(int)"."""

    name: str
    file: str
    line: int
    type: str


@dataclass(slots=True)
class Prototype:
    """A function declared and not defined here."""

    name: str
    file: str
    line: int
    return_type: str
    params: list[tuple[str, str]]
    variadic: bool = False


@dataclass(slots=True)
class Macro:
    """A #define. params: None for an object-like macro. body: continuation lines joined by a space, comments removed. ended: the line
    of the #undef in the same file that ends it, None where it lasts."""

    name: str
    file: str
    line: int
    params: list[str] | None
    body: str
    ended: int | None = None


@dataclass(slots=True)
class FactsProblem:
    """Why a file, or a part of it, gives no facts. code: a short word (nul_bytes, long_line, too_deep, too_slow,
    crashed, damaged). line: where it starts, None for the whole file."""

    file: str
    code: str
    why: str
    line: int | None = None


@dataclass(slots=True)
class FileFacts:
    """All facts of one file. conditions: (first line, last line, condition) of each branch of conditional compilation, from its directive
    to the next one, outer branches first: "ifdef CONFIG_PM", "else of ifdef CONFIG_PM". Include guards are left out. openers: see
    lexing/openers.py."""

    file: str
    functions: list[Function] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    uses: list[NameUse] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    structs: list[Struct] = field(default_factory=list)
    typedefs: list[Typedef] = field(default_factory=list)
    prototypes: list[Prototype] = field(default_factory=list)
    macros: list[Macro] = field(default_factory=list)
    problems: list[FactsProblem] = field(default_factory=list)
    conditions: list[tuple[int, int, str]] = field(default_factory=list)
    openers: list[str] = field(default_factory=list)
