"""One question to a model, from a shell: `ask`."""
from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator

from curation.errors import BadValue
from training import chat, llama_server, served
from training.commands import Subcommands, declare
from training.commands.serve import add_model

ORDER = 81


def add(commands: Subcommands) -> None:
    ask = declare(
        commands, "ask", _ask, "Ask a model one question: of an endpoint, or of a model that is served for the question alone.",
        'first "Which functions can p->read(p) reach?"', "--endpoint http://127.0.0.1:8000 - < question.txt",
    )
    add_model(ask, nargs="?")
    ask.add_argument("prompt", metavar="PROMPT", nargs="?", help="the question; - reads it from standard input")
    ask.add_argument("--endpoint", metavar="URL", help="ask this one; no MODEL is served then")
    ask.add_argument("--name", help="the model's name at the endpoint (default: its first)")
    ask.add_argument("--stream", action="store_true", help="print the answer as it is written")
    ask.add_argument("--temperature", type=float, default=0.0, help="0, the default: the likeliest token each time")
    ask.add_argument("--max-tokens", type=int, default=512, help="at most this many are written (default 512)")
    ask.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end before this text; repeatable")


def _ask(given: argparse.Namespace) -> int:
    prompt = given.prompt
    if given.endpoint is not None and prompt is None:
        given.model, prompt = None, given.model  # the one word given is the question
    if prompt is None or (given.model is None) == (given.endpoint is None):
        raise BadValue(field="ask", value=prompt or "", why="needs a question and either MODEL or --endpoint",
                       todo='Give ask MODEL "question", or ask --endpoint URL "question".')
    text = sys.stdin.read() if prompt == "-" else prompt
    sampling = chat.Sampling(given.temperature, given.max_tokens, tuple(given.stop))
    with _url(given) as url:
        pieces = chat.stream(url, [{"role": "user", "content": text}], sampling, given.name)
        for piece in pieces if given.stream else ["".join(pieces)]:
            print(piece, end="", flush=True)
    print()
    return 0


@contextlib.contextmanager
def _url(given: argparse.Namespace) -> Iterator[str]:
    if given.endpoint is not None:
        yield given.endpoint
        return
    model = served.find(given.model, runs_dir=given.runs_dir, kind=given.file, say=lambda line: print(line, file=sys.stderr))
    with llama_server.running(model.file, slots=1, context=min(given.context, model.context), threads=given.threads) as server:
        yield server.url
