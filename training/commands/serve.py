"""An OpenAI-compatible endpoint on loopback, from a shell: `serve`."""
from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from training import llama_server, served
from training.commands import Subcommands, add_runs_dir, declare

ORDER = 80
CONTEXT = 4096


def add(commands: Subcommands) -> None:
    serve = declare(
        commands, "serve", _serve,
        "Serve a model to this machine as an OpenAI-compatible endpoint, until Ctrl+C. The address is printed. There is no key: whoever "
        "has an account on this machine can ask it.", "first", "first --file Q8_0 --port 8000", "models/qwen2.5-coder-1.5b", "my.gguf",
    )
    add_model(serve)
    serve.add_argument("--port", type=int, default=0, help="0, the default: a free one")
    serve.add_argument("--slots", type=int, default=4, help="answers at a time (default 4)")


def add_model(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """MODEL and what is said of it, for `ask` too."""
    parser.add_argument("model", metavar="MODEL", nargs=nargs,  # type: ignore[arg-type]
                        help="a run, a GGUF file, a bundle's folder, an installed model, a model folder, or a name of the store or the hub")
    parser.add_argument("--file", metavar="TYPE", help="which of a run's or bundle's files, e.g. Q8_0 (default: the shipped one)")
    parser.add_argument("--context", type=int, default=CONTEXT, help=f"tokens of a prompt with its answer (default {CONTEXT})")
    parser.add_argument("--threads", type=int, help="default: the machine's cores")
    add_runs_dir(parser)


def _serve(given: argparse.Namespace) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    model = served.find(given.model, runs_dir=given.runs_dir, kind=given.file)
    with tempfile.TemporaryDirectory(prefix="flowsight-serve-") as folder:
        server = llama_server.start(
            model.file, slots=given.slots, context=min(given.context, model.context), threads=given.threads,
            log=Path(folder) / "llama.log", port=given.port, alias=model.name)
        try:
            print(f"{model.name} ({model.file.name}) answers at {server.url}/v1; Ctrl+C ends it", flush=True)
            while server.alive:
                threading.Event().wait(0.5)
            print(f"llama.cpp's server ended: {llama_server.last_words(server.log)}")
            return 3
        except KeyboardInterrupt:
            return 0
        finally:
            llama_server.stop(server)
