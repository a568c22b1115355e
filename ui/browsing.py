"""What the source viewer asks for by plain HTTP while a file is read: its outline, the syntax around a selection, definitions of a name
and places that use it. JSON; who asks has passed the gate.

GET /source/<sha256>/outline                        {"symbols": [...], "folds": [...], "problem": null}
GET /source/<sha256>/enclosing?from=12.3&to=12.9    {"ranges": [[line, column, end line, end column], ...]}, innermost first
GET /browse/<source>/definitions?name=&file=&line=&column=    {"state": "ready", "places": [...], "more": false}
GET /browse/<source>/references?...                           the same; "state": "indexing" while the source's index is being made

What cannot be answered is {"problem": a sentence in the language of ?lang=}. Names and lines of code in the answers are content: the viewer
shows them as text.
"""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from curation.errors import UserError
from curation.model import Lang
from curation.settings import load_settings
from curation.sourcing import browse
from ui.session import shared_store
from ui.text import LANGS, error_text

SHA256 = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"([1-9]\d{0,7})\.([1-9]\d{0,7})")
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
KEPT = {"cache-control": "private, max-age=600", "x-content-type-options": "nosniff"}  # of a content hash, as this version reads it


async def outline(request: Request) -> Response:
    return await _of_text(request, lambda sha256: browse.outline(load_settings(), sha256))


async def enclosing(request: Request) -> Response:
    places = [_PLACE.fullmatch(request.query_params.get(name, "")) for name in ("from", "to")]
    start, end = [(int(found[1]), int(found[2])) if found else None for found in places]
    if start is None or end is None:
        return PlainTextResponse("Give from=LINE.COLUMN and to=LINE.COLUMN.\n", status_code=400, headers=HEADERS)
    return await _of_text(request, lambda sha256: browse.enclosing(load_settings(), sha256, start, end))


async def _of_text(request: Request, answer: Callable[[str], dict[str, Any]]) -> Response:
    sha256 = request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return PlainTextResponse("Not a content hash.\n", status_code=404, headers=HEADERS)
    return await _answered(request, lambda: answer(sha256), KEPT)


async def definitions(request: Request) -> Response:
    return await _answered(request, lambda: _places(request, browse.definitions), HEADERS)


async def references(request: Request) -> Response:
    return await _answered(request, lambda: _places(request, browse.references), HEADERS)


def _places(request: Request, find: Callable[..., browse.Found]) -> dict[str, Any]:
    asked = request.query_params
    name, file, line, column = (asked.get(key, "") for key in ("name", "file", "line", "column"))
    browse.check_name(name)
    if not (line.isdecimal() and column.isdecimal()):
        line = column = "1"
    settings = load_settings()
    index = browse.index_of(shared_store(settings), settings, request.path_params["source"])
    if index is None:
        return {"state": "indexing", "places": [], "more": False}
    found = find(index, name, file, int(line), int(column))
    return {"state": "ready", "places": [asdict(place) for place in found.places], "more": found.more}


async def _answered(request: Request, answer: Callable[[], dict[str, Any]], headers: dict[str, str]) -> Response:
    try:
        found = await run_in_threadpool(answer)
    except UserError as err:
        found, headers = {"problem": error_text(err, _lang(request))}, HEADERS
    return Response(json.dumps(found), media_type="application/json", headers=headers)  # ASCII: names of files may hold lone surrogates


def _lang(request: Request) -> Lang:
    return next((lang for lang in LANGS if lang == request.query_params.get("lang")), "en")


def routes() -> list[BaseRoute]:
    return [
        Route("/source/{sha256}/outline", outline),
        Route("/source/{sha256}/enclosing", enclosing),
        Route("/browse/{source}/definitions", definitions),
        Route("/browse/{source}/references", references),
    ]
