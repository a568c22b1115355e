"""How does a large archive come in without filling memory? PUT /upload/<filename> streams it to a file of the workspace.

The answer is {"upload": ID}; `taken(settings, ID)` lends the file to the page that imports it. Streamlit's own uploader keeps files in
RAM (a 1 GB file: 2.2 GB). Only leads may upload; a broken or too large upload leaves nothing.
"""
from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from curation.errors import NotFound, UserError
from curation.people.access import require
from curation.settings import Settings, load_settings
from ui.gate import actor_at, same_origin
from ui.text import error_text

MAX_BYTES = 8 * 2**30
ROOM_LEFT_BYTES = 2**30  # the disk is never filled further than this by an upload
STALE_S = 24 * 3600
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


class UploadTooLarge(UserError):
    code = "upload_too_large"
    text = "{filename} is larger than {limit_mib} MiB, or than what this disk can hold. Put it on the server and import it by its path."


async def upload(request: Request) -> Response:
    if not same_origin(request):
        return JSONResponse({"error": "Upload from this server's own page."}, status_code=403)
    settings = load_settings()
    filename = request.path_params["filename"]
    try:
        actor = await run_in_threadpool(actor_at, request)
        require(actor, "lead", action="import sources")
        upload_id = await _receive(request, settings, filename)
    except UserError as err:
        return JSONResponse({"error": error_text(err, "zh" if request.query_params.get("lang") == "zh" else "en")}, status_code=400)
    return JSONResponse({"upload": upload_id})


async def _receive(request: Request, settings: Settings, filename: str) -> str:
    folder = settings.home / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    _drop_stale(folder)
    limit = min(MAX_BYTES, shutil.disk_usage(folder).free - ROOM_LEFT_BYTES)
    too_large = UploadTooLarge(filename=filename, limit_mib=max(limit, 0) // 2**20)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    upload_id = secrets.token_hex(16)
    part = folder / f"{upload_id}.part"
    got = 0
    try:
        with part.open("wb") as out:
            async for chunk in request.stream():
                got += len(chunk)
                if got > limit:
                    raise too_large
                await run_in_threadpool(out.write, chunk)
        part.rename(folder / upload_id)
    except (UserError, ClientDisconnect, OSError):
        part.unlink(missing_ok=True)
        raise
    return upload_id


def _drop_stale(folder: Path) -> None:
    for file in folder.iterdir():
        if time.time() - file.stat().st_mtime > STALE_S:
            file.unlink(missing_ok=True)


@contextmanager
def taken(settings: Settings, upload_id: str) -> Iterator[Path]:
    """The uploaded file, which is gone afterwards. Raises NotFound for an id that is none of ours."""
    path = settings.home / "uploads" / upload_id
    if not UPLOAD_ID.fullmatch(upload_id) or not path.is_file():
        raise NotFound(kind="upload", name=upload_id)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
