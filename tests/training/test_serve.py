"""From a name to a model that answers: which file is served, the endpoint, a question from a shell, and servers that end by themselves."""
from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from curation.errors import BadModelFolder, EndpointFailed, NotFound
from tests.patience import PATIENCE_S
from tests.training.served_fixture import write_served_run
from tests.training.tiny_gguf import CONTEXT, write_tiny_gguf
from training import chat, converted, served
from training.__main__ import main

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def runs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_MODELS", str(tmp_path / "models"))
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    yield
    chat.end_all()


def test_a_run_is_served_by_its_shipped_file_or_the_one_asked_for(runs_dir: Path) -> None:
    run = write_served_run(runs_dir)
    shipped = served.find("first", runs_dir=runs_dir)
    assert (shipped.name, shipped.type, shipped.file.name, shipped.context) == ("first", "Q8_0", "flowsight-Q8_0.gguf", CONTEXT)
    assert served.find(str(run), runs_dir=Path("elsewhere"), kind="F16").type == "F16"
    assert served.file_types(run) == ["Q8_0", "F16"]
    with pytest.raises(NotFound, match="first, Q2_K"):
        served.find("first", runs_dir=runs_dir, kind="Q2_K")


def test_a_run_without_quantized_files_is_served_by_its_merged_weights(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_served_run(runs_dir, package=False)
    shutil.rmtree(run / "02-quantize")
    made: list[Path] = []

    def f16_of(folder: Path, say: object) -> Path:
        made.append(folder)
        return write_tiny_gguf(runs_dir.parent / "made.gguf")

    monkeypatch.setattr(converted, "f16_of", f16_of)
    assert served.find("first", runs_dir=runs_dir).type == "F16"
    assert served.base_of_run(run) is not None
    assert made == [run / "01-merge/model", run / "00-prepare/teacher"]


def test_a_file_a_bundle_and_an_installed_model_are_served(runs_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    write_tiny_gguf(folder / "mine-Q8_0.gguf")
    write_tiny_gguf(folder / "mine-Q4_K_M.gguf")
    assert served.find("mine", runs_dir=runs_dir).file.name == "mine-Q4_K_M.gguf"
    assert served.find(str(folder), runs_dir=runs_dir, kind="Q8_0").file.name == "mine-Q8_0.gguf"
    assert served.find(str(folder / "mine-Q8_0.gguf"), runs_dir=runs_dir).name == "mine-Q8_0"
    assert chat.installed() == ["mine"]


def test_what_is_no_model_is_refused_in_words(runs_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    for what, why in ((str(tmp_path / "none.gguf"), "no such file"), (str(tmp_path / "bad.gguf"), "ends in the middle"),
                      ("no name", "no such folder")):
        with pytest.raises(BadModelFolder, match=why):
            served.find(what, runs_dir=runs_dir)


def test_the_endpoint_speaks_the_protocol_and_ends_with_an_interrupt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_tiny_gguf(tmp_path / "t.gguf")
    command = [sys.executable, "-m", "training", "serve", str(file), "--threads", "1", "--slots", "1", "--context", "512"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        url = next(word for word in serving.stdout.readline().split() if word.startswith("http")).rstrip(";")
        body = {"model": "t", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "temperature": 0}
        whole = httpx.post(f"{url}/chat/completions", json=body, timeout=PATIENCE_S).json()
        assert main(["ask", "--endpoint", url, "hi", "--max-tokens", "5"]) == 0
        assert main(["ask", "--endpoint", url.removesuffix("/v1"), "hi", "--max-tokens", "5", "--stream"]) == 0
        serving.send_signal(signal.SIGINT)
    assert serving.returncode == 0
    text = whole["choices"][0]["message"]["content"]
    assert whole["usage"]["completion_tokens"] <= 5
    assert capsys.readouterr().out == f"{text}\n{text}\n"


def test_a_question_alone_starts_a_server_for_itself(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_served_run(runs_dir)
    monkeypatch.setattr(sys, "stdin", io.StringIO("from a file"))
    asked = ["--runs-dir", str(runs_dir), "--threads", "1", "--max-tokens", "4"]
    assert main(["ask", "first", "-", *asked]) == 0
    assert main(["ask", "first", "from a file", *asked]) == 0
    first, second = capsys.readouterr().out.splitlines()[:1], capsys.readouterr().out
    assert first and second == ""
    assert main(["ask", "only a question"]) == 2


class _Odd(BaseHTTPRequestHandler):
    """An endpoint that says `reply` to everything."""

    reply = b""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.reply)

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("reply", [b"data: {", b"data: []\n\n", b'data: {"choices": 5}\n', b"data: " + b"[" * 50_000 + b"\n",
                                   b'data: {"error": {"message": "too hot"}}\n'])
def test_an_endpoint_that_answers_nonsense_is_told(reply: bytes) -> None:
    server = HTTPServer(("127.0.0.1", 0), type("Odd", (_Odd,), {"reply": reply}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(EndpointFailed, match="it said"):
            list(chat.stream(f"http://127.0.0.1:{server.server_port}", [{"role": "user", "content": "x"}], chat.Sampling(), "m"))
    finally:
        server.shutdown()
        server.server_close()


def test_two_models_write_at_once_and_a_broken_one_does_not_stop_the_other(runs_dir: Path) -> None:
    run = write_served_run(runs_dir)
    models = {"tuned": served.of_run(run, "Q8_0"), "base": served.of_run(run, "F16")}
    messages = {who: [{"role": "user", "content": "hi"}] for who in models}
    both = chat.Asked(models, messages, chat.Sampling(max_tokens=6))
    assert set(both.run()) == {"tuned", "base"}
    assert both.answers["tuned"].text != both.answers["base"].text
    assert all(answer.done and answer.error is None for answer in both.answers.values())
    chat.end_all()
    (run / "02-quantize" / "flowsight-F16.gguf").write_bytes(b"GGUF")
    again = chat.Asked(models, messages, chat.Sampling(max_tokens=6))
    list(again.run())
    assert isinstance(again.answers["base"].error, BadModelFolder)
    assert again.answers["tuned"].text == both.answers["tuned"].text


def test_a_server_is_kept_while_it_is_used_and_ended_when_idle(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_served_run(runs_dir)
    first, second = served.of_run(run, "Q8_0"), served.of_run(run, "F16")
    with chat.asking(first) as url:
        with chat.asking(first) as same:
            assert same == url
        chat.end_idle(now=float("inf"))
        assert chat.serving() == {"first": url}
    monkeypatch.setattr(chat, "MOST", 1)
    with chat.asking(second):
        assert len(chat.serving()) == 1 and url not in chat.serving().values()
    chat.end_idle(now=float("inf"))
    assert chat.serving() == {}


def test_a_server_that_died_is_started_again(runs_dir: Path) -> None:
    model = served.of_run(write_served_run(runs_dir))
    with chat.asking(model):
        pass
    kept = chat._kept[model.file].server
    kept.process.kill()
    kept.process.wait()
    with chat.asking(model) as url:
        assert list(chat.stream(url, [{"role": "user", "content": "x"}], chat.Sampling(max_tokens=2)))


def test_the_test_rows_are_those_of_the_runs_dataset(runs_dir: Path) -> None:
    run = write_served_run(runs_dir)
    assert len(chat.test_rows(run)) == 4
    shutil.rmtree(runs_dir.parent / "dataset-first")
    assert chat.test_rows(run) == []
