"""What does a row look like in C? A small text that uses the API as the row says: shown beside a row, and the test of every row.

>>> print(call_of(load().by_id["linux.request_irq"]))
request_irq(&object, handler, arg2, arg3, context)

The text is no program: types and the other arguments are placeholders. Not made: what a variant asks for.
"""

from __future__ import annotations

import re

from curation.knowledge import Knowledge, Row

HANDLER = "handler"
_TYPEDEF = re.compile(r"[A-Z]\w*[a-z]\w*\Z|\w+_t\Z|[A-Z]+[A-Z_0-9]*\Z")  # PyMethodDef, ngx_command_t, FILE; a tag otherwise


def handler_of(row: Row) -> str | None:
    """The name that the callback has in the example; None for a row without a handler."""
    if row.handler_name is not None:
        return row.handler_name.format(*(f"name{i}" for i in range(10)))
    return HANDLER if row.takes_handler else None


def call_of(row: Row) -> str:
    """One call or initializer that shows where the handler, its context and the object stand; of several names or fields, the first."""
    if row.kind == "field":
        field = "any_other" if row.fields[0] == "*" else row.fields[0]
        return f"{_declared(row.struct or '')} object = {{ .{field} = {HANDLER} }}"
    positions = [row.handler_arg, row.context_arg, row.object_arg, row.event_arg, *(v.arg for v in row.variants if v.api is None)]
    if row.handler_name is not None:
        positions += [int(number) for number in re.findall(r"\{(\d+)\}", row.handler_name)]
    count = max((position for position in positions if isinstance(position, int)), default=-1) + 1
    call = f"{row.names[0]}({', '.join(_argument(row, position) for position in range(count))})"
    return f"object = {call}" if row.object_arg == "result" else call


def _argument(row: Row, position: int) -> str:
    if position == row.handler_arg:
        return HANDLER
    if row.handler_name is not None and f"{{{position}}}" in row.handler_name:
        return f"name{position}"
    if position == row.context_arg:
        return "context"
    if position == row.event_arg:
        return "event"
    return "&object" if position == row.object_arg else f"arg{position}"


def _declared(struct: str) -> str:
    return struct if _TYPEDEF.match(struct) else f"struct {struct}"


def example(row: Row, knowledge: Knowledge) -> str:
    """A C file with the example: the handler's definition and a function that registers it. `knowledge` tells the type of a
    handler_field's struct."""
    header = f"#include <{row.header}>\n" if row.header else ""
    lines = [f"#include <{'linux/module.h' if row.platform == 'linux' else 'stdlib.h'}>", header]
    if (name := handler_of(row)) is not None:
        lines.append(f"static void {name}(void)\n{{\n}}\n")
    if row.handler_field is not None:
        struct, field = row.handler_field.split(".")
        lines.append(f"static {_declared(struct)} object = {{ .{field} = {HANDLER} }};\n")
    if row.kind == "field":
        lines.append(f"static {call_of(row)};\n")
    elif row.kind == "macro" and (row.handler_name is not None or row.names[0].isupper() or _at_file_scope(row)):
        lines.append(f"{call_of(row)};\n")
    else:
        lines.append(f"void set_up(void)\n{{\n\t{call_of(row)};\n}}\n")
    return "\n".join(lines)


def _at_file_scope(row: Row) -> bool:
    return re.match(r"(DECLARE|DEFINE|INIT)_|module_|\w*initcall|__setup", row.names[0]) is not None
