"""How is a model endpoint asked? One client for anything that speaks OpenAI's chat completions (vLLM, llama.cpp, Ollama, hosted ones).

>>> endpoint = Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-coder", timeout_s=120)
>>> endpoint.chat({"model": "qwen2.5-coder", "messages": [{"role": "user", "content": "Say ok."}]})
Answer(text='ok', finish_reason='stop', prompt_tokens=11, completion_tokens=2)

The key comes from FLOWSIGHT_LLM_KEY, else OPENAI_API_KEY, is read when a request is sent, and is never stored, logged or put in an error.
A request that surely was not served (refused connection, 408/429/5xx answer) is sent again up to RETRIES times; one that may have been
served (the answer did not come in time, or broke off) is not: it would be paid for twice. An answer of 200 that is no chat completion
was paid for all the same: it comes as AnswerUnread, with what was said. timeout_s is for the whole call, however slowly it drips.

API: platform.openai.com/docs/api-reference/chat. Not covered: streaming, tools, images, the older completions API.
"""
from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from curation.errors import BadValue, EndpointFailed, Reason, reason_in

RETRIES = 4
FIRST_WAIT_S = 1.0  # doubled at every further try
LONGEST_WAIT_S = 60.0  # a Retry-After beyond this is not waited for: the call fails and can be taken up later
MAX_ANSWER_BYTES = 8 * 2**20
MOST_TOKENS = 2**31  # a count beyond it is no count, and no database column holds it
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 529}
_LOST = {504, 524}  # a gateway gave up waiting: the model behind it may have answered
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class AnswerLost(EndpointFailed):
    """The request was sent, but its answer did not arrive: it may have been paid for."""

    code = "answer_lost"
    text = "The model endpoint {where} did not answer: {why}. The request may have been paid for: it is not repeated. Start again to go on."


class AnswerUnread(EndpointFailed):
    """The endpoint answered, and so was paid, with something that is no chat completion; `body`: what it said."""

    code = "answer_unread"
    text = "The model endpoint {where} answered with something else: {why}. The answer is kept and not asked for again."
    body: str = ""


@dataclass(frozen=True)
class Answer:
    """finish_reason: as the endpoint says ("length": cut at max_tokens), None if it does not. Tokens are None when it does not count, or
    counts what cannot be. model, request_id: as the endpoint names them, None when it does not."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: its status, its whole body, its Retry-After header."""

    status: int
    content: bytes
    retry_after: str | None

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class Endpoint:
    """One endpoint and model. Safe to share between threads. Close it, or use it in a `with`."""

    def __init__(
        self, base_url: str, model: str, timeout_s: float = 120.0, sleep: Callable[[float], None] = time.sleep, retries: int = RETRIES,
    ) -> None:
        """Raises BadValue for an address that is no http(s) URL or holds a password, and for an empty model name."""
        self.base_url = checked_url(base_url)
        if not model.strip():
            raise BadValue(
                field="model", value=model, why=Reason("empty", "is empty"),
                todo=Reason("name_the_model", "Name the model as the endpoint calls it."),
            )
        self.model = model
        self._sleep, self._retries = sleep, retries
        self._http = httpx.Client(timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 10.0)), follow_redirects=False)

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def chat(self, request: dict[str, Any]) -> Answer:
        """Sends one request body to /chat/completions. Raises EndpointFailed (not served) or AnswerLost (perhaps served)."""
        return self._read_chat(self._ask("POST", "/chat/completions", request))

    def models(self) -> list[str]:
        """The names of the models the endpoint says it has. Raises EndpointFailed."""
        body = self._json(self._ask("GET", "/models", None))
        rows = body.get("data")
        if not isinstance(rows, list):
            raise self._failed(Reason("no_model_list", "it has no list of models"))
        return [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Reply:
        for attempt in range(self._retries + 1):
            wait_s = min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S) * random.uniform(0.75, 1.25)  # not all workers at once
            try:
                reply = self._send(method, path, body)
            except _NOT_SENT as err:
                failure = self._failed(Reason("unreachable", "it cannot be reached ({said})", said=_said(str(err)) or type(err).__name__))
            except httpx.TimeoutException as err:
                why = Reason("no_answer_within", "no answer within {seconds:g} s", seconds=self._http.timeout.read)
                raise AnswerLost(where=self.base_url, why=why) from err
            except httpx.HTTPError as err:
                raise AnswerLost(where=self.base_url, why=_said(reason_in(err))) from err
            else:
                if 200 <= reply.status < 300:
                    return reply
                failure = self._failed(Reason("answered", "it answered {status}", status=reply.status), _error_text(reply))
                if reply.status in _LOST:
                    raise AnswerLost(**failure.params)
                if reply.status not in _AGAIN:
                    raise failure
                asked_s = retry_after_s(reply.retry_after)
                if asked_s is not None and asked_s > LONGEST_WAIT_S:
                    why = Reason("asks_to_wait", "it answered {status} and asks to wait {seconds:.0f} s",
                                 status=reply.status, seconds=asked_s)
                    raise self._failed(why, _error_text(reply))
                wait_s = asked_s if asked_s is not None else wait_s
            if attempt == self._retries:
                raise failure
            self._sleep(wait_s)
        raise AssertionError("unreachable")

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Reply:
        """What came back, read up to MAX_ANSWER_BYTES."""
        key = os.environ.get("FLOWSIGHT_LLM_KEY") or os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        limit_s = self._http.timeout.read
        end = None if limit_s is None else time.monotonic() + limit_s
        with self._http.stream(method, self.base_url + path, json=body, headers=headers) as response:
            content = b""
            for part in response.iter_bytes():
                content += part
                if end is not None and time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer was still coming")
                if len(content) > MAX_ANSWER_BYTES:
                    raise httpx.ReadError(Reason("answer_too_long", "the answer is longer than {most} bytes", most=MAX_ANSWER_BYTES))
            return Reply(response.status_code, content, response.headers.get("retry-after"))

    def _read_chat(self, reply: Reply) -> Answer:
        try:
            body = self._json(reply)
            choice = body["choices"][0]
            text = choice["message"]["content"]
        except (KeyError, IndexError, TypeError):
            raise self._unread(Reason("no_completion", "its answer is no chat completion"), reply.text) from None
        except EndpointFailed as err:
            if reply.content.lstrip()[:1] in (b"{", b"["):  # a broken completion; a page of a proxy was not the model's answer
                raise self._unread(err.params["why"], reply.text) from None
            raise
        usage = body.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return Answer(
            text=_whole_text(text) if isinstance(text, str) else "",
            finish_reason=_name(choice.get("finish_reason")),
            prompt_tokens=_whole(usage.get("prompt_tokens")),
            completion_tokens=_whole(usage.get("completion_tokens")),
            model=_name(body.get("model")),
            request_id=_name(body.get("id")),
        )

    def _unread(self, why: str, said: str) -> AnswerUnread:
        error = AnswerUnread(where=self.base_url, why=why)
        error.body = _whole_text(said)
        return error

    def _json(self, reply: Reply) -> dict[str, Any]:
        try:
            body = json.loads(reply.content)
        except (ValueError, RecursionError):
            raise self._failed(Reason("no_json", "it answered with something that is no JSON"), reply.text) from None
        if not isinstance(body, dict):
            raise self._failed(Reason("answer_no_object", "its answer is no JSON object"), reply.text)
        return body

    def _failed(self, why: Reason, said: str = "") -> EndpointFailed:
        """said: the endpoint's own words, put behind the reason as they are."""
        said = _said(said)
        return EndpointFailed(where=self.base_url, why=Reason("", "{why}: {said}", why=why, said=said) if said else why)


def checked_url(base_url: str) -> str:
    """The address without a trailing slash. Raises BadValue, which never repeats a password that stands in it."""
    todo = Reason("give_base_url", "Give it as http://HOST:PORT/v1; the key belongs in the environment as FLOWSIGHT_LLM_KEY.")
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL as err:
        raise BadValue(
            field="base_url", value=base_url[:100], why=Reason("no_address", "is no address ({said})", said=str(err)), todo=todo,
        ) from err
    if url.userinfo or "key" in url.params or url.query:
        raise BadValue(
            field="base_url", value=f"{url.scheme}://{url.host}", why=Reason("url_with_secret", "holds a password or parameters"),
            todo=todo,
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise BadValue(field="base_url", value=base_url[:100], why=Reason("no_http_url", "is no http or https address"), todo=todo)
    return str(url).rstrip("/")


def retry_after_s(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (a number or an HTTP date, RFC 9110 10.2.3); None when there is none that can be read."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if seconds < float("inf") else None
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _error_text(reply: Reply) -> str:
    """What the endpoint says is wrong: error.message of its JSON, else its text."""
    try:
        error = json.loads(reply.content).get("error")
        return str(error["message"] if isinstance(error, dict) else error or reply.text)
    except (ValueError, AttributeError, KeyError, RecursionError):
        return reply.text


def _said(text: str) -> str:
    """What others said, on one line, at most 300 characters, without the key: some endpoints repeat the one they refuse."""
    if isinstance(text, Reason):
        return text
    text = " ".join(text.split())
    for name in ("FLOWSIGHT_LLM_KEY", "OPENAI_API_KEY"):
        if key := os.environ.get(name):
            text = text.replace(key, "(key)")
    return text if len(text) <= 300 else text[:300] + "..."


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS else None


def _name(value: Any) -> str | None:
    return _whole_text(value)[:200] if isinstance(value, str) and value else None


def _whole_text(text: str) -> str:
    """The text with halves of characters (lone surrogates) and NUL as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
