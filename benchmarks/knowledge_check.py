"""Do the knowledge rows agree with the real headers? Each name, field, argument, header, chain and source that a row states: is it there?

    python benchmarks/knowledge_check.py linux-source-6.1 --include /usr/include --man /usr/share/man

The rows of the kernel are read against the tree, those of libraries against the folders of --include (what is not installed is counted
as not checked). Checked: the header declares the name (a prototype, a macro, a member of the struct); the handler's argument is there,
and in a prototype it is a pointer to a function; context and object arguments are there; the functions of a chain are called or defined
somewhere; the source is a file of the tree or an installed manual page. Not checked: contexts, sleeping, what triggers; URLs; arguments
of macros by type. A row whose `versions` is stated need not be in this tree. Prints one line a fault, then the counts; exit code 1 if
there was a fault.
"""
from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from curation.knowledge import Row, load

BIGGEST = 400_000  # bytes; above are lists of registers, without a function, in the kernel (sqlite3.h is bigger than this)
NAME_AND_BRACKET = re.compile(r"\b([A-Za-z_]\w*)\s*\)?\s*\(")  # name(...), and Lua's (name) (...)
FUNCTION_TYPE = re.compile(  # typedef int (*NAME)(...); typedef int (NAME)(...); typedef int NAME(...);
    r"typedef\b[^;{}()]*\(\s*(?:\w+\s+)*\*?\s*(?:const\s+)?(\w+)\s*\)\s*\(|typedef\s+[\w\s*]*?\b(\w+)\s*\([^;{}]*\)[^;{}]*;"
)
CONTEXT = re.compile(r"\*|long|[Dd]ata|ointer|\.\.\.|intptr_t")  # void *, unsigned long, ClientData, gpointer, lua_KContext ...
MAN_PAGE = re.compile(r"(\w+)\((\d\w*)\)\Z")


@cache
def clean(path: Path) -> str:
    """A file's text without comments, continued lines joined."""
    text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", " ")
    text = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", text)
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL).replace("EV_P_ ", "EV_P, ")  # libev's "loop," in parameter lists


@cache
def included(path: Path) -> frozenset[str]:
    return frozenset(re.findall(r'#\s*include\s*[<"]([^>"]+)[>"]', clean(path)))


class Headers:
    """The headers below some folders: who declares a name, which structs there are, which types are functions."""

    def __init__(self, folders: list[Path], biggest: int = BIGGEST) -> None:
        self.folders = [folder for folder in folders if folder.is_dir()]
        found = {path for folder in self.folders for path in folder.rglob("*.h")}
        self.files = sorted(path for path in found if path.stat().st_size < biggest)
        self.names: dict[str, list[Path]] = defaultdict(list)
        self.macros: dict[str, list[Path]] = defaultdict(list)
        self.structs: dict[str, list[Path]] = defaultdict(list)
        self.aliases: dict[str, str] = {}
        self.function_types: set[str] = set()
        self.by_name: dict[str, list[Path]] = defaultdict(list)
        self.reached: dict[str, set[Path]] = {}
        for path in self.files:
            self.by_name[path.name].append(path)
            self.read(path)

    def read(self, path: Path) -> None:
        text = clean(path)
        for name in set(NAME_AND_BRACKET.findall(text)):
            self.names[name].append(path)
        for name in set(re.findall(r"#\s*define\s+(\w+)", text)):
            self.macros[name].append(path)
        for tag, alias in re.findall(r"(?:struct|union)\s+(\w+)[^;{}()]*\{|\}[\w\s()]*?\b(\w+)\s*;", text):
            self.structs[tag or alias].append(path)
        for _, tag, alias in re.findall(r"typedef\s+(struct|union)\s+(\w+)\s*\*?\s*(\w+)\s*;", text):
            self.structs[alias].append(path)
            self.aliases[alias] = tag
        for one, other in FUNCTION_TYPE.findall(text):
            self.function_types.add(one or other)

    def reached_from(self, header: str) -> set[Path]:
        """The files that a header of that name is or includes, some steps deep."""
        if header in self.reached:
            return self.reached[header]
        reached: set[Path] = set()
        wave = self.of(header)
        for _ in range(5):
            reached.update(wave)
            named = {name for path in wave for name in included(path)}
            wave = [path for name in named for path in self.of(name) if path not in reached]
        self.reached[header] = reached
        return reached

    def of(self, header: str) -> list[Path]:
        """The files that `#include <header>` may mean."""
        return [path for path in (folder / header for folder in self.folders) if path.is_file()] or [
            path for path in self.by_name.get(header.rpartition("/")[2], []) if str(path).endswith(f"/{header}")
        ]


def _balanced(text: str, start: int, opening: str, closing: str) -> str:
    """What stands between the bracket at `start` and its partner."""
    depth = 0
    for at in range(start, min(len(text), start + 60_000)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return text[start + 1 : at]
    return ""


def _split(text: str) -> list[str]:
    """At commas outside of brackets."""
    parts, depth, last = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(text[last:at])
            last = at + 1
    return [part.strip() for part in [*parts, text[last:]]] if text.strip() else []


def prototypes(name: str, paths: list[Path]) -> Iterator[list[str]]:
    """Parameter lists of the declarations and definitions of a function."""
    for path in paths:
        text = clean(path)
        for found in re.finditer(rf"[\w*)]\s+\**\s*\(?\b{name}\)?\s*\(", text):
            line = text[text.rfind("\n", 0, found.start()) + 1 : found.end()]
            before = text[max(0, found.start() - 200) : found.start() + 1]
            if re.search(r"\breturn\s*\w*$|\bdefine\b[^\n]*$", before) or re.match(r"\s*(return|else|if|while|for)\b", line):
                continue
            params = _split(_balanced(text, found.end() - 1, "(", ")"))
            if all(re.search(r"\w[\s*]+\w|\.\.\.|void|\(|^\w+$|\*", param) for param in params):
                yield params


def macro_arguments(name: str, paths: list[Path]) -> Iterator[list[str] | None]:
    """Parameter lists of the macros of that name; None for a macro without brackets, which passes all on."""
    for path in paths:
        for found in re.finditer(rf"#\s*define\s+{name}\b(\(([^)]*)\))?", clean(path)):
            yield [part.strip() for part in found.group(2).split(",")] if found.group(1) else None


def members(struct: str, headers: Headers, depth: int = 0) -> str:
    """The text between the braces of a struct or union, of all of that name."""
    bodies = []
    for path in headers.structs.get(struct, []):
        text = clean(path)
        for found in re.finditer(rf"(?:struct|union)\s+{struct}\b[^;{{}}()]*\{{", text):
            bodies.append(_balanced(text, found.end() - 1, "{", "}"))
        for found in re.finditer(rf"\}}[\w\s()]*?\b{struct}\s*;", text):
            opening = _opening(text, found.start())
            bodies.append(text[opening + 1 : found.start()])
    if not any(bodies) and depth < 3 and (alias := headers.aliases.get(struct)):
        return members(alias, headers, depth + 1)
    return "\n".join(bodies)


def _opening(text: str, closing: int) -> int:
    depth = 0
    for at in range(closing, max(-1, closing - 60_000), -1):
        depth += (text[at] == "}") - (text[at] == "{")
        if depth == 0:
            return at
    return closing


def is_function_pointer(declared: str, headers: Headers) -> bool:
    if re.search(r"\(\s*(?:\w+\s+)*\*", declared):
        return True
    words = re.findall(r"[A-Za-z_]\w*", declared)
    return "..." in declared or any(word in headers.function_types or word in headers.macros for word in words[:-1] or words)


def faults_of_call(row: Row, headers: Headers) -> Iterator[str]:
    where = {name: {*headers.names.get(name, []), *headers.macros.get(name, [])} for name in row.names}
    stated = headers.reached_from(row.header) if row.header else set()
    if stated and all(where.values()) and not any(found & stated for found in where.values()):
        yield f"{row.names[0]} is not in {row.header}, but in {', '.join(sorted({path.name for path in where[row.names[0]]})[:4])}"
    for name in row.names:
        places, macros = headers.names.get(name, []), headers.macros.get(name, [])
        if not places and not macros:
            if not _made_by_macro(name, stated):
                yield f"{name} is declared nowhere"
            continue
        shapes = [shape for shape in macro_arguments(name, macros)]
        if None in shapes:  # another name for something: its arguments cannot be seen here
            continue
        declared = [] if row.kind == "macro" and shapes else list(prototypes(name, places))
        if declared:
            yield from _faults_of_arguments(row, name, declared, headers)
        else:
            known = [shape for shape in shapes if shape is not None]
            for key in ("handler_arg", "context_arg", "object_arg", "event_arg"):
                at = getattr(row, key)
                if isinstance(at, int) and known and not any(at < len(shape) or "..." in " ".join(shape) for shape in known):
                    yield f"{name} has no argument {at} ({key})"


def _made_by_macro(name: str, stated: set[Path]) -> bool:
    """Whether the header has the name, or its end, as the argument of a macro in capitals: PNG_EXPORT(5, void, name, (...)),
    AP_DECLARE_HOOK(int, handler, (...)) for ap_hook_handler."""
    steps = name.split("_")
    ends = "|".join("_".join(steps[n:]) for n in range(len(steps)))
    return any(re.search(rf"\b[A-Z][A-Za-z_]*\s*\([^;]*?\b(?:{ends})\b", clean(path)) for path in stated)


def _faults_of_arguments(row: Row, name: str, declared: list[list[str]], headers: Headers) -> Iterator[str]:
    def some(test: Callable[[str], bool], at: int) -> bool:
        return any(test(params[min(at, len(params) - 1)]) for params in declared if at < len(params) or "..." in params)

    for key in ("handler_arg", "context_arg", "object_arg", "event_arg"):
        at = getattr(row, key)
        if isinstance(at, int) and not any(at < len(params) or "..." in params for params in declared):
            yield f"{name} has no argument {at} ({key}); it is ({', '.join(declared[0])})"
        elif key == "handler_arg" and at is not None and not some(lambda text: is_function_pointer(text, headers), at):
            yield f"argument {at} of {name} is no pointer to a function: ({', '.join(declared[0])})"
        elif key == "context_arg" and at is not None and not some(lambda text: CONTEXT.search(text) is not None, at):
            yield f"argument {at} of {name} is no context: ({', '.join(declared[0])})"


def faults_of_field(row: Row, headers: Headers) -> Iterator[str]:
    struct = row.struct or ""
    body = members(struct, headers)
    if not body and struct in headers.macros:  # another name for a struct
        return
    if not body:
        yield f"struct {struct} is defined nowhere"
        return
    stated = headers.reached_from(row.header) if row.header else set()
    structs = headers.structs.get(struct, [])
    if stated and not any(path in stated for path in structs):
        yield f"struct {struct} is not in {row.header}, but in {', '.join(sorted({path.name for path in structs})[:4])}"
    inner = [members(name, headers) for name in set(re.findall(r"(?:struct|union)\s+(\w+)\s+\w+\s*(?:\[\w*\])?;", body))]
    for field in row.fields:
        if field == "*" or field in headers.macros:  # every other member; sa_handler and the like stand for members of a union
            continue
        found = [declared for text in (body, *inner) for declared in _declarations(field, text)]
        if not found:
            yield f"struct {struct} has no member {field}"
        elif not any(is_function_pointer(declared, headers) for declared in found):
            yield f"{struct}.{field} is no pointer to a function: {' '.join(found[0].split())[:90]}"


def _declarations(field: str, body: str) -> list[str]:
    pointer = rf"[^;{{}}]*\(\s*(?:\w+\s+)*\*?\s*(?:const\s+)?\b{field}\s*(?:\[\w*\])?\s*\)\s*\("
    typed = rf"[^;{{}}()]*\b{field}\s*(?:\[\w*\])?\s*[;:,]"
    return [found.group() for pattern in (pointer, typed) for found in re.finditer(pattern, body)]


def missing_sources(rows: list[Row], tree: Path, man: Path | None) -> Iterator[tuple[Row, str]]:
    for row in rows:
        path = row.source.split("#")[0].split(":")[0].split(" ")[0]
        if row.platform == "linux":
            if not next(tree.glob(path), None):
                yield row, f"the source {path} is not in the tree"
        elif man is not None and (page := MAN_PAGE.match(row.source)) and not list(man.glob(f"man{page[2][0]}/{page[1]}.{page[2][0]}*")):
            yield row, f"there is no manual page {row.source}"


def unknown_in_chains(rows: list[Row], tree: Path) -> Iterator[tuple[Row, str]]:
    """Functions of chains that nothing in the tree calls or defines."""
    wanted = {name: name.removeprefix("__do_sys_") for row in rows for name in row.chain}  # made by SYSCALL_DEFINE3(ioctl, ...)
    grep = ["grep", "-rwohF", "--include=*.c", "--include=*.h", "-f", "-", "."]
    asked = "\n".join(sorted(set(wanted.values())))
    found = set(subprocess.run(grep, cwd=tree, input=asked, capture_output=True, text=True, check=False).stdout.split())
    known = {name for name, written in wanted.items() if written in found}
    for row in rows:
        if gone := [name for name in row.chain if name not in known]:
            yield row, f"the chain names what is not in the tree: {', '.join(gone)}"


def check(rows: list[Row], headers: Headers) -> Iterator[tuple[Row, str]]:
    for row in rows:
        if row.versions is None:
            yield from ((row, why) for why in (faults_of_field if row.kind == "field" else faults_of_call)(row, headers))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--include", type=Path, action="append", default=[])
    parser.add_argument("--man", type=Path)
    parser.add_argument("--only", help="a subsystem")
    given = parser.parse_args()
    rows = [row for row in load().rows if given.only in (None, row.subsystem)]
    kernel, user = [r for r in rows if r.platform == "linux"], [r for r in rows if r.platform != "linux"]
    asm = sorted((given.tree / "arch").glob("*/include"))
    inside = Headers([given.tree / "include", *asm, *(given.tree / part for part in ("drivers", "net", "sound", "block", "fs", "kernel"))])
    inside.folders = [given.tree / "include", *asm]
    for path in sorted({given.tree / row.source for row in kernel if row.source.endswith(".c")}):
        inside.read(path)  # a struct that one driver keeps to itself
    faults = list(check(kernel, inside)) + list(unknown_in_chains(kernel, given.tree)) + list(missing_sources(rows, given.tree, given.man))
    outside = Headers(given.include, 4 * BIGGEST)
    there = [row for row in user if row.header is None or outside.of(row.header)]
    faults += check(there, outside)
    for row, why in faults:
        print(f"{row.id}: {why}")
    platforms = Counter(row.platform for row in user if row not in there)
    print(f"{len(kernel)} rows against the tree, {len(there)} against headers, not checked: {dict(platforms)}", file=sys.stderr)
    print(f"{len(faults)} faults in {len({row.id for row, _ in faults})} rows", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
