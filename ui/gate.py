"""May this connection come in? An ASGI middleware asks before any HTTP route, static file or websocket.

- No sign-in for a connection of this very machine (peer, own address and Host all loopback, no proxy header) while the local lead is
  the only user. The Host must be loopback too: a web page elsewhere could else reach us through a name it points at 127.0.0.1.
- Otherwise a valid session cookie: HTTP without one goes to /sign-in, a websocket is refused. A deep link comes back after sign-in.
- Whatever changes something by plain HTTP (sign-in, upload) must have an Origin that is our own Host; a websocket that has one, too.

The cookie holds a random value (the store holds its hash), HttpOnly, SameSite=Lax, Secure under https.
Failed sign-ins are counted by name in the store, so a name that is tried too often has to wait (curation/people/users.py). Not
covered: limits by
address or on other requests; TLS (put a proxy before it); a proxy on this machine that neither says so (Forwarded, X-Forwarded-*, Via)
nor passes the Host on, as nginx does unless told otherwise: make a second user first, then everybody signs in.
"""
from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from curation.model import Actor
from curation.settings import load_settings
from ui.session import COOKIE, LOCAL_HEADER, SignInNeeded, actor_of, shared_store

OPEN_PATHS = ("/healthz", "/sign-in", "/sign-out")
PROXY_HEADERS = ("forwarded", "via", "x-real-ip")
PROXY_PREFIX = "x-forwarded-"


def is_local(scope: Scope) -> bool:
    """True when the connection comes from this machine, to a loopback address, under a loopback name, and through no proxy."""
    headers = Headers(scope=scope)
    if any(name in PROXY_HEADERS or name.startswith(PROXY_PREFIX) for name in headers):
        return False
    ends: Iterable[object] = (scope.get("client"), scope.get("server"))
    if not all(isinstance(end, (tuple, list)) and end and _is_loopback(str(end[0])) for end in ends):
        return False
    return _is_loopback(_host_name(headers.get("host", "")))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def same_origin(connection: HTTPConnection) -> bool:
    """True when the Origin header names our own Host. A request without it is not taken for a write: browsers send it with every POST
    and PUT."""
    origin = connection.headers.get("origin")
    return bool(origin) and _netloc(origin or "") == connection.headers.get("host")


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None


def actor_at(connection: HTTPConnection) -> Actor:
    """The user of a plain HTTP request. Raises SignInNeeded."""
    return actor_of(shared_store(load_settings()), connection.cookies.get(COOKIE), is_local(connection.scope))


class Gate:
    """The middleware. It also marks local connections for the scripts (LOCAL_HEADER), and drops the mark when a client sends it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        local = is_local(scope)
        mark = LOCAL_HEADER.encode()
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != mark]
        scope = {**scope, "headers": [*headers, (mark, b"1" if local else b"0")]}
        if scope["type"] == "websocket" and _foreign(HTTPConnection(scope)):
            await _close(receive, send, 4403, "another origin")
        elif scope["path"] in OPEN_PATHS or await run_in_threadpool(_may_enter, HTTPConnection(scope)):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _close(receive, send, 4401, "sign in")
        else:
            await _refusal(scope)(scope, receive, send)


def _foreign(websocket: HTTPConnection) -> bool:
    """True when a page of another server opens it. Streamlit looks at the name alone: a page of another port of this machine, where cookies
    go too and no sign-in may be needed, would come in."""
    return "origin" in websocket.headers and not same_origin(websocket)


async def _close(receive: Receive, send: Send, code: int, reason: str) -> None:
    await receive()  # websocket.connect
    await send({"type": "websocket.close", "code": code, "reason": reason})


def _may_enter(connection: HTTPConnection) -> bool:
    try:
        actor_at(connection)
    except SignInNeeded:
        return False
    return True


def _refusal(scope: Scope) -> ASGIApp:
    """A page asked for goes to the sign-in and comes back; anything else (a script, a picture, a write) is a plain 401."""
    if scope["method"] not in ("GET", "HEAD") or not _wants_page(Headers(scope=scope)):
        return PlainTextResponse("Sign in first.\n", status_code=401, headers={"cache-control": "no-store"})
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", status_code=303, headers={"cache-control": "no-store"})


def _wants_page(headers: Headers) -> bool:
    """Browsers say what a request is for; of others, by what they accept."""
    if "sec-fetch-dest" in headers:
        return headers["sec-fetch-dest"] in ("document", "iframe")
    accept = headers.get("accept", "*/*")
    return "text/html" in accept or "*/*" in accept


def middleware() -> list[Middleware]:
    return [Middleware(Gate)]
