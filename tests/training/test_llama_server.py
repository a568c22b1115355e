"""llama.cpp's server in its own process: exact prompts, many at once, told failures, and no process left behind."""
from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from curation.errors import BadModelFolder, RunFailed
from tests.patience import PATIENCE_S
from tests.training.tiny_gguf import write_tiny_gguf
from training import llama_server
from training.llama_server import Server, complete, complete_many, running

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf"), slots=3, context=256, threads=1) as served:
        yield served


def test_it_listens_on_loopback_alone(server: Server) -> None:
    listening = [c.laddr.ip for c in psutil.Process(server.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


def test_another_web_page_may_not_read_its_answers(server: Server) -> None:
    asked = urllib.request.Request(f"{server.url}/health", headers={"Origin": "http://elsewhere.example"})
    with urllib.request.urlopen(asked) as reply:
        assert not reply.headers["Access-Control-Allow-Origin"]


def test_a_prompt_is_sent_as_the_very_tokens_it_says(server: Server) -> None:
    text = "<|im_start|>user\nHi 函<|im_end|>\n"
    inside = "user\nHi 函".encode()
    tokens = [257, *inside, 258, *b"\n"]
    as_text, as_tokens = (complete(server, prompt, max_tokens=6) for prompt in (text, tokens))
    assert as_text["prompt_tokens"] == as_tokens["prompt_tokens"] == len(tokens)
    assert as_text["text"] == as_tokens["text"]


def test_it_ends_by_length_and_by_a_stop_word_that_is_not_given_back(server: Server) -> None:
    whole = complete(server, "abc", max_tokens=12)
    assert (whole["ended"], whole["tokens"]) == ("length", 12)
    stop = next(c for c in whole["text"][3:] if c.isascii() and c not in whole["text"][:3])
    cut = complete(server, "abc", max_tokens=12, stop=[stop])
    assert (cut["ended"], cut["text"]) == ("stop", whole["text"].split(stop)[0])


def test_an_answer_never_leaves_the_context(server: Server) -> None:
    assert complete(server, "a" * 250, max_tokens=100)["tokens"] <= 6
    too_long = complete(server, "a" * 256, max_tokens=5)
    assert (too_long["ended"], too_long["tokens"], too_long["prompt_tokens"]) == ("prompt", 0, 256)


def test_many_are_answered_at_once_each_under_its_own_number(server: Server) -> None:
    prompts = [f"question {i} " * (1 + i % 4) for i in range(9)]
    lengths = [3 + i for i in range(9)]
    answers = dict(complete_many(server, prompts, lengths))
    assert sorted(answers) == list(range(9))
    assert [answers[i]["tokens"] for i in range(9)] == lengths
    assert [answers[i]["prompt_tokens"] for i in range(9)] == [len(p) for p in prompts]
    assert dict(complete_many(server, [], [])) == {}


def test_many_can_be_stopped_and_the_server_stays_usable(server: Server) -> None:
    seen: list[int] = []
    for index, _ in complete_many(server, ["x"] * 50, [4] * 50, should_stop=lambda: len(seen) >= 2):
        seen.append(index)
    assert len(seen) == 2
    assert complete(server, "x", max_tokens=2)["tokens"] == 2


def test_a_dead_server_is_told_to_the_one_who_waits(tmp_path: Path) -> None:
    with running(write_tiny_gguf(tmp_path / "t.gguf"), slots=2, context=128, threads=1) as served:
        served.process.kill()
        served.process.wait()
        with pytest.raises(RunFailed, match="does not answer"):
            complete(served, "x", max_tokens=2)
        with pytest.raises(RunFailed, match="does not answer"):
            list(complete_many(served, ["x", "y", "z"], [2, 2, 2]))


@pytest.mark.parametrize("content", [b"", b"no model", b"cut"])
def test_a_file_that_is_no_model_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(write_tiny_gguf(tmp_path / "t.gguf").read_bytes()[:3000] if content == b"cut" else content)
    for file, why in ((bad, r"bad\.gguf cannot be used as a model: llama\.cpp cannot serve it \(.+\)"),
                      (tmp_path / "none.gguf", "no such file")):
        with pytest.raises(BadModelFolder, match=why), running(file, context=128):
            pass


def test_the_server_ends_with_the_block_and_with_a_killed_parent(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "t.gguf")
    with running(file, slots=1, context=128, threads=1) as served:
        pass
    assert not served.alive
    code = ("import os, sys; from pathlib import Path; from training import llama_server\n"
            "served = llama_server.start(Path(sys.argv[1]), slots=1, context=128, threads=1, log=Path(sys.argv[2]))\n"
            "print(served.process.pid, flush=True); os.kill(os.getpid(), 9)")
    parent = subprocess.run([sys.executable, "-c", code, str(file), str(tmp_path / "log")], cwd=ROOT, capture_output=True, text=True)
    assert parent.returncode == -9
    _gone, left = psutil.wait_procs([p for p in psutil.process_iter() if p.pid == int(parent.stdout)], timeout=PATIENCE_S)
    assert left == []


def test_the_default_is_a_thread_a_physical_core() -> None:
    assert 1 <= llama_server.default_threads() <= (psutil.cpu_count(logical=True) or 1)
