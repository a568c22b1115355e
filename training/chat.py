"""Talking to a model: which there are to choose from, servers that are kept while somebody asks, and answers as they are written.

A server is a child of this process (see llama_server); it ends with it, after IDLE_S without a question, or when MOST others are asked
for. Its answers come by the OpenAI protocol, /v1/chat/completions with "stream": true, and the file's own chat template, so the
same functions talk to any endpoint that speaks it.

>>> with asking(served.find("first", runs_dir=runs_dir)) as url:
...     for piece in stream(url, [{"role": "user", "content": "Hi"}], Sampling(max_tokens=64)): print(piece, end="")

Not covered: an endpoint's tools and images; and who may ask (app_actions.ask).
"""
from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from curation.errors import EndpointFailed, Reason, UserError
from training import data, llama_server, runs, served
from training.llama_server import Server
from training.reading import read_object
from training.served import Servable

IDLE_S = 600.0
MOST = 3  # servers at once; each holds a model in memory
SLOTS = 2
CONTEXT = 4096  # tokens of a conversation; less where the model has less
LINE = 1 << 20  # characters of one line of an endpoint's answer

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn. temperature 0: greedy."""

    temperature: float = 0.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass
class _Kept:
    server: Server
    used: float
    asking: int = 0
    lent: bool = False


_kept: dict[Path, _Kept] = {}
_lock = threading.RLock()
_folder: tempfile.TemporaryDirectory[str] | None = None  # of the servers' logs


# ---- what there is to talk to ----


def runs_to_ask(runs_dir: Path) -> list[str]:
    """Names of the runs that have a GGUF file, the newest first."""
    return [run.name for run in runs.list_runs(runs_dir) if _has_files(run.run_dir)]


def _has_files(run_dir: Path) -> bool:
    try:
        return bool(served.file_types(run_dir))
    except (UserError, KeyError, TypeError, ValueError):  # a damaged run is told on the Train page
        return False


def installed() -> list[str]:
    """Names of the models that `install` put beside the others."""
    return sorted(folder.name for folder in served.models_home().glob("*") if any(folder.glob("*.gguf")) and folder.name[0] != ".")


def test_rows(run_dir: Path) -> list[dict[str, Any]]:
    """The test rows of the dataset that the run was made from; [] where that is gone or was touched."""
    try:
        dataset = read_object(run_dir / "manifest.json")["dataset"]["path"]
        return _rows(str(dataset), (Path(dataset) / "manifest.json").stat().st_mtime_ns)
    except (UserError, OSError, KeyError, TypeError):
        return []


@lru_cache(maxsize=4)
def _rows(dataset: str, _changed: int) -> list[dict[str, Any]]:
    return data.read_rows(data.open_dataset(Path(dataset)), "sft", "test")


# ---- servers that are kept ----


@contextlib.contextmanager
def asking(model: Servable) -> Iterator[str]:
    """The URL of a server of this model, started if there is none. It is not ended while the block runs."""
    with _lock:
        kept = _of(model)
        kept.asking += 1
    try:
        yield kept.server.url
    finally:
        with _lock:
            kept.asking -= 1
            kept.used = time.monotonic()


def lend(model: Servable) -> str:
    """The URL of a server of this model for others to ask (a campaign of pairs): it stays, asked or not, until `take_back` or the end of
    this process."""
    with _lock:
        kept = _of(model)
        kept.lent = True
        return kept.server.url


def take_back(url: str) -> None:
    """Ends the lent server at this URL; nothing where there is none."""
    with _lock:
        for file in [file for file, kept in _kept.items() if kept.lent and kept.server.url == url]:
            llama_server.stop(_kept.pop(file).server)


def lent() -> dict[str, str]:
    """Name of each model that is lent -> the URL of its server."""
    with _lock:
        return {kept.server.alias: kept.server.url for kept in _kept.values() if kept.lent and kept.server.alive}


def _of(model: Servable) -> _Kept:
    kept = _kept.get(model.file)
    if kept is None or not kept.server.alive:
        _make_room()
        kept = _kept[model.file] = _Kept(_started(model), time.monotonic())
    return kept


def _started(model: Servable) -> Server:
    global _folder
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="flowsight-chat-")
        atexit.register(end_all)
        threading.Thread(target=_reap, daemon=True).start()
    return llama_server.start(model.file, slots=SLOTS, context=min(CONTEXT, model.context), alias=model.name,
                              log=Path(_folder.name) / f"{len(os.listdir(_folder.name))}.log")


def _make_room() -> None:
    idle = sorted((kept.used, file) for file, kept in _kept.items() if not kept.asking and not kept.lent)
    for _, file in idle[: max(0, len(_kept) + 1 - MOST)]:
        llama_server.stop(_kept.pop(file).server)


def end_idle(now: float) -> None:
    """Ends the servers that nobody asked for IDLE_S. now: as time.monotonic()."""
    with _lock:
        for file in [file for file, kept in _kept.items() if not kept.asking and not kept.lent and now - kept.used >= IDLE_S]:
            llama_server.stop(_kept.pop(file).server)


def end_all() -> None:
    with _lock:
        while _kept:
            llama_server.stop(_kept.popitem()[1].server)


def serving() -> dict[str, str]:
    """Name of each model that is being served -> its URL."""
    with _lock:
        return {kept.server.alias: kept.server.url for kept in _kept.values() if kept.server.alive}


def _reap() -> None:
    while True:
        time.sleep(IDLE_S / 20)
        end_idle(time.monotonic())


# ---- asking ----


def stream(url: str, messages: Messages, sampling: Sampling, model: str | None = None) -> Generator[str]:
    """The pieces of the answer as the endpoint writes them; a thinking model's thoughts come first. url: with or without /v1. model: its
    name there; None: its first. Raises EndpointFailed."""
    base = url.rstrip("/")
    base = base if base.endswith("/v1") else f"{base}/v1"
    key = os.environ.get("FLOWSIGHT_LLM_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key and not _is_here(base) else {}
    try:
        with httpx.Client(timeout=httpx.Timeout(10.0, read=None), headers=headers, trust_env=not _is_here(base)) as client:
            body = {"model": model or _first_model(client, base), "messages": list(messages), "temperature": sampling.temperature,
                    "max_tokens": sampling.max_tokens, "stream": True, **({"stop": list(sampling.stop)} if sampling.stop else {})}
            with client.stream("POST", f"{base}/chat/completions", json=body) as reply:
                if reply.status_code != 200:
                    raise _failed(base, _message(reply.read()) or f"HTTP {reply.status_code}")
                yield from _pieces(base, reply.iter_lines())
    except (httpx.HTTPError, httpx.InvalidURL) as err:
        raise _failed(base, str(err) or type(err).__name__) from err


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _first_model(client: httpx.Client, base: str) -> str:
    reply = client.get(f"{base}/models")
    try:
        return str(reply.json()["data"][0]["id"])
    except (ValueError, LookupError, TypeError, RecursionError) as err:
        raise _failed(base, _message(reply.content) or f"HTTP {reply.status_code}: it lists no model") from err


def _pieces(base: str, lines: Iterator[str]) -> Iterator[str]:
    """Out of server-sent events: `data: {"choices": [{"delta": {"content": "..."}}]}`, at last `data: [DONE]`."""
    for line in lines:
        if not line.startswith("data:") or len(line) > LINE:
            continue
        if (said := line[5:].strip()) == "[DONE]":
            return
        try:
            event = json.loads(said)
            if "error" in event:
                raise _failed(base, _message(said.encode()))
            delta = event["choices"][0]["delta"] if event["choices"] else {}
            text = (delta.get("reasoning_content") or "") + (delta.get("content") or "")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as err:
            raise _failed(base, f"no event of a chat: {said[:200]}") from err
        if text:
            yield text


def _message(content: bytes) -> str:
    try:
        error = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, LookupError, TypeError, RecursionError):
        return content[:300].decode(errors="replace")


def _failed(base: str, said: str) -> EndpointFailed:
    return EndpointFailed(where=base, why=Reason("endpoint_said", "it said: {said}", said=" ".join(said.split())))


# ---- several at once ----


@dataclass
class Answer:
    """What one model has written so far. error: what ended it early."""

    text: str = ""
    done: bool = False
    seconds: float = 0.0
    error: UserError | None = None


@dataclass
class _Told:
    who: str
    piece: str | None = None
    error: UserError | None = None


@dataclass
class Asked:
    """One question to several models at once. `answers`: who -> what is written so far."""

    models: dict[str, Servable]
    messages: dict[str, list[dict[str, str]]]
    sampling: Sampling
    answers: dict[str, Answer] = field(default_factory=dict)

    def run(self) -> Iterator[str]:
        """Asks all; gives the name of whoever wrote more or ended. Leaving the loop early ends the answers."""
        told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        left = threading.Event()
        self.answers = {who: Answer() for who in self.models}
        for who in self.models:
            threading.Thread(target=self._ask, args=(who, told, left), daemon=True).start()
        try:
            began = time.monotonic()
            while not all(answer.done for answer in self.answers.values()):
                said = told.get()
                answer = self.answers[said.who]
                answer.text += said.piece or ""
                answer.error, answer.done, answer.seconds = said.error, said.piece is None, time.monotonic() - began
                yield said.who
        finally:
            left.set()

    def _ask(self, who: str, told: queue.SimpleQueue[_Told], left: threading.Event) -> None:
        error: UserError | None = None
        try:
            with asking(self.models[who]) as url, contextlib.closing(stream(url, self.messages[who], self.sampling)) as pieces:
                for piece in pieces:
                    if left.is_set():
                        return
                    told.put(_Told(who, piece))
        except UserError as err:
            error = err
        finally:
            told.put(_Told(who, None, error))
