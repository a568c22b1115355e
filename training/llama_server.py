"""How are answers asked of a GGUF file, many at once? llama.cpp's own HTTP server, out of the wheel xllamacpp, in a process of its own.

The child listens on loopback alone, on a free port, and ends with its parent: it waits on a pipe whose other end the parent holds, so that
even a killed parent leaves none behind (PR_SET_PDEATHSIG would end it with the thread that started it, and a page's threads are short).
The server decodes its slots together in one batch; each slot has `context` tokens of its own. No other web page may read its answers
(it sends no usable Access-Control-Allow-Origin), but there is no key: every user of this machine can ask it.

`complete` sends tokens, not text: a prompt that is text already is cut with the file's own tokenizer, special tokens in it are read as such
and no begin token is put before it. So what is asked is what `data.prompt_text` rendered. Nothing of one prompt is kept for the next,
unless `keep_start` is said: then a slot does not compute again the tokens with which its former prompt began too (system prompt, question).

Temperature 0 takes the likeliest token. Which slots share a batch changes the last bits of a sum, so a tie may fall the other way from
one run to the next; one slot alone is exact.

Threads sleep while they wait: spinning, two of them were not done after 300 s on a machine with 2 cores at load 7, where one took 127 s.
So waiting, 928 tokens in 8 slots of a model of 135M cost 10.7 CPU seconds with 2 threads and 9.9 with 1, so the default is one a core.

Interface: github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md (/health, /tokenize, /completion).

>>> with running(Path("flowsight-Q4_K_M.gguf"), context=2048) as server:
...     complete(server, "<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\n", max_tokens=8)
{'text': 'Hello.', 'tokens': 3, 'prompt_tokens': 10, 'ended': 'stop', 'seconds': 0.12}
"""
from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict
from urllib.parse import urlsplit

from curation import PROJECT
from curation.errors import BadModelFolder, Reason, RunFailed

SLOTS = 8
TELL = ["content", "tokens_predicted", "tokens_evaluated", "stop_type"]  # of /completion's answer; the rest is long and not read
ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}  # threads that spin while they wait starve each other on a busy machine
STEP_S = 0.2  # how often a waiting caller looks whether it should stop

Prompt = str | Sequence[int]


class Answer(TypedDict):
    """`tokens` counts the end token too. `ended`: "stop" by an end token or a stop word, "length" by max_tokens or the context's end,
    "prompt" when the prompt alone fills the context (then nothing was asked)."""

    text: str
    tokens: int
    prompt_tokens: int
    ended: Literal["stop", "length", "prompt"]
    seconds: float


@dataclass
class Server:
    """A running server. `alias`: the model's name in its answers. `context`: tokens of one slot, prompt and answer together. `log`: what
    llama.cpp says."""

    url: str
    model: Path
    alias: str
    slots: int
    context: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None


def default_threads() -> int:
    """The physical cores that this process may use."""
    allowed = os.sched_getaffinity(0)
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
        try:
            cores.add(((topology / "physical_package_id").read_text(), (topology / "core_id").read_text()))
        except OSError:
            cores.add((str(cpu), ""))
    return max(1, len(cores))


@contextlib.contextmanager
def running(gguf: Path, *, slots: int = SLOTS, context: int, threads: int | None = None, log: Path | None = None) -> Iterator[Server]:
    """A server of this file that lives as long as the block. threads: None for the physical cores. log: where llama.cpp's words go
    (None: a file that is gone afterwards). Raises BadModelFolder when the file cannot be served."""
    with contextlib.ExitStack() as ends:
        if log is None:
            log = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="flowsight-serve-"))) / "llama.log"
        server = start(gguf, slots=slots, context=context, threads=threads, log=log)
        ends.callback(stop, server)
        yield server


def start(gguf: Path, *, slots: int = SLOTS, context: int, threads: int | None = None, log: Path, port: int = 0,
          alias: str | None = None) -> Server:
    """Starts a server and waits until it answers; `stop` ends it. port 0: a free one. alias: the model's name in its answers.
    Raises BadModelFolder."""
    if not gguf.is_file():
        raise BadModelFolder(where=str(gguf), why=Reason("no_gguf", "there is no such file"),
                             todo=Reason("give_gguf", "Give a GGUF file, or a run with a quantize stage."))
    wanted: dict[str, Any] = {"model": str(gguf.absolute()), "slots": slots, "context": context, "port": port,
                              "threads": threads or default_threads(), "alias": alias or gguf.stem}
    answers, told = os.pipe()
    with open(log, "wb") as out, os.fdopen(answers, "rb") as ready:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "training.llama_server", str(told), json.dumps(wanted)], cwd=PROJECT, pass_fds=[told],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=os.environ | ASLEEP, start_new_session=True)
        finally:
            os.close(told)
        line = ready.readline()  # ends without a word when the child does
    if not line:
        process.wait()
        raise BadModelFolder(
            where=str(gguf), why=Reason("not_served", "llama.cpp cannot serve it ({said})", said=last_words(log) or process.returncode),
            todo=Reason("give_other_gguf", "Give a whole GGUF file of a model that this llama.cpp knows, and a free port."))
    return Server(line.decode().strip(), gguf, wanted["alias"], slots, context, process, log)


def stop(server: Server) -> None:
    """Ends the server. Twice is as good as once."""
    server.process.terminate()
    if server.process.stdin is not None:
        server.process.stdin.close()
    try:
        server.process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


def last_words(log: Path) -> str:
    """What llama.cpp gave as the reason: its lines of errors, else its last line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    errors = [line.split(" E ", 1)[1] for line in lines if " E " in line[:20]]
    return " | ".join(" ".join(line.split()) for line in (errors[:3] or lines[-1:]))[:600]


# ---- asking ----


def complete(server: Server, prompt: Prompt, *, max_tokens: int, stop: Sequence[str] = (), temperature: float = 0.0) -> Answer:
    """One answer to a rendered prompt, or to its token ids. The stop word is not part of the text. Raises RunFailed when the
    server is gone or refuses."""
    return _complete(server, _connection(server), prompt, max_tokens, stop, temperature)


def complete_many(server: Server, prompts: Sequence[Prompt], max_tokens: Sequence[int], stop: Sequence[str] = (),
                  should_stop: Callable[[], bool] = lambda: False, keep_start: bool = False) -> Iterator[tuple[int, Answer]]:
    """(index, answer) of each prompt as they are finished, as many at a time as the server has slots; greedy. Ends early when should_stop
    turns true: what is being answered then is given up. keep_start: prompts with a common start, put beside each other, share its
    computation. Raises RunFailed as `complete` does."""
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(prompts)):
        todo.put(index)
    done: queue.SimpleQueue[tuple[int, Answer] | Exception] = queue.SimpleQueue()
    given_up = threading.Event()
    connections = [_connection(server) for _ in range(min(server.slots, len(prompts)))]

    def ask(connection: http.client.HTTPConnection) -> None:
        with contextlib.suppress(queue.Empty):
            while not given_up.is_set():
                index = todo.get_nowait()
                try:
                    done.put((index, _complete(server, connection, prompts[index], max_tokens[index], stop, 0.0, keep_start)))
                except Exception as err:  # noqa: BLE001 - raised again in the thread that waits
                    done.put(err)
                    return

    askers = [threading.Thread(target=ask, args=(connection,), daemon=True) for connection in connections]
    for asker in askers:
        asker.start()
    try:
        left = len(prompts)
        while left and not should_stop():
            try:
                answered = done.get(timeout=STEP_S)
            except queue.Empty:
                continue
            if isinstance(answered, Exception):
                raise answered
            left -= 1
            yield answered
    finally:
        given_up.set()
        for connection in connections:  # the server gives up what nobody waits for
            _hang_up(connection)
        for asker in askers:
            asker.join()


def _complete(server: Server, connection: http.client.HTTPConnection, prompt: Prompt, max_tokens: int, stop: Sequence[str],
              temperature: float, keep_start: bool = False) -> Answer:
    began = time.monotonic()
    if isinstance(prompt, str):
        cut = {"content": prompt, "add_special": False, "parse_special": True}
        prompt = _post(server, connection, "/tokenize", cut)["tokens"]
    if len(prompt) >= server.context:
        return Answer(text="", tokens=0, prompt_tokens=len(prompt), ended="prompt", seconds=time.monotonic() - began)
    said = _post(server, connection, "/completion", {
        "prompt": list(prompt), "n_predict": max_tokens, "temperature": temperature, "stop": list(stop), "cache_prompt": keep_start,
        "response_fields": TELL})
    return Answer(text=said["content"], tokens=said["tokens_predicted"], prompt_tokens=said["tokens_evaluated"],
                  ended="stop" if said["stop_type"] in ("eos", "word") else "length", seconds=time.monotonic() - began)


def _connection(server: Server) -> http.client.HTTPConnection:
    where = urlsplit(server.url)
    assert where.hostname is not None
    return http.client.HTTPConnection(where.hostname, where.port)


def _post(server: Server, connection: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> Any:
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        content = reply.read()
    except (OSError, http.client.HTTPException) as err:
        why = Reason("server_gone", "llama.cpp's server does not answer ({said})", said=str(err) or type(err).__name__)
        todo = Reason("server_again", "Start it again; its log says why it ended.")
        raise RunFailed(where=server.model.name, why=why, todo=todo) from err
    try:
        answer = json.loads(content)
    except ValueError:
        answer = {"error": {"message": content[:300].decode(errors="replace")}}
    if reply.status != 200:
        said = str(answer.get("error", {}).get("message", reply.status))
        raise RunFailed(where=server.model.name, why=Reason("server_refused", "llama.cpp's server refused ({said})", said=said),
                        todo=Reason("shorter_prompt", "Give a shorter prompt, or serve with more context."))
    return answer


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """Ends a connection that another thread may be waiting on."""
    if (socket := connection.sock) is not None:
        with contextlib.suppress(OSError):
            socket.shutdown(2)


# ---- the child ----


def _serve(told: int, wanted: dict[str, Any]) -> None:
    """Serves until the parent is gone. Writes the address into the pipe `told` once it answers."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wanted["model"]
    params.model_alias = {wanted["alias"]}
    params.n_parallel = wanted["slots"]
    params.n_ctx = wanted["slots"] * wanted["context"]  # llama.cpp divides it among the slots
    params.port = wanted["port"]
    params.hostnames = ["127.0.0.1"]
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = wanted["threads"]
        cpu.poll = 0
    params.fit_params = False  # take the context as given
    params.warmup = False
    params.cache_ram_mib = 0  # would keep up to 8 GiB of finished prompts
    params.ui = False
    params.endpoint_slots = False  # shows the prompts of others
    params.cors_origins = ""  # "*" would let every page in the browser read the answers
    server = xllamacpp.Server(params)
    os.write(told, f"{server.listening_address}\n".encode())
    os.close(told)
    threading.Event().wait()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), json.loads(sys.argv[2]))
