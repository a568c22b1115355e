"""What does a C pattern with holes match? `$x->ops->$f($$$)`: C, in which `$name` stands for one node of the syntax tree and `$$$` or
`$$$name` for any number of them in a list (arguments, parameters, statements, members, values).

The same name twice means the same text twice (spaces apart); `$_` and `$$$` name nothing. A pattern is parsed as C: as an expression, a
value of a brace list, or statements and definitions, whichever first has no error (declarations also as members); a final `;` may be left
out. Several statements match where they follow each other. Comments, commas in lists, and the brackets of `sizeof (x)` are not
compared; everything else is: `int f()` is not found by a pattern that says `static int f()`, nor `if (a) b();` by one with braces.

Invariant: a match binds each named hole to text of the source, and putting that into the pattern gives the matched code but for spaces,
comments and commas.

>>> tree = parse("int f(void) { return d->ops->open(d, 1); }")
>>> [(found.start, found.holes["f"]) for found in matches(compile_pattern("$x->ops->$f($$$)"), tree)]
[(21, (29, 33))]

Not seen: the text of macro bodies, and code that the grammar lost in an error. A search over all ways to fill several `$$$` may take long;
whoever searches hostile texts does it in a process that can be killed.
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from tree_sitter import Node, Query, QueryCursor

from curation.csource.syntax.tree import SyntaxTree, kinds_named, language, parse, walk
from curation.errors import Reason, UserError

MAX_CHARACTERS = 4_000
MAX_PARTS = 200  # nodes and tokens of a pattern: matching goes as deep as this
_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/|\$\$\$\w*|\$\w+|\w+|\s+|.', re.S)
_HOLE = re.compile(r"(\$\$\$|\$)([A-Za-z_]\w*)?")
_BEFORE_STATEMENT = ("", "{", "}", ";", ")", ":", "else", "do")
_BLOCKS = ("compound_statement", "translation_unit", "case_statement", "preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif",
           "field_declaration_list", "declaration_list")
_CONTEXTS = (("expression", "int _(){_=(", ");}"), ("value", "int _[]={", "};"), ("statements", "int _(){", "}"))
_WORD = re.compile(rb"[A-Za-z_]\w+")
_RARE = 400  # a word that stands once in so many bytes is looked up; a query over the whole tree costs less for commoner ones
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class BadPattern(UserError):
    code = "bad_pattern"
    text = "This cannot be searched for: {why} (line {line}, column {column}). Mend it there and search again."


@dataclass(frozen=True, slots=True)
class Part:
    """One node of a pattern. hole: None for what must stand there itself; else its name, "" for none. many: it stands for any number.
    text: of a leaf. field: the grammar's name of its place in the parent."""

    kind: str
    text: bytes
    field: str | None
    hole: str | None = None
    many: bool = False
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Pattern:
    """readings: the ways to read it, each a run of siblings. words: names and keywords that every file with a match holds."""

    text: str
    readings: tuple[tuple[Part, ...], ...]
    words: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Byte ranges: of the match and of what each named hole stands for."""

    start: int
    end: int
    holes: dict[str, tuple[int, int]]


def compile_pattern(text: str) -> Pattern:
    """Raises BadPattern with the place."""
    if len(text) > MAX_CHARACTERS:
        raise bad_pattern(Reason("pattern_too_long", "it is longer than {most} characters", most=MAX_CHARACTERS), text, MAX_CHARACTERS)
    if not text.strip():
        raise bad_pattern(Reason("pattern_empty", "it is empty"), text, 0)
    for hole in re.finditer(r"\$+\w*", "".join(t if t[0] not in "\"'/" else " " * len(t) for t in _TOKEN.findall(text))):
        if not _HOLE.fullmatch(hole[0]) or hole[0] == "$":
            why = Reason("pattern_hole", "{hole!r} is no hole: write $name for one part, $$$ or $$$name for any number", hole=hole[0])
            raise bad_pattern(why, text, hole.start())
    if directive := re.search(r"^\s*#", text, re.M):
        why = Reason("pattern_directive", "lines of the preprocessor are no C here: search for them with a query")
        raise bad_pattern(why, text, directive.end() - 1)
    readings = _readings(text)
    if any(one.hole is not None for reading in readings for one in reading if len(reading) == 1):
        raise bad_pattern(Reason("pattern_any", "a hole alone matches everything"), text, 0)
    words = {leaf.text for reading in readings[:1] for one in reading for leaf in _leaves(one) if _WORD.fullmatch(leaf.text)}
    return Pattern(text, tuple(readings), tuple(sorted(words, key=lambda word: (-len(word), word))))


def matches(pattern: Pattern, tree: SyntaxTree) -> list[Match]:
    """Every match, in order of text."""
    found = {}
    for reading in pattern.readings:
        for node in _candidates(reading, pattern.words, tree):
            for match in _at(reading, node, tree):
                found[match.start, match.end] = match
    return [found[span] for span in sorted(found)]


# How a pattern is read.

def _readings(text: str) -> list[tuple[Part, ...]]:
    furthest = 0
    for kind, before, behind in _CONTEXTS:
        if kind == "value" and not text.lstrip().startswith((".", "[")):
            continue
        for written in dict.fromkeys(_as_written(text) if kind == "statements" else [text]):
            found, error = _read(before, written, behind)
            if found and not (kind in ("expression", "value") and len(found) > 1):
                members = _read("struct _{", written, "};")[0] if found[0].kind == "declaration" else ()
                return [reading for reading in (found, members) if reading]
            furthest = max(furthest, error)
    raise bad_pattern(Reason("pattern_no_c", "it is not read as C"), text, min(furthest, len(text)))


def _as_written(text: str) -> Iterator[str]:
    """The pattern with a `;` behind holes that stand for statements: where it must be, where it may, and at the end."""
    tokens = _TOKEN.findall(text)
    solid = [i for i, token in enumerate(tokens) if not token.isspace() and not token.startswith(("//", "/*"))]
    must: set[int] = set()
    may: set[int] = set()
    for at, i in enumerate(solid):
        before = tokens[solid[at - 1]] if at else ""
        behind = tokens[solid[at + 1]] if at + 1 < len(solid) else ""
        ends = behind in ("", "}") or behind[0] in "$_{" or behind[0].isalpha()
        if tokens[i][0] == "$" and before in _BEFORE_STATEMENT and ends:
            (must if tokens[i].startswith("$$$") and behind not in ("", "}") else may).add(i)
    for chosen, last in ((must, ""), (must, ";"), (must | may, ""), (must | may, ";")):
        yield "".join(f"{token};" if i in chosen else token for i, token in enumerate(tokens)) + last


def _read(before: str, text: str, behind: str) -> tuple[tuple[Part, ...], int]:
    """The parts of a pattern within code around it, () where it is not read without error; then how many characters of it were read."""
    tree = parse(before + text + behind)
    if tree.root.has_error:
        at = min((node.start_byte for node, _ in walk(tree.root) if node.is_error or node.is_missing), default=0)
        return (), len(tree.data[len(before):at].decode("utf-8", "replace"))
    start, end = len(before), len(before) + len(text.encode("utf-8", "surrogatepass"))
    nodes: list[tuple[Node, int]] = []
    for node, depth in walk(tree.root):
        inside = start <= node.start_byte and node.end_byte <= end and node.type not in ("comment", ";")
        if inside and not (nodes and node.start_byte < nodes[-1][0].end_byte):
            nodes.append((node, depth))
    if len({depth for _, depth in nodes}) != 1 or not all(node.is_named for node, _ in nodes):  # it closes what stands around
        return (), 0
    count = sum(1 for node, _ in nodes for _ in walk(node))
    if count > MAX_PARTS:
        raise bad_pattern(Reason("pattern_too_large", "it has {count} parts, more than {most}", count=count, most=MAX_PARTS), text, 0)
    return tuple(_part(node, tree, None) for node, _ in nodes), len(text)


def _part(node: Node, tree: SyntaxTree, place: str | None) -> Part:
    children = [(child, node.field_name_for_child(at)) for at, child in enumerate(node.children)]
    parts = tuple(_part(child, tree, name) for child, name in _solid(children))
    text = tree.data[node.start_byte:node.end_byte] if not node.child_count else b""
    hole = _HOLE.fullmatch(text.decode("utf-8", "replace")) if node.type.endswith("identifier") else None
    if hole:
        return Part(node.type, text, place, "" if (hole[2] or "_") == "_" else hole[2], hole[1] == "$$$")
    without = [one for one in parts if one.text != b";"]
    statement = node.type in ("expression_statement", "field_declaration")
    if len(without) == 1 and without[0].hole is not None and (statement or len(parts) == 1):
        inner = without[0]  # the hole stands for all of it: a parameter, a type, a statement
        return Part(node.type, b"", place, inner.hole, inner.many)
    return Part(node.type, text, place, None, False, parts)


def _solid(children: Sequence[tuple[Node, str | None]]) -> list[tuple[Node, str | None]]:
    """The children that are compared: comments and commas are left out, the brackets of `sizeof (x)` belong to sizeof."""
    found: list[tuple[Node, str | None]] = []
    for child, name in children:
        if child.type == "parenthesized_expression" and found and found[0][0].type in ("sizeof", "alignof"):
            found += [(inner, None) for inner in child.children]
        elif child.type not in ("comment", ","):
            found.append((child, name))
    return found


def _leaves(part: Part) -> Iterator[Part]:
    if part.hole is None and not part.parts and part.kind != "string_content":  # which need not be a whole word
        yield part
    for inner in part.parts:
        yield from _leaves(inner)


# Where it is looked for.

def _candidates(reading: tuple[Part, ...], words: Sequence[bytes], tree: SyntaxTree) -> Iterator[Node]:
    """The nodes at which it may match: those around the rarest word, or all of the right kind."""
    kinds = kinds_named(reading[0].kind) if len(reading) == 1 else kinds_named(*_BLOCKS)
    rarest = min(words, key=tree.data.count, default=b"")
    places = list(islice(standing(rarest, tree.data), len(tree.data) // _RARE + 1)) if rarest else []
    if rarest and len(places) * _RARE <= len(tree.data):
        yield from _around(places, kinds, tree)
        return
    wanted = _query(reading[0]) if len(reading) == 1 else f"[{' '.join(f'({kind})' for kind in _BLOCKS)}]"
    yield from QueryCursor(_compiled(f"{wanted} @at")).captures(tree.root).get("at", [])


@lru_cache(64)
def _compiled(query: str) -> Query:
    return Query(language(), query)


def standing(word: bytes, data: bytes) -> Iterator[int]:
    """Where a word stands as a whole word."""
    at = data.find(word)
    while at >= 0:
        behind = at + len(word)
        if not (at and data[at - 1] in _WORD_BYTES) and not (behind < len(data) and data[behind] in _WORD_BYTES):
            yield at
        at = data.find(word, behind)


def _around(places: Sequence[int], kinds: frozenset[int], tree: SyntaxTree) -> Iterator[Node]:
    """Nodes of these kinds that hold one of the bytes, each once."""
    seen: set[int] = set()
    cursor = tree.root.walk()
    for at in places:
        cursor.reset(tree.root)
        while True:
            node = cursor.node
            assert node is not None
            if node.kind_id in kinds and node.id not in seen:
                seen.add(node.id)
                yield node
            if cursor.goto_first_child_for_byte(at) is None:
                break


def _query(part: Part) -> str:
    """A query for nodes that may be this part: its kind, and those of its fields that stand once and are no holes."""
    names = [inner.field for inner in part.parts]
    inner = [f"{one.field}: {_query(one)}" for one in part.parts
             if one.field and names.count(one.field) == 1 and one.hole is None and one.parts and part.kind not in ("sizeof_expression",)]
    return f"({part.kind} {' '.join(inner)})"


# Whether it matches there. Bound holes are (name, start, end) from the last to the first.

Bound = tuple[tuple[str, int, int], ...]


def _at(reading: tuple[Part, ...], node: Node, tree: SyntaxTree) -> Iterator[Match]:
    if len(reading) == 1:
        bound = next(_one(reading[0], node, tree, ()), None)
        if bound is not None:
            yield Match(node.start_byte, node.end_byte, {name: (start, end) for name, start, end in bound})
        return
    siblings = [child for child, _ in _solid([(child, None) for child in node.children]) if child.is_named]
    for at in range(len(siblings)):
        run = next(_run(reading, siblings, at, tree, ()), None)
        if run is not None:
            bound, behind = run
            yield Match(siblings[at].start_byte, siblings[behind - 1].end_byte, {name: (start, end) for name, start, end in bound})


def _one(part: Part, node: Node, tree: SyntaxTree, bound: Bound) -> Iterator[Bound]:
    if part.hole is not None:
        if node.is_named:
            yield from _bind(part.hole, node.start_byte, node.end_byte, tree, bound)
    elif node.type != part.kind:
        return
    elif not part.parts:
        if not node.child_count and tree.data[node.start_byte:node.end_byte] == part.text:
            yield bound
    else:
        children = [child for child, _ in _solid([(child, None) for child in node.children])]
        for inner, behind in _run(part.parts, children, 0, tree, bound):
            if behind == len(children):
                yield inner


def _run(parts: Sequence[Part], nodes: Sequence[Node], at: int, tree: SyntaxTree, bound: Bound) -> Iterator[tuple[Bound, int]]:
    """(holes, number behind the last node) of each way in which the parts match nodes from number `at` on, shortest first."""
    if not parts:
        yield bound, at
        return
    first, rest = parts[0], parts[1:]
    least = sum(not one.many for one in rest)
    if not first.many:
        if at < len(nodes) - least:
            for inner in _one(first, nodes[at], tree, bound):
                yield from _run(rest, nodes, at + 1, tree, inner)
        return
    for behind in range(at, len(nodes) - least + 1):
        start = nodes[at].start_byte if behind > at else nodes[at - 1].end_byte if at else 0
        end = nodes[behind - 1].end_byte if behind > at else start
        for inner in _bind(first.hole or "", start, end, tree, bound):
            yield from _run(rest, nodes, behind, tree, inner)


def _bind(name: str, start: int, end: int, tree: SyntaxTree, bound: Bound) -> Iterator[Bound]:
    if not name:
        yield bound
        return
    for known, from_, to in bound:
        if known == name:
            if tree.data[from_:to].split() == tree.data[start:end].split():
                yield bound
            return
    yield ((name, start, end), *bound)


def bad_pattern(why: Reason, text: str, at: int) -> BadPattern:
    return BadPattern(why=why, line=text.count("\n", 0, at) + 1, column=at - (text.rfind("\n", 0, at) + 1) + 1)
