"""What does a file assign to which variable, and where does a variable's value go? And how is an operand written?

>>> Assignments(index).of("a.c").set["probe", "urb"]      # the assignments to the local `urb` of the function `probe`, by line
[Assignment(file='a.c', line=12, ...)]
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import Assignment, Call, Operand
from curation.csource.index.lookup import Index

_FILES = 200  # files whose tables are kept
_OPERATOR = re.compile(r"(->|\.)\s*([A-Za-z_]\w*)")
_WRAPPED = re.compile(r"(?:EV_[AP]_\s*)?\s*(&?)\s*\(?([A-Za-z_]\w*)((?:\s*(?:->|\.)\s*\w+|\s*\[[^\]]*\])*)\)?\s*\Z")


@dataclass
class FileAssignments:
    """set: the assignments by function and variable. stored: those whose right side is just the variable (or its address).
    members: those to a member of the variable. returned: what a function returns. results: assignments of a call's value, by the called
    name. calls: by the called name."""

    set: dict[tuple[str | None, str], list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[tuple[str | None, str], list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    members: dict[tuple[str | None, str], list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    returned: dict[str | None, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    results: dict[str, list[Assignment]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))


class Assignments:
    def __init__(self, index: Index) -> None:
        self.index = index
        self._kept = Recent[str, FileAssignments](_FILES)

    def of(self, file: str) -> FileAssignments:
        """The tables of a file; empty for one that was not given."""
        return self._kept.get(file) or self._kept.put(file, self._read(file))

    def _read(self, file: str) -> FileAssignments:
        made = FileAssignments()
        facts = self.index.facts[file] if file in self.index.facts else None
        for one in facts.assignments if facts else []:
            if one.kind == "return":
                made.returned[one.function].append(one)
            elif one.left.base and not one.left.fields:
                made.set[one.function, one.left.base].append(one)
            elif one.left.base:
                made.members[one.function, one.left.base].append(one)
            for right in one.right:
                if right.call and right.base and not right.fields:
                    made.results[right.base].append(one)
                elif right.base and not right.fields and one.kind != "return" and (one.left.fields or one.left.base != right.base):
                    made.stored[one.function, right.base].append(one)
        for call in facts.calls if facts else []:
            if call.callee_name:
                made.calls[call.callee_name].append(call)
        return made


def arrows(operand: Operand) -> dict[str, bool]:
    """Member -> whether it is written after `->`."""
    return {name: mark == "->" for mark, name in _OPERATOR.findall(operand.text)}


def subscript(text: str, name: str) -> str | None:
    """A constant subscript after a member's name: "[TX]" in `d->works[TX]`."""
    found = re.search(rf"\b{re.escape(name)}\s*\[\s*([A-Z_][A-Z0-9_]*|\d+)\s*\]", text)
    return f"[{found.group(1)}]" if found else None


def index_of(operand: Operand) -> str | None:
    return subscript(operand.text, operand.base) if operand.base and "[]" in operand.fields else None


def read_operand(text: str) -> Iterator[Operand]:
    """An argument that is no plain expression: `EV_A_ &e->rev` (a macro that ends in a comma), a number."""
    if text.strip().isdigit():
        yield Operand(text.strip(), text.strip())
    elif found := _WRAPPED.match(text):
        fields = tuple("[]" if f.startswith("[") else f for f in re.findall(r"\[|[A-Za-z_]\w*", re.sub(r"\[[^\]]*\]", "[", found[3])))
        yield Operand(text.split("EV_A_")[-1].strip(), found[2], fields, bool(found[1]))
