"""A small OpenAI-compatible server for tests: it answers what the mode says, and never what a model would have thought of.

    python -m tests.fake_endpoint --port 8765 --mode pairs

Modes: pairs (valid pairs, each answer different), fenced (the same in a ``` fence), prose, refusal, error (500), busy (429 with
Retry-After: 0 twice, then pairs), html (200 with a page), broken, deep, no_choices, surrogate, brackets (200 with something hostile),
drip, slow (answers after `delay_s`), unauthorized (401 repeating the key it got).
"""
from __future__ import annotations

import argparse
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeEndpoint(ThreadingHTTPServer):
    """`requests` are the bodies received by /chat/completions, `keys` the bearer tokens."""

    daemon_threads = True

    def __init__(self, port: int = 0, mode: str = "pairs", delay_s: float = 0.0, model: str = "fake") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.mode, self.delay_s, self.model = mode, delay_s, model
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.lock = threading.Lock()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def running(mode: str = "pairs", delay_s: float = 0.0, port: int = 0) -> Iterator[FakeEndpoint]:
    server = FakeEndpoint(port, mode, delay_s)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeEndpoint
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.server.mode == "error":
            return self.say(500, {"error": {"message": "the model fell over"}})
        self.say(200, {"object": "list", "data": [{"id": self.server.model, "object": "model"}]})

    def drip(self) -> None:
        """A byte now and then, for ever."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            number = len(self.server.requests)
            self.server.keys.append(self.headers.get("Authorization"))
        mode = self.server.mode
        if mode == "error":
            return self.say(500, {"error": {"message": "the model fell over"}})
        if mode == "busy" and number <= 2:
            return self.say(429, {"error": {"message": "slow down"}}, {"Retry-After": "0"})
        if mode == "unauthorized":
            return self.say(401, {"error": {"message": f"Incorrect API key provided: {self.headers.get('Authorization')}"}})
        hostile = {
            "broken": '{"choices": [{"message": {"content": "', "deep": "[" * 200_000, "no_choices": {"choices": []},
            "surrogate": {"choices": [{"message": {"content": answer_text(body, number, mode)[:-1] + "\ud800"}, "finish_reason": ["x"]}],
                          "usage": {"prompt_tokens": 10**30, "completion_tokens": -1}},
            "brackets": {"choices": [{"message": {"content": "[" * 200_000}}]},
        }.get(mode)
        if hostile is not None:
            return self.say(200, hostile)
        if mode == "drip":
            return self.drip()
        if mode == "html":
            return self.say(200, "<html>Sign in to the proxy</html>")
        if self.server.delay_s:
            time.sleep(self.server.delay_s)
        text = {"prose": "Sure! Callbacks are a wonderful topic, and I could talk about them all day.",
                "refusal": "I'm sorry, but I can't help with that."}.get(mode) or answer_text(body, number, mode)
        self.say(200, {
            "object": "chat.completion", "model": body.get("model"),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": sum(len(m["content"]) for m in body["messages"]) // 4, "completion_tokens": len(text) // 4},
        })

    def say(self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None) -> None:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def answer_text(body: dict[str, Any], number: int, mode: str = "pairs") -> str:
    """What the fake says: a JSON list of as many pairs as asked for (the first number in the last message), or, when no list is asked
    for, an answer to a single question that differs with the temperature."""
    asked = body["messages"][-1]["content"]
    chinese = bool(re.search("[\u4e00-\u9fff]", body["messages"][0]["content"]))
    if "JSON" not in body["messages"][0]["content"]:
        sure = body.get("temperature", 1.0) < 0.5
        if chinese:
            guess = f"它可能在任何地方运行，编号 {number}，大概可以睡眠。"
            return "它在中断上下文中运行，因此不能睡眠，应当只调度工作。" if sure else guess
        return ("It runs in interrupt context, so it must not sleep and only schedules work." if sure
                else f"It may run anywhere, I would guess number {number}, so sleeping is fine.")
    wanted = int((re.search(r"\d+", asked) or re.match("", "1") or [1])[0] or 1)
    pairs = [pair(number * 10 + n, chinese, _site_task(body["messages"][0]["content"])) for n in range(wanted)]
    text = json.dumps(pairs, ensure_ascii=False)
    return f"Here you are:\n```json\n{text}\n```\n" if mode == "fenced" else text


def _site_task(system: str) -> str | None:
    """The site task whose answer the examples begin with; None for general pairs."""
    if "first line" not in system and "第一行" not in system:
        return None
    words = {"function_pointer": ("function pointer", "函数指针"), "callback_timing": ("may sleep", "能否睡眠")}
    return next((task for task, subject in words.items() if any(word in system for word in subject)), "async_pattern")


def _site_answer(task: str, function: str) -> dict[str, Any]:
    if task == "function_pointer":
        return {"targets": [{"name": function, "file": None, "line": None}], "completeness": "complete"}
    if task == "callback_timing":
        return {"context": "sync", "may_sleep": None, "trigger": None, "chain": [function], "registered_via": None}
    return {"mechanism": None, "handler": None, "phases": []}


def pair(number: int, chinese: bool, site_task: str | None = None) -> dict[str, str]:
    """A valid pair that no other number gives, and unlike enough to the others not to be a near duplicate. site_task: begin the output
    with an answer of this task."""
    draw = random.Random(number)
    thing, verb, other = (_word(draw) for _ in range(3))
    body = [draw.choice(_STATEMENTS).format(t=thing, a=_word(draw), b=_word(draw), n=draw.randrange(99)) for _ in range(draw.randint(4, 9))]
    code = "\n".join([
        f"struct {thing}_ops {{ int (*{verb})(struct {thing} *); }};", f"static int {thing}_{verb}(struct {thing} *it)", "{",
        *body, f"\treturn {other}_{thing}(it);", "}", f"static const struct {thing}_ops {thing}_table = {{ .{verb} = {thing}_{verb} }};",
    ])
    words = " ".join(_word(draw) for _ in range(8))
    first = json.dumps(_site_answer(site_task, f"{thing}_{verb}")) + "\n\n" if site_task else ""
    if chinese:
        told = f"会调用 {thing}_{verb}()：{thing}_table 的初始化把它赋给成员 {verb}，最后转到 {other}_{thing}()。相关名称：{words}。"
        return {"instruction": f"通过 {thing}_table.{verb} 会调用到哪个函数？", "input": code, "output": first + told}
    return {
        "instruction": f"Which function does {thing}_table.{verb} reach?", "input": code,
        "output": f"{first}It reaches {thing}_{verb}(), named by the initializer; it ends in {other}_{thing}(). See {words}.",
    }


_STATEMENTS = (
    "\tit->{a} = {b}({n});", "\tif (!it->{a})\n\t\treturn -{n};", "\tfor (int i = 0; i < {n}; i++)\n\t\t{a}[i] += {b};",
    "\t{a}_lock(&{t}_{b});", "\twhile ({a}(it) > {n})\n\t\t{b}--;", "\t/* {a} before {b} */", "\tmemset({a}, {n}, sizeof({b}));",
)


def _word(draw: random.Random) -> str:
    return "".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--mode", default="pairs")
    parser.add_argument("--delay-s", type=float, default=0.0)
    args = parser.parse_args()
    server = FakeEndpoint(args.port, args.mode, args.delay_s)
    print(server.base_url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
