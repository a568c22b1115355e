"""Which rows speak about this place of the corpus, and which object is meant there?

A row of the kernel says nothing about a user-space program (both have a `bsearch`), and a file's own static function called
`complete` is not the kernel's: `Corpus` decides that. It also names objects so that two places can be compared: `&dev->work` in one
function and `&priv->work` in another are the same object kind when both bases are `struct foo *`.

>>> corpus.object_key(call.args[0].operands, call.file, call.function)      # of INIT_WORK(&dev->work, fn)
'foo.work'
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from posixpath import basename, commonprefix, dirname

from curation.csource.facts.model import Arg, Assignment, Call, NameUse, Operand
from curation.csource.program import Program
from curation.csource.typesystem.c_types import parse_type
from curation.knowledge import Knowledge, Row, in_use

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
_USER_HEADERS = frozenset(
    "stdio.h stdlib.h string.h unistd.h pthread.h signal.h errno.h assert.h fcntl.h uv.h event2/event.h event.h ev.h glib.h locale.h "
    "sys/types.h sys/socket.h sys/stat.h sys/time.h netdb.h arpa/inet.h getopt.h inttypes.h stdint.h".split()
)
_KERNEL_HEADERS = re.compile(r"(linux|asm|asm-generic|net|media|sound|drm|scsi|acpi|crypto|video|dt-bindings|uapi)/")
_KERNEL_WORDS = re.compile(
    r"\b(printk|pr_(info|err|warn|debug)|dev_(err|info|dbg)|spin_(un)?lock\w*|mutex_unlock|k[mz]alloc|kfree|GFP_(KERNEL|ATOMIC)|MODULE_LICENSE|"
    r"EXPORT_SYMBOL\w*|module_init|irqreturn_t|container_of|copy_(to|from)_user|__init|__exit)\b"
)
_USER_WORDS = re.compile(r"\b(int\s+main\s*\(|printf\s*\(|malloc\s*\(|calloc\s*\(|pthread_\w+|exit\s*\(|fopen|FILE\s*\*)")


class Corpus:
    """An index read with the knowledge rows. Made once for an index; see `corpus_of`."""

    def __init__(self, index: Program, knowledge: Knowledge) -> None:
        self.index = index
        self.knowledge = knowledge
        self.types = index.types
        self.attached: dict[str, object] = {}  # what is made of this corpus elsewhere and ends with it
        self._platform: dict[str, str | None] = {}
        self._by_basename: dict[str, list[str]] = defaultdict(list)
        for file in index.files():
            self._by_basename[basename(file)].append(file)
        self._values: dict[str, dict[tuple[str | None, str], list[Assignment]]] = {}
        self._results: dict[str, dict[tuple[int, str], Operand]] = {}

    # -- platform ----------------------------------------------------------------------------------------------------------

    def platform(self, file: str) -> str | None:
        """ "linux" for kernel code, "user" for a user-space program, None when neither the file's includes nor its words tell."""
        if file not in self._platform:
            told = self._told_by_includes(file, set())
            self._platform[file] = told or self._told_by_neighbours(file) or self._told_by_words(file)
        return self._platform[file]

    def _told_by_words(self, file: str) -> str | None:
        text = self.index.text(file)
        if _KERNEL_WORDS.search(text):
            return "linux"
        return "user" if _USER_WORDS.search(text) else None

    def _told_by_includes(self, file: str, seen: set[str]) -> str | None:
        seen.add(file)
        headers = _INCLUDE.findall(self.index.text(file))
        if any(mark == "<" and name in _USER_HEADERS for mark, name in headers):
            return "user"
        if any(mark == "<" and _KERNEL_HEADERS.match(name) for mark, name in headers):
            return "linux"
        for mark, name in headers:
            for other in self._nearest(name, file) if mark == '"' else []:
                if other not in seen and len(seen) < 12 and (told := self._told_by_includes(other, seen)):
                    return told
        return None

    def _nearest(self, header: str, file: str) -> list[str]:
        """The files that `#include "header"` may mean in a file, those of the nearest folder alone."""
        near = {other: len(commonprefix([dirname(other), dirname(file)])) for other in self._by_basename.get(basename(header), [])}
        return [other for other, length in near.items() if length == max(near.values())]

    def _told_by_neighbours(self, file: str) -> str | None:
        folder = dirname(file)
        told = [self._told_by_includes(f, set()) for f in self.index.in_folder(folder) if f != file][:50]
        counts = {p: told.count(p) for p in ("linux", "user")}
        best = max(counts, key=lambda p: counts[p])
        return best if counts[best] else None

    def rows_for_call(self, call: Call) -> list[Row]:
        """The rows of the function or macro called; [] when the file defines its own function of that name."""
        if call.callee_name is None or not (rows := self.knowledge.function(call.callee_name)):
            return []
        if any(f.file == call.file for f in self.index.functions(call.callee_name)):
            return []
        return self._fitting(rows, call.file)

    def rows_for_field(self, struct: str, field: str, file: str) -> list[Row]:
        return self._fitting(self.knowledge.field(struct, field), file)

    def _fitting(self, rows: list[Row], file: str) -> list[Row]:
        if not rows:
            return rows
        platform = self.platform(file)
        if platform is None:
            platform = "user" if any(r.platform != "linux" for r in rows) else "linux"
        return [r for r in rows if (r.platform == "linux") == (platform == "linux")]

    # -- fields and objects --------------------------------------------------------------------------------------------------

    def field_of_use(self, use: NameUse) -> tuple[str | None, str | None]:
        """(struct, field) that a use puts its name into: ("platform_driver", "probe"). (None, field) when the struct is not known."""
        return self._field(use.struct, use.fields, use.file)

    def field_of_operand(self, operand: Operand, file: str, function: str | None) -> tuple[str | None, str | None]:
        return self._field(self._type_text(operand, file, function), operand.fields, file)

    def _field(self, type_text: str | None, steps: Sequence[str], file: str) -> tuple[str | None, str | None]:
        if not steps:
            return None, None
        kind = parse_type(type_text) if type_text else None
        _, key = self.types.walk(kind, tuple(steps), file)
        if key is None:
            return None, None
        struct = self._known_name(key[0], kind.base if kind is not None and len(steps) == 1 else None)
        return struct, key[1]

    def _known_name(self, struct: str | None, written: str | None) -> str | None:
        """The tag or typedef under which the rows know the struct, else the tag."""
        names = [_bare(name) for name in (struct, written) if name]
        return next((n for n in names if n in self.knowledge.structs), names[0] if names else None)

    def _type_text(self, operand: Operand, file: str, function: str | None) -> str | None:
        if operand.cast:
            return operand.cast
        if operand.base is None or operand.call:
            return None
        variable = self.index.variable(operand.base, file, function)
        return variable.type if variable else None

    def object_key(
        self, operands: Iterable[Operand], file: str, function: str | None, fields: Sequence[str] | None = None, depth: int = 0
    ) -> str | None:
        """A name for the object that an expression means, equal for places in a file that mean the same member of the same struct, the
        same global variable or the same local. "?.work" when only the member's name is known. None for what names no object."""
        for operand in operands:
            if operand.base is None or operand.call:
                continue
            steps = list(operand.fields if fields is None else fields)
            while steps and not re.match(r"[A-Za-z_]", steps[-1]):
                steps.pop()
            if steps:
                struct, field = self.field_of_operand(Operand(operand.text, operand.base, tuple(steps), cast=operand.cast), file, function)
                return f"{struct or '?'}.{field or steps[-1]}"
            return self._variable_key(operand.base, file, function, depth)
        return None

    def _variable_key(self, name: str, file: str, function: str | None, depth: int) -> str:
        variable = self.index.variable(name, file, function)
        if variable is None or variable.function is None:
            return name
        values = self.values(name, file, function)
        if variable.param is None and len(values) == 1 and len(values[0].right) == 1 and depth < 3:
            source = values[0].right[0]
            if source.base and not source.call and source.base != name and (source.address or source.fields):
                return self.object_key([source], file, function, depth=depth + 1) or f"{function}::{name}"
        return f"{function}::{name}"

    def values(self, name: str, file: str, function: str | None) -> list[Assignment]:
        """Assignments and initializers of a plain variable, in the function (or at file scope for None)."""
        if file not in self._values:
            found: dict[tuple[str | None, str], list[Assignment]] = defaultdict(list)
            facts = self.index.facts.get(file)
            for one in facts.assignments if facts else []:
                if one.left.base and not one.left.fields:
                    found[one.function, one.left.base].append(one)
            self._values[file] = found
        return self._values[file].get((function, name), [])

    def result_of(self, call: Call) -> Operand | None:
        """The place that a call's value is put into: `pid` of `pid = fork()`."""
        if call.file not in self._results:
            facts = self.index.facts.get(call.file)
            self._results[call.file] = {
                (one.line, right.base): one.left
                for one in (facts.assignments if facts else [])
                for right in one.right
                if right.call and right.base and one.left.base
            }
        found = self._results[call.file]
        return next((found[line, call.callee] for line in (call.line, call.line - 1) if (line, call.callee) in found), None)

    def is_function(self, name: str, file: str) -> bool:
        """Whether the corpus defines the function as seen from the file."""
        return bool(self.index.functions(name, file))

    def call_argument(self, call: Call, number: int) -> Arg | None:
        return call.args[number] if number < len(call.args) else None


def _bare(struct: str) -> str:
    return struct.removeprefix("struct ").removeprefix("union ")


def corpus_of(program: Program) -> Corpus:
    """The program with the rows in use; made once, and again when other rows are in use; forgotten with the program."""
    return program.once(Corpus, in_use())
