"""Where is a name of an imported source defined, and where does it stand? For the source viewer: F12, Shift+F12, Ctrl+click.

>>> definitions(index, "fifo_push", "driver/fifo.c", 31, 2).places[0]
Place(file='driver/fifo.c', line=12, column=12, kind='function', text='static int fifo_push(struct fifo *f, int v)', inside=None)

The engine's index knows functions, variables, structs, members, typedefs, macros and what is in sight of a file; what it does not
keep (members of an expression whose type is not known, enumerators) is looked for in the syntax of the nearest files that hold the word.
References are the places in code (no comment, no string) that mean the same thing: those of a local variable within its function, of
a member behind `.` and `->`, of anything else wherever no local variable of that name hides it.

Not told apart: members of one name in different structs (for references), names that only a macro makes (`a ## b`), goto labels.
"""
from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from posixpath import dirname
from threading import Lock
from typing import Any, Literal

from curation import jobs
from curation.csource import Program, Struct, Variable, decode
from curation.csource.syntax.isolated import SyntaxReader
from curation.csource.syntax.outline import Symbol
from curation.csource.syntax.tree import Unparsed
from curation.csource.typesystem.c_types import CType, parse_type
from curation.errors import BadValue, NotFound, Reason, UserError
from curation.settings import Settings
from curation.sourcing import blobs, indexing
from curation.store import Store

MOST = 500  # places of one answer
TEXT_MOST = 300  # characters of a line
SEARCH_S = 5.0  # how long references are looked for
NEAR_S = 1.5  # how long files that hold a word are looked for and parsed, where the index does not know the name
JOB = "index"  # the kind of the jobs that make indexes
INDEXES_OPEN = 8
_indexes: dict[str, tuple[int, Program]] = {}  # index folder -> hash of its files, the index
_lock = Lock()
_syntax = SyntaxReader()  # hostile texts end its process, never this one
Sort = Literal["plain", "tag", "member"]
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_MEMBER_BEFORE = re.compile(r"(?:->|(?<![.\w])\.|(?<=\w)\.|\]\s*\.|\)\s*\.)\s*\Z")
_TAG_BEFORE = re.compile(r"\b(struct|union|enum)\s+\Z")
_BASE_BEFORE = re.compile(r"([A-Za-z_]\w*)((?:\s*(?:\[[^\[\]]*\]|\([^()]*\)))?(?:\s*(?:->|\.)\s*\w+|\s*\[[^\[\]]*\])*)\s*(?:->|\.)\s*\Z")
_STEPS = re.compile(r"(?:->|\.)\s*(\w+)|(\[)|(\()")
_KIND_ORDER = ("local", "parameter", "function", "macro", "struct", "union", "enum", "enumerator", "typedef", "variable", "field")


@dataclass(frozen=True)
class Place:
    """line, column: 1-based, of the name. kind: what stands there: function, macro, struct, union, enum, enumerator, typedef, variable,
    field, local, parameter, declaration; of references also call, write, use. text: the line, stripped, cut to TEXT_MOST characters.
    mark: where in `text` the name begins; None where it was cut away. inside: the function or struct around; None at file scope."""

    file: str
    line: int
    column: int
    kind: str
    text: str = ""
    mark: int | None = None
    inside: str | None = None


class IndexFailed(UserError):
    code = "index_failed"
    text = "The index of {source} could not be made, so nothing was looked up. The log of job {job} says why; ask again in a minute."


@dataclass(frozen=True)
class Found:
    """more: there may be others than these, which are the nearest."""

    places: list[Place]
    more: bool = False


def outline(settings: Settings, sha256: str) -> dict[str, Any]:
    """The nested symbols of a stored text (line and column are those of the name; calls are left out) and what can be folded away in it, as
    plain data. problem: why there is none."""
    view = _syntax.view(_text(settings.blobs_dir, sha256), calls=False)
    return {"symbols": [_plain(symbol) for symbol in view.symbols if symbol.kind != "call"],
            "folds": [[fold.line, fold.column, fold.end_line, fold.end_column] for fold in view.folds]}


def _plain(symbol: Symbol) -> dict[str, Any]:
    return {
        "kind": symbol.kind, "name": symbol.name, "line": symbol.name_line, "column": symbol.name_column, "start": symbol.line,
        "end_line": symbol.end_line, "children": [_plain(child) for child in symbol.children if child.kind != "call"]}


def enclosing(settings: Settings, sha256: str, start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
    """The syntax around a selection from one (line, column) to another, innermost first, as [line, column, end line, end column]."""
    ranges = _syntax.enclosing(_text(settings.blobs_dir, sha256), *start, *end)
    return {"ranges": [[r.line, r.column, r.end_line, r.end_column] for r in ranges]}


@lru_cache(maxsize=16)
def _text(blobs_dir: Path, sha256: str) -> str:
    return decode(blobs.get(blobs_dir, sha256)).text


def index_of(store: Store, settings: Settings, source: str) -> Program | None:
    """The index of a source's files as they are now; None while a job makes it. Raises NotFound, IndexFailed."""
    files = indexing.files_of_source(store, settings, source)
    folder = indexing.index_dir(settings, "source", source)
    wanted = hash(tuple((file, place.stamp) for file, place in files.places.items())) ^ hash(tuple(files.others.items()))
    with _lock:
        known = _indexes.get(str(folder))
        if known is not None and known[0] == wanted:
            return known[1]
        index = indexing.current_index(files, folder)
        if index is not None:
            _indexes[str(folder)] = wanted, index
            while len(_indexes) > INDEXES_OPEN:
                del _indexes[next(iter(_indexes))]
            return index
    _make(settings, source)
    return None


def _make(settings: Settings, source: str) -> None:
    """Starts the job that makes the index, unless one makes an index now or this one failed a moment ago."""
    argv = ["index", "--source", source]
    last = jobs.latest(settings, JOB)
    if last is not None:
        now = jobs.status(settings, last)
        if now.runs:
            return
        ended = datetime.fromisoformat(now.ended_at) if now.ended_at else None
        if now.argv == argv and now.state != "done" and ended and datetime.now(UTC) - ended < timedelta(seconds=60):
            raise IndexFailed(source=source, job=last)
    try:
        jobs.start(settings, JOB, argv)
    except jobs.JobRuns:
        return


def check_name(text: str) -> None:
    """Raises BadValue for what is no name in C."""
    if _NAME.fullmatch(text) is None or len(text) > 1000:
        raise BadValue(field="name", value=text[:100], why=Reason("no_c_name", "is no name in C code"),
                       todo=Reason("cursor_on_name", "Put the cursor on a name."))


def definitions(index: Program, name: str, file: str, line: int, column: int) -> Found:
    """Where the name that stands at a place is defined, nearest first; declarations where there is no definition. Nothing for an unknown
    name. Raises NotFound for a file that the index does not have."""
    before = _before(index, file, line, column)
    sort = _sort(before)
    if sort == "member":
        found = _members(index, name, file, line, before)
    elif sort == "tag":
        structs = [s for keyword in ("struct", "union") for s in index.tables.structs.get(f"{keyword} {name}", [])]
        found = [Place(s.file, s.line, 0, s.name.split()[0]) for s in structs]
    else:
        found = _local(index, name, file, line) or _visible(index, name, file) or _field_here(index, name, file, line)
    if not found:
        found = _by_syntax(index, name, file)
    told = _told(index, name, file, found)
    return Found(told[:MOST], len(told) > MOST)


def references(index: Program, name: str, file: str, line: int, column: int) -> Found:
    """The places that mean the thing at a place, by file, nearest first. Raises NotFound."""
    sort = _sort(_before(index, file, line, column))
    local = _variable_in(index, name, file, line) if sort == "plain" else None
    defined = definitions(index, name, file, line, column).places
    if sort == "plain" and any(place.kind == "field" for place in defined):
        sort = "member"  # its declaration
    known = {(place.file, place.line): place for place in defined}
    if sort == "plain" and local is None:
        known |= {(p.file, p.line): Place(p.file, p.line, 0, "declaration") for p in index.prototypes(name)}
    found: list[Place] = []
    until = time.monotonic() + SEARCH_S
    for other in [file] if local else _nearest_first(index, file):
        if len(found) > MOST or time.monotonic() > until:
            return Found(found[:MOST], True)
        if name in index.text(other):
            found += [p for p in _standing(index, name, other, sort, known) if sort != "plain" or _means(index, name, p, local)]
    return Found(found[:MOST], len(found) > MOST)


def _before(index: Program, file: str, line: int, column: int) -> str:
    """The text of the line before the place. Raises NotFound."""
    if file not in index.facts:
        raise NotFound(kind="source file", name=file)
    lines = index.lines(file)
    return lines[line - 1][: column - 1] if 0 < line <= len(lines) else ""


def _sort(before: str) -> Sort:
    """Which of C's name spaces the name behind this text belongs to."""
    if _MEMBER_BEFORE.search(before):
        return "member"
    return "tag" if _TAG_BEFORE.search(before) else "plain"


def _variable_in(index: Program, name: str, file: str, line: int) -> Variable | None:
    """The local variable or parameter that the name means in the function around a line; None where it is no local's."""
    function = index.enclosing(file, line)
    variable = index.variable(name, file, function.name) if function is not None else None
    return variable if variable is not None and variable.function is not None else None


def _local(index: Program, name: str, file: str, line: int) -> list[Place]:
    """Of several variables of one name in a function the last one declared before the line."""
    function = index.enclosing(file, line)
    if function is None or _variable_in(index, name, file, line) is None:
        return []
    own = [v for v in index.tables.locals(file, function.name) if v.name == name and function.start_line <= v.line <= function.end_line]
    nearest = max((v for v in own if v.line <= line), key=lambda v: v.line, default=own[0] if own else None)
    if nearest is None:
        return []
    return [Place(file, nearest.line, 0, "local" if nearest.param is None else "parameter", inside=function.name)]


def _visible(index: Program, name: str, file: str) -> list[Place]:
    """What the index has under the name for a mention in the file; of functions and variables the declarations where nothing else is."""
    found = [Place(f.file, f.line, f.column, "function") for f in index.functions(name, file) or index.functions(name)]
    found += [Place(m.file, m.line, 0, "macro") for m in index.macros(name)]
    found += [Place(t.file, t.line, 0, "typedef") for t in index.typedefs(name)]
    meant = index.variable(name, file, None)
    found += [Place(v.file, v.line, 0, "variable") for v in index.tables.globals.get(name, [])
              if not v.extern and (not v.static or meant is None or v.file == meant.file)]
    if found:
        return found
    declared = [Place(v.file, v.line, 0, "declaration") for v in index.tables.globals.get(name, [])]
    return declared + [Place(p.file, p.line, 0, "declaration") for p in index.prototypes(name)]


def _field_here(index: Program, name: str, file: str, line: int) -> list[Place]:
    """The name is that of a member and the place its declaration."""
    return [_field(struct, name, member.line) for struct in _facts_structs(index, file)
            for member in struct.fields if member.name == name and member.line == line]


def _members(index: Program, name: str, file: str, line: int, before: str) -> list[Place]:
    struct = _struct_before(index, file, line, before) or _struct_designated(index, name, file, line)
    if struct is None:
        return []
    return [_field(one, name, member.line) for one in index.structs(struct) for member in one.fields if member.name == name]


def _field(struct: Struct, name: str, line: int) -> Place:
    return Place(struct.file, line, 0, "field", inside=None if "@" in struct.name else struct.name)


def _struct_before(index: Program, file: str, line: int, before: str) -> str | None:
    """The struct whose member follows on `p->ops.`; None where the type of `p` is not known."""
    found = _BASE_BEFORE.search(before)
    if found is None:
        return None
    function = index.enclosing(file, line)
    variable = index.variable(found[1], file, function.name if function is not None else None)
    kind: CType | None = parse_type(variable.type) if variable is not None else None
    steps = [step[0] or ("[]" if step[1] else "()") for step in _STEPS.findall(found[2])]
    if steps[:1] == ["()"] and (called := index.functions(found[1], file)):
        kind, steps = parse_type(called[0].return_type), steps[1:]
    if kind is None:
        return None
    end, _ = index.types.walk(kind, tuple(steps), file)
    return (index.types.struct_name(end) or end.base) if end is not None else None


def _struct_designated(index: Program, name: str, file: str, line: int) -> str | None:
    """The struct of `.open = disk_open` in an initializer."""
    for one in index.facts[file].assignments:
        if one.line == line and one.left.fields and one.left.fields[-1] == name:
            variable = index.variable(one.left.base, file, one.function) if one.left.base else None
            kind = one.left.cast or (variable.type if variable is not None else None)
            if kind is not None and (key := index.types.walk(parse_type(kind), one.left.fields, file)[1]) is not None:
                return key[0]
    return None


def _facts_structs(index: Program, file: str) -> list[Struct]:
    return index.facts[file].structs if file in index.facts else []


def _told(index: Program, name: str, file: str, found: Iterable[Place]) -> list[Place]:
    """Each place once with its line's text, nearest to the file first."""
    once: dict[tuple[str, int], Place] = {}
    for place in found:
        once.setdefault((place.file, place.line), place)
    ordered = sorted(once.values(), key=lambda p: (_distance(p.file, file), _rank(p.kind), p.line))
    return [_with_text(index, name, place) for place in ordered]


def _rank(kind: str) -> int:
    return _KIND_ORDER.index(kind) if kind in _KIND_ORDER else len(_KIND_ORDER)


def _distance(file: str, asker: str) -> tuple[int, str]:
    """0 for the file itself, 1 for its folder, then the more the fewer folders both share."""
    if file == asker:
        return 0, file
    if dirname(file) == dirname(asker):
        return 1, file
    shared = 0
    for a, b in zip(dirname(file).split("/"), dirname(asker).split("/"), strict=False):
        if a != b:
            break
        shared += 1
    return 2 + max(0, 50 - shared), file


def _with_text(index: Program, name: str, place: Place) -> Place:
    lines = index.lines(place.file)
    whole = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    column = place.column
    if not column:
        sort = "tag" if place.kind in ("struct", "union", "enum") else "plain"
        words = [found.start() for found in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", whole)]
        column = next((at for at in words if _sort(whole[:at]) == sort), words[0] if words else 0) + 1
    blank = len(whole) - len(whole.lstrip())
    at = column - 1 - blank
    shown = whole.strip()[:TEXT_MOST]
    return replace(place, column=column, text=shown, mark=at if 0 <= at and shown[at:at + len(name)] == name else None)


def _nearest_first(index: Program, file: str) -> list[str]:
    return sorted(index.files(), key=lambda other: _distance(other, file))


def _by_syntax(index: Program, name: str, file: str) -> list[Place]:
    """What the outlines of the nearest files that hold the word have under the name, as far as NEAR_S goes."""
    found: list[Place] = []
    until = time.monotonic() + NEAR_S
    for other in _nearest_first(index, file):
        if time.monotonic() > until or len(found) >= MOST:
            break
        if re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", index.text(other)):
            try:
                found += _symbols_named(_syntax.view(index.text(other), calls=False).symbols, name, other)
            except Unparsed:
                continue
    return found


def _symbols_named(symbols: list[Symbol], name: str, file: str) -> Iterator[Place]:
    todo: list[tuple[Symbol, str | None]] = [(symbol, None) for symbol in reversed(symbols)]
    while todo:
        symbol, inside = todo.pop()
        if symbol.name == name and symbol.kind != "call":
            kind = "declaration" if symbol.kind == "prototype" else symbol.kind
            yield Place(file, symbol.name_line, symbol.name_column, kind, inside=inside)
        todo += [(child, symbol.name or inside) for child in reversed(symbol.children)]


def _standing(index: Program, name: str, file: str, sort: Sort, known: dict[tuple[str, int], Place]) -> Iterator[Place]:
    """The name's places of one sort in a file's code."""
    text = index.text(file)
    fields = {m.line for struct in _facts_structs(index, file) for m in struct.fields if m.name == name}
    word = re.compile(
        rf"/\*.*?(?:\*/|\Z)|//(?:[^\n\\]|\\.)*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|(?<![\w$]){re.escape(name)}(?![\w$])", re.DOTALL)
    line, counted = 1, 0
    for found in word.finditer(text):
        if found[0] != name:
            continue
        line += text.count("\n", counted, found.start())
        counted = found.start()
        start = text.rfind("\n", 0, found.start()) + 1
        here = _sort(text[start:found.start()])
        if ("member" if here == "plain" and line in fields else here) != sort:
            continue
        function = index.enclosing(file, line)
        defined = known.get((file, line))
        kind = defined.kind if defined else "field" if line in fields else _kind(text, found.end())
        inside = defined.inside if defined else function.name if function else None
        yield _with_text(index, name, Place(file, line, found.start() - start + 1, kind, inside=inside))


def _kind(text: str, end: int) -> str:
    """What is done with a name that ends there: called, written, or used."""
    following = text[end:end + 80].lstrip()
    if following.startswith("("):
        return "call"
    return "write" if re.match(r"(?:=(?!=)|(?:[-+*/%&|^]|<<|>>)=|\+\+|--)", following) else "use"


def _means(index: Program, name: str, place: Place, local: Variable | None) -> bool:
    """Whether the place means the local variable asked for, or else none that hides the name."""
    here = _variable_in(index, name, place.file, place.line)
    return here is None if local is None else here is not None and here.function == local.function
