"""The import screen: a file from the computer or the server, and what became of its rows."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import PROJECT
from curation.settings import load_settings
from curation.store import items, open_store
from tests.patience import PATIENCE_S
from ui import parts

PAGE = str(PROJECT / "pages" / "rows.py")
GOOD = [{"instruction": f"What runs when timer {n} fires?", "output": f"handler_{n}"} for n in range(3)]
PREFERENCE = [{"prompt": "Who frees the buffer?", "chosen": "The release callback.", "rejected": "Nobody."}]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLOWSIGHT_HOME", str(tmp_path / "home"))
    for name in ("FLOWSIGHT_DATASETS_DIR", "FLOWSIGHT_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parts, "DWELL_S", 0.0)
    return tmp_path / "home"


def data(records: list[dict], extra: str = "") -> bytes:
    return ("".join(json.dumps(r) + "\n" for r in records) + extra).encode()


def page() -> AppTest:
    at = AppTest.from_file(PAGE, default_timeout=PATIENCE_S).run()
    assert not at.exception
    return at


def stored() -> list:
    return list(items.find(open_store(load_settings().store_url)))


def test_an_uploaded_file_goes_to_the_queue_and_its_bad_line_is_shown(home):
    at = page()
    assert at.button(key="rows_upload").disabled
    at.file_uploader(key="rows_file").set_value(("mine.jsonl", data(GOOD, "{oops\n"), "application/json")).run()
    at.button(key="rows_upload").click().run()
    assert not at.exception and stored() == []
    assert list(at.dataframe[0].value.iloc[0])[0] == 4 and any("good ones (3)" in s.value for s in at.info)
    at.checkbox(key="rows_skip_bad").check().run()
    at.button(key="rows_upload").click().run()
    assert [i.payload["output"] for i in stored()] == ["handler_0", "handler_1", "handler_2"]
    assert any("rows added: 3" in s.value.replace("\\", "") for s in at.success)
    assert list(at.dataframe[0].value.iloc[0])[0] == 4


def test_the_language_and_format_chosen_hold_for_all_rows(home):
    at = page()
    at.selectbox(key="rows_lang").set_value("zh")
    at.selectbox(key="rows_format").set_value("alpaca")
    at.file_uploader(key="rows_file").set_value(("mine.jsonl", data(GOOD), "application/json")).run()
    at.button(key="rows_upload").click().run()
    assert {i.lang for i in stored()} == {"zh"}


def test_a_path_on_the_server_works_and_a_wrong_one_says_so(home, tmp_path):
    (tmp_path / "p.jsonl").write_bytes(data(PREFERENCE))
    at = page()
    at.text_input(key="rows_path").input(str(tmp_path / "p.jsonl")).run()
    at.button(key="rows_import").click().run()
    assert [i.task for i in stored()] == ["preference"]
    at.text_input(key="rows_path").input(str(tmp_path / "none.jsonl")).run()
    at.button(key="rows_import").click().run()
    assert not at.exception and len(stored()) == 1
    assert any("none.jsonl" in text for text in at.session_state[parts._ERRORS])  # the router shows it above the page


def test_what_is_in_no_format_says_so_and_adds_nothing(home):
    at = page()
    at.file_uploader(key="rows_file").set_value(("mine.json", b'[{"text": "x"}]', "application/json")).run()
    at.button(key="rows_upload").click().run()
    assert stored() == [] and "alpaca" in at.session_state[parts._ERRORS][0]


def test_a_bad_line_says_why_in_the_language_of_the_page(home, tmp_path):
    (tmp_path / "mixed.jsonl").write_bytes(data(GOOD, '{"instruction": "x"}\n[1]\n'))
    at = AppTest.from_file(PAGE, default_timeout=PATIENCE_S)
    at.session_state["_lang"] = "zh"
    at.run().text_input(key="rows_path").set_value(str(tmp_path / "mixed.jsonl")).run()
    at.button(key="rows_import").click().run()
    assert list(at.dataframe[0].value.iloc[:, 1]) == ["缺少 'output'", "不是 JSON 对象"]
