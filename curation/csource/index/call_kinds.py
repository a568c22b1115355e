"""Is `name(x)` a call of a function, or through a pointer of that name? Only the whole corpus tells.

>>> index = build_index([("a.c", "int (*go)(void); int f(void) { return go(); }")])
>>> [(call.callee, call.kind) for call in index.calls()]
[('go', 'indirect')]

A file's facts call every plain name direct. Before they are asked, `set_call_kinds` makes indirect what can only be a variable, and direct
what can only be a function. Invariant: afterwards a call is indirect exactly where its `callee_name` is None.
"""
from __future__ import annotations

from curation.csource.facts.model import Call, FileFacts, Variable
from curation.csource.index.lookup import Index
from curation.csource.typesystem.c_types import Types, parse_type, split_params


def set_call_kinds(index: Index, facts: FileFacts) -> None:
    """Of all calls of one file."""
    means: dict[str, bool] = {}
    for call in facts.calls:
        name = call.callee_name
        if call.kind == "indirect" or name is None:
            set_call_kind(index, call)
            continue
        if name not in means:
            means[name] = may_mean_variable(index, name, call.file)
        if means[name]:
            set_call_kind(index, call)


def set_call_kind(index: Index, call: Call) -> None:
    if call.kind == "indirect" and not call.others and _names_function(index, call):
        call.kind, call.callee_name = "direct", call.operand.base
    name = call.callee_name
    if name is not None and may_mean_variable(index, name, call.file) and _means_variable(index, call, name):
        call.kind, call.callee_name = "indirect", None


def may_mean_variable(index: Index, name: str, file: str) -> bool:
    """Whether a direct call of the name has to be looked at: a variable at file scope is called so, and no macro."""
    return index.has_variable(name) and index.macro(name, "") is None


def _names_function(index: Index, call: Call) -> bool:
    """Whether the callee, once its macros are read, is a function's name after all: `MATH(sin)(x)`, `(*(log_place(), fail))(x)`."""
    operand = call.operand
    if operand.base is None or any(step != "*" for step in operand.fields):
        return False
    if operand.call:
        return not index.is_function(operand.base)
    if operand.fields and not index.is_function(operand.base):
        return False  # nobody dereferences what is a function of elsewhere: `(*name)(x)` says that it is a pointer
    variable = index.variable(operand.base, call.file, call.function)
    if variable is None or not _is_number(index.types, variable):
        return variable is None
    # `int err;` of another block, or beside a macro of the system, `major(dev)`; of a parameter's type the text may say too little
    return variable.param is None or index.is_function(operand.base)


def _is_number(types: Types, variable: Variable) -> bool:
    kind = types.expand(parse_type(variable.type), variable.file) if variable.type else None
    return kind is not None and not kind.derived and Types.holds_no_pointer(kind)


def _means_variable(index: Index, call: Call, name: str) -> bool:
    """A name can be a pointer here and a function elsewhere (a static or inline one): the number of arguments tells."""
    variable = index.variable(name, call.file, None)
    if variable is None:
        return False
    functions = index.functions(name, call.file)
    params = Types.params(index.types.expand(parse_type(variable.type), variable.file))
    if not functions:
        return params is not None or not index.prototypes(name)
    if params is None or any(f.file == call.file for f in functions):
        return False
    given, count = split_params(params), len(call.args)
    fits = len(given[0]) == count or (given[1] and len(given[0]) <= count)
    return fits and not any(len(f.params) == count or f.variadic for f in functions)
