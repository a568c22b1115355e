"""Which of several functions is the one called, best first?

A candidate's score is the sum of its features (where its address is taken, where it is defined, how its types and its name fit), each
times a weight of one table. The score orders; it is no probability.

>>> WEIGHTS["defined_in_file"]
1.4

The weights were fitted to the calls that 21 programs were seen to make; with each program left out in turn the share of right first
candidates rose from 0.73 to 0.78 by `size`, `name_length` and `conditional`. The optimum is flat: the middle of it was taken.
"""
from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from curation.csource.facts.model import Call, Function
from curation.csource.pointsto.nodes import Global, VariableNode
from curation.csource.pointsto.solution import Solution
from curation.csource.pointsto.solver import AddressTaken
from curation.csource.sources.path_hints import is_foreign, is_test
from curation.csource.typesystem.c_types import CType, Types, normal, split_params
from curation.csource.typesystem.compatibility import hides_parameters

if TYPE_CHECKING:
    from curation.csource.index.lookup import Index

WEIGHTS = {
    # where the address is taken
    "same_object": 0.5,  # in a struct object that can be the one at the call
    "other_object": -3.0,  # only ever in other objects; what is stored through a pointer may be in any
    "taken_in_file": 1.2,  # in the file of the call
    "taken_in_function": 1.0,  # in the function of the call
    "taken_at_end": -0.6,  # only where an object's life ends
    "initializer": 0.2,  # what a pointer holds from the start, before what it may be set to
    "flow": 1.0,  # divided by 1 + the nodes between there and the call
    "addresses": 0.35,  # times the binary logarithm of 1 + how often, up to MOST_FOR_ADDRESSES
    "conditional": -2.6,  # only under conditions of configuration that the call does not stand under
    # where the function is defined
    "no_definition": -3.0,  # there is none to show
    "defined_in_file": 1.4,
    "defined_in_folder": 1.0,
    "shared_folder": 0.2,  # of each of the first SHARED_FOLDERS folders that its path shares with the call's
    "driver_elsewhere": -0.5,  # a driver's function, called by other code
    "test_or_program": -1.5,  # of a test or another program
    "other_system": -1.5,
    # what it is
    "parameter_types": 0.8,  # the share of its parameters that have the pointer's types
    "size": 0.2,  # times the binary logarithm of its lines: a longer function does the work that a stub leaves out
    "stand_in": -0.4,  # functions that stand in for the real one are seldom the one called
    "name_length": -0.1,  # a character: the shorter of two names is the general one (`read`, `read_from_cache`)
    "this_system": 0.3,  # of several systems' functions, those of the one that is likely meant
}
MOST_FOR_ADDRESSES = 1.5
SHARED_FOLDERS = 4
IMPLEMENTATIONS = 1000  # of an interface, one object each: the best of more
LONG = 16  # candidates: from here on the pointer's parameter types count against functions of other types
_LOOKED_AT = 8  # places where an address is taken, to see whether they are all of a kind
_STAND_IN = re.compile(
    r"(?:^|_|(?<=[a-z\d])(?=[A-Z]))(?i:null|dummy|stub|fail|fake|mock|noop|nop|invalid|bad|bogus|unsupported)(?=_|[A-Z\d]|$)")
_HERE = re.compile(r"(?i:unix|posix|linux|pthreads?)(?=_|[A-Z])")
_ENDING = re.compile(
    r"(?:^|_|(?<=[a-z\d])(?=[A-Z]))(?i:delete|free|destroy|close|cleanup|finish|shutdown|unregister|teardown|fini|exit)(?=_|[A-Z\d]|$)")


@dataclass
class CallToRank:
    """An indirect call with what is known of it. pointer: the (expanded) type of what is called. objects: the struct objects that the base
    of its field can be. reached: function value -> the callee node it reached; empty where flow found nothing."""

    index: Index
    solution: Solution
    call: Call
    pointer: CType | None
    objects: set[VariableNode]
    reached: dict[int, int] = field(default_factory=dict)


class Ranked(NamedTuple):
    """score: the sum of the features. addresses: the places that put the function where the call reads it, else all its places."""

    score: float
    value: int
    addresses: list[AddressTaken]


def ranked(site: CallToRank, values: list[int]) -> list[Ranked]:
    """Function values by score."""
    signature = _signature(site)
    found = []
    for value in values:
        addresses = addresses_at(site.solution, value, site.reached.get(value))
        score = 0.0
        for feature, amount in _features(site, value, addresses, signature):
            score += WEIGHTS[feature] * amount
        found.append(Ranked(score, value, addresses))
    found.sort(key=lambda one: (-one.score, site.solution.name(one.value), one.value))
    return _without_many_alike(site.solution, found)


def addresses_at(solution: Solution, value: int, node: int | None) -> list[AddressTaken]:
    """The places that put the function where the callee node reads it; all its places when flow did not lead there."""
    addresses = solution.addresses[value]
    if node is None:
        return addresses
    first = solution.first_node(node, value)
    return [a for a in addresses if a.node == first] or addresses


# ---- which can be meant at all


def of_its_type(site: CallToRank, values: Sequence[int]) -> Sequence[int]:
    """Without the functions whose parameter types contradict those of the pointer; all where these are not known."""
    signature = _signature(site)
    if not signature:
        return values
    types, solution = site.index.types, site.solution
    return [v for v in values if solution.functions[v] is None or _agrees(types, solution.signature(v), signature)]


def possible(site: CallToRank, values: list[int]) -> list[int]:
    """Without those that the call's arguments or the pointer's types rule out, where others stay."""
    types, functions = site.index.types, site.solution.functions
    values = [v for v in values if _fits(types, functions[v], site.call)] or values
    signature = _signature(site)
    if signature and len(values) > LONG:
        values = [v for v in values if functions[v] is None or _agrees(types, site.solution.signature(v), signature)] or values
    return values


def _signature(site: CallToRank) -> list[tuple[str, int]] | None:
    """The parameter types of the pointer, see c_types.normal; None where they are not known."""
    types = site.index.types
    params = types.params(site.pointer)
    told = split_params(params)[0] if params is not None else []
    hidden = any(hides_parameters(types, text) for text in told)
    return [normal(types, p, site.call.file) for p in told] if params is not None and not hidden else None


def _fits(types: Types, function: Function | None, call: Call) -> bool:
    if function is None or any(hides_parameters(types, word) for given in function.params for word in given):
        return True
    count = len(function.params)
    return count == len(call.args) or (function.variadic and count <= len(call.args))


def _agrees(types: Types, own: list[tuple[str, int]], wanted: list[tuple[str, int]]) -> bool:
    """Whether a function can be meant by a pointer with these parameter types: pointers to different structs contradict each other, a
    struct a number, a pointer what is none. `void *` and types that the corpus does not tell agree with all, numbers with each other."""
    return len(own) == len(wanted) and not any(
        _contradict(a, a_depth, types.sort_of(a), b, b_depth, types.sort_of(b))
        for (a, a_depth), (b, b_depth) in zip(own, wanted, strict=True) if (a, a_depth) != (b, b_depth))


def _contradict(a: str, a_depth: int, a_sort: str, b: str, b_depth: int, b_sort: str) -> bool:
    if not a_sort or not b_sort:
        return False
    if bool(a_depth) != bool(b_depth):
        return True
    if a_depth and "void" in (a_sort, b_sort):
        return False
    return a_sort != b_sort or a_sort == "struct" and a != b


def _without_many_alike(solution: Solution, found: list[Ranked]) -> list[Ranked]:
    """Of functions that objects implement, each object with one (`.read` of many `struct file_operations`), the best IMPLEMENTATIONS.
    Elements of tables, which one object holds in numbers, what is passed as an argument and variables that a linker collects all stay: a
    loop calls them all."""
    if len(found) <= IMPLEMENTATIONS:
        return found
    held = Counter(owner for one in found for owner in {a.owner for a in one.addresses if a.kind == "initializer"})
    kept: list[Ranked] = []
    implementations = 0
    for one in found:
        alone = bool(one.addresses) and all(
            a.kind == "initializer" and a.owner is not None and held[a.owner] == 1 and not isinstance(solution.nodes[a.node], Global)
            for a in one.addresses)
        implementations += alone
        if not alone or implementations <= IMPLEMENTATIONS:
            kept.append(one)
    return kept


# ---- features


def _features(
    site: CallToRank, value: int, addresses: list[AddressTaken], signature: list[tuple[str, int]] | None,
) -> Iterator[tuple[str, float]]:
    """(name in WEIGHTS, amount) of what speaks for or against a function."""
    function, name, node = site.solution.functions[value], site.solution.name(value), site.reached.get(value)
    yield from _of_addresses(site, addresses)
    yield from _of_definition(site, value, function, signature)
    yield from _of_likelihood(site, function.file if function is not None else addresses[0].file if addresses else "", name, addresses)
    if addresses and all(
            (f := site.index.enclosing(a.file, a.line)) is not None and _ENDING.search(f.name) for a in addresses[:_LOOKED_AT]):
        yield "taken_at_end", 1
    if _STAND_IN.search(name):
        yield "stand_in", 1
    yield "name_length", len(name)
    if any(a.kind == "initializer" for a in addresses):
        yield "initializer", 1
    if node is not None:
        yield "flow", 1 / (1 + site.solution.distance(node, value))
    yield "addresses", min(MOST_FOR_ADDRESSES / WEIGHTS["addresses"], math.log2(1 + len(addresses)))


def _of_addresses(site: CallToRank, addresses: list[AddressTaken]) -> Iterator[tuple[str, float]]:
    call = site.call
    if site.objects and any(a.owner in site.objects for a in addresses):
        yield "same_object", 1
    elif site.objects and addresses and all(a.kind == "initializer" for a in addresses):
        yield "other_object", 1
    near = [a.line for a in addresses if a.file == call.file]
    if near:
        yield "taken_in_file", 1
        around = site.index.enclosing(call.file, call.line)
        if around is not None and any(around.start_line <= line <= around.end_line for line in near):
            yield "taken_in_function", 1


def _of_definition(
    site: CallToRank, value: int, function: Function | None, signature: list[tuple[str, int]] | None,
) -> Iterator[tuple[str, float]]:
    if function is None:
        yield "no_definition", 1
        return
    here, there = function.file.split("/")[:-1], site.call.file.split("/")[:-1]
    if function.file == site.call.file:
        yield "defined_in_file", 1
    elif here == there:
        yield "defined_in_folder", 1
    if signature is not None and len(signature) == len(function.params):
        same = sum(own == wanted for own, wanted in zip(site.solution.signature(value), signature, strict=True))
        yield "parameter_types", same / max(1, len(signature))
    if here != there:
        same = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there)))
        yield "shared_folder", min(same, SHARED_FOLDERS)
        if "drivers" in here and "drivers" not in there:
            yield "driver_elsewhere", 1
    yield "size", math.log2(1 + function.end_line - function.start_line)


def _of_likelihood(site: CallToRank, file: str, name: str, addresses: list[AddressTaken]) -> Iterator[tuple[str, float]]:
    """Against what only tests, other programs, other systems or some configurations put there. file: the one that a candidate is judged
    by, its definition's; of an external function that of the first place that names it."""
    index, call = site.index, site.call
    if is_test(file) and not is_test(call.file) or file != call.file and index.is_program(file):
        yield "test_or_program", 1
    if is_foreign(file, name) and not is_foreign(call.file, ""):
        yield "other_system", 1
    if _HERE.match(name):
        yield "this_system", 1
    if addresses and all(index.conditional(a.file, a.line) for a in addresses[:_LOOKED_AT]) and not index.conditional(call.file, call.line):
        yield "conditional", 1
