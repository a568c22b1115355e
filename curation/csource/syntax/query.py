"""What does a tree-sitter query match? The search for those who know the grammar, beside patterns.

>>> query = compile_query("(goto_statement label: (_) @label) @goto")
>>> [found.holes["label"] for found in matches(query, parse("int f(void) { goto out; out: return 1; }"))]
[(19, 22)]

A match reaches from the first of its captures to the last. The language: https://tree-sitter.github.io/tree-sitter/using-parsers/queries;
of predicates those that py-tree-sitter knows (#eq?, #any-of?, #match? and their kin), the others are passed over.
"""
from __future__ import annotations

import re
from dataclasses import dataclass

from tree_sitter import Query, QueryCursor, QueryError

from curation.csource.syntax.pattern import MAX_CHARACTERS, Match, bad_pattern
from curation.csource.syntax.tree import SyntaxTree, language
from curation.errors import Reason

_PLACE = re.compile(r" at row (\d+)(?:, column (\d+))?")
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|;[^\n]*|[()\[\]]|[^\s()\[\]";]+')


@dataclass(frozen=True)
class TreeQuery:
    """words: byte strings that every file with a match holds."""

    text: str
    query: Query
    words: tuple[bytes, ...]


def compile_query(text: str) -> TreeQuery:
    """Raises BadPattern with the place."""
    if len(text) > MAX_CHARACTERS:
        raise bad_pattern(Reason("pattern_too_long", "it is longer than {most} characters", most=MAX_CHARACTERS), text, MAX_CHARACTERS)
    try:
        query = Query(language(), text)
    except QueryError as err:
        said = str(err)
        place = _PLACE.search(said)
        at = _offset(text, int(place[1]), int(place[2] or 0)) if place else len(text)
        raise bad_pattern(Reason("query_refused", "tree-sitter says: {said}", said=_PLACE.sub("", said)), text, at) from err
    if not query.capture_count:
        raise bad_pattern(Reason("query_no_capture", "it captures nothing: name what you look for, as in (goto_statement) @found"), text, 0)
    return TreeQuery(text, query, _words(text, query))


def matches(query: TreeQuery, tree: SyntaxTree) -> list[Match]:
    """Every match, in order of text; of those with one range the first."""
    found: dict[tuple[int, int], Match] = {}
    for _, captured in QueryCursor(query.query).matches(tree.root):
        nodes = [node for many in captured.values() for node in many]
        if nodes:
            span = min(node.start_byte for node in nodes), max(node.end_byte for node in nodes)
            holes = {name: (many[0].start_byte, many[-1].end_byte) for name, many in captured.items() if many}
            found.setdefault(span, Match(*span, holes))
    return [found[span] for span in sorted(found)]


def _offset(text: str, row: int, column: int) -> int:
    """In characters, of a row and a column in bytes, both from 0."""
    line = (text.split("\n")[row:row + 1] or [""])[0]
    before = sum(len(one) + 1 for one in text.split("\n")[:row])
    return min(len(text), before + len(line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace")))


def _words(text: str, query: Query) -> tuple[bytes, ...]:
    """What a capture that every match has must be equal to. A query of several patterns has none."""
    if query.pattern_count != 1:
        return ()
    always = {query.capture_name(at) for at in range(query.capture_count) if query.capture_quantifier(0, at) in ("", "+")}
    tokens = [token for token in _TOKEN.findall(text) if not token.startswith(";")]
    found = set()
    for at in range(len(tokens) - 3):
        capture, word = tokens[at + 2], tokens[at + 3]
        if tokens[at:at + 2] == ["(", "#eq?"] and capture[1:] in always and word.startswith('"') and "\\" not in word:
            found.add(word[1:-1].encode())
    return tuple(sorted(found - {b""}))
