"""A process that parses C for what people look at, and may be killed: `python -m curation.csource.syntax.worker`, see messages.serve.

Requests, JSON:
["search", pattern, is it a query, context lines, [[file, path], ...]] is answered by s and {"hits": [...], "problems": [[file, code, why],
...], "parsed": the number of files that hold the words}; the fields of a hit are those of hits.Hit, in order.
["view", with calls, text] is answered by v and {"outline": [...], "folds": [...], "error_share": ...}; ["enclosing", line, column, end
line, end column, text] by e and the ranges. Fields of symbols and ranges in order.
A user's mistake is answered by u and its record (curation.errors.record).
"""
from __future__ import annotations

import json
import signal
from dataclasses import astuple
from functools import lru_cache
from typing import Any

from curation.csource.processes.messages import Request, for_size, serve
from curation.csource.sources.texts import Unreadable, decoded, read_bytes
from curation.csource.syntax.hits import compiled, hits, may_match, plain
from curation.csource.syntax.outline import Symbol, outline
from curation.csource.syntax.scopes import enclosing, folds
from curation.csource.syntax.tree import SyntaxTree, Unparsed, parse
from curation.errors import UserError, record


def answer(limit_s: float, request: Request) -> tuple[bytes, bytes]:
    what, *given = request
    try:
        if what == "search":
            return b"s", _json(_search(limit_s, *given))
        tree = _tree(given[-1], limit_s)
        if what == "view":
            told = {"outline": [_symbol(one) for one in outline(tree, calls=given[0])], "folds": [astuple(one) for one in folds(tree)],
                    "error_share": tree.error_share()}
            return b"v", _json(told)
        return b"e", _json([astuple(one) for one in enclosing(tree, *given[:-1])])
    except UserError as err:
        return b"u", _json(record(err))


@lru_cache(4)
def _tree(text: str, limit_s: float) -> SyntaxTree:
    return parse(text, limit_s)


def _symbol(one: Symbol) -> list[Any]:
    return [one.kind, one.name, one.line, one.column, one.end_line, one.end_column, one.name_line, one.name_column,
            [_symbol(child) for child in one.children]]


def _search(limit_s: float, pattern: str, as_query: bool, context: int, files: list[list[str]]) -> dict[str, Any]:
    wanted = compiled(pattern, as_query)
    found: list[Any] = []
    problems: list[tuple[str, str, str]] = []
    parsed = 0
    for file, path in files:
        try:
            data = read_bytes(file, path)
            if not may_match(wanted, data):
                continue
            if not plain(data):
                data = decoded(file, data).encode("utf-8", "surrogatepass")
            signal.setitimer(signal.ITIMER_PROF, for_size(limit_s, len(data)))
            found += [astuple(one) for one in hits(wanted, file, data, context, limit_s / 2)]
            parsed += 1
        except Unreadable as err:
            problems.append((file, err.problem.code, err.problem.why))
        except Unparsed as err:
            problems.append((file, "unparsed", str(err)))
    return {"hits": found, "problems": problems, "parsed": parsed}


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    serve(answer)
