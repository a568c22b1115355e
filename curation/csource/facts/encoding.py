"""How are facts written to the cache and sent between processes? As JSON lists in the order of the fields; no pickle.

>>> decode_facts(encode_facts(facts)) == facts
True
"""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from curation.csource.facts.model import (
    Arg,
    Assignment,
    Call,
    FactsProblem,
    Field,
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

T = TypeVar("T")
VERSION = 16  # of the facts: raise it when extraction changes, so that cached facts are made again
_GETTERS = {
    kind: attrgetter(*(f.name for f in fields(kind)))
    for kind in (
        Arg,
        Assignment,
        Call,
        FactsProblem,
        Field,
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
}


def encode_facts(facts: FileFacts) -> bytes:
    return json.dumps(
        facts, default=lambda one: _GETTERS[type(one)](one), ensure_ascii=False, separators=(",", ":"), check_circular=False
    ).encode("utf-8", "surrogatepass")


def encode_fact(fact: Any) -> bytes:
    """One fact as a line of JSON, without a line end."""
    return json.dumps(fact, default=lambda one: _GETTERS[type(one)](one), ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass")


def decode_fact(kind: type[T], line: bytes, file: str) -> T:
    """What encode_fact wrote of a fact of that kind, as one of `file`. Raises ValueError for anything else."""
    try:
        row = json.loads(line.decode("utf-8", "surrogatepass"))
        row[_FILE_OF[kind]] = file
        fact: T = _MAKER_OF[kind](row)
        return fact
    except (TypeError, IndexError, KeyError, AttributeError) as err:
        raise ValueError(f"not a fact: {err}") from err


def decode_facts(data: bytes, file: str | None = None) -> FileFacts:
    """file: the name that every fact gets, instead of one copy of it each. Raises ValueError for anything that encode_facts did not
    write."""
    try:
        row = json.loads(data.decode("utf-8", "surrogatepass"))
        if file is not None:
            row[0] = file
            for rows, at in zip(row[1:], _FILE_AT, strict=False):
                for fact in rows:
                    fact[at] = file
        return FileFacts(row[0], *([make(r) for r in rows] for make, rows in zip(_MAKERS, row[1:], strict=True)))
    except (TypeError, IndexError, KeyError, AttributeError) as err:
        raise ValueError(f"not facts: {err}") from err


def _operand(row: list[Any]) -> Operand:
    return Operand(row[0], row[1], tuple(row[2]), row[3], row[4], row[5])


def _pairs(rows: list[list[str]]) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind in rows]


def _function(row: list[Any]) -> Function:
    row[8] = _pairs(row[8])
    return Function(*row)


def _call(row: list[Any]) -> Call:
    row[7:9] = [Arg(text, [_operand(o) for o in operands]) for text, operands in row[7]], _operand(row[8])
    row[11] = [_operand(o) for o in row[11]]
    return Call(*row)


def _use(row: list[Any]) -> NameUse:
    row[7], row[12] = tuple(row[7]), tuple(row[12])
    row[9] = _operand(row[9]) if row[9] is not None else None
    return NameUse(*row)


def _assignment(row: list[Any]) -> Assignment:
    row[5:7] = _operand(row[5]), [_operand(o) for o in row[6]]
    return Assignment(*row)


def _struct(row: list[Any]) -> Struct:
    row[4] = [Field(*f) for f in row[4]]
    return Struct(*row)


def _prototype(row: list[Any]) -> Prototype:
    row[4] = _pairs(row[4])
    return Prototype(*row)


_FACT_KINDS: list[type] = [Function, Call, NameUse, Assignment, Variable, Struct, Typedef, Prototype, Macro, FactsProblem]
_FILE_AT = [[f.name for f in fields(kind)].index("file") for kind in _FACT_KINDS]
_MAKERS: list[Callable[[list[Any]], Any]] = [
    _function, _call, _use, _assignment, lambda r: Variable(*r), _struct, lambda r: Typedef(*r), _prototype, lambda r: Macro(*r),
    lambda r: FactsProblem(*r), tuple, str,
]
_MAKER_OF = dict(zip(_FACT_KINDS, _MAKERS, strict=False))
_FILE_OF = dict(zip(_FACT_KINDS, _FILE_AT, strict=True))
