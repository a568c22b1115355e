"""The Chat page: choosing a model, asking it, the untuned model and the right answer beside it, and nothing of it read as Markdown."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curation.model import Actor
from curation.store import Store
from tests.pages.conftest import page, press, texts
from tests.training.served_fixture import write_served_run
from tests.training.tiny_gguf import write_tiny_gguf
from training import chat, converted

EVIL = "**bold** ![x](http://evil.example/a.png) <b>hi</b>"


@pytest.fixture
def run(workspace: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FLOWSIGHT_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(converted, "f16_of", lambda folder, say: write_tiny_gguf(tmp_path / "base.gguf", 9))
    yield write_served_run(tmp_path / "home" / "runs")
    chat.end_all()


def test_an_annotator_is_told_that_it_is_not_for_them(run: Path, be: Callable[[str, str], Actor]) -> None:
    be("li", "annotator")
    app = page("chat")
    assert "Only a reviewer" in app.info[0].value and not app.button


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_model_the_page_says_where_one_comes_from(
    workspace: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.setenv("FLOWSIGHT_MODELS", str(tmp_path / "models"))
    app = page("chat", lang)
    assert "quantize" in app.info[0].value and not app.button


def test_a_question_is_answered_and_nothing_is_read_as_markdown(run: Path, be: Callable[[str, str], Actor]) -> None:
    be("wang", "reviewer")
    app = page("chat")
    app.text_area(key="chat_prompt").input(EVIL)
    app.number_input(key="chat_max_tokens").set_value(6)
    press(app, "chat_ask")
    question, answer = app.code[0].value, app.code[1].value
    assert question == EVIL and answer
    assert EVIL not in "".join(str(m.value) for m in [*app.markdown, *app.caption])
    assert not app.error and app.button(key="chat_halt").disabled
    press(app, "chat_clear")
    assert not app.code


def test_a_test_row_is_asked_of_both_with_the_right_answer_beside(run: Path) -> None:
    app = page("chat", "zh")
    row = chat.test_rows(run)[0]
    app.toggle(key="chat_beside").set_value(True)
    app.selectbox(key="chat_row_first").set_value(row["id"]).run()
    assert app.text_area(key="chat_prompt").value == row["prompt"][-1]["content"]
    app.number_input(key="chat_max_tokens").set_value(5)
    press(app, "chat_ask")
    shown = [code.value for code in app.code]
    assert shown[0] == row["prompt"][-1]["content"] and row["completion"][-1]["content"] in shown and len(shown) == 4
    assert "微调后" in texts(app) and "未微调" in texts(app)


def test_the_conversation_goes_on_with_what_each_model_said(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, list[dict[str, str]]]] = []
    whole = chat.Asked.run

    def noted(self: chat.Asked) -> Iterator[str]:
        asked.append(self.messages)
        return whole(self)

    monkeypatch.setattr(chat.Asked, "run", noted)
    app = page("chat")
    app.number_input(key="chat_max_tokens").set_value(4)
    for question in ("one", "two"):
        app.text_area(key="chat_prompt").input(question)
        press(app, "chat_ask")
    assert [m["content"] for m in asked[1]["tuned"]][::2] == ["one", "two"]
    assert [m["role"] for m in asked[1]["tuned"]] == ["user", "assistant", "user"]


def test_a_file_that_cannot_be_served_is_told_and_the_page_goes_on(run: Path) -> None:
    (run / "02-quantize" / "flowsight-Q8_0.gguf").write_bytes(b"GGUF")
    app = page("chat")
    app.text_area(key="chat_prompt").input("x")
    app.button(key="chat_ask").click().run()
    assert "cannot be used as a model" in texts(app)
    assert page("chat").button(key="chat_ask")
