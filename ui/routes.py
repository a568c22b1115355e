"""What is served beside the screens, by plain HTTP: /healthz, sign-in and sign-out, sources by content hash, archives to upload,
and the built code viewer.

/source/<sha256> gives the decoded text of one imported file. It is asked for by hash, so it never changes and a browser keeps it;
it is plain text that no browser may guess to be something else.
"""
from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from curation.csource.sources.decode import Undecodable, decode
from curation.errors import UserError
from curation.model import Lang
from curation.people import users
from curation.settings import load_settings
from curation.sourcing import blobs
from ui import browsing, code_view
from ui.gate import same_origin
from ui.session import COOKIE, LANG_COOKIE, shared_store
from ui.text import LANGS, error_text, say
from ui.upload import upload

SHA256 = re.compile(r"[0-9a-f]{64}")
KEEP = {"cache-control": "private, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
NEVER = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "same-origin"}
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


async def healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n", headers=NEVER)


async def home(request: Request) -> Response:
    """Streamlit knows its first screen as / alone; a person types the name that the other screens have."""
    query = request.url.query
    return RedirectResponse(f"/?{query}" if query else "/", status_code=307, headers=NEVER)


async def language(request: Request) -> Response:
    """Keeps the language chosen for this browser, and goes back to the screen it was chosen on."""
    code = request.path_params["code"]
    if code not in LANGS:
        return PlainTextResponse("No such language.\n", status_code=404, headers=NEVER)
    came_from = _split(request.headers.get("referer", ""))
    query = f"?{came_from.query}" if came_from.query else ""
    back = _safe_next(came_from.path + query) if came_from.netloc == request.headers.get("host") else "/"
    answer = RedirectResponse(back, status_code=303, headers=NEVER)
    answer.set_cookie(LANG_COOKIE, code, samesite="lax", secure=request.url.scheme == "https", path="/", max_age=365 * 86400)
    return answer


async def source(request: Request) -> Response:
    sha256 = request.path_params["sha256"]
    if not SHA256.fullmatch(sha256):
        return PlainTextResponse("Not a content hash.\n", status_code=404, headers=NEVER)
    text = await run_in_threadpool(_source_text, load_settings().blobs_dir, sha256)
    if text is None:
        return PlainTextResponse("No such source.\n", status_code=404, headers=NEVER)
    policy = {**KEEP, "content-security-policy": "default-src 'none'; sandbox"}
    return PlainTextResponse(text, headers=policy)


def _source_text(blobs_dir: Path, sha256: str) -> str | None:
    try:
        return decode(blobs.get(blobs_dir, sha256)).text
    except (blobs.BrokenBlob, Undecodable):
        return None


async def code_view_asset(request: Request) -> Response:
    asset = code_view.asset(request.path_params["name"])
    if asset is None:
        return PlainTextResponse("No such file.\n", status_code=404, headers=NEVER)
    return Response(asset, media_type="text/javascript", headers=KEEP)


def _lang(request: Request) -> Lang:
    wishes = [request.query_params.get("lang"), request.cookies.get(LANG_COOKIE), request.headers.get("accept-language", "")[:2]]
    return next((lang for wish in wishes for lang in LANGS if lang == wish), "en")


def _split(url: str) -> SplitResult:
    """The parts of an address of any origin; those of "" when it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _safe_next(wanted: str | None) -> str:
    """Where to go after sign-in: a path of our own or /."""
    wanted = wanted or "/"
    parts = _split(wanted)
    own = not parts.scheme and not parts.netloc and wanted.startswith("/") and not wanted.startswith("//")  # ///host leads to host
    return wanted if own and "\\" not in wanted and wanted.isprintable() else "/"


async def sign_in(request: Request) -> Response:
    lang = _lang(request)
    back = _safe_next(request.query_params.get("next"))
    if request.method != "POST":
        return _sign_in_page(lang, back)
    if not same_origin(request):
        return PlainTextResponse("Sign in from this server's own page.\n", status_code=403, headers=NEVER)
    form = await request.form(max_fields=8, max_files=0)
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    try:
        token = await run_in_threadpool(users.sign_in, shared_store(load_settings()), name, password)
    except UserError as err:
        return _sign_in_page(lang, back, problem=error_text(err, lang), name=name, status=401)
    answer = RedirectResponse(back, status_code=303, headers=NEVER)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, path="/", max_age=users.SESSION_DAYS * 86400)
    answer.set_cookie(LANG_COOKIE, lang, samesite="lax", secure=secure, path="/", max_age=365 * 86400)
    return answer


async def sign_out(request: Request) -> Response:
    """GET asks, POST ends the session."""
    lang = _lang(request)
    if request.method != "POST":
        button = f"<form method='post'><button>{escape(say(lang, 'nav.sign_out'))}</button></form>"
        return _page(lang, say(lang, "nav.sign_out"), button + f"<p><a href='/'>{escape(say(lang, 'app.back'))}</a></p>")
    if not same_origin(request):
        return PlainTextResponse("Sign out from this server's own page.\n", status_code=403, headers=NEVER)
    if token := request.cookies.get(COOKIE):
        await run_in_threadpool(users.sign_out, shared_store(load_settings()), token)
    answer = RedirectResponse("/sign-in", status_code=303, headers=NEVER)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _sign_in_page(lang: Lang, back: str, problem: str = "", name: str = "", status: int = 200) -> Response:
    def word(key: str) -> str:
        return escape(say(lang, key))

    alert = f"<p class='problem' role='alert'>{escape(problem)}</p>" if problem else ""
    others = " · ".join(
        f"<a href='/sign-in?lang={code}&amp;next={quote(back, safe='')}'>{escape(say(code, 'app.own_name'))}</a>"
        for code in LANGS if code != lang
    )
    form = f"""{alert}<form method="post" action="/sign-in?lang={lang}&amp;next={quote(back, safe='')}">
<label>{word("app.user_name")}<input name="name" value="{escape(name)}" autocomplete="username" autofocus required></label>
<label>{word("app.password")}<input name="password" type="password" autocomplete="current-password" required></label>
<button>{word("nav.sign_in")}</button></form><p class="small">{word("app.sign_in_help")}</p><p class="small">{others}</p>"""
    return _page(lang, say(lang, "nav.sign_in"), form, status)


def _page(lang: Lang, title: str, body: str, status: int = 200) -> Response:
    style = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}
main{width:min(22rem,90vw)}h1{font-size:1.4rem}label{display:block;margin:.8rem 0}
input{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}
button{padding:.5rem 1.2rem;font:inherit;cursor:pointer}.problem{border-left:4px solid #c33;padding:.4rem .8rem}
.small{font-size:.85rem;opacity:.8}"""
    html = f"""<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)} · FlowSight</title><style>{style}</style><main><h1>{escape(say(lang, "app.name"))}</h1>{body}</main></html>"""
    return HTMLResponse(html, status_code=status, headers={**NEVER, "content-security-policy": PAGE_POLICY})


def routes() -> list[BaseRoute]:
    return [
        Route("/healthz", healthz),
        Route("/home", home),
        Route("/language/{code}", language),
        Route("/sign-in", sign_in, methods=["GET", "POST"]),
        Route("/sign-out", sign_out, methods=["GET", "POST"]),
        Route("/source/{sha256}", source),
        *browsing.routes(),
        Route("/code-view/{name}", code_view_asset),
        Route("/upload/{filename}", upload, methods=["PUT"]),
    ]
