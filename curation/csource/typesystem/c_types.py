"""What type does a C expression have, as far as the text of declarations says?

A type is a base ("struct ops", "int", a typedef's name) and derivations from the name outwards: "*", "[]", and "(PARAMS" for a function.

>>> parse_type("int (*[4])(int, char *)")
CType(base='int', derived=('[]', '*', '(int, char *'))
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from curation.csource.arrays.bounded_cache import Recent
from curation.csource.facts.model import FileFacts, Step, Struct, Typedef

_TOKEN = re.compile(r"@[^\s()\[\]*,]+|\w+|\*|\.\.\.|[()\[\],]|[^\s\w]")
_IGNORED = frozenset(
    "const volatile restrict __restrict __restrict__ __const register static extern inline _Atomic auto"
    " __volatile__ __extension__ typedef".split()
)
_SCALAR = frozenset(
    (
        "int",
        "char",
        "short",
        "long",
        "float",
        "double",
        "unsigned",
        "signed",
        "_Bool",
        "bool",
        "size_t",
        "ssize_t",
        "uint8_t",
        "uint16_t",
        "uint32_t",
        "uint64_t",
        "int8_t",
        "int16_t",
        "int32_t",
        "int64_t",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "off_t",
        "time_t",
        "FILE",
    )
)
_DEPTH = 12
_KEPT_STRUCTS = 50_000  # (struct, asking file) whose fields are kept put together


class CType(NamedTuple):
    base: str
    derived: tuple[str, ...] = ()

    def __str__(self) -> str:
        inner = ""
        for step in self.derived:
            if step == "*":
                inner = "*" + inner
            else:
                inner = (f"({inner})" if inner.startswith("*") else inner) + ("[]" if step == "[]" else step + ")")
        return f"{self.base} {inner}".strip()


@lru_cache(maxsize=65536)
def parse_type(text: str) -> CType:
    """Never raises; what cannot be read is left out."""
    tokens = _TOKEN.findall(text[:2000])
    words: list[str] = []
    at = 0
    while at < len(tokens) and (tokens[at][0].isalnum() or tokens[at][0] in "_@"):
        if tokens[at] not in _IGNORED:
            words.append(tokens[at])
        at += 1
        if words and words[-1] in ("typeof", "__typeof__", "__typeof") and at < len(tokens) and tokens[at] == "(":
            at = _closing(tokens, at) + 1
    derived, _ = _declarator(tokens, at, 0)
    base = " ".join(words[:2]) if words and words[0] in ("struct", "union", "enum") else " ".join(words)
    return CType(base, tuple(derived))


def _declarator(tokens: list[str], at: int, depth: int) -> tuple[list[str], int]:
    stars = 0
    while at < len(tokens) and (tokens[at] == "*" or tokens[at] in _IGNORED or tokens[at][0].isalpha() or tokens[at][0] == "_"):
        stars += tokens[at] == "*"
        at += 1
    inner: list[str] = []
    if at + 1 < len(tokens) and tokens[at] == "(" and depth < _DEPTH and (tokens[at + 1] in "*([^" or _declares(tokens, at)):
        inner, at = _declarator(tokens, at + 1, depth + 1)
        at += 1  # over the ")"
        if "*" in inner and not (at < len(tokens) and tokens[at] in ("[", "(")):
            inner.append("(")  # `int (*)`: a macro holds the parameters, as in `int (*f) PARAMS((int));`
    while at < len(tokens) and tokens[at] in ("[", "("):
        end = _closing(tokens, at)
        if end > at + 1 or tokens[end + 1:end + 2] != ["("]:  # `void () (int)`: the name stood in the first
            inner.append("[]" if tokens[at] == "[" else "(" + _join(tokens[at + 1:end]))
        at = end + 1
    return inner + ["*"] * stars, at


def _declares(tokens: list[str], at: int) -> bool:
    """`(CALLBACK *)(int)`: a word before the star is a calling convention where the parenthesis is followed by parameters."""
    end = _closing(tokens, at)
    return end + 1 < len(tokens) and tokens[end + 1] == "(" and "*" in tokens[at + 1:end]


def _closing(tokens: list[str], at: int) -> int:
    depth = 0
    for i in range(at, len(tokens)):
        if tokens[i] in "([":
            depth += 1
        elif tokens[i] in ")]":
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def _join(tokens: list[str]) -> str:
    return re.sub(r" ?([(),\[\]]) ?", r"\1", " ".join(tokens)).replace(",", ", ")


def split_params(params: str) -> tuple[list[str], bool]:
    """The parameter types of "(PARAMS" without the parenthesis: ("int, char *") gives (["int", "char *"], variadic)."""
    parts: list[str] = []
    depth = start = 0
    for i, char in enumerate(params):
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(params[start:i].strip())
            start = i + 1
    parts.append(params[start:].strip())
    variadic = parts[-1] == "..."
    parts = [p for p in parts if p and p not in ("void", "...")]
    return parts, variadic


def without_name(text: str) -> str:
    """A parameter of a function type may carry a name: "int fd" is read as "int"."""
    words = text.replace("*", " * ").split()
    if len(words) >= 2 and words[-1].isidentifier() and "(" not in text:
        plain = [w for w in words if w not in ("const", "volatile", "struct", "union", "enum", "unsigned", "signed", "*")]
        tagged = any(w in ("struct", "union", "enum") for w in words)
        builtin = words[-1] in ("int", "char", "long", "short", "double", "float")
        if not builtin and (len(plain) >= 2 or (words[-2] == "*") or (tagged and len(plain) >= 2) or "unsigned" in words):
            return " ".join(words[:-1])
    return text


def normal(types: Types, text: str, file: str) -> tuple[str, int]:
    """A parameter's type for comparison: its base, and how many pointers or arrays deep."""
    kind = types.expand(parse_type(without_name(text)), file)
    return types.alias.get(kind.base, kind.base), sum(1 for s in kind.derived if s in ("*", "[]"))


def alias_of(typedef: Typedef) -> str | None:
    """The made name of the anonymous struct that a typedef names: `typedef struct { ... } ops;`. None for any other typedef."""
    base = parse_type(typedef.type)
    return base.base if "@" in base.base and not base.derived else None


class Types:
    """The typedefs and structs of a corpus. Where a name is defined differently in several files, the asking file's own wins."""

    def __init__(self, typedefs: Mapping[str, list[Typedef]], structs: Mapping[str, list[Struct]], alias: Mapping[str, str]) -> None:
        """alias: an anonymous struct's made name -> the typedef that names it; see alias_of."""
        self.typedefs = typedefs
        self.structs = structs
        self.alias = alias
        self._fields = Recent[tuple[str, str], dict[str, str]](_KEPT_STRUCTS)
        self._expanded: dict[str, CType] = {}
        self._expanded_here = Recent[tuple[str, str], CType](_KEPT_STRUCTS)

    @staticmethod
    def of(corpus: Iterable[FileFacts]) -> Types:
        """The types of facts in memory."""
        typedefs: dict[str, list[Typedef]] = {}
        structs: dict[str, list[Struct]] = {}
        alias: dict[str, str] = {}
        for one in corpus:
            for typedef in one.typedefs:
                typedefs.setdefault(typedef.name, []).append(typedef)
                if (made := alias_of(typedef)) is not None:
                    alias.setdefault(made, typedef.name)
            for struct in one.structs:
                structs.setdefault(struct.name, []).append(struct)
        return Types(typedefs, structs, alias)

    def fields(self, struct: str, file: str) -> dict[str, str]:
        """Field name -> type text, in order, members of anonymous members in their place. {} for a struct that is not defined here."""
        key = (struct, file)
        known = self._fields.get(key)
        if known is None:
            known = self._fields.put(key, {})
            self._collect(struct, file, known, 0)
        return known

    def _collect(self, struct: str, file: str, into: dict[str, str], depth: int) -> None:
        defined = self.structs.get(struct, [])
        chosen = next((s for s in defined if s.file == file), max(defined, key=lambda s: len(s.fields), default=None))
        for member in chosen.fields if chosen is not None and depth < _DEPTH else []:
            if member.name:
                into.setdefault(member.name, member.type)
            else:
                self._collect(parse_type(member.type).base, file, into, depth + 1)

    def expand(self, kind: CType, file: str) -> CType:
        """The type with typedefs of its base followed, as long as that adds something; names of anonymous structs stay."""
        known = self._expanded.get(kind.base)
        if known is None:
            known = self._expanded_here.get((kind.base, file)) or self._follow(kind.base, file)
        return CType(known.base, kind.derived + known.derived) if known.base != kind.base or known.derived else kind

    def _follow(self, base: str, file: str) -> CType:
        """The type that a base stands for in a file, kept for all files where each typedef on the way is defined once."""
        kind, once = CType(base), True
        for _ in range(_DEPTH):
            found = self.typedefs.get(kind.base)
            if not found:
                break
            once = once and len(found) == 1
            inner = parse_type(found[0].type if len(found) == 1 else self._meant(found, file))
            if inner.base == kind.base:
                break
            kind = CType(inner.base, kind.derived + inner.derived)
        if once:
            if len(self._expanded) > _KEPT_STRUCTS:
                self._expanded.clear()
            self._expanded[base] = kind
            return kind
        return self._expanded_here.put((base, file), kind)

    def _meant(self, found: list[Typedef], file: str) -> str:
        """Of several definitions the asking file's; of those that stand in one file (under `#if` and `#else`) the one that can hold an
        address, if any: `typedef int entry_t;` beside `typedef handler_t entry_t;`."""
        texts = [t.type for t in found if t.file == file] or [t.type for t in found if t.file == found[0].file]
        return next((text for text in texts if text not in _SCALAR), texts[0])

    def struct_name(self, kind: CType) -> str | None:
        """The struct's name as a key (typedef's name for an anonymous one); None for any other type."""
        if kind.base.startswith(("struct ", "union ")):
            return self.alias.get(kind.base, kind.base)
        return None

    def walk(self, kind: CType | None, steps: tuple[Step, ...], file: str) -> tuple[CType | None, tuple[str | None, str] | None]:
        """Follows a path from a type. Returns (type at its end or None, (struct or None, field) of the last field passed or None)."""
        key: tuple[str | None, str] | None = None
        if kind is not None:
            kind = self.expand(kind, file)
        for step in steps:
            if step in ("*", "[]"):
                if kind is not None and kind.derived and kind.derived[0] in ("*", "[]"):
                    kind = CType(kind.base, kind.derived[1:])
            elif step == "()":
                kind = self.result(kind)
                if kind is not None:
                    kind = self.expand(kind, file)
                key = (None, "()")
            elif step.startswith("#"):
                kind, key = self._element(kind, int(step[1:]), key, file)
            else:
                struct = self.struct_name(kind) if kind is not None else None
                unknown = struct is None and kind is not None and kind.base and kind.base not in _SCALAR and kind.base != "void"
                key = (struct or (kind.base if unknown and kind is not None else None), step)
                text = self.fields(kind.base, file).get(step) if kind is not None else None
                kind = self.expand(parse_type(text), file) if text is not None else None
        if steps and steps[-1].startswith("#") and kind is not None and not kind.derived and self.struct_name(kind) is not None:
            return self._element(kind, int(steps[-1][1:]), key, file)  # `{ "a", fa, "b", fb }`: no braces around the inner structs
        return kind, key

    def _element(
        self, kind: CType | None, position: int, key: tuple[str | None, str] | None, file: str
    ) -> tuple[CType | None, tuple[str | None, str] | None]:
        if kind is None:
            return None, key
        if kind.derived and kind.derived[0] == "[]":
            return CType(kind.base, kind.derived[1:]), key
        if kind.derived:
            return kind, key
        fields = list(self.fields(kind.base, file).items())
        if not fields:
            return None, (self.struct_name(kind) or kind.base, f"#{position}") if kind.base not in _SCALAR else key
        name, text = fields[position % len(fields)]
        return self.expand(parse_type(text), file), (self.struct_name(kind), name)

    @staticmethod
    def result(kind: CType | None) -> CType | None:
        """The type that calling a function (or a pointer to one) gives."""
        if kind is None:
            return None
        for at, step in enumerate(kind.derived):
            if step.startswith("("):
                return CType(kind.base, kind.derived[at + 1:])
        return None

    @staticmethod
    def params(kind: CType | None) -> str | None:
        """The parameter list of a function type, pointer to one, or array of such; None for others."""
        for step in kind.derived if kind is not None else ():
            if step.startswith("("):
                return step[1:]
        return None

    def sort_of(self, base: str) -> str:
        """What a type's base is: "struct" (or union), "number", "void"; "" where the corpus does not tell."""
        if base.startswith(("struct ", "union ")) or any(alias_of(typedef) is not None for typedef in self.typedefs.get(base, ())):
            return "struct"
        if base == "void":
            return "void"
        return "number" if base.startswith("enum ") or base and all(word in _SCALAR for word in base.split()) else ""

    @staticmethod
    def holds_no_pointer(kind: CType | None) -> bool:
        """Whether a variable of the (expanded) type can hold neither a function's address nor a struct's."""
        return kind is not None and kind.base in _SCALAR and not any(s.startswith("(") for s in kind.derived)
