"""Who may come in: the gate over HTTP and the websocket, the sign-in, and what is served beside the screens."""
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from curation.people import users
from curation.settings import load_settings
from curation.sourcing import blobs
from curation.store import Store
from tests.ui.conftest import PASSWORD
from ui import upload
from ui.gate import middleware
from ui.routes import routes
from ui.session import COOKIE, LOCAL_HEADER

BROWSER = {"accept": "text/html,application/xhtml+xml", "sec-fetch-dest": "document"}


async def _screen(request):  # type: ignore[no-untyped-def]
    """Stands for every screen; tells what the gate said of the connection."""
    return JSONResponse({"local": request.headers.getlist(LOCAL_HEADER)})


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    await websocket.close()


def client(host: str = "127.0.0.1", peer: str = "127.0.0.1") -> TestClient:
    screens = [Route("/{path:path}", _screen), WebSocketRoute("/_stcore/stream", _stream)]
    app = Starlette(routes=[*routes(), *screens], middleware=middleware())
    return TestClient(app, base_url=f"http://{host}", client=(peer, 40000), follow_redirects=False)


def signed_in(who: TestClient, name: str = "wang") -> TestClient:
    host = str(who.base_url).removeprefix("http://")
    answer = who.post("/sign-in", data={"name": name, "password": PASSWORD}, headers={"origin": f"http://{host}"})
    assert answer.status_code == 303
    return who


def refused(who: TestClient) -> bool:
    try:
        with who.websocket_connect(str(who.base_url).replace("http", "ws") + "/_stcore/stream") as stream:
            return stream.receive_text() != "in"
    except WebSocketDisconnect:
        return True


def test_the_one_local_user_needs_no_sign_in(store: Store) -> None:
    assert client().get("/label", headers=BROWSER).json() == {"local": ["1"]}
    assert not refused(client())


@pytest.mark.parametrize(
    "outside",
    [
        {"peer": "192.0.2.7"},  # another machine
        {"host": "evil.example"},  # a web page that points a name of its own at 127.0.0.1
        {"host": "192.0.2.1"},
    ],
)
def test_another_machine_or_another_name_must_sign_in(store: Store, outside: dict[str, str]) -> None:
    who = client(**outside)
    answer = who.get("/label?item=7", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Flabel%3Fitem%3D7")
    assert refused(who)


def test_a_name_pointed_at_this_machine_is_not_local(store: Store) -> None:
    """DNS rebinding: the peer and the address are loopback, the Host is somebody else's."""
    assert client().get("/", headers={**BROWSER, "host": "evil.example"}).status_code == 303


def test_a_connection_through_a_proxy_is_not_local(store: Store) -> None:
    assert client().get("/", headers={**BROWSER, "x-forwarded-for": "192.0.2.7"}).status_code == 303


def test_the_mark_of_a_local_connection_cannot_be_sent_along(team: Store) -> None:
    who = signed_in(client(peer="192.0.2.7"))
    assert who.get("/", headers={**BROWSER, LOCAL_HEADER: "1"}).json() == {"local": ["0"]}


def test_with_a_second_user_the_first_deep_link_goes_to_the_sign_in_and_comes_back(team: Store) -> None:
    who = client()
    asked = who.get("/review?task=a", headers=BROWSER)
    assert asked.status_code == 303
    assert refused(who)
    form = who.get(asked.headers["location"])
    assert "next=%2Freview%3Ftask%3Da" in form.text
    back = who.post(asked.headers["location"], data={"name": "wang", "password": PASSWORD}, headers={"origin": "http://127.0.0.1"})
    assert (back.status_code, back.headers["location"]) == (303, "/review?task=a")
    assert who.get("/review", headers=BROWSER).status_code == 200
    assert not refused(who)


def test_what_a_script_asks_for_is_refused_rather_than_redirected(team: Store) -> None:
    assert client().get("/source/x", headers={"accept": "*/*", "sec-fetch-dest": "empty"}).status_code == 401
    assert client().put("/upload/a.zip", content=b"x").status_code == 401


def test_the_cookie_cannot_be_read_by_scripts_and_ends_with_the_session(team: Store) -> None:
    who = client()
    answer = who.post("/sign-in", data={"name": "wang", "password": PASSWORD}, headers={"origin": "http://127.0.0.1"})
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE)).lower()
    assert "httponly" in cookie and "samesite=lax" in cookie
    old = who.cookies[COOKIE]
    assert who.post("/sign-out", headers={"origin": "http://127.0.0.1"}).status_code == 303
    who.cookies.set(COOKIE, old)
    assert who.get("/", headers=BROWSER).status_code == 303


def test_a_disabled_user_is_out_at_once(team: Store) -> None:
    who = signed_in(client())
    users.disable(team, users.local_lead(team), "wang")
    assert who.get("/", headers=BROWSER).status_code == 303


@pytest.mark.parametrize("origin", [{}, {"origin": "http://evil.example"}, {"origin": "null"}])
def test_a_sign_in_from_another_site_is_refused(team: Store, origin: dict[str, str]) -> None:
    assert client().post("/sign-in", data={"name": "wang", "password": PASSWORD}, headers=origin).status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "///evil.example/", "////evil.example",
                  "/\\evil.example", "javascript:alert(1)", "/a\r\nset-cookie: x"]
)
def test_after_the_sign_in_nobody_is_sent_elsewhere(team: Store, elsewhere: str) -> None:
    answer = client().post(
        "/sign-in", params={"next": elsewhere}, data={"name": "wang", "password": PASSWORD}, headers={"origin": "http://127.0.0.1"}
    )
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(("lang", "sentence"), [("en", "This name and password"), ("zh", "用户")])
def test_a_wrong_password_is_answered_in_the_language_and_nothing_typed_is_markup(team: Store, lang: str, sentence: str) -> None:
    hostile = "<script>alert(1)</script>"
    answer = client().post(
        f"/sign-in?lang={lang}", data={"name": hostile, "password": "wrong wrong wrong"}, headers={"origin": "http://127.0.0.1"}
    )
    assert answer.status_code == 401
    assert sentence in answer.text
    assert hostile not in answer.text and "script-src" not in answer.headers["content-security-policy"]


def test_healthz_answers_everybody(team: Store) -> None:
    assert client(peer="192.0.2.7").get("/healthz").text == "ok\n"


def test_a_source_is_served_by_its_hash_as_plain_text_for_good(store: Store) -> None:
    sha256 = blobs.put(load_settings().blobs_dir, "int x; // 变量 <script>\r\n".encode("gbk"))
    answer = client().get(f"/source/{sha256}")
    assert answer.text == "int x; // 变量 <script>\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff" and "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", [hashlib.sha256(b"unknown").hexdigest(), "..%2f..%2fstore.sqlite", "A" * 64, ""])
def test_nothing_but_a_known_hash_is_served(store: Store, name: str) -> None:
    answer = client().get(f"/source/{name}", headers={"sec-fetch-dest": "empty"})
    assert answer.status_code == 404 or answer.json() == {"local": ["1"]}  # the second: no route of ours took the path


def test_the_viewer_is_served_under_its_content_hash_only(store: Store) -> None:
    from ui.code_view import _assets

    name = next(iter(_assets()))
    answer = client().get(f"/code-view/{name}")
    assert answer.headers["content-type"].startswith("text/javascript") and len(answer.content) < 2**20
    assert client().get("/code-view/code_view.js").status_code == 404


def upload_as_local_lead(data: bytes, name: str = "a.zip", origin: str = "http://127.0.0.1"):  # type: ignore[no-untyped-def]
    return client().put(f"/upload/{name}", content=data, headers={"origin": origin})


def test_an_upload_is_streamed_to_a_file_that_is_lent_to_the_import_and_then_gone(store: Store) -> None:
    answer = upload_as_local_lead(b"PK" * 1000)
    with upload.taken(load_settings(), answer.json()["upload"]) as path:
        assert path.read_bytes() == b"PK" * 1000
    assert not path.exists()


def test_an_upload_that_is_too_large_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_BYTES", 1000)
    answer = upload_as_local_lead(b"x" * 5000)
    assert answer.status_code == 400 and "a.zip" in answer.json()["error"]

    def chunks():  # type: ignore[no-untyped-def]
        for _ in range(5):
            yield b"x" * 1000

    assert client().put("/upload/b.zip", content=chunks(), headers={"origin": "http://127.0.0.1"}).status_code == 400
    assert list((load_settings().home / "uploads").iterdir()) == []


def test_an_upload_from_another_site_or_by_an_annotator_is_refused(team: Store) -> None:
    who = signed_in(client())
    assert who.put("/upload/a.zip", content=b"x", headers={"origin": "http://evil.example"}).status_code == 403
    assert who.put("/upload/a.zip", content=b"x", headers={"origin": "http://127.0.0.1"}).status_code == 400
    assert not any(Path(load_settings().home).glob("uploads/*"))


@pytest.mark.parametrize("name", ["../../store.sqlite", "0" * 31, "0" * 32])
def test_only_an_uploaded_file_can_be_taken(store: Store, name: str) -> None:
    from curation.errors import NotFound

    with pytest.raises(NotFound), upload.taken(load_settings(), name):
        pass


def test_the_first_screen_answers_to_its_name_too(store: Store) -> None:
    answer = client().get("/home?lang=zh", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (307, "/?lang=zh")
    assert client(peer="192.0.2.7").get("/home", headers=BROWSER).headers["location"].startswith("/sign-in")


def test_a_chosen_language_is_kept_and_the_screen_comes_back(store: Store) -> None:
    who = client()
    answer = who.get("/language/zh", headers={**BROWSER, "referer": "http://127.0.0.1/label?item=7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/label?item=7")
    assert who.cookies["flowsight_lang"] == "zh"
    assert who.get("/language/zh", headers={**BROWSER, "referer": "https://evil.example/x"}).headers["location"] == "/"
    assert who.get("/language/xx", headers=BROWSER).status_code == 404


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null", "http://["])
def test_a_page_of_another_server_cannot_open_the_websocket(store: Store, origin: str) -> None:
    def opens(origin: str) -> bool:
        try:
            with client().websocket_connect("ws://127.0.0.1/_stcore/stream", headers={"origin": origin}) as stream:
                return stream.receive_text() == "in"
        except WebSocketDisconnect:
            return False

    assert opens("http://127.0.0.1")
    assert not opens(origin)


@pytest.mark.parametrize("header", ["via", "x-forwarded-proto", "x-forwarded-server"])
def test_whatever_a_proxy_says_of_itself_makes_a_connection_not_local(store: Store, header: str) -> None:
    assert client().get("/", headers={**BROWSER, header: "proxy"}).status_code == 303


def test_addresses_that_are_none_are_answered_not_stumbled_over(team: Store) -> None:
    who = client()
    assert who.get("/sign-in?next=//[").status_code == 200
    assert who.post("/sign-in", data={"name": "wang"}, headers={"origin": "http://["}).status_code == 403
    answer = signed_in(who).get("/language/zh", headers={**BROWSER, "referer": "http://["})
    assert answer.headers["location"] == "/"
